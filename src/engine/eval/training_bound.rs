//! The variational bound's terms by the training loss: what each timestep's mean squared error adds.

use super::bound::{ReverseVariance, StepCost};
use crate::diffusion::Parameterization;

/// For each t ≥ 1: L_t of the variational bound, bits/dim, where the mean squared error of the target is 1;
/// proportional to it (Ho et al. 2020, eq. 12, there for ε), with the variance fixed_small. (The steps are counted from
/// 0: Ho et al.'s L_{t−1} of their steps 2 to T.)
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingBound {
    /// 0 at t = 0, since L_0 is no multiple of the squared error.
    pub weights: Vec<f64>,
}

impl TrainingBound {
    /// On paths of continuous time the bound is an integral; these are the terms of its T timesteps. `None` where the process
    /// has no such terms.
    pub fn of(parameterization: &Parameterization) -> Option<Self> {
        let schedule = &parameterization.schedule;
        let weight = |t: usize| {
            let at = schedule.at(t);
            let target = parameterization.target(at);
            // With x_t given, an error e of the target a·x_0 + b·ε is an error e/(a − bα/σ) of x_0.
            let slope = target.x_0 - target.epsilon * at.alpha / at.sigma;
            let square = 1.0 / (slope * slope);
            let nats = match schedule.is_continuous() {
                // ½ (SNR(s) − SNR(t))·‖x_0 − x̂_0‖², s the timestep before (Kingma et al. 2021, eq. 14).
                true => 0.5 * (schedule.snr(t - 1) - schedule.snr(t)) * square,
                false => StepCost::at(schedule, t).ok()?.of_square(ReverseVariance::FixedSmall, square),
            };
            Some(nats / std::f64::consts::LN_2)
        };
        let weights = std::iter::once(Some(0.0)).chain((1..schedule.timesteps()).map(weight)).collect::<Option<_>>()?;
        Some(Self { weights })
    }

    /// What the timesteps of one of `bins` bins add to the bound, bits/dim, while `loss` is the mean squared
    /// error in that bin.
    pub fn of_bin(&self, bin: usize, bins: usize, loss: f64) -> Option<f64> {
        let edge = |b: usize| (b * self.weights.len()).div_ceil(bins.max(1));
        Some(loss * self.weights.get(edge(bin)..edge(bin + 1))?.iter().sum::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, PathName, PredictionType, ScheduleName};

    fn of(path: PathName, prediction_type: PredictionType) -> (Parameterization, Option<TrainingBound>) {
        let config =
            DiffusionConfig { path, schedule: ScheduleName::Linear, prediction_type, ..DiffusionConfig::default() };
        let parameterization = Parameterization::from_config(&config).unwrap();
        let bound = TrainingBound::of(&parameterization);
        (parameterization, bound)
    }

    #[test]
    fn the_bound_weighs_the_loss_as_ddpm_says_whatever_the_target() {
        let (parameterization, epsilon) = of(PathName::Vp, PredictionType::Epsilon);
        let (s, epsilon) = (parameterization.schedule, epsilon.unwrap());
        let sample = of(PathName::Vp, PredictionType::Sample).1.unwrap();
        for t in [1, 30, 500, 999] {
            // Ho et al. 2020, eq. 12: β²/(2σ²α(1 − ᾱ)) with σ² = β̃.
            let (beta, now, before) = (s.betas[t], s.alphas_cumprod[t], s.alphas_cumprod[t - 1]);
            let small = beta * (1.0 - before) / (1.0 - now);
            let weight = beta * beta / (2.0 * small * (1.0 - beta) * (1.0 - now)) / std::f64::consts::LN_2;
            assert!((epsilon.weights[t] / weight - 1.0).abs() < 1e-9, "t = {t}");
            // An error of 1 in ε is one of σ/α in x_0.
            assert!((sample.weights[t] * (1.0 - now) / now / weight - 1.0).abs() < 1e-9);
        }
        let sum: f64 = (0..40).map(|bin| epsilon.of_bin(bin, 40, 1.0).unwrap()).sum();
        assert!((sum / epsilon.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn on_paths_of_continuous_time_it_is_the_fall_of_the_snr() {
        let (parameterization, flow) = of(PathName::Flow, PredictionType::Flow);
        let flow = flow.unwrap();
        let timesteps = parameterization.schedule.timesteps() as f64;
        for t in [1, 40, 500, 999] {
            let u = |t: usize| (t as f64 + 1.0) / timesteps;
            let snr = |u: f64| ((1.0 - u) / u).powi(2);
            // v = ε − x_0, and x_t fixes ε − ε̂ = −(1 − u)/u·(x_0 − x̂_0): v − v̂ = −(x_0 − x̂_0)/u.
            let weight = 0.5 * (snr(u(t - 1)) - snr(u(t))) * u(t) * u(t) / std::f64::consts::LN_2;
            assert!((flow.weights[t] / weight - 1.0).abs() < 1e-9, "t = {t}: {} not {weight}", flow.weights[t]);
        }
        let (parameterization, ve) = of(PathName::Ve, PredictionType::Epsilon);
        let (s, ve) = (parameterization.schedule, ve.unwrap());
        // ε: x_0 − x̂_0 = −σ·(ε − ε̂).
        let weight = 0.5 * (1.0 / s.sigma(299).powi(2) - 1.0 / s.sigma(300).powi(2)) * s.sigma(300).powi(2);
        assert!((ve.weights[300] * std::f64::consts::LN_2 / weight - 1.0).abs() < 1e-9);
    }
}
