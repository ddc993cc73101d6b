//! SDEdit: an image half-way back into the noise, and from there anew (Meng et al. 2022, "SDEdit: Guided Image
//! Synthesis and Editing with Stochastic Differential Equations", algorithm 1).

use anyhow::{Result, ensure};
use candle_core::Tensor;

use crate::diffusion::{NoiseLevel, Schedule, combine};
use crate::sampling::{SamplerSettings, levels};

/// The settings that begin at `strength` (t/T, above 0 and up to 1: all the way) instead of at pure noise:
/// of the levels that the sampler would visit, those from there on, at least one. A strength of 0.5 thus
/// costs about half of the network calls.
///
/// # Errors
/// When the strength is not above 0 and at most 1, or as [`levels`].
pub fn begin_at(schedule: &Schedule, settings: &SamplerSettings, strength: f64) -> Result<SamplerSettings> {
    ensure!(
        strength > 0.0 && strength <= 1.0,
        "the strength lies above 0 (nothing changes) and at most at 1 (nothing of the image is left), but is {strength}"
    );
    let all = levels(schedule, settings)?;
    let begun = all.iter().position(|level| schedule.u(level.t) <= strength + 1e-9).unwrap_or(all.len() - 1);
    let timesteps: Vec<f64> = all[begun..].iter().map(|level| level.t).collect();
    Ok(SamplerSettings { steps: timesteps.len(), timesteps, ..settings.clone() })
}

/// x_t = α·x_0 + σ·ε of `image` (`[1, H, W, C]`) with each of the noises (`[N, H, W, C]`).
///
/// # Errors
/// When the shapes disagree.
pub fn noised(image: &Tensor, noise: &Tensor, at: NoiseLevel) -> Result<Tensor> {
    combine(at.alpha, &image.broadcast_as(noise.shape())?.contiguous()?, at.sigma, noise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, PathName, SampleConfig};

    #[test]
    fn half_the_strength_is_half_the_way_on_every_path() {
        for path in [PathName::Vp, PathName::VpSde, PathName::Ve, PathName::Edm, PathName::Flow] {
            let schedule = Schedule::from_config(&DiffusionConfig { path, ..DiffusionConfig::default() }).unwrap();
            let settings = SamplerSettings { steps: 20, ..SamplerSettings::from(&SampleConfig::default()) };
            let half = begin_at(&schedule, &settings, 0.5).unwrap();
            let walked = levels(&schedule, &half).unwrap();
            assert!((9..=11).contains(&walked.len()), "{path:?}: {}", walked.len());
            assert!(schedule.u(walked[0].t) <= 0.5 + 1e-9 && schedule.u(walked[0].t) > 0.44, "{path:?}");
            assert_eq!(begin_at(&schedule, &settings, 1.0).unwrap().timesteps.len(), 20);
            assert_eq!(begin_at(&schedule, &settings, 1e-9).unwrap().timesteps.len(), 1);
            for impossible in [0.0, -0.5, 1.5, f64::NAN] {
                assert!(begin_at(&schedule, &settings, impossible).is_err());
            }
        }
    }
}
