//! Forward pass.

use std::ops::Range;
use std::sync::Arc;

use super::plan::{Call, batch, rows};
use crate::kernels::buffers::{Part, Scratch, filled_shares_many};
use crate::kernels::conv::{Add, Geometry, Prepared, groups, prepared_forward};
use crate::kernels::dropout_mask::DropoutMask;
use crate::kernels::group_norm::{Batch, Moments, Normalized, normalize};
use crate::kernels::sides::{Sides, in_one_piece, join};

/// What the backward pass needs: the input of the second normalization, and both moments.
pub(super) struct Kept {
    pub middle: Vec<f32>,
    pub moments: [Vec<Moments>; 2],
}

/// The output; `keep` says whether a backward pass may follow. `skip` is empty where there is one
/// input.
pub(super) fn forward(call: Call, x: &[f32], skip: &[f32], keep: bool) -> (Vec<f32>, Kept) {
    let Call { isa, plan, parameters, tensors, .. } = call;
    let [_, middle_len, out_len] = plan.lens();
    let prepared = |g: &Geometry, i: usize, w: &[f32]| prepared_forward(isa, g, tensors[i].id(), w);
    let convolutions = Convolutions {
        first: prepared(&plan.conv1, 2, parameters.conv1[0]),
        second: prepared(&plan.conv2, 6, parameters.conv2[0]),
        shortcut: plan.shortcut.zip(parameters.shortcut).map(|(g, [w, _])| prepared(&g, 8, w)),
    };
    let lens = [out_len, if keep { middle_len } else { 0 }];
    // SAFETY: every group writes all of its output, and of its middle if that is kept; what goes to `scratch` are numbers.
    let ([out, middle], moments) = unsafe {
        filled_shares_many(plan.n, lens, |samples, [mut out, mut middle]| {
            let mut moments = [Vec::new(), Vec::new()];
            for group in groups(samples, plan.group()) {
                let (to, rest) = out.split_at_mut(group.len() * out_len);
                out = rest;
                let mut scratch;
                let to_middle = if keep {
                    let (part, rest) = middle.split_at_mut(group.len() * middle_len);
                    middle = rest;
                    part
                } else {
                    scratch = Scratch::new(group.len() * middle_len);
                    scratch.part()
                };
                let [first, second] = run(call, &convolutions, (x, skip), group, (to_middle, to));
                moments[0].extend(first);
                moments[1].extend(second);
            }
            moments
        })
    };
    let mut all = [Vec::new(), Vec::new()];
    for moments in moments {
        all.iter_mut().zip(moments).for_each(|(all, more)| all.extend(more));
    }
    (out, Kept { middle, moments: all })
}

struct Convolutions {
    first: Arc<Prepared>,
    second: Arc<Prepared>,
    shortcut: Option<Arc<Prepared>>,
}

/// One group of samples; returns its moments.
fn run(
    call: Call,
    convolutions: &Convolutions,
    (x, skip): (&[f32], &[f32]),
    group: Range<usize>,
    (middle, out): (Part, Part),
) -> [Vec<Moments>; 2] {
    let Call { isa, plan, parameters: p, mask, .. } = call;
    let out_len = plan.lens()[2];
    let n = group.len();
    let input = Input::new(call, (x, skip), &group);
    let x = input.sides();

    let at = batch(x, p.norm1, &group);
    let bias = rows(p.conv1[1], plan.conv1.c_out, &group);
    let first = normalized(call, at, None, &convolutions.first, (bias, Add::Nothing, middle));
    // SAFETY: the convolution has written all of it.
    let middle: &[f32] = unsafe { middle.assume_init_ref() };

    let mut round = Scratch::new(0);
    let add = match (&convolutions.shortcut, p.shortcut) {
        (Some(shortcut), Some([_, bias])) => {
            round = Scratch::new(n * out_len);
            // SAFETY: a convolution writes numbers.
            shortcut.run(x, bias, Add::Nothing, unsafe { round.part() });
            &round[..]
        }
        _ => in_one_piece(isa, x, &mut round),
    };
    let at = batch(Sides::one(middle, plan.conv2.c_in), p.norm2, &group);
    let bias = rows(p.conv2[1], plan.conv2.c_out, &group);
    let second =
        normalized(call, at, mask.map(|mask| (mask, &group)), &convolutions.second, (bias, Add::Numbers(add), out));
    drop(round);
    if plan.factor != 1.0 {
        // SAFETY: the convolution has written all of it.
        let out: &mut [f32] = unsafe { out.assume_init_mut() };
        out.iter_mut().for_each(|y| *y *= plan.factor);
    }
    [first, second]
}

/// The convolution of silu(norm(x)), of what a mask leaves of it where there is one; returns the moments.
fn normalized(
    call: Call,
    x: Batch,
    mask: Option<(&DropoutMask, &Range<usize>)>,
    convolution: &Prepared,
    (bias, add, out): (&[f32], Add, Part),
) -> Vec<Moments> {
    let Call { isa, plan, .. } = call;
    if mask.is_none() && convolution.normalizes(plan.settings.activation) {
        let normalized = Normalized::new(isa, plan.settings, x);
        convolution.run(&normalized, bias, add, out);
        return normalized.into_moments();
    }
    let mut normed = Scratch::new(x.x.len());
    // SAFETY: a normalization writes numbers.
    let moments = normalize(isa, plan.settings, x, unsafe { normed.part() });
    if let Some((mask, samples)) = mask {
        mask.apply(samples, &mut normed);
    }
    convolution.run(Sides::one(&normed, x.x.channels()), bias, add, out);
    moments
}

/// The input of a group of samples: as it lies, or joined where no kernel could read it so.
pub(super) enum Input<'a> {
    AsItLies(Sides<'a>),
    Joined(Scratch, usize),
}

impl<'a> Input<'a> {
    pub fn new(call: Call, (x, skip): (&'a [f32], &'a [f32]), group: &Range<usize>) -> Self {
        let plan = call.plan;
        let pixels = plan.conv1.h * plan.conv1.w;
        let [a, b] = plan.channels.map(|c| group.start * pixels * c..group.end * pixels * c);
        if skip.is_empty() {
            return Self::AsItLies(Sides::one(&x[a], plan.channels[0]));
        }
        let parts = [&x[a], &skip[b]];
        if let Some(sides) = Sides::two(parts, plan.channels) {
            return Self::AsItLies(sides);
        }
        let mut joined = Scratch::new(group.len() * plan.conv1.input_len());
        // SAFETY: what is joined are numbers.
        join(call.isa, plan.channels, parts[0], parts[1], unsafe { joined.part() });
        Self::Joined(joined, plan.conv1.c_in)
    }

    pub fn sides(&self) -> Sides<'_> {
        match self {
            Self::AsItLies(sides) => *sides,
            Self::Joined(joined, channels) => Sides::one(joined, *channels),
        }
    }
}
