//! Group normalization with SiLU in steps, for operations that fuse it with others: forward, and backward in two, of which the first makes
//! the normalized values once more (cheaper than keeping them: they are made where they are read, in the cache). All on the
//! calling thread.

use super::forward::NormForward;
use super::gradient::{ToAffine, ToAffineAndNormed, ToAffineAndRounded, ToInput, ToInputNumbers, ToInputRounded};
use super::sample::{AffineGradient, Batch, Moments, Settings};
use crate::kernels::buffers::Part;
use crate::kernels::factor::{Factor, Rounded};
use crate::kernels::sides::{Sides, SidesMut};
use crate::kernels::simd::{COLUMNS, Isa, TileIsa};

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

/// What the steps back leave: numbers, or, for what multiplies tiles, words of two neighbouring channels rounded to bf16.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Numbers,
    Rounded(TileIsa),
}

impl Form {
    /// Words of so many numbers.
    pub fn words(self, numbers: usize) -> usize {
        match self {
            Self::Numbers => numbers,
            Self::Rounded(_) => numbers / 2,
        }
    }

    /// What a step has left: pixels of whole columns of channels where it is rounded.
    pub fn factor(self, words: &[f32], channels: usize) -> Factor<'_> {
        match self {
            Self::Numbers => Sides::one(words, channels).into(),
            Self::Rounded(_) => Rounded::new(words, channels).into(),
        }
    }

    fn check(self, channels: usize) {
        assert!(matches!(self, Self::Numbers) || channels.is_multiple_of(COLUMNS));
    }
}

/// Makes dz of the gradient of silu(norm(x)), in its place, and silu(norm(x)) once more, in this form; returns the gradients of weight
/// and bias for each sample.
///
/// # Safety
/// `gradient` holds numbers.
pub(crate) unsafe fn to_affine(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    moments: &[Moments],
    (gradient, form, normed): (Part, Form, Part),
) -> Vec<AffineGradient> {
    batch.check(settings);
    form.check(batch.x.channels());
    let len = batch.x.len() / batch.n;
    assert_eq!((batch.n * len, batch.n), (gradient.len(), moments.len()));
    assert_eq!(normed.len(), batch.n * form.words(len));
    moments.iter().for_each(|moments| moments.check(batch.x.channels(), isa.lanes()));
    let parts = gradient.chunks_exact_mut(len).zip(normed.chunks_exact_mut(form.words(len)));
    let mut all = Vec::with_capacity(batch.n);
    for ((i, moments), (dz, normed)) in moments.iter().enumerate().zip(parts) {
        let pass = ToAffine { sample: batch.sample(settings, i), moments, dy: None, dz };
        // SAFETY: one sample of checked lengths; the caller's promise.
        all.push(unsafe {
            match form {
                Form::Numbers => isa.run(ToAffineAndNormed { pass, normed }),
                Form::Rounded(tiles) => tiles.run_pairs(ToAffineAndRounded { pass, normed }),
            }
        });
    }
    all
}

