//! The gradients of a group normalization with its affine map and SiLU, one sample in two passes.
//!
//! The first makes dz = dy · dSiLU/dz, and sums it: dβ = Σ dz, dγ = Σ dz · x̂. With a = mean over the group of γ·dz and b = mean of
//! γ·dz·x̂ the second makes dx = scale · (γ·dz − a − x̂·b).

use super::sample::{Activation, AffineGradient, Moments, NormSample};
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::sides::SidesMut;
use crate::kernels::simd::{Kernel, Simd, sigmoid, sigmoid_for_bf16};
use crate::kernels::tile::{load_columns, store_columns};

/// The first pass: `dz` from `dy`, or in its place; into `normed` the normalized values once more, with SiLU. All are as long
/// as x, and the moments as [`Moments::check`] wants them. Returns the gradients of weight and bias, padded to whole vectors.
pub(super) struct ToAffine<'a> {
    pub sample: NormSample<'a>,
    pub moments: &'a Moments,
    /// `None`: `dz` holds it.
    pub dy: Option<&'a [f32]>,
    pub dz: Part<'a>,
    pub normed: Option<Part<'a>>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for ToAffine<'_> {
    type Output = AffineGradient;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> AffineGradient {
        let (s, m) = (self.sample, self.moments);
        let (c, pixels) = (s.channels, s.x.pixels());
        let vectors = c.div_ceil(S::LANES);
        let padded = vectors * S::LANES;
        let dz_to = self.dz.as_mut_ptr().cast::<f32>();
        let dy_from = self.dy.map_or(dz_to.cast_const(), <[f32]>::as_ptr);
        let normed_to = self.normed.map(|normed| normed.as_mut_ptr().cast::<f32>());
        let affine = m.with_affine(s);
        let (z_scale, z_bias) = affine.split_at(padded);
        let (mut d_weight, mut d_bias) = (vec![0.0; padded], vec![0.0; padded]);
        // SAFETY: x, dy, dz and normed are `pixels` rows of c numbers; everything else is padded.
        unsafe {
            let one = S::splat(1.0);
            for v in 0..vectors {
                let at = v * S::LANES;
                let x_at = s.x.column(at);
                let shift = S::load(m.shift.as_ptr().add(at));
                let (scale, rest) = (S::load(m.scale.as_ptr().add(at)), S::load(m.rest.as_ptr().add(at)));
                let (z_scale, z_bias) = (S::load(z_scale.as_ptr().add(at)), S::load(z_bias.as_ptr().add(at)));
                let (mut sum, mut with_x) = (S::splat(0.0), S::splat(0.0));
                for p in 0..pixels {
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
                    if let Some(normed_to) = normed_to {
                        store_columns::<S>(normed_to.add(p * c), v, c, y);
                    }
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

/// The second pass: dx of `dz` and what the first pass summed, plus `plus`. All are as long as x.
pub(super) struct ToInput<'a> {
    pub sample: NormSample<'a>,
    pub moments: &'a Moments,
    pub sums: &'a AffineGradient,
    /// `None`: `dx` holds it.
    pub dz: Option<&'a [f32]>,
    pub plus: Option<&'a [f32]>,
    pub dx: SidesMut<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell; where `dx` holds dz it is in one piece.
impl Kernel for ToInput<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        let (s, m) = (self.sample, self.moments);
        let (c, pixels) = (s.channels, s.x.pixels());
        let vectors = c.div_ceil(S::LANES);
        let padded = vectors * S::LANES;
        let dz_from = self.dz.map_or_else(|| self.dx.column(0).first.cast_const(), <[f32]>::as_ptr);
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
        // SAFETY: x, dz, plus and dx are `pixels` rows of c numbers; everything else is padded.
        unsafe {
            for v in 0..vectors {
                let at = v * S::LANES;
                let weight = S::load(weight.as_ptr().add(at));
                let shift = S::load(m.shift.as_ptr().add(at));
                let (scale, rest) = (S::load(m.scale.as_ptr().add(at)), S::load(m.rest.as_ptr().add(at)));
                let (a, b) = (S::load(mean.as_ptr().add(at)), S::load(mean_with_x.as_ptr().add(at)));
                let (x_at, dx_at) = (s.x.column(at), self.dx.column(at));
                for p in 0..pixels {
                    let x = load_columns::<S>(x_at.first.add(p * x_at.row), 0, x_at.columns);
                    let normed = S::mul_add(S::sub(x, shift), scale, rest);
                    let dz = load_columns::<S>(dz_from.add(p * c), v, c);
                    let centred = S::sub(S::mul(dz, weight), S::mul_add(normed, b, a));
                    let mut x = S::mul(centred, scale);
                    if let Some(plus) = self.plus {
                        x = S::add(x, load_columns::<S>(plus.as_ptr().add(p * c), v, c));
                    }
                    store_columns::<S>(dx_at.first.add(p * dx_at.row), 0, dx_at.columns, x);
                }
            }
        }
    }
}
