//! Impossible values refused before anything is built, and doubtful ones named.

use std::fmt::Display;

use super::{CONFIG_VERSION, Config, ConfigError};

/// The names that `data.dataset` takes.
pub const DATASETS: [&str; 15] = [
    "mnist",
    "mnist-10k",
    "fashion-mnist-10k",
    "emoji-32",
    "emoji-64",
    "idx",
    "npz",
    "cifar",
    "images",
    "two_moons",
    "swiss_roll",
    "eight_gaussians",
    "checkerboard",
    "pinwheel",
    "picture",
];

/// Those of them that are points in the plane.
pub const POINT_SETS: [&str; 6] = ["two_moons", "swiss_roll", "eight_gaussians", "checkerboard", "pinwheel", "picture"];

/// Those of [`POINT_SETS`] whose points have no classes.
pub const UNLABELLED_POINT_SETS: [&str; 3] = ["swiss_roll", "checkerboard", "picture"];

/// Upper bounds that no real experiment meets; beyond them a slip of the finger would only end in a
/// machine out of memory.
const MOST_IMAGES: usize = 65_536;
const LARGEST_IMAGE: usize = 4096;
const MOST_EPOCHS: f64 = 1e6;
const MOST_PATIENCE_S: f64 = 366.0 * 24.0 * 3600.0;
const MOST_BINS: usize = 10_000;
const MOST_POINTS: usize = 10_000_000;

impl Config {
    /// Checks everything that can be judged without the data. Returns warnings, one sentence each.
    ///
    /// # Errors
    /// [`ConfigError::Impossible`] names the key, its value, and what to do.
    pub fn validate(&self) -> Result<Vec<String>, ConfigError> {
        let mut warnings = Vec::new();
        self.check_top()?;
        self.check_data()?;
        self.check_diffusion()?;
        self.check_model(&mut warnings)?;
        self.check_train(&mut warnings)?;
        self.check_sampling(&mut warnings)?;
        self.check_latents()?;
        warnings.extend(self.idle_warnings());
        Ok(warnings)
    }

    /// The same for `[preview]` and `[sample]` alone: all that a trained network is asked by. Which keys say nothing is left
    /// to whoever knows which of them a person has set ([`SampleConfig::idle_keys`](super::SampleConfig::idle_keys)).
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn validate_sampling(&self) -> Result<Vec<String>, ConfigError> {
        let mut warnings = Vec::new();
        self.check_sampling(&mut warnings)?;
        Ok(warnings)
    }

    fn check_top(&self) -> Result<(), ConfigError> {
        if self.version > CONFIG_VERSION {
            return Err(ConfigError::Newer {
                at: "version".into(),
                found: self.version.into(),
                newest: CONFIG_VERSION,
            });
        }
        ensure(self.version > 0, "version", self.version, "the first config format is version 1")?;
        let usable = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
        ensure(
            !self.name.trim().is_empty() && self.name.chars().all(usable) && !self.name.starts_with('.'),
            "name",
            quoted(&self.name),
            "it becomes part of a folder's name: use a word without slashes that doesn't begin with a dot",
        )?;
        ensure(
            self.name.len() <= 100,
            "name",
            quoted(&self.name),
            "it becomes part of a folder's name: use 100 bytes at most",
        )
    }

