//! Group normalization with SiLU in steps, for operations that fuse it with others: forward, and backward in two, of which the first makes
//! the normalized values once more (cheaper than keeping them: they are made where they are read, in the cache). All on the
//! calling thread.

use super::forward::NormForward;
use super::gradient::{ToAffine, ToInput};
use super::sample::{AffineGradient, Batch, Moments, Settings};
use super::target::Words;
use crate::kernels::buffers::Part;
use crate::kernels::factor::{Factor, Rounded};
use crate::kernels::sides::{Sides, SidesMut};
use crate::kernels::simd::{Isa, TileIsa};

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

    /// Where a step leaves pixels in this form: whole columns of channels where they are rounded.
    pub fn to(self, words: Part<'_>, channels: usize) -> To<'_> {
        match self {
            Self::Numbers => To::Numbers(SidesMut::one(words, channels)),
            Self::Rounded(tiles) => To::Rounded(tiles, Words::new(words, channels)),
        }
    }

    /// What a step has left.
    pub fn factor(self, words: &[f32], channels: usize) -> Factor<'_> {
        match self {
            Self::Numbers => Sides::one(words, channels).into(),
            Self::Rounded(_) => Rounded::new(words, channels).into(),
        }
    }
}

/// Where a step leaves pixels.
pub(crate) enum To<'a> {
    Numbers(SidesMut<'a>),
    Rounded(TileIsa, Words<'a>),
}

impl To<'_> {
    /// Numbers.
    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Rounded(_, words) => words.len(),
        }
    }

    /// The first `pixels` pixels, and the others.
    fn split_at(self, pixels: usize) -> (Self, Self) {
        match self {
            Self::Numbers(numbers) => {
                let (first, rest) = numbers.split_at(pixels);
                (Self::Numbers(first), Self::Numbers(rest))
            }
            Self::Rounded(tiles, words) => {
                let (first, rest) = words.split_at(pixels);
                (Self::Rounded(tiles, first), Self::Rounded(tiles, rest))
            }
        }
    }
}

/// Makes dz of the gradient of silu(norm(x)), in its place, and silu(norm(x)) once more; returns the gradients of weight and bias for each
/// sample.
///
/// # Safety
/// `gradient` holds numbers.
pub(crate) unsafe fn to_affine(
    isa: Isa,
    settings: Settings,
    batch: Batch,
    moments: &[Moments],
    (gradient, mut normed): (Part, To),
) -> Vec<AffineGradient> {
    batch.check(settings);
    let (len, pixels) = (batch.x.len() / batch.n, batch.x.pixels() / batch.n);
    assert_eq!((batch.x.len(), batch.x.len(), batch.n), (gradient.len(), normed.len(), moments.len()));
    moments.iter().for_each(|moments| moments.check(batch.x.channels(), isa.lanes()));
    let mut all = Vec::with_capacity(batch.n);
    for ((i, moments), dz) in moments.iter().enumerate().zip(gradient.chunks_exact_mut(len)) {
        let (sample, (first, rest)) = (batch.sample(settings, i), normed.split_at(pixels));
        normed = rest;
        // SAFETY: one sample of checked lengths; the caller's promise.
        all.push(unsafe {
            match first {
                To::Numbers(normed) => isa.run(ToAffine { sample, moments, dy: None, dz, normed }),
                To::Rounded(tiles, normed) => tiles.run_pairs(ToAffine { sample, moments, dy: None, dz, normed }),
            }
        });
    }
    all
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
    assert!(plus.is_none_or(|plus| plus.len() == dz.len()) && to.len() == dz.len());
    let (len, pixels) = (batch.x.len() / batch.n, batch.x.pixels() / batch.n);
    let mut rows = Vec::with_capacity(batch.n * channels);
    for (i, (moments, sums)) in moments.iter().zip(sums).enumerate() {
        let at = i * len..(i + 1) * len;
        let (dz, plus) = (dz[at.clone()].as_ptr(), plus.map(|plus| &plus[at]));
        let (sample, (first, rest)) = (batch.sample(settings, i), to.split_at(pixels));
        to = rest;
        // SAFETY: one sample of checked lengths.
        let row = unsafe {
            match first {
                To::Numbers(dx) => isa.run(ToInput { sample, moments, sums, dz, plus, dx }),
                To::Rounded(tiles, dx) => tiles.run_pairs(ToInput { sample, moments, sums, dz, plus, dx }),
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
        let sums = unsafe {
            let normed = form.to(normed.part(), CHANNELS);
            to_affine(isa, settings, batch, &moments, (gradient.part(), normed))
        };
        let mut dx = Scratch::new(form.words(len));
        // SAFETY: the gradient of a normalization is numbers.
        let to = form.to(unsafe { dx.part() }, CHANNELS);
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

    /// Both steps back of a sample of two channels in groups of their own: the input's gradient.
    fn back_alone(isa: Isa, x: &[f32], gradient: &[f32], eps: f64) -> Vec<f32> {
        let (weight, bias) = ([0.7, 1.3], [0.1, -0.2]);
        let settings = Settings { groups: 2, eps, activation: Activation::Silu };
        let batch = Batch { n: 1, x: Sides::one(x, 2), weight: &weight, bias: &bias };
        let [mut room, mut d, mut dx] = [(); 3].map(|()| Scratch::new(x.len()));
        d.copy_from_slice(gradient);
        // SAFETY: a normalization writes numbers, and the gradient is numbers.
        unsafe {
            let moments = normalize(isa, settings, batch, room.part());
            let normed = Form::Numbers.to(room.part(), 2);
            let sums = to_affine(isa, settings, batch, &moments, (d.part(), normed));
            let to = Form::Numbers.to(dx.part(), 2);
            to_input(isa, settings, batch, (&moments, &sums), (&d, None), to);
        }
        dx.to_vec()
    }

    #[test]
    fn what_does_not_vary_has_no_gradient_however_small_eps_is() {
        for isa in Isa::available() {
            for eps in [1e-5, 1e-12, 1e-20, 1e-38] {
                assert_eq!(back_alone(isa, &[0.3, -1.7], &[0.9, 0.37], eps), [0.0; 2], "{eps} on {}", isa.name());
            }
        }
    }

    #[test]
    fn huge_numbers_and_huge_gradients_have_finite_gradients() {
        let [x, gradient] =
            [(5, 1e10), (6, 1e30)].map(|(seed, size)| numbers(seed, 98).iter().map(|x| x * size).collect::<Vec<_>>());
        for isa in Isa::available() {
            let small = back_alone(isa, &numbers(5, 98), &numbers(6, 98), 1e-25);
            let huge = back_alone(isa, &x, &gradient, 1e-5);
            let apart = |(a, b): (&f32, &f32)| (a * 1e-20 - b).abs();
            assert!(huge.iter().zip(&small).map(apart).all(|apart| apart < 1e-5), "{huge:?} on {}", isa.name());
        }
    }
}
