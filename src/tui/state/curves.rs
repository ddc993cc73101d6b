//! The schedules that the schedule panel draws, and how its axes are read.

use crate::config::{DiffusionConfig, PathName, ScheduleName};
use crate::diffusion::{Parameterization, Schedule};
use crate::eval::TrainingBound;

/// Which curve of the schedules is drawn. Each path has its own of them: see [`ScheduleView::all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleView {
    AlphasCumprod,
    Betas,
    /// What signal and noise are multiplied by, α and σ: √ᾱ and √(1−ᾱ) on path vp.
    Coefficients,
    /// 10·log10 of the signal-to-noise ratio.
    Snr,
}

/// How t axes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeAxis {
    T,
    Sigma,
    /// Half log-SNR λ = log(α/σ), doubled: log(α²/σ²).
    LogSnr,
}

impl TimeAxis {
    pub fn next(self) -> Self {
        match self {
            TimeAxis::T => TimeAxis::Sigma,
            TimeAxis::Sigma => TimeAxis::LogSnr,
            TimeAxis::LogSnr => TimeAxis::T,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            TimeAxis::T => "t",
            TimeAxis::Sigma => "σ",
            TimeAxis::LogSnr => "log-SNR",
        }
    }
}

/// The run's schedule and the ones it is compared with, all with the run's T.
#[derive(Clone, Debug)]
pub struct Curves {
    pub run: Schedule,
    pub others: Vec<Schedule>,
    /// What the training loss adds to the variational bound; `None` where the path has no steps.
    pub bound: Option<TrainingBound>,
}

impl Curves {
    /// `None` when the config makes no schedule; the worker says why.
    pub fn new(config: &DiffusionConfig) -> Option<Self> {
        let run = Schedule::from_config(config).ok()?;
        let named = |name| Schedule::named(name, config.timesteps, config.beta_start, config.beta_end).ok();
        let others = [ScheduleName::Linear, ScheduleName::Cosine, ScheduleName::Sigmoid]
            .into_iter()
            .filter(|name| *name != run.name)
            .filter_map(named)
            .collect();
        // The panels tell it of path vp alone, whose steps it is made of.
        let of_steps = config.path == PathName::Vp;
        let bound = Parameterization::from_config(config).ok().filter(|_| of_steps).and_then(|p| TrainingBound::of(&p));
        Some(Self { run, others, bound })
    }

    /// The largest that L_T, KL(q(x_T | x_0) ‖ N(0, 1)), can be for pixels in [-1, 1] on path vp, bits/dim.
    pub fn largest_prior(&self) -> f64 {
        let sigma = self.run.sigma(self.timesteps() - 1);
        // ½(α²x² + σ² − 1 − ln σ²) with x² = 1.
        -sigma.log2()
    }

    /// T, at least 1.
    pub fn timesteps(&self) -> usize {
        self.run.timesteps().max(1)
    }

    /// The value of a t axis at `t`.
    pub fn read(&self, axis: TimeAxis, t: usize) -> f64 {
        let t = t.min(self.timesteps() - 1);
        match axis {
            TimeAxis::T => t as f64,
            TimeAxis::Sigma => self.run.sigma(t),
            TimeAxis::LogSnr => 2.0 * self.run.lambda(t),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prior_is_what_the_last_step_leaves() {
        // ᾱ_T of the linear schedule is 4e-5.
        let config = DiffusionConfig { schedule: ScheduleName::Linear, ..DiffusionConfig::default() };
        let linear = Curves::new(&config).unwrap();
        assert!((linear.largest_prior() / 2.9e-5 - 1.0).abs() < 0.02, "{}", linear.largest_prior());
    }

    #[test]
    fn the_run_is_compared_with_the_others_at_its_own_length() {
        let curves = Curves::new(&DiffusionConfig { timesteps: 50, ..Default::default() }).unwrap();
        assert_eq!(curves.run.name, ScheduleName::Cosine);
        let others: Vec<_> = curves.others.iter().map(|s| s.name).collect();
        assert_eq!(others, [ScheduleName::Linear, ScheduleName::Sigmoid]);
        assert!(curves.others.iter().all(|s| s.timesteps() == 50));
    }

    #[test]
    fn an_axis_reads_t_sigma_and_log_snr() {
        let curves = Curves::new(&DiffusionConfig::default()).unwrap();
        assert_eq!(curves.read(TimeAxis::T, 430), 430.0);
        let sigma = curves.read(TimeAxis::Sigma, 430);
        let log_snr = curves.read(TimeAxis::LogSnr, 430);
        assert!(((1.0 - sigma * sigma) / (sigma * sigma) - log_snr.exp()).abs() < 1e-9);
    }
}
