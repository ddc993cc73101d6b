//! Which keys change nothing where an autoencoder is trained, and which of [autoencoder] nothing anywhere else.

use super::{AutoencoderKind, Config, IdleKey, keys};

/// What an autoencoder has no use for.
const OF_DIFFUSION: &str = "diffusion, and this run trains an autoencoder";
/// Keys of [train] that are about noise, time and classes.
const TRAINS_DIFFUSION: [&str; 14] = [
    "train.loss_weighting",
    "train.min_snr_gamma",
    "train.p2_gamma",
    "train.p2_k",
    "train.vlb_weight",
    "train.timestep_sampling",
    "train.p_mean",
    "train.p_std",
    "train.logit_mean",
    "train.logit_std",
    "train.coupling",
    "train.p_uncond",
    "train.timestep_loss_every",
    "train.timestep_bins",
];
/// Keys of [autoencoder] that kind tiny has no use for.
const OF_KIND_KL: [&str; 3] = ["autoencoder.norm_num_groups", "autoencoder.mid_attention", "autoencoder.kl_weight"];

impl Config {
    /// Does `[autoencoder]` say anything in this run? It does where the run trains one, or has one trained before it.
    fn uses_autoencoder_section(&self) -> bool {
        self.trains_autoencoder() || self.has_own_autoencoder()
    }

    /// The keys that say nothing here because the run trains an autoencoder, or because it does not.
    pub(super) fn idle_beside_an_autoencoder(&self) -> Vec<IdleKey> {
        let paths = || keys().iter().map(|key| key.path.as_str());
        if !self.uses_autoencoder_section() {
            let is_for = "`difflab autoencoder`, which trains one, and data.latents = \"own\"";
            return paths()
                .filter(|path| path.starts_with("autoencoder."))
                .map(|path| IdleKey { path, is_for })
                .collect();
        }
        if !self.trains_autoencoder() {
            return Vec::new();
        }
        let section = |path: &str| ["diffusion.", "sample.", "model."].iter().any(|section| path.starts_with(section));
        let of_diffusion = |path: &str| {
            section(path)
                || path == "data.latents"
                || TRAINS_DIFFUSION.contains(&path)
                || path == "preview.steps"
                || path == "preview.snapshot_every"
        };
        let mut idle: Vec<IdleKey> =
            paths().filter(|path| of_diffusion(path)).map(|path| IdleKey { path, is_for: OF_DIFFUSION }).collect();
        if self.autoencoder.kind == AutoencoderKind::Tiny {
            idle.extend(OF_KIND_KL.map(|path| IdleKey { path, is_for: "kind kl" }));
        }
        // A run that is there goes by [train]; [autoencoder] gives these to a new one alone.
        let (stage, train) = (&self.autoencoder, &self.train);
        let taken_over = [
            ("autoencoder.steps", stage.steps == train.steps, "new runs: here train.steps says it"),
            ("autoencoder.batch_size", stage.batch_size == train.batch_size, "new runs: here train.batch_size says it"),
            (
                "autoencoder.learning_rate",
                stage.learning_rate == train.learning_rate,
                "new runs: here train.learning_rate says it",
            ),
        ];
        idle.extend(
            taken_over.into_iter().filter(|(_, same, _)| !same).map(|(path, _, is_for)| IdleKey { path, is_for }),
        );
        idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &Config, key: &str) -> Option<String> {
        config.idle_among([key]).pop()
    }

    #[test]
    fn what_an_autoencoder_has_no_use_for_is_said_and_what_it_trains_by_is_not() {
        let run = Config::default().autoencoder_run();
        for key in [
            "diffusion.path",
            "diffusion.timesteps",
            "sample.sampler",
            "sample.steps",
            "model.block_out_channels",
            "model.dropout",
            "model.class_conditional",
            "train.p_uncond",
            "train.loss_weighting",
            "preview.steps",
        ] {
            assert!(said(&run, key).unwrap().contains("trains an autoencoder"), "{key}");
        }
        for key in ["seed", "data.image_size", "train.steps", "train.ema_decay", "autoencoder.kl_weight", "preview.num"]
        {
            assert_eq!(said(&run, key), None, "{key}");
        }
        // Each key once, and each of them is one.
        let all = run.idle_training_keys();
        for idle in &all {
            assert_eq!(all.iter().filter(|other| other.path == idle.path).count(), 1, "{}", idle.path);
            assert!(keys().iter().any(|key| key.path == idle.path), "{}", idle.path);
        }
    }

    #[test]
    fn the_section_says_nothing_elsewhere_and_to_a_run_that_is_there_only_in_part() {
        let plain = Config::default();
        assert!(said(&plain, "autoencoder.kind").unwrap().contains("difflab autoencoder"));
        let set = |set: &str| plain.clone().autoencoder_run().with_overrides(&[set.to_string()]).unwrap();
        assert!(said(&set("train.steps=70"), "autoencoder.steps").unwrap().contains("train.steps"));
        assert_eq!(said(&plain.clone().autoencoder_run(), "autoencoder.steps"), None);
        assert!(said(&set("autoencoder.kind=tiny"), "autoencoder.kl_weight").unwrap().contains("kind kl"));
        assert_eq!(said(&set("autoencoder.kind=kl"), "autoencoder.kl_weight"), None);
    }
}
