//! Samples that are none: NaN or infinite values.

use anyhow::Result;
use candle_core::Tensor;

use crate::sampling::SampleFrame;

/// Some samples hold NaN or infinite values, which a picture would show as black and call a sample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct NotFinite {
    /// How many samples hold such values, of how many.
    pub samples: usize,
    pub of: usize,
    /// The network call, counted from 1, and the timestep t of its question, from which on they came.
    pub since: Option<(usize, usize)>,
}

impl NotFinite {
    fn sentence(&self) -> String {
        let Self { samples, of, since } = self;
        let whose = if of == samples { format!("all {of}") } else { format!("{samples} of {of}") };
        let hold = if *of == 1 { "the sample holds".into() } else { format!("{whose} samples hold") };
        let since = since.map_or(String::new(), |(call, t)| format!(", since t = {t} (network call {call})"));
        format!("{hold} NaN or infinite values{since}")
    }
}

/// Looks at every frame of a trajectory for the first value that is not finite.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Where the next network call asks.
    t: usize,
    since: Option<(usize, usize)>,
}

impl Watch {
    /// # Errors
    /// When the frame can't be read from its device.
    pub fn see(&mut self, frame: &SampleFrame) -> Result<()> {
        if self.since.is_none() && !is_finite(&frame.x_t)? {
            self.since = Some((frame.index, self.t));
        }
        self.t = frame.t;
        Ok(())
    }

    /// Are the finished `samples` (`[N, …]`) what they should be?
    ///
    /// # Errors
    /// [`NotFinite`].
    pub fn judge(self, samples: &Tensor) -> Result<()> {
        if is_finite(samples)? {
            return Ok(());
        }
        let of = samples.dim(0)?;
        let mut bad = 0;
        for i in 0..of {
            bad += usize::from(!is_finite(&samples.narrow(0, i, 1)?)?);
        }
        Err(NotFinite { samples: bad, of, since: self.since }.into())
    }
}

/// 0·x is NaN where x is NaN or infinite, and 0 elsewhere; the sum tells whether there is one such.
pub(super) fn is_finite(x: &Tensor) -> Result<bool> {
    Ok(x.affine(0.0, 0.0)?.sum_all()?.to_scalar::<f32>()? == 0.0)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn frame(index: usize, t: usize, values: [f32; 2]) -> SampleFrame {
        let x_t = Tensor::from_slice(&values, (2, 1, 1, 1), &Device::Cpu).unwrap();
        SampleFrame { index, total: 3, t, x_0: x_t.clone(), x_t, update: None, latents: None }
    }

    #[test]
    fn the_first_call_that_was_answered_badly_is_named_with_its_t_and_the_samples_are_counted() {
        let mut watch = Watch::default();
        let frames = [
            frame(0, 999, [0.1, f32::MAX]),
            frame(1, 500, [0.2, f32::MIN]),
            frame(2, 250, [0.3, f32::INFINITY]),
            frame(3, 0, [0.4, f32::NAN]),
        ];
        frames.iter().for_each(|frame| watch.see(frame).unwrap());
        let error = watch.judge(&frames[3].x_t).unwrap_err();
        assert_eq!(error.downcast_ref::<NotFinite>(), Some(&NotFinite { samples: 1, of: 2, since: Some((2, 500)) }));
        assert_eq!(error.to_string(), "1 of 2 samples hold NaN or infinite values, since t = 500 (network call 2)");
    }

    #[test]
    fn large_values_are_values() {
        let mut watch = Watch::default();
        let frame = frame(0, 0, [f32::MAX, f32::MAX]);
        watch.see(&frame).unwrap();
        watch.judge(&frame.x_t).unwrap();
    }
}
