//! The way forward, one sample: mean and variance of each group, then all at once.

use super::sample::{Activation, Moments, NormSample};
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::sides::{Column, Sides};
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