    fn check_data(&self) -> Result<(), ConfigError> {
        let data = &self.data;
        if !DATASETS.contains(&data.dataset.as_str()) {
            let nearest = DATASETS.iter().max_by(|a, b| {
                let score = |known: &str| strsim::jaro_winkler(&data.dataset, known);
                score(a).total_cmp(&score(b))
            });
            let problem = format!(
                "no such dataset; did you mean \"{}\"? There are {}",
                nearest.unwrap_or(&""),
                DATASETS.join(", ")
            );
            return impossible("data.dataset", quoted(&data.dataset), problem);
        }
        let own = matches!(data.dataset.as_str(), "idx" | "npz" | "cifar" | "images");
        ensure(
            !own || !data.path.is_empty(),
            "data.path",
            "\"\"",
            format!("dataset \"{}\" needs to know where your files are: set data.path", data.dataset),
        )?;
        ensure(
            data.labels.is_empty() || matches!(data.dataset.as_str(), "idx" | "npz"),
            "data.labels",
            quoted(&data.labels),
            "only the datasets \"idx\" and \"npz\" read a labels file; leave it out",
        )?;
        if POINT_SETS.contains(&data.dataset.as_str()) {
            let points = format!("{} are points in the plane, not pixels; leave it out", data.dataset);
            ensure(data.image_size == 0, "data.image_size", data.image_size, points.clone())?;
            ensure(data.channels == 0, "data.channels", data.channels, points.clone())?;
            ensure(!data.horizontal_flip, "data.horizontal_flip", true, points)?;
            ensure(
                data.path.is_empty() || data.dataset == "picture",
                "data.path",
                quoted(&data.path),
                format!("{} are made by formula, not read; leave it out", data.dataset),
            )?;
        }
        ensure(
            (1..=MOST_POINTS).contains(&data.num_points),
            "data.num_points",
            data.num_points,
            format!("use 1 to {MOST_POINTS} points; 20000 is usual"),
        )?;
        ensure(
            data.held_out.is_possible(),
            "data.held_out",
            data.held_out,
            "use a share of the images between 0 and 1, such as 0.05, or their number, such as 1000; 0 holds none out",
        )?;
        ensure(
            matches!(data.channels, 0 | 1 | 3),
            "data.channels",
            data.channels,
            "use 1 (grey), 3 (RGB) or 0 (as stored)",
        )?;
        ensure(
            data.image_size <= LARGEST_IMAGE,
            "data.image_size",
            data.image_size,
            format!("use {LARGEST_IMAGE} pixels at most, or 0 for the size as stored"),
        )
    }

    fn check_train(&self, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
        let train = &self.train;
        ensure(train.steps >= 1, "train.steps", train.steps, "a run needs at least one step")?;
        ensure(
            train.epochs >= 0.0 && train.epochs <= MOST_EPOCHS,
            "train.epochs",
            train.epochs,
            format!("use a number above 0 and at most {MOST_EPOCHS}, such as 10; 0 leaves it to train.steps"),
        )?;
        ensure(train.batch_size >= 1, "train.batch_size", train.batch_size, "a step needs at least one image")?;
        ensure(
            train.batch_size <= MOST_IMAGES,
            "train.batch_size",
            train.batch_size,
            format!("use {MOST_IMAGES} at most; 64 is usual here"),
        )?;
        ensure(
            train.shards <= MOST_IMAGES,
            "train.shards",
            train.shards,
            format!("use {MOST_IMAGES} at most, or 0 for as many as there are threads; 8 suits 1, 2, 4 and 8"),
        )?;
        if train.shards > train.batch_size {
            warnings.push(format!(
                "train.shards = {} is more than the {} images of a step: each is a shard of its own. Set train.shards = {}",
                train.shards, train.batch_size, train.batch_size
            ));
        }
        positive("train.learning_rate", train.learning_rate, "use a number above 0, such as 0.001")?;
        ensure(
            train.min_learning_rate >= 0.0 && train.min_learning_rate <= train.learning_rate,
            "train.min_learning_rate",
            train.min_learning_rate,
            format!("use a number from 0 to train.learning_rate = {}", train.learning_rate),
        )?;
        ensure(
            (0.0..1.0).contains(&train.muon_momentum),
            "train.muon_momentum",
            train.muon_momentum,
            "a decay lies from 0 to below 1; 0.95 is usual",
        )?;
        for (key, beta) in [("train.beta1", train.beta1), ("train.beta2", train.beta2)] {
            ensure((0.0..1.0).contains(&beta), key, beta, "a decay lies from 0 to below 1; 0.9 and 0.999 are usual")?;
        }
        positive("train.adam_eps", train.adam_eps, "use a small number above 0, such as 1e-8")?;
        not_negative("train.weight_decay", train.weight_decay, "use 0 (none) or a small number such as 0.01")?;
        not_negative("train.max_grad_norm", train.max_grad_norm, "use 0 (never clip) or a number such as 1")?;
        ensure(
            (0.0..=1.0).contains(&train.p_uncond),
            "train.p_uncond",
            train.p_uncond,
            "it is a rate, from 0 to 1; 0.1 is usual",
        )?;
        ensure(
            (0.0..1.0).contains(&train.ema_decay),
            "train.ema_decay",
            train.ema_decay,
            "use a number from 0 (no average) to below 1, such as 0.999",
        )?;
        not_negative("train.ema_power", train.ema_power, "use 0 (the usual rise) or a number above 0, such as 7")?;
        self.check_loss(warnings)?;
        for (key, every) in [
            ("train.keep_checkpoints", train.keep_checkpoints as u64),
            ("train.log_every", train.log_every),
            ("train.timestep_loss_every", train.timestep_loss_every),
            ("train.timestep_bins", train.timestep_bins as u64),
        ] {
            ensure(every >= 1, key, every, "use 1 or more")?;
        }
        ensure(
            (0.0..=MOST_PATIENCE_S).contains(&train.save_patience_s),
            "train.save_patience_s",
            train.save_patience_s,
            "use a number of seconds, from 0 to a year's; 600 is usual",
        )?;
        ensure(
            train.timestep_bins <= MOST_BINS,
            "train.timestep_bins",
            train.timestep_bins,
            format!("use {MOST_BINS} at most; 40 is usual"),
        )?;
        if train.timestep_bins > self.diffusion.timesteps {
            warnings.push(format!(
                "train.timestep_bins = {} is more than the {} timesteps there are: some bins stay empty. \
                 Set train.timestep_bins = {}",
                train.timestep_bins, self.diffusion.timesteps, self.diffusion.timesteps
            ));
        }
        warnings.extend(self.warm_up_doubt());
        if self.model.class_conditional && train.p_uncond == 1.0 {
            warnings.push(
                "train.p_uncond = 1 drops every class label: the network learns nothing about classes. Set \
                 train.p_uncond = 0.1"
                    .into(),
            );
        }
        Ok(())
    }

