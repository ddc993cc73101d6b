//! Do the loss and the drawing of timesteps fit the path?

use super::validate::{ensure, not_negative, positive};
use super::{
    Config, ConfigError, DiffusionConfig, LossWeighting, POINT_SETS, PathName, ScheduleName, TimestepSampling,
    VarianceType,
};

impl Config {
    pub(super) fn check_loss(&self, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
        let (train, diffusion) = (&self.train, &self.diffusion);
        positive("train.min_snr_gamma", train.min_snr_gamma, "use a number above 0; 5 is usual")?;
        not_negative("train.p2_gamma", train.p2_gamma, "use a number from 0 (no weighting) up; 1 is usual")?;
        positive("train.p2_k", train.p2_k, "use a number above 0; 1 is usual")?;
        not_negative("train.vlb_weight", train.vlb_weight, "use a number from 0 up; 0.001 is usual")?;
        for (key, mean) in [("train.p_mean", train.p_mean), ("train.logit_mean", train.logit_mean)] {
            ensure(mean.is_finite(), key, mean, "use a finite number")?;
        }
        positive("train.p_std", train.p_std, "use a number above 0; 1.2 is usual")?;
        positive("train.logit_std", train.logit_std, "use a number above 0; 1 is usual")?;

        let (drawn, path) = (train.timestep_sampling, diffusion.path);
        let fits = match drawn {
            TimestepSampling::LogNormal => matches!(path, PathName::Ve | PathName::Edm),
            TimestepSampling::LogitNormal => path == PathName::Flow,
            _ => true,
        };
        ensure(
            fits,
            "train.timestep_sampling",
            format!("{:?}", drawn.name()),
            match drawn {
                TimestepSampling::LogitNormal => format!(
                    "it draws the time u of path flow, and the path is {}; use \"uniform\" or \"stratified\"",
                    path.name()
                ),
                _ => format!(
                    "it draws the σ of the paths ve and edm, and the path is {}; use \"uniform\" or \"stratified\"",
                    path.name()
                ),
            },
        )?;

        ensure(
            diffusion.variance_type != VarianceType::LearnedRange || !POINT_SETS.contains(&self.data.dataset.as_str()),
            "diffusion.variance_type",
            "\"learned_range\"",
            format!(
                "the variance is learned from the probability of pixel values (0 to 255), and {} are points in the plane; \
                 use \"fixed_small\"",
                self.data.dataset
            ),
        )?;

        let drawn = drawn.on(path);
        let even = !matches!(drawn, TimestepSampling::LogNormal | TimestepSampling::LogitNormal);
        if train.loss_weighting == LossWeighting::Vlb && !even {
            warnings.push(format!(
                "train.loss_weighting = \"vlb\" is the variational bound only over uniform times, and timesteps are \
                 drawn {}: the loss is a bound times that density. Set train.timestep_sampling = \"uniform\", \
                 \"stratified\" or \"importance\"",
                drawn.name()
            ));
        }
        // Of an error in x_0.
        let weight = match train.loss_weighting {
            LossWeighting::MinSnr => Some(("min_snr", "min(SNR, γ)")),
            LossWeighting::P2 => Some(("p2", "SNR/(k + SNR)^γ")),
            _ => None,
        };
        if let (Some((name, weight)), Some(why)) = (weight, leaves_no_signal(diffusion)) {
            warnings.push(format!(
                "train.loss_weighting = \"{name}\" gives the last step the weight {weight} = 0, because {why} leaves no \
                 signal there: what sampling starts from is never learned. Set train.loss_weighting = \"simple\" or \
                 \"edm\""
            ));
        }
        if diffusion.variance_type == VarianceType::LearnedRange && train.vlb_weight == 0.0 {
            warnings.push(
                "train.vlb_weight = 0 teaches the learned variance nothing: samples of ddpm will be noise. Set \
                 train.vlb_weight = 0.001, or diffusion.variance_type = \"fixed_small\""
                    .into(),
            );
        }
        Ok(())
    }
}

