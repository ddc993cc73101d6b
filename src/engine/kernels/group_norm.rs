//! Group normalization with its affine map and SiLU (Wu & He 2018, arXiv:1803.08494): the operation, and the way forward.
//!
//! x̂ = (x − μ) / √(σ² + eps) over the pixels and channels of a group, z = γ x̂ + β, y = z or
//! z · sigmoid(z).

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::buffers::{Part, Scratch, filled_many};
use super::group_norm_gradient::{ToAffine, ToInput};
use super::sides::{Column, Sides, SidesMut};
use super::simd::{Isa, Kernel, Simd, sigmoid, sigmoid_for_bf16};
use super::storage::{slice, tensor, with};
use super::tile::{load_columns, store_columns};
use crate::config::Precision;

/// Group normalization of x `[N, H, W, C]` with weight and bias, `[C]` or `[N, C]`.
pub(crate) struct GroupNorm {
    pub settings: Settings,
    /// What the forward pass found, for the backward pass.
    moments: OnceLock<Vec<Moments>>,
}

/// What the operation does besides its tensors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub groups: usize,
    pub eps: f64,
    pub activation: Activation,
}

/// What follows the affine map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    None,
    Silu,
    /// SiLU to more than the digits of bf16, to which what takes the result rounds it: half the arithmetic.
    SiluForBf16,
}

impl Activation {
    /// SiLU for a convolution in this precision.
    pub fn before(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::Silu,
            Precision::Bf16 => Self::SiluForBf16,
        }
    }
}

impl GroupNorm {
    pub fn new(settings: Settings) -> Self {
        Self { settings, moments: OnceLock::new() }
    }
}

/// The moments of one sample, for each channel (those of its group), padded to whole vectors:
/// x̂ = (x − shift) · scale + rest. The mean is shift − rest / scale: `shift` alone is the mean
/// rounded to f32, which is not enough where the mean is far from zero.
pub(crate) struct Moments {
    pub(super) shift: Vec<f32>,
    pub(super) scale: Vec<f32>,
    pub(super) rest: Vec<f32>,
}

impl Moments {
    /// Are they of `channels` channels, padded to whole vectors of `lanes` numbers? The kernels read them without
    /// looking again.
    ///
    /// # Panics
    /// When they are not.
    pub(super) fn check(&self, channels: usize, lanes: usize) {
        let padded = channels.next_multiple_of(lanes);
        assert_eq!([self.shift.len(), self.scale.len(), self.rest.len()], [padded; 3]);
    }

    /// What z = (x − shift) · scale + bias takes, scale and bias, each padded to whole vectors.
    pub(super) fn with_affine(&self, s: NormSample) -> Scratch {
        let mut affine = Scratch::zeroed(2 * self.shift.len());
        let (scale, bias) = affine.split_at_mut(self.shift.len());
        for i in 0..s.channels {
            scale[i] = self.scale[i] * s.weight[i];
            bias[i] = self.rest[i] * s.weight[i] + s.bias[i];
        }
        affine
    }
}

/// The gradients of weight and bias of one sample, padded to whole vectors.
pub(crate) type AffineGradient = (Vec<f32>, Vec<f32>);

/// The tensors of all samples: x is n samples of whole pixels; weight and bias are one row of
/// channels for all samples or one for each.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub n: usize,
    pub x: Sides<'a>,
    pub weight: &'a [f32],
    pub bias: &'a [f32],
}

impl<'a> Batch<'a> {
    pub(super) fn sample(&self, settings: Settings, i: usize) -> NormSample<'a> {
        let (pixels, channels) = (self.x.pixels() / self.n, self.x.channels());
        let row = |affine: &'a [f32]| match affine.len() == channels {
            true => affine,
            false => &affine[i * channels..(i + 1) * channels],
        };
        NormSample {
            x: self.x.narrow(i * pixels..(i + 1) * pixels),
            channels,
            groups: settings.groups,
            activation: settings.activation,
            weight: row(self.weight),
            bias: row(self.bias),
        }
    }

    pub(super) fn check(&self, settings: Settings) {
        let channels = self.x.channels();
        let affine = |len: usize| len == channels || len == self.n * channels;
        assert!(self.x.pixels().is_multiple_of(self.n) && channels.is_multiple_of(settings.groups));
        assert!(affine(self.weight.len()) && affine(self.bias.len()));
    }
}

/// The output, and the moments of each sample.
pub(crate) fn forward(isa: Isa, settings: Settings, batch: Batch) -> (Vec<f32>, Vec<Moments>) {
    batch.check(settings);
    // SAFETY: the kernel writes the whole sample; the lengths were checked.
    let ([y], moments) = unsafe {
        filled_many(batch.n, [batch.x.len() / batch.n], |i, [out]| {
            isa.run(NormForward { sample: batch.sample(settings, i), eps: settings.eps, out })
        })
    };
    (y, moments)
}