    fn check_sampling(&self, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
        let (preview, sample) = (&self.preview, &self.sample);
        ensure(
            (0.0..=1.0).contains(&preview.budget),
            "preview.budget",
            preview.budget,
            "it is a share of the time, from 0 to 1; 0.1 is usual",
        )?;
        for (key, num) in [("preview.num", preview.num), ("sample.num", sample.num)] {
            ensure((1..=MOST_IMAGES).contains(&num), key, num, format!("use 1 to {MOST_IMAGES} images"))?;
        }
        for (key, steps) in [("preview.steps", preview.steps), ("sample.steps", sample.steps)] {
            let timesteps = self.diffusion.timesteps;
            ensure(
                steps >= 1 && steps <= timesteps,
                key,
                steps,
                format!("a sampler takes from 1 step to all diffusion.timesteps = {timesteps}"),
            )?;
        }
        ensure(
            (0.0..=1.0).contains(&sample.eta),
            "sample.eta",
            sample.eta,
            "η lies from 0 (deterministic) to 1 (as DDPM)",
        )?;
        self.check_levels()?;
        self.check_solvers()?;
        self.check_solver()?;
        self.check_guidance()?;
        let w = sample.guidance_scale;
        ensure(w.is_finite(), "sample.guidance_scale", w, "use a finite number; 0.5 is usual, 0 is no guidance")?;
        ensure(
            w == 0.0 || self.model.class_conditional,
            "sample.guidance_scale",
            w,
            "guidance needs a network trained with class labels; set model.class_conditional = true, or \
             sample.guidance_scale = 0",
        )?;
        warnings.extend(self.clamped_latents());
        if w != 0.0 && self.train.p_uncond == 0.0 {
            warnings.push(format!(
                "sample.guidance_scale = {w} uses the null class, which is never trained with train.p_uncond = \
                 0: samples will be worse, not better. Set train.p_uncond = 0.1, or sample.guidance_scale = 0"
            ));
        }
        Ok(())
    }
}

/// `Ok` if `good`, else [`ConfigError::Impossible`].
pub(super) fn ensure(
    good: bool,
    key: &str,
    value: impl Display,
    problem: impl Into<String>,
) -> Result<(), ConfigError> {
    if good { Ok(()) } else { impossible(key, value, problem) }
}

