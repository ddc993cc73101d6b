//! What a group normalization is given, and what it finds of a sample.

use crate::config::Precision;
use crate::kernels::buffers::Scratch;
use crate::kernels::sides::Sides;

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
