//! The schedules that the schedule panel draws, and how its axes are read.

use crate::config::{DiffusionConfig, PathName, ScheduleName};
use crate::diffusion::{Parameterization, Schedule};
use crate::eval::{ReverseVariance, StepCost};

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
    /// For each t ≥ 1: L_t of the variational bound, bits/dim, where the mean squared error of the target is 1;
    /// proportional to it. (The steps are counted from 0: Ho et al.'s L_{t−1} of their steps 2 to T.) 0 at t = 0,
    /// since L_0 is no multiple of the squared error. `None` where the path has no steps.
    pub bound: Option<Vec<f64>>,
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
        let bound = bound_weights(config);
        Some(Self { run, others, bound })
    }

    /// What the timesteps of one of `bins` bins add to the bound, bits/dim, while `loss` is the mean squared
    /// error in that bin.
    pub fn bound_of(&self, bin: usize, bins: usize, loss: f64) -> Option<f64> {
        let edge = |b: usize| (b * self.timesteps()).div_ceil(bins.max(1));
        let weights = self.bound.as_ref()?.get(edge(bin)..edge(bin + 1))?;
        Some(loss * weights.iter().sum::<f64>())
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

/// The weights that turn the training loss into terms of the bound (Ho et al. 2020, eq. 12, there for ε), with
/// the variance fixed_small. With x_t given, an error e of the target a·x_0 + b·ε is an error e/(a − bα/σ) of x_0.
fn bound_weights(config: &DiffusionConfig) -> Option<Vec<f64>> {
    let parameterization = Parameterization::from_config(config).ok()?;
    let schedule = &parameterization.schedule;
    if schedule.path != PathName::Vp {
        return None;
    }
    let weight = |t: usize| {
        let at = schedule.at(t);
        let target = parameterization.target(at);
        let slope = target.x_0 - target.epsilon * at.alpha / at.sigma;
        let nats = StepCost::at(schedule, t).ok()?.of_square(ReverseVariance::FixedSmall, 1.0 / (slope * slope));
        Some(nats / std::f64::consts::LN_2)
    };
    std::iter::once(Some(0.0)).chain((1..schedule.timesteps()).map(weight)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_weighs_the_loss_as_ddpm_says_whatever_the_target() {
        use crate::config::PredictionType;
        let config = |prediction_type| DiffusionConfig {
            schedule: ScheduleName::Linear,
            prediction_type,
            ..DiffusionConfig::default()
        };
        let epsilon = Curves::new(&config(PredictionType::Epsilon)).unwrap();
        let s = &epsilon.run;
        for t in [1, 30, 500, 999] {
            // Ho et al. 2020, eq. 12: β²/(2σ²α(1 − ᾱ)) with σ² = β̃.
            let (beta, now, before) = (s.betas[t], s.alphas_cumprod[t], s.alphas_cumprod[t - 1]);
            let small = beta * (1.0 - before) / (1.0 - now);
            let weight = beta * beta / (2.0 * small * (1.0 - beta) * (1.0 - now)) / std::f64::consts::LN_2;
            let got = epsilon.bound.as_ref().unwrap()[t];
            assert!((got / weight - 1.0).abs() < 1e-9, "t = {t}: {got} against {weight}");
            // An error of 1 in ε is one of σ/α in x_0.
            let sample = Curves::new(&config(PredictionType::Sample)).unwrap().bound.unwrap()[t];
            assert!((sample * (1.0 - now) / now / weight - 1.0).abs() < 1e-9);
        }
        let sum: f64 = (0..40).map(|bin| epsilon.bound_of(bin, 40, 1.0).unwrap()).sum();
        let all: f64 = epsilon.bound.as_ref().unwrap().iter().sum();
        assert!((sum / all - 1.0).abs() < 1e-12);
        // ᾱ_T of the linear schedule is 4e-5.
        assert!((epsilon.largest_prior() / 2.9e-5 - 1.0).abs() < 0.02, "{}", epsilon.largest_prior());
        let flow = DiffusionConfig { path: PathName::Flow, ..config(PredictionType::Flow) };
        assert_eq!(Curves::new(&flow).unwrap().bound, None);
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