fn impossible(key: &str, value: impl Display, problem: impl Into<String>) -> Result<(), ConfigError> {
    Err(ConfigError::Impossible { key: key.into(), value: value.to_string(), problem: problem.into() })
}

pub(super) fn positive(key: &str, value: f64, problem: &str) -> Result<(), ConfigError> {
    ensure(value > 0.0 && value.is_finite(), key, value, problem)
}

pub(super) fn not_negative(key: &str, value: f64, problem: &str) -> Result<(), ConfigError> {
    ensure(value >= 0.0 && value.is_finite(), key, value, problem)
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(overrides: &[&str]) -> Result<Vec<String>, ConfigError> {
        let overrides: Vec<String> = overrides.iter().map(|s| s.to_string()).collect();
        Config::default().with_overrides(&overrides)?.validate()
    }

    #[test]
    fn the_defaults_are_possible_and_give_no_warning() {
        assert_eq!(Config::default().validate().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn every_impossible_value_is_refused_by_its_key() {
        for (key, values) in [
            ("version", &["0"][..]),
            ("name", &["", "a/b", ".hidden", "\"a\\u0000b\""]),
            ("data.dataset", &["minst"]),
            ("data.channels", &["2", "4"]),
            ("data.image_size", &["100000"]),
            ("data.labels", &["x"]),
            ("data.held_out", &["-1", "1.5", "nan"]),
            ("diffusion.timesteps", &["0", "9999999999"]),
            ("diffusion.beta_start", &["0", "-1", "1.5", "nan", "0.5"]),
            ("diffusion.beta_end", &["0", "2", "inf"]),
            ("diffusion.cosine_s", &["-0.1", "1.5", "nan"]),
            ("diffusion.max_beta", &["0", "-1", "1.1", "nan"]),
            ("diffusion.betas", &["[0.1, 2.0]", "[0.0]", "[nan]"]),
            ("diffusion.beta_min", &["-1", "20", "nan"]),
            ("diffusion.beta_max", &["inf", "0"]),
            ("diffusion.sigma_min", &["-1", "nan"]),
            ("diffusion.sigma_max", &["-1", "inf"]),
            ("diffusion.sigma_data", &["0", "-1", "nan"]),
            ("diffusion.shift", &["0", "-1", "nan"]),
            ("model.block_out_channels", &["[]", "[0]", "[9, 20]", "[9999999]"]),
            ("model.layers_per_block", &["0", "1000"]),
            ("model.attention_levels", &["[3]", "[1, 1]"]),
            ("model.attention_head_dim", &["7"]),
            ("model.attn_norm_num_groups", &["7"]),
            ("model.downsample_padding", &["2"]),
            ("model.time_embedding_dim", &["9999999"]),
            ("model.mid_block_scale_factor", &["0", "nan"]),
            ("model.freq_shift", &["16", "nan", "-inf"]),
            ("model.norm_num_groups", &["0", "7", "64"]),
            ("model.norm_eps", &["0", "-1", "nan"]),
            ("model.dropout", &["1", "-0.1", "nan"]),
            ("train.steps", &["0"]),
            ("train.epochs", &["-1", "nan", "inf", "1e9"]),
            ("train.batch_size", &["0", "9999999"]),
            ("train.shards", &["9999999"]),
            ("train.learning_rate", &["0", "-1", "nan", "inf"]),
            ("train.min_learning_rate", &["-1", "1"]),
            ("train.beta1", &["1", "-0.1"]),
            ("train.beta2", &["1", "nan"]),
            ("train.adam_eps", &["0"]),
            ("train.weight_decay", &["-1"]),
            ("train.max_grad_norm", &["-1"]),
            ("train.min_snr_gamma", &["0", "nan"]),
            ("train.p2_gamma", &["-1", "inf"]),
            ("train.p2_k", &["0", "-1"]),
            ("train.vlb_weight", &["-1", "nan"]),
            ("train.timestep_sampling", &["log_normal", "logit_normal"]),
            ("train.p_mean", &["nan"]),
            ("train.p_std", &["0", "inf"]),
            ("train.logit_mean", &["inf"]),
            ("train.logit_std", &["0", "-1"]),
            ("train.p_uncond", &["1.1", "-0.1"]),
            ("train.ema_decay", &["1", "-1"]),
            ("train.ema_power", &["-1", "nan"]),
            ("train.muon_momentum", &["1", "-0.1"]),
            ("train.keep_checkpoints", &["0"]),
            ("train.log_every", &["0"]),
            ("train.save_patience_s", &["-1", "1e300"]),
            ("train.timestep_loss_every", &["0"]),
            ("train.timestep_bins", &["0", "99999999"]),
            ("preview.budget", &["1.5", "-1"]),
            ("preview.num", &["0"]),
            ("preview.steps", &["0", "1001"]),
            ("sample.num", &["0", "99999999"]),
            ("sample.steps", &["0", "1001"]),
            ("sample.eta", &["2", "-1"]),
            ("sample.rho", &["0", "-7", "nan"]),
            ("sample.timesteps", &["[999, 999]", "[1000]", "[3, -1]", "[1, 2]", "[nan]"]),
            ("sample.s_churn", &["-1", "nan"]),
            ("sample.s_tmin", &["-1", "inf"]),
            ("sample.s_tmax", &["-1", "nan"]),
            ("sample.s_noise", &["-1", "inf"]),
            ("sample.rtol", &["0", "-1", "nan", "2"]),
            ("sample.atol", &["0", "inf"]),
            ("sample.corrector_snr", &["0", "nan", "1.5"]),
            ("sample.corrector_steps", &["101"]),
            ("sample.guidance_scale", &["nan", "1"]),
            ("sample.guidance_rescale", &["-0.1", "1.1", "nan"]),
            ("sample.guidance_interval", &["[]", "[0.5]", "[0.6, 0.2]", "[0.0, 2.0]", "[nan, 1.0]"]),
            ("sample.negative_class", &["shoe"]),
        ] {
            for value in values {
                let error = validate(&[&format!("{key}={value}")]);
                let Err(ConfigError::Impossible { key: named, problem, .. }) = error else {
                    panic!("{key}={value}: {error:?}");
                };
                assert_eq!(named, key, "{value}: {problem}");
                assert!(problem.len() > 10);
            }
        }
    }

    #[test]
    fn messages_say_the_key_the_value_and_what_to_do() {
        let message = |set: &[&str]| validate(set).unwrap_err().to_string();
        let text = message(&["diffusion.timesteps=0"]);
        assert!(text.contains("`diffusion.timesteps = 0`") && text.contains("1000 is usual"), "{text}");
        assert!(message(&["data.dataset=minst"]).contains("did you mean \"mnist\""));
        assert!(message(&["data.dataset=images"]).contains("set data.path"));
        let epsilon = "diffusion.prediction_type=epsilon";
        assert!(message(&["diffusion.beta_end=1.0", epsilon]).contains("v_prediction"));
        assert!(message(&["diffusion.max_beta=1", epsilon]).contains("v_prediction"));
        assert!(validate(&["diffusion.max_beta=1", epsilon, "diffusion.schedule=linear"]).is_ok());
        assert!(message(&["diffusion.rescale_betas_zero_snr=true", epsilon]).contains("v_prediction"));
    }

    #[test]
    fn zero_terminal_signal_is_fine_for_v_prediction() {
        assert!(validate(&["diffusion.beta_end=1", "diffusion.prediction_type=v_prediction"]).is_ok());
    }

    #[test]
    fn doubtful_values_are_named() {
        let warn = |set: &[&str]| validate(set).unwrap().join("\n");
        assert!(warn(&["train.steps=50"]).contains("train.warmup_steps = 100"));
        assert!(
            warn(&["diffusion.timesteps=20", "preview.steps=20", "sample.steps=20"]).contains("timestep_bins = 20")
        );
        let guided = ["model.class_conditional=true", "sample.guidance_scale=1", "train.p_uncond=0"];
        assert!(warn(&guided).contains("null class"));
        assert!(warn(&["model.noise_conditioning=false"]).contains("the network is not told t"));
        assert!(!warn(&[]).contains("noise_conditioning"));
    }
}
