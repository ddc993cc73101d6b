//! How much a sample's squared error counts in the loss, from level to level.

use anyhow::Result;

use super::{NoiseLevel, Parameterization};
use crate::config::{LossWeighting, TrainConfig};

/// A weighting of the loss over the noise levels.
///
/// Each is written once, as the weight w(t) of ‖x_0 − x̂_0‖². The network's own output y is linear in x_0
/// at a given x_t, x_0 = p·x_t + q·y, so that an error e in y is q·e in x_0, and the weight of the network's
/// own squared error is q²·w(t), whatever the target. On a variance-preserving path q² is 1/SNR for ε, 1 for
/// x_0 and 1/(SNR + 1) for v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossWeight {
    /// 1 on the network's own target; where that is ε, L_simple (Ho et al. 2020, "Denoising Diffusion Probabilistic
    /// Models", eq. 14).
    Simple,
    /// w = min(SNR, γ): Hang et al. 2023, "Efficient Diffusion Training via Min-SNR Weighting Strategy",
    /// section 3.4; on ε min(SNR, γ)/SNR, on v min(SNR, γ)/(SNR + 1).
    MinSnr { gamma: f64 },
    /// w = SNR/(k + SNR)^γ, on ε 1/(k + SNR)^γ: Choi et al. 2022, "Perception Prioritized Training of
    /// Diffusion Models", eq. 8 (relative to L_simple, whose λ_t cancels there).
    P2 { gamma: f64, k: f64 },
    /// w = λ(σ/α) with λ(σ) = (σ² + σ_data²)/(σ·σ_data)²: Karras et al. 2022, "Elucidating the Design Space
    /// of Diffusion-Based Generative Models", eq. 8 and table 1; exactly 1 on EDM's own target.
    Edm,
    /// The terms of the variational bound, in nats per dimension, so that their mean over uniform t is the
    /// bound without its constants. On path vp w = ½T(SNR(t − 1) − SNR(t)) (Kingma et al. 2021,
    /// "Variational Diffusion Models", eq. 14; Ho et al. 2020, eq. 12 with σ_t² = β̃_t, in terms of x_0), and
    /// ½T/β_0 at t = 0, whose step back has the variance β_0 (Ho et al. 2020, eq. 12 with σ_t² = β_t). On
    /// continuous paths w = −½ dSNR/du (Kingma et al. 2021, eq. 17).
    Vlb,
}

impl LossWeight {
    /// The weighting that a config names.
    pub fn from_config(train: &TrainConfig) -> Self {
        match train.loss_weighting {
            LossWeighting::Simple => Self::Simple,
            LossWeighting::MinSnr => Self::MinSnr { gamma: train.min_snr_gamma },
            LossWeighting::P2 => Self::P2 { gamma: train.p2_gamma, k: train.p2_k },
            LossWeighting::Edm => Self::Edm,
            LossWeighting::Vlb => Self::Vlb,
        }
    }

    /// The weight of the squared error of the network's own output at a level, 0 or more.
    ///
    /// # Errors
    /// When the output says nothing of x_0 there ([`Parameterization::inverse`]).
    pub fn of(self, parameterization: &Parameterization, at: NoiseLevel) -> Result<f64> {
        let snr = at.snr();
        let on_x_0 = match self {
            Self::Simple => return Ok(1.0),
            Self::MinSnr { gamma } => snr.min(gamma),
            Self::P2 { gamma, k } => snr / (k + snr).powf(gamma),
            Self::Edm => snr + parameterization.sigma_data.powi(-2),
            Self::Vlb => bound(parameterization, at),
        };
        let ((_, q), _) = parameterization.inverse(at)?;
        Ok(on_x_0 * q * q)
    }
}