/// The gradient of x, and those of weight and bias for each sample.
pub(crate) fn backward(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    moments: &[Moments],
    dy: &[f32],
) -> (Vec<f32>, Vec<AffineGradient>) {
    batch.check(settings);
    assert_eq!((dy.len(), moments.len()), (batch.x.len(), batch.n));
    moments.iter().for_each(|moments| moments.check(batch.x.channels(), isa.lanes()));
    let len = dy.len() / batch.n;
    // SAFETY: both kernels write the whole sample; the lengths were checked.
    let ([dx], sums) = unsafe {
        filled_many(batch.n, [len], |i, [dx]| {
            let (sample, moments, dy) = (batch.sample(settings, i), &moments[i], Some(&dy[i * len..(i + 1) * len]));
            let sums = isa.run(ToAffine { sample, moments, dy, dz: dx, normed: None });
            let dx = SidesMut::one(dx, batch.x.channels());
            isa.run(ToInput { sample, moments, sums: &sums, dz: None, plus: None, dx });
            sums
        })
    };
    (dx, sums)
}

/// One of the two gradients, as one row for each sample, or all rows summed in order.
pub(crate) fn affine_gradient(
    sums: &[AffineGradient],
    channels: usize,
    per_sample: bool,
    pick: fn(&AffineGradient) -> &[f32],
) -> Vec<f32> {
    let mut rows = sums.iter().map(|s| &pick(s)[..channels]);
    if per_sample {
        return rows.collect::<Vec<_>>().concat();
    }
    let mut total = rows.next().unwrap_or_default().to_vec();
    rows.for_each(|row| total.iter_mut().zip(row).for_each(|(a, b)| *a += b));
    total
}

impl CustomOp3 for GroupNorm {
    fn name(&self) -> &'static str {
        "group_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, _, _, channels) = x_layout.shape().dims4()?;
        let (x, weight, bias) = (slice(x, x_layout)?, slice(weight, weight_layout)?, slice(bias, bias_layout)?);
        let (y, moments) =
            forward(Isa::current(), self.settings, Batch { n, x: Sides::one(x, channels), weight, bias });
        // An operation runs forward once; a second run would find the same numbers anyway.
        let _ = self.moments.set(moments);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, _, _, channels) = x.dims4()?;
        let dy = dy.contiguous()?;
        let Some(moments) = self.moments.get() else {
            candle_core::bail!("group_norm's backward pass ran before its forward pass")
        };
        let run = |x: &[f32], weight: &[f32], bias: &[f32], dy: &[f32]| {
            backward(Isa::current(), self.settings, Batch { n, x: Sides::one(x, channels), weight, bias }, moments, dy)
        };
        let (dx, sums) = with(x, |x| with(weight, |w| with(bias, |b| with(&dy, |dy| run(x, w, b, dy)))))????;
        let gradient = |of: &Tensor, pick: fn(&AffineGradient) -> &[f32]| -> Result<Option<Tensor>> {
            if !of.track_op() {
                return Ok(None);
            }
            Ok(Some(tensor(affine_gradient(&sums, channels, of.rank() == 2, pick), of.shape())?))
        };
        let d_weight = gradient(weight, |s| &s.0)?;
        let d_bias = gradient(bias, |s| &s.1)?;
        let dx = if x.track_op() { Some(tensor(dx, x.shape())?) } else { None };
        Ok((dx, d_weight, d_bias))
    }
}

/// One sample that [`Batch::check`] has passed: whole pixels, a weight and a bias for each channel, whole groups.
#[derive(Clone, Copy)]
pub(super) struct NormSample<'a> {
    pub x: Sides<'a>,
    pub channels: usize,
    pub groups: usize,
    pub activation: Activation,
    pub weight: &'a [f32],
    pub bias: &'a [f32],
}

/// The moments of one sample.
pub(super) struct MomentsOf<'a> {
    pub sample: NormSample<'a>,
    pub eps: f64,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for MomentsOf<'_> {
    type Output = Moments;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> Moments {
        // SAFETY: the caller's promise.
        unsafe { moments::<S>(self.sample, self.eps) }
    }
}

