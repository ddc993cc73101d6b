//! Does the autoencoder fit together, and does it fit the data?

use super::validate::ensure;
use super::validate_model::fewer_levels;
use super::{AutoencoderKind, Config, ConfigError, NetworkKind, POINT_SETS};

const WIDEST: usize = 4096;
const MOST_LEVELS: usize = 5;
const MOST_LAYERS: usize = 64;

impl Config {
    pub(super) fn check_autoencoder(&self) -> Result<(), ConfigError> {
        let stage = &self.autoencoder;
        let widths = &stage.block_out_channels;
        let list = || format!("{widths:?}");
        let key = "autoencoder.block_out_channels";
        ensure(
            (2..=MOST_LEVELS).contains(&widths.len()),
            key,
            list(),
            format!("name the channels of 2 to {MOST_LEVELS} levels: two make latents half as large, three a quarter"),
        )?;
        ensure(
            widths.iter().all(|width| (2..=WIDEST).contains(width)),
            key,
            list(),
            format!("each level needs 2 to {WIDEST} channels"),
        )?;
        let tiny = stage.kind == AutoencoderKind::Tiny;
        ensure(
            !tiny || widths.iter().all(|width| *width == widths[0]),
            key,
            list(),
            format!("all levels of kind tiny are equally wide; use {:?}", vec![widths[widths.len() - 1]; widths.len()]),
        )?;
        let groups = stage.norm_num_groups;
        ensure(
            tiny || groups > 0 && widths.iter().all(|width| width.is_multiple_of(groups)),
            "autoencoder.norm_num_groups",
            groups,
            format!("it must divide every one of the widths {widths:?}"),
        )?;
        ensure(
            (1..=MOST_LAYERS).contains(&stage.layers_per_block),
            "autoencoder.layers_per_block",
            stage.layers_per_block,
            format!("use 1 to {MOST_LAYERS} residual blocks a level"),
        )?;
        ensure(
            (1..=WIDEST).contains(&stage.latent_channels),
            "autoencoder.latent_channels",
            stage.latent_channels,
            format!("use 1 to {WIDEST}; 4 are usual"),
        )?;
        for (key, weight) in [
            ("autoencoder.kl_weight", stage.kl_weight),
            ("autoencoder.gradient_weight", stage.gradient_weight),
            ("autoencoder.multi_scale_weight", stage.multi_scale_weight),
        ] {
            ensure(weight >= 0.0 && weight.is_finite(), key, weight, "use a number from 0 on; 0 leaves the term out")?;
        }
        Ok(())
    }

    /// Can the data be encoded, as `data.latents` asks?
    pub(super) fn check_latents(&self) -> Result<(), ConfigError> {
        if !self.diffuses_latents() {
            return Ok(());
        }
        let given = format!("{:?}", self.data.latents);
        ensure(
            !self.trains_autoencoder(),
            "data.latents",
            given.clone(),
            "this run trains an autoencoder, on pixels; leave it out",
        )?;
        ensure(
            !POINT_SETS.contains(&self.data.dataset.as_str()),
            "data.latents",
            given,
            format!("{} are points in the plane, not pictures; leave it out", self.data.dataset),
        )?;
        if self.has_own_autoencoder() {
            self.check_autoencoder()?;
        }
        Ok(())
    }

    /// Is x̂_0 held in a range that latents don't have?
    pub(super) fn clamped_latents(&self) -> Option<String> {
        let sample = &self.sample;
        let (key, most) = match (sample.thresholding, sample.clip_sample) {
            (true, _) => ("sample.thresholding", sample.sample_max_value),
            (_, true) => ("sample.clip_sample", sample.clip_sample_range),
            _ => return None,
        };
        let idle = sample.idle_keys(&self.diffusion, true).iter().any(|idle| idle.path == key);
        (self.diffuses_latents() && !idle).then(|| {
            format!(
                "{key} = true keeps x̂_0 within [-{most}, {most}], and latents have no range: they have deviation 1 and go to 3 \
                 and beyond, so samples lose what lies outside; set it to false"
            )
        })
    }

