//! How a trajectory begins, and where it ends, where that is not unit noise and the clean image.

use super::SamplerSettings;
use crate::config::{PathName, SamplerName, SigmaRange, TimestepSpacing};
use crate::diffusion::{NoiseLevel, Schedule};

/// Where the last step leads where it does not lead to the clean image: to the least noise of the schedule
/// (diffusers' `final_sigmas_type`), UniPC and DEIS with a spacing that divides σ/α to its own least. `visited` are the
/// levels before. Samplers whose x is a clean image with noise upon it end without scaling that down.
pub(super) fn least_noise(schedule: &Schedule, settings: &SamplerSettings, visited: &[NoiseLevel]) -> NoiseLevel {
    let own = matches!(settings.sampler, SamplerName::UniPc | SamplerName::Deis) && settings.spacing.divides_sigmas();
    let level = match visited.last() {
        Some(last) if own => *last,
        _ => schedule.cleanest(),
    };
    match settings.sampler {
        SamplerName::Euler | SamplerName::Lms => NoiseLevel { alpha: 1.0, sigma: level.noise_to_signal(), ..level },
        _ => level,
    }
}

/// What Euler, Heun, EDM, LMS and KDPM2 multiply unit noise by, where that is not the path's own factor: on path vp
/// they start from a sample whose σ/α is that of the first level and that holds no image, so that x_t is
/// σ·noise. Diffusers' `init_noise_sigma`: with leading spacing it is a factor that leaves unit variance.
pub(super) fn starting_scale(schedule: &Schedule, settings: &SamplerSettings, first: NoiseLevel) -> Option<f64> {
    let leading = match settings.spacing.divides_sigmas() {
        true => settings.sigma_range == SigmaRange::Leading,
        false => settings.spacing == TimestepSpacing::Leading,
    };
    (schedule.path == PathName::Vp && !leading).then_some(first.sigma)
}
