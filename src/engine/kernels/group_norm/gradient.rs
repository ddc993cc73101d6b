//! The gradients of a group normalization with its affine map and SiLU, one sample in two passes.
//!
//! The first makes dz = dy · dSiLU/dz, and sums it: dβ = Σ dz, dγ = Σ dz · x̂. With a = mean over the group of γ·dz and b = mean of
//! γ·dz·x̂ the second makes dx = scale · (γ·dz − a − x̂·b).

use super::sample::{Activation, AffineGradient, Moments, NormSample};
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::sides::{AHEAD, SidesMut};
use crate::kernels::simd::{Kernel, PairKernel, PairSimd, Simd, sigmoid, sigmoid_for_bf16};
use crate::kernels::tile::{load_columns, store_columns};

/// The first pass: `dz` from `dy`, or in its place. All are as long as x, and the moments as [`Moments::check`] wants them. Returns
/// the gradients of weight and bias, padded to whole vectors.
pub(super) struct ToAffine<'a> {
    pub sample: NormSample<'a>,
    pub moments: &'a Moments,
    /// `None`: `dz` holds it.
    pub dy: Option<&'a [f32]>,
    pub dz: Part<'a>,
}

/// The first pass, and the normalized values once more, with SiLU, as long as x.
pub(super) struct ToAffineAndNormed<'a> {
    pub pass: ToAffine<'a>,
    pub normed: Part<'a>,
}

/// The same rounded to bf16: half as many words. x is whole vectors of channels.
pub(super) struct ToAffineAndRounded<'a> {
    pub pass: ToAffine<'a>,
    pub normed: Part<'a>,
}

impl ToAffine<'_> {
    /// `to(c)` says what becomes of the normalized values of the channels from `c` on: `(pixel, vector)`.
    ///
    /// # Safety
    /// The processor has `S`, and the lengths are those that the fields tell.
    #[inline(always)]
    unsafe fn pass<S: Simd, W: Fn(usize, S::V)>(self, to: impl Fn(usize) -> W) -> AffineGradient {
        let (s, m) = (self.sample, self.moments);
        let (c, pixels) = (s.channels, s.x.pixels());
        let vectors = c.div_ceil(S::LANES);
        let padded = vectors * S::LANES;
        let dz_to = self.dz.as_mut_ptr().cast::<f32>();
        let dy_from = self.dy.map_or(dz_to.cast_const(), <[f32]>::as_ptr);
        let affine = m.with_affine(s);
        let (z_scale, z_bias) = affine.split_at(padded);
        let (mut d_weight, mut d_bias) = (vec![0.0; padded], vec![0.0; padded]);
        // SAFETY: x, dy and dz are `pixels` rows of c numbers; everything else is padded.
        unsafe {
            let one = S::splat(1.0);
            for v in 0..vectors {
                let at = v * S::LANES;
                let (x_at, to) = (s.x.column(at), to(at));
                let shift = S::load(m.shift.as_ptr().add(at));
                let (scale, rest) = (S::load(m.scale.as_ptr().add(at)), S::load(m.rest.as_ptr().add(at)));
                let (z_scale, z_bias) = (S::load(z_scale.as_ptr().add(at)), S::load(z_bias.as_ptr().add(at)));
                let (mut sum, mut with_x) = (S::splat(0.0), S::splat(0.0));
                for p in 0..pixels {
                    S::prefetch(x_at.first.wrapping_add((p + AHEAD) * x_at.row));
                    let x = S::sub(load_columns::<S>(x_at.first.add(p * x_at.row), 0, x_at.columns), shift);
                    let mut dz = load_columns::<S>(dy_from.add(p * c), v, c);
                    // As the way forward computes it, to the last bit.
                    let z = S::mul_add(x, z_scale, z_bias);
                    let mut y = z;
                    if s.activation != Activation::None {
                        let sig = match s.activation {
                            Activation::SiluForBf16 => sigmoid_for_bf16::<S>(z),
                            _ => sigmoid::<S>(z),
                        };
                        y = S::mul(z, sig);
                        // s + z·s·(1 − s) with s = sigmoid(z).
                        dz = S::mul(dz, S::mul_add(y, S::sub(one, sig), sig));
                    }
                    to(p, y);
                    sum = S::add(sum, dz);
                    with_x = S::mul_add(dz, S::mul_add(x, scale, rest), with_x);
                    store_columns::<S>(dz_to.add(p * c), v, c, dz);
                }
                S::store(d_bias.as_mut_ptr().add(at), sum);
                S::store(d_weight.as_mut_ptr().add(at), with_x);
            }
        }
        (d_weight, d_bias)
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for ToAffine<'_> {
    type Output = AffineGradient;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> AffineGradient {
        // SAFETY: the caller's promise.
        unsafe { self.pass::<S, _>(|_| |_, _| ()) }
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for ToAffineAndNormed<'_> {
    type Output = AffineGradient;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> AffineGradient {
        let (c, normed) = (self.pass.sample.channels, self.normed.as_mut_ptr().cast::<f32>());
        // SAFETY: rows of c numbers, as in x; the rest is the caller's promise.
        unsafe {
            self.pass.pass::<S, _>(|at| move |p: usize, y| store_columns::<S>(normed.add(p * c), at / S::LANES, c, y))
        }
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl PairKernel for ToAffineAndRounded<'_> {
    type Output = AffineGradient;

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) -> AffineGradient {
        let (words, normed) = (self.pass.sample.channels / 2, self.normed.as_mut_ptr().cast::<f32>());
        // SAFETY: rows of c / 2 words, as many as x has; the rest is the caller's promise.
        unsafe { self.pass.pass::<S, _>(|at| move |p: usize, y| S::store_rounded(normed.add(p * words + at / 2), y)) }
    }
}

/// The second pass: dx of `dz` and what the first pass summed, plus `plus`. All are as long as x; dx may lie where dz does.
pub(super) struct ToInput<'a> {
    pub sample: NormSample<'a>,
    pub moments: &'a Moments,
    pub sums: &'a AffineGradient,
    pub dz: *const f32,
    pub plus: Option<&'a [f32]>,
}