/// The bound's weight of ‖x_0 − x̂_0‖².
fn bound(parameterization: &Parameterization, at: NoiseLevel) -> f64 {
    let schedule = &parameterization.schedule;
    if schedule.is_continuous() {
        let (d_alpha, d_sigma) = schedule.derivative(at.t);
        // −½ d(α²/σ²)/du.
        return at.alpha * (at.alpha * d_sigma - at.sigma * d_alpha) / at.sigma.powi(3);
    }
    let t = at.t.round().max(0.0) as usize;
    let total = schedule.timesteps() as f64;
    match t.checked_sub(1) {
        Some(before) => 0.5 * total * (schedule.at(before).snr() - at.snr()),
        None => 0.5 * total / schedule.betas[0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, PathName, PredictionType, ScheduleName};

    const MIN_SNR: LossWeight = LossWeight::MinSnr { gamma: 5.0 };
    const P2: LossWeight = LossWeight::P2 { gamma: 1.0, k: 1.0 };

    fn on(path: PathName, prediction_type: PredictionType) -> Parameterization {
        // Two steps of β = 0.1 and 4/9: ᾱ = 0.9 and 0.5, SNR 9 and 1.
        let config = DiffusionConfig {
            path,
            prediction_type,
            schedule: ScheduleName::Given,
            timesteps: 2,
            betas: vec![0.1, 4.0 / 9.0],
            ..DiffusionConfig::default()
        };
        Parameterization::from_config(&config).unwrap()
    }

    fn weight(weight: LossWeight, parameterization: &Parameterization, t: f64) -> f64 {
        weight.of(parameterization, parameterization.schedule.level(t)).unwrap()
    }

    #[track_caller]
    fn expect(got: f64, by_hand: f64) {
        assert!((got / by_hand - 1.0).abs() < 1e-9, "{got} instead of {by_hand}");
    }

    #[test]
    fn every_weighting_of_every_target_is_the_number_by_hand() {
        use PredictionType::*;
        // SNR 9 at t = 0, 1 at t = 1.
        for (target, numbers) in [
            // min(9, 5)/9, min(1, 5)/1; 1/(1 + 9), 1/(1 + 1); (9 + 4)/9, (1 + 4)/1;
            // ½·2·(1/0.1)/9, ½·2·(9 − 1)/1.
            (Epsilon, [[5.0 / 9.0, 1.0], [0.1, 0.5], [13.0 / 9.0, 5.0], [10.0 / 9.0, 8.0]]),
            (Score, [[5.0 / 9.0, 1.0], [0.1, 0.5], [13.0 / 9.0, 5.0], [10.0 / 9.0, 8.0]]),
            // Those by SNR.
            (Sample, [[5.0, 1.0], [0.9, 0.5], [13.0, 5.0], [10.0, 8.0]]),
            // Those by SNR/(SNR + 1).
            (VPrediction, [[5.0 / 10.0, 1.0 / 2.0], [0.09, 0.25], [1.3, 2.5], [1.0, 4.0]]),
            // c_out² = 0.25/(SNR/4 + 1) times those of x_0: 1/13 and 1/5.
            (Edm, [[5.0 / 13.0, 0.2], [0.9 / 13.0, 0.1], [1.0, 1.0], [10.0 / 13.0, 8.0 / 5.0]]),
        ] {
            let here = on(PathName::Vp, target);
            for (kind, [clean, noisy]) in [MIN_SNR, P2, LossWeight::Edm, LossWeight::Vlb].into_iter().zip(numbers) {
                expect(weight(kind, &here, 0.0), clean);
                expect(weight(kind, &here, 1.0), noisy);
            }
            assert_eq!(weight(LossWeight::Simple, &here, 0.0), 1.0);
        }
    }

    #[test]
    fn p2_with_gamma_0_is_the_simple_loss_of_epsilon() {
        let flat = LossWeight::P2 { gamma: 0.0, k: 1.0 };
        expect(weight(flat, &on(PathName::Vp, PredictionType::Epsilon), 1.0), 1.0);
    }

    #[test]
    fn the_velocity_of_a_rectified_flow_is_weighted_in_x_0() {
        // At u = ½ α = σ = ½: SNR 1, and an error e in ε − x_0 is −σ·e in x_0.
        let here = on(PathName::Flow, PredictionType::Flow);
        let half = here.schedule.t_of_u(0.5);
        expect(weight(MIN_SNR, &here, half), 0.25);
        expect(weight(P2, &here, half), 0.125);
        expect(weight(LossWeight::Edm, &here, half), 5.0 / 4.0);
        // SNR = ((1 − u)/u)², −½ dSNR/du = (1 − u)/u³ = 4; times σ².
        expect(weight(LossWeight::Vlb, &here, half), 1.0);
    }

    #[test]
    fn edm_s_own_target_has_weight_1_at_every_noise() {
        let here = on(PathName::Edm, PredictionType::Edm);
        for u in [0.0, 0.3, 0.8, 1.0] {
            expect(weight(LossWeight::Edm, &here, here.schedule.t_of_u(u)), 1.0);
        }
        // σ = √(0.002·80) = 0.4 half-way: λ = (0.16 + 0.25)/0.04 on x_0, times σ² on ε.
        let epsilon = on(PathName::Edm, PredictionType::Epsilon);
        expect(weight(LossWeight::Edm, &epsilon, epsilon.schedule.t_of_u(0.5)), 0.41 / 0.04 * 0.16);
        // −½ d(σ⁻²)/du = σ⁻² ln(80/0.002), times σ² on ε.
        expect(weight(LossWeight::Vlb, &epsilon, 0.3), 40_000f64.ln());
    }

    #[test]
    fn the_bound_of_many_steps_is_that_of_continuous_time() {
        // β_t = β(u)/T in T steps is the VP SDE (Kingma et al. 2021, section 4.2).
        let path = |path| {
            let config = DiffusionConfig { path, schedule: ScheduleName::Linear, ..DiffusionConfig::default() };
            Parameterization::from_config(&config).unwrap()
        };
        let (steps, limit) = (path(PathName::Vp), path(PathName::VpSde));
        for t in [200.0, 500.0, 900.0] {
            let ratio = weight(LossWeight::Vlb, &steps, t) / weight(LossWeight::Vlb, &limit, t);
            assert!((ratio - 1.0).abs() < 0.05, "t = {t}: {ratio}");
        }
    }

    #[test]
    fn without_signal_every_weight_is_a_number() {
        let config = DiffusionConfig {
            prediction_type: PredictionType::VPrediction,
            rescale_betas_zero_snr: true,
            ..DiffusionConfig::default()
        };
        let here = Parameterization::from_config(&config).unwrap();
        assert_eq!(weight(MIN_SNR, &here, 999.0), 0.0);
        assert_eq!(weight(P2, &here, 999.0), 0.0);
        expect(weight(LossWeight::Edm, &here, 999.0), 4.0);
        assert!(weight(LossWeight::Vlb, &here, 999.0).is_finite());
    }
}
