//! Can the samplers run with these numbers?

use super::validate::ensure;
use super::{Config, ConfigError};

/// More Langevin steps a level than anyone would wait for.
const MOST_CORRECTIONS: usize = 100;

impl Config {
    /// The numbers of pf_ode and pc.
    pub(super) fn check_solvers(&self) -> Result<(), ConfigError> {
        let sample = &self.sample;
        for (key, tolerance) in [("sample.rtol", sample.rtol), ("sample.atol", sample.atol)] {
            ensure(
                tolerance > 0.0 && tolerance <= 1.0,
                key,
                tolerance,
                "a tolerance is a number above 0 and at most 1; 0.001 is usual",
            )?;
        }
        ensure(
            sample.corrector_snr > 0.0 && sample.corrector_snr <= 1.0,
            "sample.corrector_snr",
            sample.corrector_snr,
            "use a number above 0 and at most 1; 0.16 is usual",
        )?;
        ensure(
            sample.corrector_steps <= MOST_CORRECTIONS,
            "sample.corrector_steps",
            sample.corrector_steps,
            format!("use {MOST_CORRECTIONS} at most; 1 is usual, 0 leaves the predictor alone"),
        )
    }

    /// What guidance adds to its scale.
    pub(super) fn check_guidance(&self) -> Result<(), ConfigError> {
        let sample = &self.sample;
        ensure(
            (0.0..=1.0).contains(&sample.guidance_rescale),
            "sample.guidance_rescale",
            sample.guidance_rescale,
            "φ lies from 0 (no rescale) to 1; 0.7 is usual",
        )?;
        let possible = match sample.guidance_interval[..] {
            [from, to] => (0.0..=1.0).contains(&from) && (0.0..=1.0).contains(&to) && from < to,
            _ => false,
        };
        ensure(
            possible,
            "sample.guidance_interval",
            format!("{:?}", sample.guidance_interval),
            "give two numbers within 0 to 1, the first the smaller: [0.0, 1.0] guides everywhere",
        )?;
        ensure(
            sample.negative_class.is_empty() || self.model.class_conditional,
            "sample.negative_class",
            format!("{:?}", sample.negative_class),
            "guidance needs a network trained with class labels; set model.class_conditional = true, or leave it out",
        )
    }
}