/// One sample forward; `out` is as long as x.
pub(super) struct NormForward<'a> {
    pub sample: NormSample<'a>,
    pub eps: f64,
    pub out: Part<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for NormForward<'_> {
    type Output = Moments;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> Moments {
        let s = self.sample;
        let (c, pixels) = (s.channels, s.x.pixels());
        let vectors = c.div_ceil(S::LANES);
        // SAFETY: x and out are `pixels` rows of c numbers; moments and affine map are padded.
        unsafe {
            let moments = moments::<S>(s, self.eps);
            let affine = moments.with_affine(s);
            let (scale, bias) = affine.split_at(vectors * S::LANES);
            let out = self.out.as_mut_ptr().cast::<f32>();
            for v in 0..vectors {
                let at = v * S::LANES;
                let x_at = s.x.column(at);
                let shift = S::load(moments.shift.as_ptr().add(at));
                let (scale, bias) = (S::load(scale.as_ptr().add(at)), S::load(bias.as_ptr().add(at)));
                for p in 0..pixels {
                    let x = load_columns::<S>(x_at.first.add(p * x_at.row), 0, x_at.columns);
                    let z = S::mul_add(S::sub(x, shift), scale, bias);
                    let y = match s.activation {
                        Activation::None => z,
                        Activation::Silu => S::mul(z, sigmoid::<S>(z)),
                        Activation::SiluForBf16 => S::mul(z, sigmoid_for_bf16::<S>(z)),
                    };
                    store_columns::<S>(out.add(p * c), v, c, y);
                }
            }
            moments
        }
    }
}

/// Every so many pixels the mean is guessed from.
const GUESSED_FROM: usize = 16;

/// Mean and variance of each group: Σ (x − m) and Σ (x − m)² over all pixels, where m is the mean of every
/// [`GUESSED_FROM`]-th of them. What m is off the mean is taken off both. It is at most √17 times the
/// standard deviation, as the share f of the pixels that m is the mean of adds at least f times its square to the variance: so the
/// subtraction costs a digit or two, wherever the numbers lie, and never more.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn moments<S: Simd>(s: NormSample, eps: f64) -> Moments {
    let (c, padded) = (s.channels, s.channels.next_multiple_of(S::LANES));
    let per_group = c / s.groups;
    let count = (s.x.len() / s.groups) as f64;
    let zeros = || vec![0.0; padded];
    let mut moments = Moments { shift: zeros(), scale: zeros(), rest: zeros() };
    let mut sums = Scratch::new(2 * padded);
    let (sum, squares) = sums.split_at_mut(padded);
    let group = |of: &[f32], j: usize| of[j * per_group..(j + 1) * per_group].iter().map(|&x| x as f64).sum::<f64>();
    // SAFETY: all of the arrays have `padded` numbers.
    unsafe { channel_sums::<S>(s.x, GUESSED_FROM, &moments.shift, sum, squares) };
    let guessed_from = (s.x.pixels().div_ceil(GUESSED_FROM) * per_group) as f64;
    for j in 0..s.groups {
        moments.shift[j * per_group..(j + 1) * per_group].fill((group(sum, j) / guessed_from) as f32);
    }
    // SAFETY: all of the arrays have `padded` numbers.
    unsafe { channel_sums::<S>(s.x, 1, &moments.shift, sum, squares) };
    for j in 0..s.groups {
        let off = group(sum, j) / count;
        let variance = group(squares, j) / count - off * off;
        // Rounding can make it less than nothing; what is not a number stays so.
        let scale = 1.0 / (if variance < 0.0 { eps } else { variance + eps }).sqrt();
        let range = j * per_group..(j + 1) * per_group;
        moments.scale[range.clone()].fill(scale as f32);
        moments.rest[range].fill((-off * scale) as f32);
    }
    moments
}

/// Σ (x − shift) and Σ (x − shift)² over every so many pixels, for each channel.
///
/// # Safety
/// The processor has `S`; `shift` and both results have whole vectors for `channels`.
#[inline(always)]
unsafe fn channel_sums<S: Simd>(x: Sides, every: usize, shift: &[f32], sum: &mut [f32], squares: &mut [f32]) {
    // Independent sums, so that one addition need not wait for the last.
    const CHAINS: usize = 4;
    let pixels = x.pixels().div_ceil(every);
    for at in (0..x.channels()).step_by(S::LANES) {
        let Column { first, columns, row } = x.column(at);
        let row = every * row;
        // SAFETY: x has `columns` numbers from here on at each of `pixels` rows; the rest is the caller's promise.
        unsafe {
            let shift = S::load(shift.as_ptr().add(at));
            let zero = S::splat(0.0);
            let (mut a, mut b) = ([zero; CHAINS], [zero; CHAINS]);
            let mut p = 0;
            while p + CHAINS <= pixels {
                for i in 0..CHAINS {
                    let d = S::sub(load_columns::<S>(first.add((p + i) * row), 0, columns), shift);
                    a[i] = S::add(a[i], d);
                    b[i] = S::mul_add(d, d, b[i]);
                }
                p += CHAINS;
            }
            while p < pixels {
                let d = S::sub(load_columns::<S>(first.add(p * row), 0, columns), shift);
                a[0] = S::add(a[0], d);
                b[0] = S::mul_add(d, d, b[0]);
                p += 1;
            }
            S::store(sum.as_mut_ptr().add(at), S::add(S::add(a[0], a[1]), S::add(a[2], a[3])));
            S::store(squares.as_mut_ptr().add(at), S::add(S::add(b[0], b[1]), S::add(b[2], b[3])));
        }
    }
}
