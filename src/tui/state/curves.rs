//! The schedules that the schedule panel draws, and how its axes are read.

use crate::config::{DiffusionConfig, ScheduleName};
use crate::diffusion::Schedule;

/// Which curve of the schedules is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleView {
    AlphasCumprod,
    Betas,
    /// √ᾱ and √(1−ᾱ).
    Coefficients,
    /// 10·log10 of the signal-to-noise ratio.
    Snr,
}

impl ScheduleView {
    pub const ALL: [ScheduleView; 4] =
        [ScheduleView::AlphasCumprod, ScheduleView::Betas, ScheduleView::Coefficients, ScheduleView::Snr];

    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    pub fn name(self) -> &'static str {
        match self {
            ScheduleView::AlphasCumprod => "ᾱ",
            ScheduleView::Betas => "β",
            ScheduleView::Coefficients => "√ᾱ √(1−ᾱ)",
            ScheduleView::Snr => "SNR",
        }
    }
}

/// How t axes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeAxis {
    T,
    Sigma,
    /// Half log-SNR λ = log(α/σ), doubled: log(ᾱ / (1 − ᾱ)).
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
        Some(Self { run, others })
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
