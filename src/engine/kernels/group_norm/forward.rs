//! The way forward, one sample: mean and variance of each group, then all at once.

use super::sample::{Activation, Moments, NormSample};
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::columns::{Columns, load, walk};
use crate::kernels::sides::{AHEAD, Column, Sides, SidesMut};
use crate::kernels::simd::{Kernel, Simd, sigmoid, sigmoid_for_bf16};
use crate::kernels::tile::{load_columns, store_columns};

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
        let sample = self.sample;
        // SAFETY: x and out are pixels of the sample's channels; moments and affine map are padded.
        unsafe {
            let moments = moments::<S>(sample, self.eps);
            let affine = moments.with_affine(sample);
            let out = SidesMut::one(self.out, sample.channels);
            let affine = affine.split_at(sample.channels.next_multiple_of(S::LANES));
            walk::<S>(sample.x, 2, &mut ForwardPass { sample, moments: &moments, affine, out });
            moments
        }
    }
}

/// [`NormForward`] with the moments known.
struct ForwardPass<'a> {
    sample: NormSample<'a>,
    moments: &'a Moments,
    affine: (&'a [f32], &'a [f32]),
    out: SidesMut<'a>,
}

impl<S: Simd> Columns<S> for ForwardPass<'_> {
    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn walk<const N: usize>(&mut self, c: usize, x: Column<*const f32>) {
        let to = self.out.column(c);
        // SAFETY: the caller's promise.
        unsafe {
            let shift = load::<S, N>(&self.moments.shift, c);
            let (scale, bias) = (load::<S, N>(self.affine.0, c), load::<S, N>(self.affine.1, c));
            for p in 0..self.sample.x.pixels() {
                let (from, to_pixel) = (x.first.add(p * x.row), to.first.add(p * to.row));
                for v in 0..N {
                    let x = load_columns::<S>(from, v, x.columns);
                    let z = S::mul_add(S::sub(x, shift[v]), scale[v], bias[v]);
                    let y = match self.sample.activation {
                        Activation::None => z,
                        Activation::Silu => S::mul(z, sigmoid::<S>(z)),
                        Activation::SiluForBf16 => S::mul(z, sigmoid_for_bf16::<S>(z)),
                    };
                    store_columns::<S>(to_pixel, v, to.columns, y);
                }
            }
        }
    }
}

/// The mean is guessed from every so many of `pixels` pixels: from sixteen at least, and from all where there are fewer.
fn guessed_from(pixels: usize) -> usize {
    (pixels / 16).clamp(1, 16)
}

/// Mean and variance of each group: Σ (x − m) and Σ (x − m)² over all pixels, where m is the mean of some
/// of them ([`guessed_from`]). What m is off the mean is taken off both. It is at most √17 times the
/// standard deviation, as the share f of the pixels that m is the mean of adds at least f times its square to the variance: so the
/// subtraction costs a digit or two, wherever the numbers lie, and never more.
///
/// # Safety
/// The processor has `S`.
#[inline(always)]
unsafe fn moments<S: Simd>(s: NormSample, eps: f64) -> Moments {
    let (c, padded) = (s.channels, s.channels.next_multiple_of(S::LANES));
    let (per_group, every) = (c / s.groups, guessed_from(s.x.pixels()));
    let count = (s.x.len() / s.groups) as f64;
    let zeros = || vec![0.0; padded];
    let mut moments = Moments { shift: zeros(), scale: zeros(), rest: zeros() };
    let mut sums = Scratch::new(2 * padded);
    let (sum, squares) = sums.split_at_mut(padded);
    let group = |of: &[f32], j: usize| of[j * per_group..(j + 1) * per_group].iter().map(|&x| x as f64).sum::<f64>();
    // SAFETY: all of the arrays have `padded` numbers.
    unsafe { channel_sums::<S>(s.x, every, &moments.shift, sum, squares) };
    let guesses = (s.x.pixels().div_ceil(every) * per_group) as f64;
    for j in 0..s.groups {
        moments.shift[j * per_group..(j + 1) * per_group].fill((group(sum, j) / guesses) as f32);
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
    // SAFETY: the caller's promise.
    unsafe { walk::<S>(x, 4, &mut ChannelSums { pixels: x.pixels().div_ceil(every), every, shift, sum, squares }) };
}

/// [`channel_sums`] on its way.
struct ChannelSums<'a> {
    pixels: usize,
    every: usize,
    shift: &'a [f32],
    sum: &'a mut [f32],
    squares: &'a mut [f32],
}

impl<S: Simd> Columns<S> for ChannelSums<'_> {
    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn walk<const N: usize>(&mut self, c: usize, x: Column<*const f32>) {
        // Independent sums, so that one addition need not wait for the last.
        const SUMS: usize = 4;
        const { assert!(N <= SUMS && SUMS.is_multiple_of(N)) };
        let (row, chains) = (self.every * x.row, SUMS / N);
        // SAFETY: the caller's promise.
        unsafe {
            let shift = load::<S, N>(self.shift, c);
            let (mut a, mut b) = ([S::splat(0.0); SUMS], [S::splat(0.0); SUMS]);
            let mut p = 0;
            while p + chains <= self.pixels {
                for i in 0..SUMS {
                    let from = x.first.add((p + i / N) * row);
                    S::prefetch(from.wrapping_add(AHEAD * row + i % N * S::LANES));
                    let d = S::sub(load_columns::<S>(from, i % N, x.columns), shift[i % N]);
                    a[i] = S::add(a[i], d);
                    b[i] = S::mul_add(d, d, b[i]);
                }
                p += chains;
            }
            while p < self.pixels {
                for i in 0..N {
                    let d = S::sub(load_columns::<S>(x.first.add(p * row), i, x.columns), shift[i]);
                    a[i] = S::add(a[i], d);
                    b[i] = S::mul_add(d, d, b[i]);
                }
                p += 1;
            }
            for (sums, to) in [(a, &mut *self.sum), (b, &mut *self.squares)] {
                for v in 0..N {
                    let sum = match N {
                        1 => S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])),
                        2 => S::add(sums[v], sums[v + 2]),
                        _ => sums[v],
                    };
                    S::store(to.as_mut_ptr().add(c + v * S::LANES), sum);
                }
            }
        }
    }
}
