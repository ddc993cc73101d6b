//! A config's first stage: the same data, and its autoencoder.

use super::{Config, NetworkKind, OptimizerName};

/// What `data.latents` says for the config's own autoencoder.
pub const OWN_LATENTS: &str = "own";

impl Config {
    /// The config of the run that trains this one's `[autoencoder]`, on the same data.
    pub fn autoencoder_run(&self) -> Self {
        let stage = &self.autoencoder;
        let mut config = self.clone();
        config.model.kind = NetworkKind::Autoencoder;
        config.model.class_conditional = false;
        // Of diffusion's network: an autoencoder's would begin with latents that say nothing.
        config.model.zero_init = false;
        config.data.latents = String::new();
        config.sample.guidance_scale = 0.0;
        let train = &mut config.train;
        (train.steps, train.epochs) = (stage.steps, 0.0);
        (train.batch_size, train.learning_rate) = (stage.batch_size, stage.learning_rate);
        train.optimizer = OptimizerName::Adamw;
        if !config.name.ends_with("-autoencoder") {
            config.name = format!("{}-autoencoder", self.name.strip_suffix("-latent").unwrap_or(&self.name));
        }
        config
    }

    /// The same, whatever was set of the keys that make it the run of an autoencoder.
    pub fn still_of_an_autoencoder(mut self) -> Self {
        self.model.kind = NetworkKind::Autoencoder;
        self.model.class_conditional = false;
        self.data.latents = String::new();
        self
    }

    /// Does diffusion happen in latents?
    pub fn diffuses_latents(&self) -> bool {
        !self.data.latents.is_empty()
    }

    /// Are they those of the config's own `[autoencoder]`?
    pub fn has_own_autoencoder(&self) -> bool {
        self.data.latents == OWN_LATENTS
    }

    /// Does this run train an autoencoder?
    pub fn trains_autoencoder(&self) -> bool {
        self.model.kind == NetworkKind::Autoencoder
    }
}

/// Is it a key of an autoencoder's network, and not of its loss or its training?
pub fn is_of_an_autoencoders_network(key: &str) -> bool {
    matches!(
        key,
        "autoencoder.kind"
            | "autoencoder.block_out_channels"
            | "autoencoder.layers_per_block"
            | "autoencoder.latent_channels"
            | "autoencoder.norm_num_groups"
            | "autoencoder.mid_attention"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stage_has_the_data_and_its_own_training() {
        let set = [
            "name=mnist-latent",
            "data.image_size=32",
            "autoencoder.steps=70",
            "train.optimizer=muon",
            "model.zero_init=true",
        ];
        let config = Config::default().with_overrides(&set.map(String::from)).unwrap();
        let stage = config.autoencoder_run();
        assert_eq!((stage.name.as_str(), stage.data.image_size, stage.train.steps), ("mnist-autoencoder", 32, 70));
        assert!(stage.trains_autoencoder() && !config.trains_autoencoder());
        assert_eq!(stage.train.optimizer, OptimizerName::Adamw);
        assert!(config.model.zero_init && !stage.model.zero_init);
        stage.validate().unwrap();
        let set = ["model.kind=unet", "data.latents=own"].map(String::from);
        assert!(stage.clone().with_overrides(&set).unwrap().still_of_an_autoencoder().trains_autoencoder());
        assert_eq!(stage.autoencoder_run(), stage, "its own first stage is itself");
    }
}
