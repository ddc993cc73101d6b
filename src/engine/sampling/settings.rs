//! How to sample.

use super::Clamp;
use crate::config::{
    FinalSigmasType, InterpolationType, SampleConfig, SamplerName, SigmaRange, SolverType, TimestepSpacing,
};

/// How to walk from noise to an image.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerSettings {
    pub sampler: SamplerName,
    /// Steps, 1..=T; one network call each but for the samplers that say otherwise; pf_ode ignores it.
    pub steps: usize,
    /// DDIM's η, 0..=1; the other samplers ignore it.
    pub eta: f64,
    pub spacing: TimestepSpacing,
    /// Added to the timesteps of spacing leading on path vp.
    pub steps_offset: usize,
    /// Sampler ddim on path vp ends at the clean image, not at the level of t = 0.
    pub set_alpha_to_one: bool,
    /// Sampler ddim on path vp leads ⌊T/n⌋ timesteps down with each step, not to the next level.
    pub equal_strides: bool,
    /// ρ of spacing karras, above 0.
    pub rho: f64,
    /// Ends of the spacings that divide σ/α; 0: of the schedule.
    pub sigma_min: f64,
    pub sigma_max: f64,
    /// Where those ends are taken from on path vp.
    pub sigma_range: SigmaRange,
    /// How σ/α follow from the timesteps; sampler euler on path vp.
    pub interpolation_type: InterpolationType,
    /// The least log(α/σ) that DPM-Solver's samplers begin at, below 0; 0: any.
    pub lambda_min_clipped: f64,
    /// The last u of path flow, above 0 and below 1; 0: as the shift says.
    pub shift_terminal: f64,
    /// The timesteps to visit, falling within 0..T, in place of steps and spacing; empty: by those.
    pub timesteps: Vec<f64>,
    pub solver: Solver,
    pub churn: Churn,
    /// Begin at this t/T, above 0 to 1 (the whole way).
    pub strength: f64,
    /// Clamp x̂_0 to [-clip_sample_range, clip_sample_range] at every step.
    pub clip_sample: bool,
    pub clip_sample_range: f64,
    /// Threshold x̂_0 instead ([`Clamp::Dynamic`]).
    pub thresholding: bool,
    pub dynamic_thresholding_ratio: f64,
    pub sample_max_value: f64,
    /// pf_ode's tolerances, above 0.
    pub rtol: f64,
    pub atol: f64,
    /// pc's r, above 0, and its Langevin steps a level.
    pub corrector_snr: f64,
    pub corrector_steps: usize,
}

/// How the multistep solvers go from the answers to the step.
#[derive(Clone, Debug, PartialEq)]
pub struct Solver {
    /// The highest order; 0: the sampler's own.
    pub order: usize,
    /// Of the rules of a sampler the one that is asked for; another's is its own.
    pub solver_type: SolverType,
    pub lower_order_final: bool,
    pub euler_at_final: bool,
    pub final_sigmas_type: FinalSigmasType,
    /// UniPC: solve for x_0 rather than for the noise.
    pub predict_x0: bool,
    /// UniPC: the steps, counted from 0, that are not corrected.
    pub disable_corrector: Vec<usize>,
    /// PNDM: no Runge-Kutta start.
    pub skip_prk_steps: bool,
    /// PNDM: combine velocities.
    pub pndm_velocity: bool,
}

/// Noise that sampler edm adds on its way (Karras et al. 2022, algorithm 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// S_churn: how much in the whole trajectory, 0 or more; 0: none.
    pub s_churn: f64,
    /// S_tmin: the least σ/α at which it is added.
    pub s_tmin: f64,
    /// S_tmax: the largest; infinite without limit.
    pub s_tmax: f64,
    /// S_noise: its standard deviation.
    pub s_noise: f64,
}

impl From<&SampleConfig> for SamplerSettings {
    fn from(config: &SampleConfig) -> Self {
        Self {
            sampler: config.sampler,
            steps: config.steps,
            eta: config.eta,
            spacing: config.spacing,
            steps_offset: config.steps_offset,
            set_alpha_to_one: config.set_alpha_to_one,
            equal_strides: config.equal_strides,
            rho: config.rho,
            sigma_min: config.sigma_min,
            sigma_max: config.sigma_max,
            sigma_range: config.sigma_range,
            interpolation_type: config.interpolation_type,
            lambda_min_clipped: config.lambda_min_clipped,
            shift_terminal: config.shift_terminal,
            timesteps: config.timesteps.clone(),
            solver: Solver {
                order: config.solver_order,
                solver_type: config.solver_type,
                lower_order_final: config.lower_order_final,
                euler_at_final: config.euler_at_final,
                final_sigmas_type: config.final_sigmas_type,
                predict_x0: config.predict_x0,
                disable_corrector: config.disable_corrector.clone(),
                skip_prk_steps: config.skip_prk_steps,
                pndm_velocity: config.pndm_velocity,
            },
            churn: Churn {
                s_churn: config.s_churn,
                s_tmin: config.s_tmin,
                s_tmax: if config.s_tmax == 0.0 { f64::INFINITY } else { config.s_tmax },
                s_noise: config.s_noise,
            },
            strength: 1.0,
            clip_sample: config.clip_sample,
            clip_sample_range: config.clip_sample_range,
            thresholding: config.thresholding,
            dynamic_thresholding_ratio: config.dynamic_thresholding_ratio,
            sample_max_value: config.sample_max_value,
            rtol: config.rtol,
            atol: config.atol,
            corrector_snr: config.corrector_snr,
            corrector_steps: config.corrector_steps,
        }
    }
}

impl SamplerSettings {
    /// What x̂_0 is bounded to, where the sampler allows it.
    pub fn clamp(&self) -> Clamp {
        if self.thresholding {
            return Clamp::Dynamic { ratio: self.dynamic_thresholding_ratio, most: self.sample_max_value };
        }
        if self.clip_sample { Clamp::Range(self.clip_sample_range) } else { Clamp::None }
    }

    /// The highest order that the sampler takes.
    pub(super) fn order(&self) -> usize {
        let (own, most) = match self.sampler {
            SamplerName::Lms => (4, 4),
            SamplerName::Dpmpp3m => (3, 3),
            _ => (2, 3),
        };
        if self.solver.order == 0 { own } else { self.solver.order.min(most) }
    }

    /// Does Euler's method walk its own σ/α, other than those of its timesteps?
    pub(super) fn is_log_linear(&self) -> bool {
        self.sampler == SamplerName::Euler && self.interpolation_type == InterpolationType::LogLinear
    }

    /// Does the sampler obey `lambda_min_clipped`?
    pub(super) fn clips_lambda(&self) -> bool {
        use SamplerName::{Dpmpp2m, Dpmpp2mSde, Dpmpp2s, Dpmpp3m};
        matches!(self.sampler, Dpmpp2m | Dpmpp3m | Dpmpp2mSde | Dpmpp2s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_samplers_own_unless_asked_for() {
        let order = |sampler, solver_order| {
            SamplerSettings::from(&SampleConfig { sampler, solver_order, ..SampleConfig::default() }).order()
        };
        for (sampler, own, most) in [
            (SamplerName::Dpmpp2m, 2, 3),
            (SamplerName::Dpmpp3m, 3, 3),
            (SamplerName::Dpmpp2mSde, 2, 3),
            (SamplerName::UniPc, 2, 3),
            (SamplerName::Lms, 4, 4),
        ] {
            assert_eq!((order(sampler, 0), order(sampler, 1), order(sampler, 4)), (own, 1, most), "{sampler:?}");
        }
    }
}
