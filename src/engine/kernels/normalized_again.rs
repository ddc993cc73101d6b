//! Group normalization with SiLU in steps, for operations that fuse it with others: forward, the same
//! values once more in the backward pass (cheaper than keeping them: they are made where they are read,
//! in the cache), and backward. All on the calling thread.

use super::buffers::Part;
use super::group_norm::{Activation, AffineGradient, Batch, Moments, NormBackward, NormForward, NormSample, Settings};
use super::sides::SidesMut;
use super::simd::{Isa, Kernel, Simd, sigmoid, sigmoid_for_bf16};
use super::tile::{load_columns, store_columns};

/// silu(norm(x)) to `out`; returns the moments of each sample.
pub(crate) fn normalize(isa: Isa, settings: Settings, batch: Batch, out: Part) -> Vec<Moments> {
    batch.check(settings);
    assert_eq!(batch.x.len(), out.len());
    let parts = out.chunks_exact_mut(batch.x.len() / batch.n).enumerate();
    parts
        .map(|(i, out)| {
            // SAFETY: one sample of checked lengths.
            unsafe { isa.run(NormForward { sample: batch.sample(settings, i), eps: settings.eps, out }) }
        })
        .collect()
}

/// silu(norm(x)) again, and the slope of SiLU there.
pub(crate) fn normalize_again(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    moments: &[Moments],
    (out, slope): (Part, Part),
) {
    batch.check(settings);
    assert_eq!((batch.x.len(), batch.x.len(), batch.n), (out.len(), slope.len(), moments.len()));
    moments.iter().for_each(|moments| moments.check(batch.x.channels(), isa.lanes()));
    let len = batch.x.len() / batch.n;
    let parts = out.chunks_exact_mut(len).zip(slope.chunks_exact_mut(len));
    for ((i, moments), (out, slope)) in moments.iter().enumerate().zip(parts) {
        // SAFETY: one sample of checked lengths.
        unsafe { isa.run(Again { sample: batch.sample(settings, i), moments, out, slope }) };
    }
}

/// The gradient of x, plus `plus` where given, to `dx`; returns those of weight and bias for each
/// sample. `slope` is what [`normalize_again`] found.
pub(crate) fn backward(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    moments: &[Moments],
    (dy, slope, plus): (&[f32], &[f32], Option<&[f32]>),
    mut dx: SidesMut,
) -> Vec<AffineGradient> {
    batch.check(settings);
    assert_eq!((batch.x.len(), batch.x.len(), batch.n), (dy.len(), slope.len(), moments.len()));
    moments.iter().for_each(|moments| moments.check(batch.x.channels(), isa.lanes()));
    assert!(dx.len() == dy.len() && plus.is_none_or(|plus| plus.len() == dy.len()));
    let (len, pixels) = (batch.x.len() / batch.n, batch.x.pixels() / batch.n);
    let mut all = Vec::with_capacity(batch.n);
    for (i, moments) in moments.iter().enumerate() {
        let at = i * len..(i + 1) * len;
        let (of_sample, rest) = dx.split_at(pixels);
        dx = rest;
        let sample = batch.sample(settings, i);
        let (dy, slope, plus) = (&dy[at.clone()], Some(&slope[at.clone()]), plus.map(|plus| &plus[at]));
        // SAFETY: one sample of checked lengths.
        all.push(unsafe { isa.run(NormBackward { sample, moments, dy, slope, plus, dx: of_sample }) });
    }
    all
}

/// One sample; `out` and `slope` are as long as x, and the moments as [`Moments::check`] wants them.
struct Again<'a> {
    sample: NormSample<'a>,
    moments: &'a Moments,
    out: Part<'a>,
    slope: Part<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for Again<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (s, m) = (self.sample, self.moments);
        let (c, pixels) = (s.channels, s.x.pixels());
        let vectors = c.div_ceil(S::LANES);
        let affine = m.with_affine(s);
        let (scale, bias) = affine.split_at(vectors * S::LANES);
        let (out, slope) = (self.out.as_mut_ptr().cast::<f32>(), self.slope.as_mut_ptr().cast::<f32>());
        // SAFETY: x, out and slope are `pixels` rows of c numbers; moments and affine map are padded.
        unsafe {
            let one = S::splat(1.0);
            for v in 0..vectors {
                let at = v * S::LANES;
                let x_at = s.x.column(at);
                let shift = S::load(m.shift.as_ptr().add(at));
                let (scale, bias) = (S::load(scale.as_ptr().add(at)), S::load(bias.as_ptr().add(at)));
                for p in 0..pixels {
                    let x = load_columns::<S>(x_at.first.add(p * x_at.row), 0, x_at.columns);
                    let z = S::mul_add(S::sub(x, shift), scale, bias);
                    let sig = match s.activation {
                        Activation::SiluForBf16 => sigmoid_for_bf16::<S>(z),
                        _ => sigmoid::<S>(z),
                    };
                    let y = S::mul(z, sig);
                    store_columns::<S>(out.add(p * c), v, c, y);
                    // s + z·s·(1 − s) with s = sigmoid(z).
                    store_columns::<S>(slope.add(p * c), v, c, S::mul_add(y, S::sub(one, sig), sig));
                }
            }
        }
    }
}
