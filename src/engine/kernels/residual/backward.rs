//! Backward pass: one walk over the groups of samples, from the output's gradient to the input's.

use std::ops::Range;

use super::forward::{Input, Kept};
use super::plan::{Call, Plan, batch};
use crate::kernels::buffers::{Part, Scratch, filled_shares_many};
use crate::kernels::conv::{Add, Geometry, Prepared, WeightSum, groups, push_pixel_sums, rows_or_sum};
use crate::kernels::factor::{Factor, Rounded};
use crate::kernels::group_norm::{AffineGradient, Form, To, affine_gradient, to_affine, to_input};
use crate::kernels::sides::{Sides, SidesMut, split};
use crate::kernels::simd::Isa;

/// The gradients of both inputs (the second empty where there is one) and of the parameters, in the
/// order of the block's tensors.
pub(super) fn backward(
    call: Call,
    (x, skip): (&[f32], &[f32]),
    kept: &Kept,
    dy: &[f32],
) -> ([Vec<f32>; 2], Vec<Vec<f32>>) {
    let Call { isa, plan, parameters, .. } = call;
    let convolutions = Convolutions {
        first: Prepared::data_gradient(isa, &plan.conv1, parameters.conv1[0]),
        second: Prepared::data_gradient(isa, &plan.conv2, parameters.conv2[0]),
        shortcut: plan.shortcut.zip(parameters.shortcut).map(|(g, [w, _])| Prepared::data_gradient(isa, &g, w)),
    };
    let pixels = plan.conv1.h * plan.conv1.w;
    let lens = plan.channels.map(|c| pixels * c);
    // SAFETY: every group writes all of its gradients.
    let ([dx, d_skip], sums) = unsafe {
        filled_shares_many(plan.n, lens, |samples, [mut dx, mut d_skip]| {
            let mut sums = Sums::new(isa, plan);
            for group in groups(samples, plan.group()) {
                let (to_x, rest) = dx.split_at_mut(group.len() * lens[0]);
                dx = rest;
                let (to_skip, rest) = d_skip.split_at_mut(group.len() * lens[1]);
                d_skip = rest;
                sums.add(call, &convolutions, Group { x, skip, kept, dy, samples: group, dx: to_x, d_skip: to_skip });
            }
            sums
        })
    };
    let mut sums = sums.into_iter();
    let mut total = sums.next().unwrap_or_else(|| Sums::new(isa, plan));
    sums.for_each(|more| total.merge(more));
    ([dx, d_skip], total.finish(call))
}

/// The data gradients of the convolutions.
struct Convolutions {
    first: Prepared,
    second: Prepared,
    shortcut: Option<Prepared>,
}

/// Consecutive samples of whole tensors, and where the gradients of their inputs go.
struct Group<'a> {
    x: &'a [f32],
    skip: &'a [f32],
    kept: &'a Kept,
    dy: &'a [f32],
    samples: Range<usize>,
    dx: Part<'a>,
    d_skip: Part<'a>,
}

/// The parameters' gradients so far.
struct Sums {
    norms: [Vec<AffineGradient>; 2],
    weights: [WeightSum; 2],
    shortcut: Option<WeightSum>,
    /// The biases' gradients: a row for each sample.
    biases: [Vec<f32>; 2],
}

impl Sums {
    fn new(isa: Isa, plan: &Plan) -> Self {
        Self {
            norms: Default::default(),
            weights: [&plan.conv1, &plan.conv2].map(|g| WeightSum::new(isa, g)),
            shortcut: plan.shortcut.map(|g| WeightSum::new(isa, &g)),
            biases: Default::default(),
        }
    }