    /// As [`Self::validate_for_data`] for latents of `(height, width, channels)`, of pictures a `factor` larger.
    ///
    /// # Errors
    /// [`ConfigError`] with the key and what to do.
    pub fn validate_for_latents(
        &self,
        (height, width, channels): (usize, usize, usize),
        factor: usize,
        num_classes: usize,
    ) -> Result<Vec<String>, ConfigError> {
        let levels = self.model.block_out_channels.len();
        let unit = 1usize << levels.saturating_sub(1).min(63);
        let unet = self.model.kind == NetworkKind::Unet;
        let fits = height.is_multiple_of(unit) && width.is_multiple_of(unit);
        let most = fewer_levels(levels, height, width);
        ensure(
            !unet || fits,
            "model.block_out_channels",
            format!("{:?}", self.model.block_out_channels),
            format!(
                "the latents are {width}×{height}, and {levels} levels halve them {} times, so width and height must be \
                 multiples of {unit}; use {} level{}, or pictures of data.image_size = {}",
                levels.saturating_sub(1),
                most.unwrap_or(1),
                if most.unwrap_or(1) == 1 { "" } else { "s" },
                (height.min(width) * factor).next_multiple_of(unit * factor)
            ),
        )?;
        ensure(
            height * width > 1,
            "data.latents",
            format!("{:?}", self.data.latents),
            format!(
                "the latents have one place alone, of pictures of {0}×{0} pixels; use larger pictures (data.image_size), or an \
                 autoencoder with fewer levels",
                factor
            ),
        )?;
        self.validate_for_data(height, width, channels, num_classes)
    }

    pub(super) fn check_autoencoder_for(&self, height: usize, width: usize) -> Result<Vec<String>, ConfigError> {
        let levels = self.autoencoder.block_out_channels.len();
        let unit = 1usize << levels.saturating_sub(1).min(63);
        ensure(
            height.is_multiple_of(unit) && width.is_multiple_of(unit),
            "autoencoder.block_out_channels",
            format!("{:?}", self.autoencoder.block_out_channels),
            format!(
                "the images are {width}×{height}, and {levels} levels halve them {} times, so width and height must be \
                 multiples of {unit}; set data.image_size = {}, or name fewer levels",
                levels - 1,
                height.min(width).next_multiple_of(unit)
            ),
        )?;
        let (latent, numbers) = ((height / unit) * (width / unit) * self.autoencoder.latent_channels, height * width);
        let mut warnings = Vec::new();
        if latent >= numbers {
            warnings.push(format!(
                "the latents have {latent} numbers for the {numbers} pixels of a picture: nothing is saved; fewer \
                 autoencoder.latent_channels or more levels make them smaller"
            ));
        }
        Ok(warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(set: &[&str]) -> Config {
        let all: Vec<String> = set.iter().map(|set| set.to_string()).collect();
        Config::default().with_overrides(&all).unwrap().autoencoder_run()
    }

    #[test]
    fn every_impossible_value_is_refused_by_its_key() {
        for (set, key) in [
            ("autoencoder.block_out_channels=16", "autoencoder.block_out_channels"),
            ("autoencoder.block_out_channels=8,8,8,8,8,8", "autoencoder.block_out_channels"),
            ("autoencoder.block_out_channels=8,0", "autoencoder.block_out_channels"),
            ("autoencoder.norm_num_groups=5", "autoencoder.norm_num_groups"),
            ("autoencoder.norm_num_groups=0", "autoencoder.norm_num_groups"),
            ("autoencoder.layers_per_block=0", "autoencoder.layers_per_block"),
            ("autoencoder.latent_channels=0", "autoencoder.latent_channels"),
            ("autoencoder.kl_weight=-1", "autoencoder.kl_weight"),
            ("autoencoder.gradient_weight=nan", "autoencoder.gradient_weight"),
        ] {
            let message = config(&[set]).validate().unwrap_err().to_string();
            assert!(message.contains(key), "{set}: {message}");
        }
        let uneven = config(&["autoencoder.kind=tiny"]).validate().unwrap_err().to_string();
        assert!(uneven.contains("equally wide; use [32, 32, 32]"), "{uneven}");
        config(&["autoencoder.kind=tiny", "autoencoder.block_out_channels=8,8"]).validate().unwrap();
    }

    #[test]
    fn pictures_that_do_not_halve_are_refused_with_the_next_size_and_vain_latents_named() {
        let message = config(&[]).validate_for_data(30, 30, 1, 0).unwrap_err().to_string();
        assert!(message.contains("multiples of 4") && message.contains("data.image_size = 32"), "{message}");
        assert_eq!(config(&[]).validate_for_data(28, 28, 1, 0).unwrap(), Vec::<String>::new());
        let vain = config(&["autoencoder.latent_channels=16"]).validate_for_data(28, 28, 1, 0).unwrap();
        assert!(vain[0].contains("nothing is saved"), "{vain:?}");
    }

    #[test]
    fn a_range_that_latents_do_not_have_is_named_where_a_sampler_keeps_to_it() {
        let said = |set: &[&str]| {
            let all: Vec<String> = set.iter().map(|set| set.to_string()).collect();
            Config::default().with_overrides(&all).unwrap().validate_sampling().unwrap().join("\n")
        };
        for key in ["sample.clip_sample=true", "sample.thresholding=true"] {
            assert!(said(&["data.latents=own", key]).contains("latents have no range"), "{key}");
            assert_eq!(said(&["data.latents=own", key, "sample.sampler=euler"]), "");
            assert_eq!(said(&[key]), "");
        }
        assert_eq!(said(&["data.latents=own"]), "");
    }
}
