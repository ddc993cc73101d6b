//! SDEdit: an image half-way back into the noise, and from there anew (Meng et al. 2022, "SDEdit: Guided Image
//! Synthesis and Editing with Stochastic Differential Equations", algorithm 1).

use anyhow::Result;
use candle_core::Tensor;

use crate::diffusion::{NoiseLevel, combine};

/// Where SDEdit begins: x_t = α·x_0 + σ·ε of `image` (`[1, H, W, C]`) with each of the noises (`[N, H, W, C]`), at the first
/// level of a sampler whose settings have a strength below 1.
///
/// # Errors
/// When the shapes disagree.
pub fn noised(image: &Tensor, noise: &Tensor, at: NoiseLevel) -> Result<Tensor> {
    combine(at.alpha, &image.broadcast_as(noise.shape())?.contiguous()?, at.sigma, noise)
}

#[cfg(test)]
mod tests {
    use crate::config::{DiffusionConfig, PathName, SampleConfig};
    use crate::diffusion::Schedule;
    use crate::sampling::{SamplerSettings, levels};

    #[test]
    fn half_the_strength_is_half_the_way_on_every_path() {
        for path in [PathName::Vp, PathName::VpSde, PathName::Ve, PathName::Edm, PathName::Flow] {
            let schedule = Schedule::from_config(&DiffusionConfig { path, ..DiffusionConfig::default() }).unwrap();
            let settings = SamplerSettings { steps: 20, ..SamplerSettings::from(&SampleConfig::default()) };
            let walked = |strength| levels(&schedule, &SamplerSettings { strength, ..settings.clone() });
            let half = walked(0.5).unwrap();
            assert!((9..=11).contains(&half.len()), "{path:?}: {}", half.len());
            assert!(schedule.u(half[0].t) <= 0.5 + 1e-9 && schedule.u(half[0].t) > 0.44, "{path:?}");
            assert_eq!(half.last(), walked(1.0).unwrap().last());
            assert_eq!((walked(1.0).unwrap().len(), walked(1e-9).unwrap().len()), (20, 1));
            for impossible in [0.0, -0.5, 1.5, f64::NAN] {
                assert!(walked(impossible).is_err());
            }
        }
    }
}
