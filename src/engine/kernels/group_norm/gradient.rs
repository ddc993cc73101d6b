//! The gradients of a group normalization with its affine map and SiLU, one sample in two passes.
//!
//! The first makes dz = dy · dSiLU/dz, and sums it: dβ = Σ dz, dγ = Σ dz · x̂. With a = mean over the group of γ·dz and b = mean of
//! γ·dz·x̂ the second makes dx = scale · (γ·dz − a − x̂·b).

use super::sample::{Activation, AffineGradient, Moments, NormSample};
use super::target::{Nowhere, Target, Words};
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::columns::{Columns, load, walk};
use crate::kernels::sides::{AHEAD, Column, SidesMut};
use crate::kernels::simd::{Kernel, PairKernel, PairSimd, Simd, sigmoid, sigmoid_for_bf16};
use crate::kernels::tile::{load_columns, store_columns};

/// The first pass: `dz` from `dy`, or in its place, and to `normed` the normalized values once more, with SiLU. All are as long as x,
/// and the moments as [`Moments::check`] wants them. Returns the gradients of weight and bias, padded to whole vectors.
pub(super) struct ToAffine<'a, T> {
    pub sample: NormSample<'a>,
    pub moments: &'a Moments,
    /// `None`: `dz` holds it.
    pub dy: Option<&'a [f32]>,
    pub dz: Part<'a>,
    pub normed: T,
}

impl<T> ToAffine<'_, T> {
    /// # Safety
    /// The processor has `S`, and the lengths are those that the fields tell.
    #[inline(always)]
    unsafe fn pass<S: Simd>(self) -> AffineGradient
    where
        T: Target<S>,
    {
        let Self { sample, moments, dy, dz, normed } = self;
        let padded = sample.channels.next_multiple_of(S::LANES);
        let dz = dz.as_mut_ptr().cast::<f32>();
        let dy = dy.map_or(dz.cast_const(), <[f32]>::as_ptr);
        let affine = moments.with_affine(sample);
        let sums = (vec![0.0; padded], vec![0.0; padded]);
        let mut pass = AffinePass { sample, moments, affine: affine.split_at(padded), dy, dz, normed, sums };
        // SAFETY: the caller's promise.
        unsafe { walk::<S>(sample.x, 2, &mut pass) };
        pass.sums
    }
}

/// [`ToAffine`] on its way; x, dy and dz are pixels of the sample's channels, everything else is padded.
struct AffinePass<'a, T> {
    sample: NormSample<'a>,
    moments: &'a Moments,
    affine: (&'a [f32], &'a [f32]),
    dy: *const f32,
    dz: *mut f32,
    normed: T,
    sums: AffineGradient,
}

impl<S: Simd, T: Target<S>> Columns<S> for AffinePass<'_, T> {
    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn walk<const N: usize>(&mut self, c: usize, x: Column<*const f32>) {
        let (s, m, channels) = (self.sample, self.moments, self.sample.channels);
        let normed: [T::Column; N] = std::array::from_fn(|v| self.normed.column(c + v * S::LANES));
        // SAFETY: the caller's promise.
        unsafe {
            let one = S::splat(1.0);
            let shift = load::<S, N>(&m.shift, c);
            let (z_scale, z_bias) = (load::<S, N>(self.affine.0, c), load::<S, N>(self.affine.1, c));
            let (scale, rest) = (load::<S, N>(&m.scale, c), load::<S, N>(&m.rest, c));
            let (mut sum, mut with_x) = ([S::splat(0.0); N], [S::splat(0.0); N]);
            for p in 0..s.x.pixels() {
                let from = x.first.add(p * x.row);
                let (dy, to) = (self.dy.add(p * channels), self.dz.add(p * channels));
                for v in 0..N {
                    S::prefetch(from.wrapping_add(AHEAD * x.row + v * S::LANES));
                    let x = S::sub(load_columns::<S>(from, v, x.columns), shift[v]);
                    let mut dz = load_columns::<S>(dy.add(c), v, channels - c);
                    // As the way forward computes it, to the last bit.
                    let z = S::mul_add(x, z_scale[v], z_bias[v]);
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
                    T::put(normed[v], p, y);
                    sum[v] = S::add(sum[v], dz);
                    with_x[v] = S::mul_add(dz, S::mul_add(x, scale[v], rest[v]), with_x[v]);
                    store_columns::<S>(to.add(c), v, channels - c, dz);
                }
            }
            for v in 0..N {
                let at = c + v * S::LANES;
                S::store(self.sums.0.as_mut_ptr().add(at), with_x[v]);
                S::store(self.sums.1.as_mut_ptr().add(at), sum[v]);
            }
        }
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for ToAffine<'_, Nowhere> {
    type Output = AffineGradient;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> AffineGradient {
        // SAFETY: the caller's promise.
        unsafe { self.pass::<S>() }
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for ToAffine<'_, SidesMut<'_>> {
    type Output = AffineGradient;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> AffineGradient {
        // SAFETY: the caller's promise.
        unsafe { self.pass::<S>() }
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl PairKernel for ToAffine<'_, Words<'_>> {
    type Output = AffineGradient;

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) -> AffineGradient {
        // SAFETY: the caller's promise.
        unsafe { self.pass::<S>() }
    }
}

/// The second pass: dx of `dz` and what the first pass summed, plus `plus`. All are as long as x; dx may lie where dz does, if it is
/// numbers in one piece. Returns what is summed over the pixels, for each channel, padded to whole vectors: the gradient of a bias that x
/// had.
pub(super) struct ToInput<'a, T> {
    pub sample: NormSample<'a>,
    pub moments: &'a Moments,
    pub sums: &'a AffineGradient,
    pub dz: *const f32,
    pub plus: Option<&'a [f32]>,
    pub dx: T,
}

impl<T> ToInput<'_, T> {
    /// # Safety
    /// The processor has `S`, and the lengths are those that the fields tell.
    #[inline(always)]
    unsafe fn pass<S: Simd>(self) -> Vec<f32>
    where
        T: Target<S>,
    {
        let Self { sample, moments, sums, dz, plus, dx } = self;
        let padded = sample.channels.next_multiple_of(S::LANES);
        let mut factors = Scratch::zeroed(3 * padded);
        let (weight, means) = factors.split_at_mut(padded);
        weight[..sample.channels].copy_from_slice(sample.weight);
        let (mean, mean_with_x) = means.split_at_mut(padded);
        let (d_weight, d_bias) = sums;
        let per_group = sample.channels / sample.groups;
        let count = (sample.x.len() / sample.groups) as f64;
        for j in 0..sample.groups {
            let range = j * per_group..(j + 1) * per_group;
            let mean_of =
                |of: &[f32]| range.clone().map(|i| sample.weight[i] as f64 * of[i] as f64).sum::<f64>() / count;
            let (a, b) = (mean_of(d_bias), mean_of(d_weight));
            mean[range.clone()].fill(a as f32);
            mean_with_x[range].fill(b as f32);
        }
        let factors = Factors { weight, mean, mean_with_x };
        let mut pass = InputPass { sample, moments, factors, dz, plus, dx, sums: vec![0.0; padded] };
        // SAFETY: the caller's promise.
        unsafe { walk::<S>(sample.x, 2, &mut pass) };
        pass.sums
    }
}

/// γ, a and b for each channel.
struct Factors<'a> {
    weight: &'a [f32],
    mean: &'a [f32],
    mean_with_x: &'a [f32],
}

