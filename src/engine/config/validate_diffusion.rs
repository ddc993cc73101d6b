//! Is the process possible?

use super::validate::{ensure, positive};
use super::{Config, ConfigError, PathName, PredictionType, ScheduleName, VarianceType};

/// Beyond it, steps are smaller than f32 pixels can show.
const MOST_TIMESTEPS: usize = 1_000_000;

impl Config {
    pub(super) fn check_diffusion(&self) -> Result<(), ConfigError> {
        let diffusion = &self.diffusion;
        let t = diffusion.timesteps;
        ensure(t >= 1, "diffusion.timesteps", t, "the process needs at least one step; 1000 is usual")?;
        ensure(t <= MOST_TIMESTEPS, "diffusion.timesteps", t, format!("use {MOST_TIMESTEPS} at most; 1000 is usual"))?;
        let (start, end) = (diffusion.beta_start, diffusion.beta_end);
        // Which say nothing of x_0 where no signal is left.
        let of_noise = matches!(diffusion.prediction_type, PredictionType::Epsilon | PredictionType::Score);
        ensure(
            start > 0.0 && start < 1.0,
            "diffusion.beta_start",
            start,
            "a β is the share of variance replaced in one step: between 0 and 1; 0.0001 is usual",
        )?;
        ensure(
            end > 0.0 && end <= 1.0,
            "diffusion.beta_end",
            end,
            "a β is the share of variance replaced in one step: between 0 and 1; 0.02 is usual",
        )?;
        ensure(
            start <= end,
            "diffusion.beta_start",
            start,
            format!("it lies above diffusion.beta_end = {end}, and noise has to grow with t; swap them"),
        )?;
        ensure(
            end < 1.0 || !of_noise,
            "diffusion.beta_end",
            end,
            "it leaves zero signal at the last step, where x_0 can't be computed from ε (a division by 0); \
             use diffusion.prediction_type = \"v_prediction\", or a smaller diffusion.beta_end",
        )?;
        let (s, max) = (diffusion.cosine_s, diffusion.max_beta);
        ensure(
            (0.0..=1.0).contains(&s),
            "diffusion.cosine_s",
            s,
            "the cosine is shifted by s, a number from 0 to 1; 0.008 is usual",
        )?;
        ensure(
            max > 0.0 && max <= 1.0,
            "diffusion.max_beta",
            max,
            "a β is the share of variance replaced in one step: its cap lies above 0 and at most at 1; 0.999 is usual",
        )?;
        ensure(
            max < 1.0 || !of_noise || !diffusion.is_capped(),
            "diffusion.max_beta",
            max,
            "it leaves zero signal at the last step, where x_0 can't be computed from ε (a division by 0); \
             use diffusion.prediction_type = \"v_prediction\", or diffusion.max_beta = 0.999",
        )?;
        ensure(
            !(of_noise && diffusion.rescale_betas_zero_snr && diffusion.path == PathName::Vp),
            "diffusion.rescale_betas_zero_snr",
            true,
            "it leaves zero signal at the last step, where x_0 can't be computed from ε (a division by 0); \
             use diffusion.prediction_type = \"v_prediction\", or diffusion.rescale_betas_zero_snr = false",
        )?;
        ensure(
            diffusion.variance_type != VarianceType::LearnedRange || diffusion.path == PathName::Vp,
            "diffusion.variance_type",
            "\"learned_range\"",
            format!(
                "what is learned lies between β_t and β˜_t of the T steps of path vp, and path {} has no such steps; use \
                 \"fixed_small\", or diffusion.path = \"vp\"",
                diffusion.path.name()
            ),
        )?;
        self.check_path()
    }

    /// The numbers of the paths that are not a named list of β.
    fn check_path(&self) -> Result<(), ConfigError> {
        let diffusion = &self.diffusion;
        if let Some(beta) = diffusion.betas.iter().find(|beta| !(**beta > 0.0 && **beta <= 1.0)) {
            let problem = "a β is the share of variance replaced in one step: each lies above 0 and at most 1";
            return ensure(false, "diffusion.betas", format!("[… {beta} …]"), problem);
        }
        let given = diffusion.path == PathName::Vp && diffusion.schedule == ScheduleName::Given;
        ensure(
            !given || diffusion.betas.len() == diffusion.timesteps,
            "diffusion.betas",
            format!("[{} numbers]", diffusion.betas.len()),
            format!(
                "schedule \"given\" needs one β a step: list diffusion.timesteps = {} of them, or set \
                 diffusion.timesteps = {}",
                diffusion.timesteps,
                diffusion.betas.len().max(1)
            ),
        )?;
        let (min, max) = (diffusion.beta_min, diffusion.beta_max);
        ensure(max > 0.0 && max.is_finite(), "diffusion.beta_max", max, "use a number above 0; 20 is usual")?;
        ensure(
            (0.0..max).contains(&min),
            "diffusion.beta_min",
            min,
            format!("use a number from 0 to below diffusion.beta_max = {max}; 0.1 is usual"),
        )?;
        for (key, sigma) in [("diffusion.sigma_min", diffusion.sigma_min), ("diffusion.sigma_max", diffusion.sigma_max)]
        {
            ensure(
                sigma >= 0.0 && sigma.is_finite(),
                key,
                sigma,
                "use a number above 0, or 0 for the path's usual one",
            )?;
        }
        positive("diffusion.shift", diffusion.shift, "use a number above 0; 1 leaves the levels evenly spaced")?;
        positive(
            "diffusion.sigma_data",
            diffusion.sigma_data,
            "use a number above 0; 0.5 is usual for images in [-1, 1]",
        )
    }
}