/// What leaves no signal at all at the last step (SNR = 0), where something does.
fn leaves_no_signal(diffusion: &DiffusionConfig) -> Option<&'static str> {
    use ScheduleName::{Given, Linear, ScaledLinear, Sigmoid};
    match (diffusion.path, diffusion.schedule) {
        (PathName::Flow, _) => Some("path flow"),
        (PathName::Vp, _) if diffusion.rescale_betas_zero_snr => Some("diffusion.rescale_betas_zero_snr"),
        (PathName::Vp, Linear | ScaledLinear | Sigmoid) if diffusion.beta_end == 1.0 => Some("diffusion.beta_end = 1"),
        (PathName::Vp, Given) if diffusion.betas.contains(&1.0) => Some("a β of 1 among diffusion.betas"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(set: &[&str]) -> Result<Vec<String>, ConfigError> {
        let overrides: Vec<String> = set.iter().map(|s| s.to_string()).collect();
        Config::default().with_overrides(&overrides)?.validate()
    }

    #[test]
    fn each_way_to_draw_timesteps_has_its_paths() {
        let message = |set: &[&str]| validate(set).unwrap_err().to_string();
        assert!(message(&["train.timestep_sampling=log_normal"]).contains("the path is vp"));
        assert!(message(&["train.timestep_sampling=logit_normal", "diffusion.path=edm"]).contains("the path is edm"));
        assert!(validate(&["train.timestep_sampling=log_normal", "diffusion.path=ve"]).is_ok());
        let flow = ["train.timestep_sampling=logit_normal", "diffusion.path=flow", "diffusion.prediction_type=flow"];
        assert!(validate(&flow).is_ok());
        for drawn in ["uniform", "stratified", "importance"] {
            assert!(validate(&[&format!("train.timestep_sampling={drawn}")]).unwrap().is_empty());
        }
    }

    #[test]
    fn a_learned_variance_needs_the_steps_of_path_vp() {
        assert!(validate(&["diffusion.variance_type=learned_range"]).is_ok());
        let message =
            validate(&["diffusion.variance_type=learned_range", "diffusion.path=edm"]).unwrap_err().to_string();
        assert!(message.contains("path edm has no such steps") && message.contains("fixed_small"), "{message}");
        let points = ["diffusion.variance_type=learned_range", "data.dataset=two_moons", "model.kind=mlp"];
        assert!(validate(&points).unwrap_err().to_string().contains("points in the plane"));
    }

    #[test]
    fn weightings_that_defeat_themselves_are_named() {
        let warn = |set: &[&str]| validate(set).unwrap().join("\n");
        assert!(warn(&["train.loss_weighting=vlb", "diffusion.path=edm"]).contains("drawn log_normal"));
        assert_eq!(warn(&["train.loss_weighting=vlb", "train.timestep_sampling=importance"]), "");
        let zero = ["train.loss_weighting=min_snr", "diffusion.rescale_betas_zero_snr=true"];
        let v = "diffusion.prediction_type=v_prediction";
        assert!(warn(&[zero[0], zero[1], v]).contains("min(SNR, γ) = 0"));
        assert!(warn(&["train.loss_weighting=p2", zero[1], v]).contains("SNR/(k + SNR)^γ = 0"));
        for no_signal in [
            &["diffusion.path=flow"][..],
            &["diffusion.schedule=linear", "diffusion.beta_end=1"],
            &["diffusion.schedule=given", "diffusion.timesteps=2", "diffusion.betas=0.5,1"],
        ] {
            for weighting in ["min_snr", "p2"] {
                let set =
                    [no_signal, &[&format!("train.loss_weighting={weighting}"), "preview.steps=2", "sample.steps=2"]];
                assert!(warn(&set.concat()).contains("leaves no signal"), "{set:?}");
            }
        }
        assert_eq!(warn(&["train.loss_weighting=p2", v]), "", "cosine leaves a little");
        assert!(warn(&["diffusion.variance_type=learned_range", "train.vlb_weight=0"]).contains("fixed_small"));
    }
}