/// The second pass, to numbers.
pub(super) struct ToInputNumbers<'a> {
    pub pass: ToInput<'a>,
    pub dx: SidesMut<'a>,
}

/// The second pass, rounded to bf16: half as many words. x is whole vectors of channels.
pub(super) struct ToInputRounded<'a> {
    pub pass: ToInput<'a>,
    pub dx: Part<'a>,
}

impl ToInput<'_> {
    /// `to(c)` says where the channels from `c` on go: `(pixel, vector)`. Returns what is summed over the pixels, for each channel, padded to
    /// whole vectors: the gradient of a bias that x had.
    ///
    /// # Safety
    /// The processor has `S`, and the lengths are those that the fields tell.
    #[inline(always)]
    unsafe fn pass<S: Simd, W: Fn(usize, S::V)>(self, mut to: impl FnMut(usize) -> W) -> Vec<f32> {
        let (s, m) = (self.sample, self.moments);
        let (c, pixels) = (s.channels, s.x.pixels());
        let vectors = c.div_ceil(S::LANES);
        let padded = vectors * S::LANES;
        let mut factors = Scratch::zeroed(3 * padded);
        let (weight, means) = factors.split_at_mut(padded);
        weight[..c].copy_from_slice(s.weight);
        let (mean, mean_with_x) = means.split_at_mut(padded);
        let (d_weight, d_bias) = self.sums;
        let per_group = c / s.groups;
        let count = (s.x.len() / s.groups) as f64;
        for j in 0..s.groups {
            let range = j * per_group..(j + 1) * per_group;
            let mean_of = |of: &[f32]| range.clone().map(|i| s.weight[i] as f64 * of[i] as f64).sum::<f64>() / count;
            let (a, b) = (mean_of(d_bias), mean_of(d_weight));
            mean[range.clone()].fill(a as f32);
            mean_with_x[range].fill(b as f32);
        }
        let mut sums = vec![0.0; padded];
        // SAFETY: x, dz and plus are `pixels` rows of c numbers; everything else is padded.
        unsafe {
            for v in 0..vectors {
                let at = v * S::LANES;
                let weight = S::load(weight.as_ptr().add(at));
                let shift = S::load(m.shift.as_ptr().add(at));
                let (scale, rest) = (S::load(m.scale.as_ptr().add(at)), S::load(m.rest.as_ptr().add(at)));
                let (a, b) = (S::load(mean.as_ptr().add(at)), S::load(mean_with_x.as_ptr().add(at)));
                let (x_at, to) = (s.x.column(at), to(at));
                let mut sum = S::splat(0.0);
                for p in 0..pixels {
                    let x = load_columns::<S>(x_at.first.add(p * x_at.row), 0, x_at.columns);
                    let normed = S::mul_add(S::sub(x, shift), scale, rest);
                    let dz = load_columns::<S>(self.dz.add(p * c), v, c);
                    let centred = S::sub(S::mul(dz, weight), S::mul_add(normed, b, a));
                    let mut x = S::mul(centred, scale);
                    if let Some(plus) = self.plus {
                        x = S::add(x, load_columns::<S>(plus.as_ptr().add(p * c), v, c));
                    }
                    sum = S::add(sum, x);
                    to(p, x);
                }
                S::store(sums.as_mut_ptr().add(at), sum);
            }
        }
        sums
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell; where dx holds dz it is in one piece.
impl Kernel for ToInputNumbers<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) -> Vec<f32> {
        // SAFETY: dx has the pixels of x; the rest is the caller's promise.
        unsafe {
            self.pass.pass::<S, _>(|at| {
                let to = self.dx.column(at);
                move |p: usize, x| store_columns::<S>(to.first.add(p * to.row), 0, to.columns, x)
            })
        }
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl PairKernel for ToInputRounded<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) -> Vec<f32> {
        let (words, dx) = (self.pass.sample.channels / 2, self.dx.as_mut_ptr().cast::<f32>());
        // SAFETY: rows of c / 2 words, as many as x has; the rest is the caller's promise.
        unsafe { self.pass.pass::<S, _>(|at| move |p: usize, x| S::store_rounded(dx.add(p * words + at / 2), x)) }
    }
}