/// Where the gradient of x goes.
pub(crate) enum To<'a> {
    Numbers(SidesMut<'a>),
    /// Words, rounded.
    Rounded(TileIsa, Part<'a>),
}

/// The gradient of x from dz and what [`to_affine`] returned, plus `plus` where given. Returns what is summed over each sample's pixels, for
/// each channel: the gradient of a bias that x had.
pub(crate) fn to_input(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    (moments, sums): (&[Moments], &[AffineGradient]),
    (dz, plus): (&[f32], Option<&[f32]>),
    mut to: To,
) -> Vec<f32> {
    batch.check(settings);
    let channels = batch.x.channels();
    assert_eq!((batch.x.len(), batch.n, batch.n), (dz.len(), moments.len(), sums.len()));
    moments.iter().for_each(|moments| moments.check(channels, isa.lanes()));
    assert!(plus.is_none_or(|plus| plus.len() == dz.len()));
    match &to {
        To::Numbers(dx) => assert_eq!(dx.len(), dz.len()),
        To::Rounded(_, dx) => assert!(2 * dx.len() == dz.len() && channels.is_multiple_of(COLUMNS)),
    }
    let (len, pixels) = (batch.x.len() / batch.n, batch.x.pixels() / batch.n);
    let mut rows = Vec::with_capacity(batch.n * channels);
    for (i, (moments, sums)) in moments.iter().zip(sums).enumerate() {
        let at = i * len..(i + 1) * len;
        let (dz, plus) = (dz[at.clone()].as_ptr(), plus.map(|plus| &plus[at]));
        let pass = ToInput { sample: batch.sample(settings, i), moments, sums, dz, plus };
        // SAFETY: one sample of checked lengths.
        let row = unsafe {
            match to {
                To::Numbers(dx) => {
                    let (dx, rest) = dx.split_at(pixels);
                    to = To::Numbers(rest);
                    isa.run(ToInputNumbers { pass, dx })
                }
                To::Rounded(tiles, dx) => {
                    let (dx, rest) = dx.split_at_mut(len / 2);
                    to = To::Rounded(tiles, rest);
                    tiles.run_pairs(ToInputRounded { pass, dx })
                }
            }
        };
        rows.extend_from_slice(&row[..channels]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::buffers::Scratch;
    use crate::kernels::group_norm::Activation;
    use crate::random::{Stream, generator, normal};

    const CHANNELS: usize = 32;
    const PIXELS: usize = 15;

    fn numbers(seed: u64, len: usize) -> Vec<f32> {
        normal(&mut generator(seed, Stream::Noise, 0), len)
    }

    /// Both steps back of two samples, and the sums over the pixels: what a convolution reads, the input's gradient, the sums.
    fn back(isa: Isa, form: Form) -> [Vec<f32>; 3] {
        let len = 2 * PIXELS * CHANNELS;
        let (x, weight, bias) = (numbers(1, len), numbers(2, CHANNELS), numbers(3, CHANNELS));
        let settings = Settings { groups: 4, eps: 1e-5, activation: Activation::SiluForBf16 };
        let batch = Batch { n: 2, x: Sides::one(&x, CHANNELS), weight: &weight, bias: &bias };
        let mut scratch = Scratch::new(len);
        // SAFETY: a normalization writes numbers.
        let moments = normalize(isa, settings, batch, unsafe { scratch.part() });
        let (mut gradient, mut normed) = (Scratch::new(len), Scratch::new(form.words(len)));
        gradient.copy_from_slice(&numbers(4, len));
        // SAFETY: the gradient is numbers, and a normalization writes numbers.
        let sums = unsafe { to_affine(isa, settings, batch, &moments, (gradient.part(), form, normed.part())) };
        let mut dx = Scratch::new(form.words(len));
        // SAFETY: the gradient of a normalization is numbers.
        let room = unsafe { dx.part() };
        let to = match form {
            Form::Numbers => To::Numbers(SidesMut::one(room, CHANNELS)),
            Form::Rounded(tiles) => To::Rounded(tiles, room),
        };
        let rows = to_input(isa, settings, batch, (&moments, &sums), (&gradient, None), to);
        [normed.to_vec(), dx.to_vec(), rows]
    }

    #[test]
    fn rounded_steps_are_the_numbers_rounded_and_the_sums_those_of_the_numbers() {
        let isas = Isa::available().into_iter().filter_map(|isa| Some((isa, TileIsa::of(isa)?)));
        for (isa, tiles) in isas {
            let [normed, dx, rows] = back(isa, Form::Numbers);
            let [normed_rounded, dx_rounded, same_rows] = back(isa, Form::Rounded(tiles));
            assert_eq!(rows, same_rows);
            for (numbers, words) in [(&normed, normed_rounded), (&dx, dx_rounded)] {
                let mut room = Scratch::new(0);
                let (rounded, _) = Rounded::of(tiles, numbers, (CHANNELS, PIXELS * CHANNELS), &mut room);
                let bits = |words: &[f32]| words.iter().map(|word| word.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(rounded.words()), bits(&words));
            }
        }
    }

    #[test]
    fn the_sums_over_the_pixels_are_the_gradient_of_a_bias_in_front() {
        for isa in Isa::available() {
            let [_, dx, rows] = back(isa, Form::Numbers);
            for (i, row) in rows.iter().enumerate() {
                let of_sample = &dx[i / CHANNELS * PIXELS * CHANNELS..][..PIXELS * CHANNELS];
                let want: f32 = of_sample.iter().skip(i % CHANNELS).step_by(CHANNELS).sum();
                assert!((row - want).abs() < 1e-5, "{row} and {want} on {}", isa.name());
            }
        }
    }
}
