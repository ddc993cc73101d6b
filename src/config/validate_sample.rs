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
}