/// [`ToInput`] on its way; x, dz and plus are pixels of the sample's channels, everything else is padded. Factors of dz and x multiplied
/// beforehand would save two operations, but scale² overflows, and what should cancel doesn't, where a group hardly varies or is huge.
struct InputPass<'a, T> {
    sample: NormSample<'a>,
    moments: &'a Moments,
    factors: Factors<'a>,
    dz: *const f32,
    plus: Option<&'a [f32]>,
    dx: T,
    sums: Vec<f32>,
}

impl<S: Simd, T: Target<S>> Columns<S> for InputPass<'_, T> {
    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn walk<const N: usize>(&mut self, c: usize, x: Column<*const f32>) {
        let channels = self.sample.channels;
        let dx: [T::Column; N] = std::array::from_fn(|v| self.dx.column(c + v * S::LANES));
        // SAFETY: the caller's promise.
        unsafe {
            let (m, factors) = (self.moments, &self.factors);
            let (shift, scale) = (load::<S, N>(&m.shift, c), load::<S, N>(&m.scale, c));
            let (rest, weight) = (load::<S, N>(&m.rest, c), load::<S, N>(factors.weight, c));
            let (a, b) = (load::<S, N>(factors.mean, c), load::<S, N>(factors.mean_with_x, c));
            let mut sum = [S::splat(0.0); N];
            for p in 0..self.sample.x.pixels() {
                let (from, dz) = (x.first.add(p * x.row), self.dz.add(p * channels + c));
                for v in 0..N {
                    let x = S::sub(load_columns::<S>(from, v, x.columns), shift[v]);
                    let normed = S::mul_add(x, scale[v], rest[v]);
                    let dz = load_columns::<S>(dz, v, channels - c);
                    let centred = S::sub(S::mul(dz, weight[v]), S::mul_add(normed, b[v], a[v]));
                    let mut x = S::mul(centred, scale[v]);
                    if let Some(plus) = self.plus {
                        x = S::add(x, load_columns::<S>(plus.as_ptr().add(p * channels + c), v, channels - c));
                    }
                    sum[v] = S::add(sum[v], x);
                    T::put(dx[v], p, x);
                }
            }
            for (v, &sum) in sum.iter().enumerate() {
                S::store(self.sums.as_mut_ptr().add(c + v * S::LANES), sum);
            }
        }
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for ToInput<'_, SidesMut<'_>> {
    type Output = Vec<f32>;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> Vec<f32> {
        // SAFETY: the caller's promise.
        unsafe { self.pass::<S>() }
    }
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl PairKernel for ToInput<'_, Words<'_>> {
    type Output = Vec<f32>;

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) -> Vec<f32> {
        // SAFETY: the caller's promise.
        unsafe { self.pass::<S>() }
    }
}
