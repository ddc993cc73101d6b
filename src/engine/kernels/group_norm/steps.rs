//! Group normalization with SiLU in steps, for operations that fuse it with others: forward, and backward in two, of which the first makes
//! the normalized values once more (cheaper than keeping them: they are made where they are read, in the cache). All on the
//! calling thread.

use super::forward::NormForward;
use super::gradient::{ToAffine, ToInput};
use super::sample::{AffineGradient, Batch, Moments, Settings};
use crate::kernels::buffers::Part;
use crate::kernels::sides::SidesMut;
use crate::kernels::simd::Isa;

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

/// Makes dz of the gradient of silu(norm(x)), in its place, and silu(norm(x)) once more; returns the gradients of weight and bias
/// for each sample.
///
/// # Safety
/// `gradient` holds numbers.
pub(crate) unsafe fn to_affine(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    moments: &[Moments],
    (gradient, normed): (Part, Part),
) -> Vec<AffineGradient> {
    batch.check(settings);
    assert_eq!((batch.x.len(), batch.x.len(), batch.n), (gradient.len(), normed.len(), moments.len()));
    moments.iter().for_each(|moments| moments.check(batch.x.channels(), isa.lanes()));
    let len = batch.x.len() / batch.n;
    let parts = gradient.chunks_exact_mut(len).zip(normed.chunks_exact_mut(len));
    let mut all = Vec::with_capacity(batch.n);
    for ((i, moments), (dz, normed)) in moments.iter().enumerate().zip(parts) {
        let sample = batch.sample(settings, i);
        // SAFETY: one sample of checked lengths; the caller's promise.
        all.push(unsafe { isa.run(ToAffine { sample, moments, dy: None, dz, normed: Some(normed) }) });
    }
    all
}

/// The gradient of x from dz and what [`to_affine`] returned, plus `plus` where given, to `dx`.
pub(crate) fn to_input(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    (moments, sums): (&[Moments], &[AffineGradient]),
    (dz, plus): (&[f32], Option<&[f32]>),
    mut dx: SidesMut,
) {
    batch.check(settings);
    assert_eq!((batch.x.len(), batch.n, batch.n), (dz.len(), moments.len(), sums.len()));
    moments.iter().for_each(|moments| moments.check(batch.x.channels(), isa.lanes()));
    assert!(dx.len() == dz.len() && plus.is_none_or(|plus| plus.len() == dz.len()));
    let (len, pixels) = (batch.x.len() / batch.n, batch.x.pixels() / batch.n);
    for (i, (moments, sums)) in moments.iter().zip(sums).enumerate() {
        let at = i * len..(i + 1) * len;
        let (of_sample, rest) = dx.split_at(pixels);
        dx = rest;
        let sample = batch.sample(settings, i);
        let (dz, plus) = (Some(&dz[at.clone()]), plus.map(|plus| &plus[at]));
        // SAFETY: one sample of checked lengths.
        unsafe { isa.run(ToInput { sample, moments, sums, dz, plus, dx: of_sample }) };
    }
}