    /// One group from the output back to the inputs.
    fn add(&mut self, call: Call, convolutions: &Convolutions, group: Group) {
        let Group { dx, d_skip, .. } = group;
        let Call { isa, plan, parameters: p, mask, .. } = call;
        let [in_len, middle_len, out_len] = plan.lens();
        let (n, samples) = (group.samples.len(), &group.samples);
        let moments = [0, 1].map(|i: usize| &group.kept.moments[i][samples.clone()]);
        let mut scaled;
        let mut dy = &group.dy[samples.start * out_len..samples.end * out_len];
        if plan.factor != 1.0 {
            scaled = Scratch::new(n * out_len);
            scaled.iter_mut().zip(dy).for_each(|(to, dy)| *to = dy * plan.factor);
            dy = &scaled;
        }
        // Rounded once where several multiply it on tiles: the sums and everything else are made of the numbers.
        let [first, second] = [&convolutions.first, &convolutions.second].map(Prepared::on_tiles);
        let mut rounded = Scratch::new(0);
        let dy_numbers = Factor::from(Sides::one(dy, plan.conv2.c_out));
        let dy_factor = match second {
            Some(tiles) => {
                let (rounded, sums) = Rounded::of(tiles, dy, (plan.conv2.c_out, out_len), &mut rounded);
                self.biases[1].extend(sums);
                rounded.into()
            }
            None => {
                push_pixel_sums(isa, plan.conv2.c_out, out_len, dy, &mut self.biases[1]);
                dy_numbers
            }
        };

        // Room for both halves of the block.
        let most = n * in_len.max(middle_len);
        let (mut normed, mut gradient) = (Scratch::new(most), Scratch::new(most));
        let middle = &group.kept.middle[samples.start * middle_len..samples.end * middle_len];
        let to_middle = n * middle_len;
        // SAFETY: a convolution writes numbers.
        convolutions.second.run(dy_factor, &[], Add::Nothing, unsafe { &mut gradient.part()[..to_middle] });
        if let Some(mask) = mask {
            mask.apply(samples, &mut gradient[..to_middle]);
        }
        let at = batch(Sides::one(middle, plan.conv2.c_in), p.norm2, samples);
        let form = second.filter(|_| mask.is_none()).map_or(Form::Numbers, Form::Rounded);
        // SAFETY: the gradient is numbers, and what is made of it and what a normalization writes are, too.
        let sums = unsafe {
            let to_normed = form.to(&mut normed.part()[..form.words(to_middle)], plan.conv2.c_in);
            to_affine(isa, plan.settings, at, moments[1], (&mut gradient.part()[..to_middle], to_normed))
        };
        if let Some(mask) = mask {
            mask.apply(samples, &mut normed[..to_middle]);
        }
        self.weights[1].add(
            isa,
            &plan.conv2,
            form.factor(&normed[..form.words(to_middle)], plan.conv2.c_in),
            dy_factor,
        );
        let form = first.map_or(Form::Numbers, Form::Rounded);
        let mut d_middle = Scratch::new(form.words(to_middle));
        // SAFETY: the gradient of a normalization is numbers.
        let to = form.to(unsafe { d_middle.part() }, plan.conv2.c_in);
        let rows = to_input(isa, plan.settings, at, (moments[1], &sums), (&gradient[..to_middle], None), to);
        self.norms[1].extend(sums);
        self.biases[0].extend(rows);
        let d_middle = form.factor(&d_middle, plan.conv2.c_in);

        let input = Input::new(call, (group.x, group.skip), samples);
        let x = input.sides();
        let to_in = n * in_len;
        // SAFETY: a convolution writes numbers.
        convolutions.first.run(d_middle, &[], Add::Nothing, unsafe { &mut gradient.part()[..to_in] });
        let at = batch(x, p.norm1, samples);
        // SAFETY: as above.
        let sums = unsafe {
            let to_normed = form.to(&mut normed.part()[..form.words(to_in)], plan.conv1.c_in);
            to_affine(isa, plan.settings, at, moments[0], (&mut gradient.part()[..to_in], to_normed))
        };
        self.weights[0].add(isa, &plan.conv1, form.factor(&normed[..form.words(to_in)], plan.conv1.c_in), d_middle);
        // The way round; the normalized values are not needed any more.
        let plus = match (&convolutions.shortcut, &plan.shortcut, &mut self.shortcut) {
            (Some(shortcut), Some(g), Some(sum)) => {
                let dy = if shortcut.on_tiles().is_some() { dy_factor } else { dy_numbers };
                sum.add(isa, g, x, dy);
                // SAFETY: a convolution writes numbers.
                shortcut.run(dy, &[], Add::Nothing, unsafe { &mut normed.part()[..to_in] });
                &normed[..to_in]
            }
            _ => dy,
        };
        let from = (&gradient[..to_in], Some(plus));
        let mut both = Scratch::new(0);
        let to = match &input {
            Input::AsItLies(_) if group.skip.is_empty() => SidesMut::one(&mut *dx, plan.channels[0]),
            Input::AsItLies(_) => SidesMut::two([&mut *dx, &mut *d_skip], plan.channels),
            Input::Joined(..) => {
                both = Scratch::new(to_in);
                // SAFETY: the gradient of a normalization is numbers.
                SidesMut::one(unsafe { both.part() }, plan.conv1.c_in)
            }
        };
        to_input(isa, plan.settings, at, (moments[0], &sums), from, To::Numbers(to));
        self.norms[0].extend(sums);
        if let Input::Joined(..) = input {
            split(isa, plan.channels, &both, dx, d_skip);
        }
    }

    /// Adds those of the next samples.
    fn merge(&mut self, more: Self) {
        self.norms.iter_mut().zip(more.norms).for_each(|(sums, more)| sums.extend(more));
        self.weights.iter_mut().zip(&more.weights).for_each(|(sum, more)| sum.merge(more));
        if let (Some(sum), Some(more)) = (&mut self.shortcut, &more.shortcut) {
            sum.merge(more);
        }
        self.biases.iter_mut().zip(more.biases).for_each(|(rows, more)| rows.extend(more));
    }

    fn finish(self, call: Call) -> Vec<Vec<f32>> {
        let Call { isa, plan, parameters: p, .. } = call;
        let norm = |i: usize, [weight, bias]: [&[f32]; 2], c: usize| {
            let sums = &self.norms[i];
            let d_weight = affine_gradient(sums, c, weight.len() > c, |s| &s.0);
            [d_weight, affine_gradient(sums, c, bias.len() > c, |s| &s.1)]
        };
        let [norm1, norm2] = [norm(0, p.norm1, plan.conv1.c_in), norm(1, p.norm2, plan.conv2.c_in)];
        let [weight1, weight2] = self.weights;
        let [bias1, bias2] = self.biases;
        let round = self.shortcut.zip(plan.shortcut).map(|(sum, g)| {
            let g: Geometry = g;
            [sum.finish(isa, &g), rows_or_sum(bias2.clone(), g.c_out, false)]
        });
        let conv1 = [
            weight1.finish(isa, &plan.conv1),
            rows_or_sum(bias1, plan.conv1.c_out, p.conv1[1].len() > plan.conv1.c_out),
        ];
        let conv2 = [
            weight2.finish(isa, &plan.conv2),
            rows_or_sum(bias2, plan.conv2.c_out, p.conv2[1].len() > plan.conv2.c_out),
        ];
        [norm1, conv1, norm2, conv2].into_iter().chain(round).flatten().collect()
    }
}
