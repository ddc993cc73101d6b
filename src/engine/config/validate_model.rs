//! Does the network fit together, and does it fit the data?

use super::validate::{ensure, positive};
use super::{Config, ConfigError, ModelConfig, NetworkKind, POINT_SETS, TimeScaleShift};
use crate::thousands::numbered;

const WIDEST: usize = 16_384;
const MOST_LAYERS: usize = 64;
const MOST_LEVELS: usize = 10;
/// Self-attention compares each position with each other: beyond this many it dominates everything.
const MANY_POSITIONS: usize = 1024;

impl Config {
    pub(super) fn check_model(&self, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
        let model = &self.model;
        if !model.noise_conditioning {
            warnings.push(
                "model.noise_conditioning = false: the network is not told t, and must see from x_t how much noise there is"
                    .into(),
            );
        }
        ensure(
            (1..=WIDEST).contains(&model.hidden_width),
            "model.hidden_width",
            model.hidden_width,
            format!("use 1 to {WIDEST} units; 128 is usual for points"),
        )?;
        ensure(
            (1..=MOST_LAYERS).contains(&model.hidden_layers),
            "model.hidden_layers",
            model.hidden_layers,
            format!("use 1 to {MOST_LAYERS} residual blocks; 3 are usual for points"),
        )?;
        match model.kind {
            NetworkKind::Unet => self.check_unet()?,
            NetworkKind::Autoencoder => self.check_autoencoder()?,
            NetworkKind::Mlp => {}
        }
        ensure(
            (0.0..1.0).contains(&model.dropout),
            "model.dropout",
            model.dropout,
            "it is a rate, from 0 (none) to below 1; 0.1 is usual where there is any",
        )
    }

    fn check_unet(&self) -> Result<(), ConfigError> {
        let model = &self.model;
        let widths = &model.block_out_channels;
        let list = |values: &[usize]| format!("{values:?}");
        ensure(
            (1..=MOST_LEVELS).contains(&widths.len()),
            "model.block_out_channels",
            list(widths),
            format!("name the channels of 1 to {MOST_LEVELS} levels, such as [32, 64, 64]"),
        )?;
        ensure(
            widths.iter().all(|&width| (2..=WIDEST).contains(&width)),
            "model.block_out_channels",
            list(widths),
            format!("each level needs 2 to {WIDEST} channels"),
        )?;
        let layers = model.layers_per_block;
        ensure(
            (1..=MOST_LAYERS).contains(&layers),
            "model.layers_per_block",
            layers,
            format!("use 1 to {MOST_LAYERS} residual blocks a level"),
        )?;
        let levels = &model.attention_levels;
        ensure(
            levels.iter().all(|&level| level < widths.len()),
            "model.attention_levels",
            list(levels),
            format!("model.block_out_channels has {}", numbered("level", "levels", widths.len() - 1)),
        )?;
        ensure(
            (1..levels.len()).all(|i| !levels[..i].contains(&levels[i])),
            "model.attention_levels",
            list(levels),
            "a level is named twice",
        )?;
        self.check_groups()?;
        self.check_heads()?;
        self.check_details()?;
        positive("model.norm_eps", model.norm_eps, "use a small number above 0, such as 1e-5")
    }

    fn check_heads(&self) -> Result<(), ConfigError> {
        let model = &self.model;
        let head = model.attention_head_dim;
        if head == 0 {
            return Ok(());
        }
        let last = model.block_out_channels.len() - 1;
        let mid = model.mid_attention.then_some(last);
        for level in model.attention_levels.iter().copied().chain(mid) {
            let width = model.block_out_channels[level];
            ensure(
                width.is_multiple_of(head),
                "model.attention_head_dim",
                head,
                format!(
                    "the {width} channels of level {level} can't be shared out in heads of {head}; use a divisor of \
                     {width}, such as {}",
                    largest_divisor(width, head)
                ),
            )?;
        }
        Ok(())
    }

    /// The keys that matter to networks made elsewhere.
    fn check_details(&self) -> Result<(), ConfigError> {
        let model = &self.model;
        let (groups, last) = (model.attn_norm_num_groups, model.block_out_channels.len() - 1);
        let width = model.block_out_channels[last];
        ensure(
            groups == 0 || width.is_multiple_of(groups),
            "model.attn_norm_num_groups",
            groups,
            format!("it doesn't divide the {width} channels of the middle block; use 0 for model.norm_num_groups"),
        )?;
        ensure(
            model.mid_attention_norm || model.resnet_time_scale_shift == TimeScaleShift::ScaleShift,
            "model.mid_attention_norm",
            false,
            "only model.resnet_time_scale_shift = \"scale_shift\" can do without; set it to true",
        )?;
        ensure(
            model.downsample_padding <= 1,
            "model.downsample_padding",
            model.downsample_padding,
            "use 1 (zeros on all sides) or 0 (only right and below)",
        )?;
        ensure(
            model.time_embedding_dim <= 4 * WIDEST,
            "model.time_embedding_dim",
            model.time_embedding_dim,
            format!("use {} at most, or 0 for four times the channels of the first level", 4 * WIDEST),
        )?;
        positive("model.mid_block_scale_factor", model.mid_block_scale_factor, "use a number above 0; 1 is usual")?;
        let half = (model.block_out_channels[0] / 2) as f64;
        ensure(
            model.freq_shift < half && model.freq_shift.is_finite(),
            "model.freq_shift",
            model.freq_shift,
            format!("use a number below {half}, half the channels of the first level; 0 and 1 are usual"),
        )
    }

    /// Group normalization needs equal groups: the group count must divide every width that is
    /// normalized, also the concatenated ones of the way up.
    fn check_groups(&self) -> Result<(), ConfigError> {
        let model = &self.model;
        let groups = model.norm_num_groups;
        ensure(groups >= 1, "model.norm_num_groups", groups, "use at least one group; 8 is usual here")?;
        let widths = normalized_widths(model);
        let Some((width, place)) = widths.iter().find(|(width, _)| !width.is_multiple_of(groups)) else {
            return Ok(());
        };
        let common = widths.iter().fold(0, |common, (width, _)| greatest_common_divisor(common, *width));
        // Groups of next to nothing in common: the widths are what must change.
        ensure(
            common >= 4,
            "model.block_out_channels",
            format!("{:?}", model.block_out_channels),
            format!(
                "no useful model.norm_num_groups divides all widths, the {width} channels {place} included; use \
                 multiples of 8"
            ),
        )?;
        ensure(
            false,
            "model.norm_num_groups",
            groups,
            format!(
                "it doesn't divide the {width} channels {place}; use a number that divides every width, such as {}",
                largest_divisor(common, 32)
            ),
        )
    }

    /// Checks the config against the images as they come out of the loader: `height` × `width` pixels,
    /// `channels`, and `num_classes` (0: unlabelled). Returns warnings, one sentence each.
    ///
    /// # Errors
    /// [`ConfigError::Impossible`] names the key, its value, and what to do.
    pub fn validate_for_data(
        &self,
        height: usize,
        width: usize,
        channels: usize,
        num_classes: usize,
    ) -> Result<Vec<String>, ConfigError> {
        let convolves = self.model.kind != NetworkKind::Mlp;
        let unet = self.model.kind == NetworkKind::Unet;
        let levels = self.model.block_out_channels.len();
        ensure(
            height >= 1 && width >= 1 && channels >= 1,
            "data.dataset",
            format!("{:?}", self.data.dataset),
            format!("its images are {width}×{height} with {channels} channels: there is nothing to learn from"),
        )?;
        let points = POINT_SETS.contains(&self.data.dataset.as_str());
        ensure(
            !(points && self.trains_autoencoder()),
            "data.dataset",
            format!("{:?}", self.data.dataset),
            "its points in the plane are no pictures, and an autoencoder makes latents of pictures; name a config or data with \
             such",
        )?;
        ensure(
            !(convolves && points),
            "model.kind",
            "\"unet\"",
            format!(
                "{} are points in the plane, without pixels to convolve; use model.kind = \"mlp\"",
                self.data.dataset
            ),
        )?;
        if self.model.kind == NetworkKind::Autoencoder {
            return self.check_autoencoder_for(height, width);
        }
        let unit = 1usize << levels.saturating_sub(1).min(63);
        if unet && (!height.is_multiple_of(unit) || !width.is_multiple_of(unit)) {
            let possible = fewer_levels(levels, height, width);
            let thin = height.min(width) < unit && height != width;
            let (least, one) = (height.min(width), possible.is_none_or(|levels| levels == 1));
            ensure(
                !thin,
                "model.block_out_channels",
                format!("{:?}", self.model.block_out_channels),
                format!(
                    "the images are {width}×{height}, too thin to be halved {} times; give model.block_out_channels \
                     {} (data.image_size would crop to the central {least}×{least})",
                    levels - 1,
                    if one { "one width" } else { "fewer widths" },
                ),
            )?;
            ensure(
                false,
                "model.block_out_channels",
                format!("{:?}", self.model.block_out_channels),
                format!(
                    "the images are {width}×{height}, and {levels} levels halve them {} times, so width and height \
                     must be multiples of {unit}; set data.image_size = {}, or use {} levels",
                    levels - 1,
                    nearest_sizes(height.min(width), unit),
                    possible.unwrap_or(1),
                ),
            )?;
        }
        ensure(
            !self.model.class_conditional || num_classes > 0,
            "model.class_conditional",
            true,
            "the dataset has no class labels; set model.class_conditional = false and sample.guidance_scale = 0, or \
             give labels (data.labels for idx files, sub-folders for images)",
        )?;

        let mut warnings = Vec::new();
        for &level in self.model.attention_levels.iter().filter(|_| unet) {
            let positions = (height >> level) * (width >> level);
            if positions > MANY_POSITIONS {
                warnings.push(format!(
                    "attention at level {level} compares {positions} positions with each other in every image: \
                     expect it to be slow. Attention is usually kept to 16×16 and below"
                ));
            }
        }
        let digits = self.data.dataset.starts_with("mnist");
        if self.data.horizontal_flip && digits {
            warnings.push("data.horizontal_flip mirrors digits, and a mirrored 2 is no digit; set it to false".into());
        }
        if self.model.class_conditional && num_classes == 1 {
            warnings.push("the dataset has one class only: class labels tell the network nothing".into());
        }
        Ok(warnings)
    }
}

/// The most levels below `levels` that height and width can be halved by; `None`: there is none below.
pub(super) fn fewer_levels(levels: usize, height: usize, width: usize) -> Option<usize> {
    (1..levels).rev().find(|levels| {
        let unit = 1usize << (levels - 1);
        height.is_multiple_of(unit) && width.is_multiple_of(unit)
    })
}

/// Every width that a group normalization of the U-Net sees, with the place in words. The way up joins
/// each layer's input with a skip connection: level r of the reversed widths has layers of in-width
/// (previous width or own) + (own skip, or the next level's at the last layer).
fn normalized_widths(model: &ModelConfig) -> Vec<(usize, String)> {
    let mut widths: Vec<(usize, String)> =
        model.block_out_channels.iter().enumerate().map(|(i, &width)| (width, format!("of level {i}"))).collect();
    let up: Vec<usize> = model.block_out_channels.iter().rev().copied().collect();
    for (j, &own) in up.iter().enumerate() {
        let level = up.len() - 1 - j;
        let before = up[j.saturating_sub(1)];
        let next = up[(j + 1).min(up.len() - 1)];
        for k in 0..=model.layers_per_block {
            let input = if k == 0 { before } else { own };
            let skip = if k == model.layers_per_block { next } else { own };
            widths.push((input + skip, format!("({input} + {skip} concatenated) on the way up at level {level}")));
        }
    }
    widths
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn largest_divisor(n: usize, at_most: usize) -> usize {
    (1..=at_most.min(n)).rev().find(|d| n.is_multiple_of(*d)).unwrap_or(1)
}

/// "24 or 32": the multiples of `unit` around `size`.
fn nearest_sizes(size: usize, unit: usize) -> String {
    let below = size / unit * unit;
    let above = below + unit;
    if below == 0 { above.to_string() } else { format!("{below} or {above}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(overrides: &[&str]) -> Config {
        Config::default().with_overrides(&overrides.iter().map(|s| s.to_string()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn twenty_eight_pixels_with_four_levels_names_the_nearest_sizes() {
        let config = config(&["model.block_out_channels=[32, 64, 64, 64]"]);
        config.validate().unwrap();
        let message = config.validate_for_data(28, 28, 1, 10).unwrap_err().to_string();
        assert!(message.contains("28×28") && message.contains("4 levels"), "{message}");
        assert!(message.contains("data.image_size = 24 or 32") && message.contains("use 3 levels"), "{message}");
        assert!(config.validate_for_data(32, 32, 1, 10).is_ok());
        let message = config.validate_for_data(20, 60, 1, 10).unwrap_err().to_string();
        assert!(message.contains("are 60×20, and"), "width comes first, as everywhere: {message}");
        // Pictures are cropped to the square of their shorter side: one of 64×1 would be no more than a pixel.
        let message = config.validate_for_data(1, 64, 1, 10).unwrap_err().to_string();
        assert!(message.contains("are 64×1, too thin") && message.contains("one width"), "{message}");
        assert!(!message.contains("data.image_size ="), "a pixel is nothing to learn from: {message}");
    }

    #[test]
    fn groups_must_divide_the_concatenated_widths_too() {
        assert!(config(&["model.block_out_channels=[24, 48]", "model.norm_num_groups=24"]).validate().is_ok());
        let bad = config(&["model.block_out_channels=[32, 48]", "model.norm_num_groups=32"]).validate();
        let message = bad.unwrap_err().to_string();
        assert!(message.contains("model.norm_num_groups = 32") && message.contains("such as 16"), "{message}");
        let widths = normalized_widths(&config(&["model.block_out_channels=[32, 64, 64]"]).model);
        let up: Vec<usize> = widths[3..].iter().map(|(width, _)| *width).collect();
        assert_eq!(up, [128, 128, 128, 96, 96, 64]);
    }

    #[test]
    fn head_sizes_must_divide_the_attended_widths_only() {
        let message = config(&["model.attention_head_dim=24"]).validate().unwrap_err().to_string();
        assert!(message.contains("64 channels of level 2") && message.contains("such as 16"), "{message}");
        assert!(config(&["model.attention_head_dim=24", "model.mid_attention=false"]).validate().is_ok());
    }

    #[test]
    fn classes_need_labels() {
        let config = config(&["model.class_conditional=true"]);
        let message = config.validate_for_data(28, 28, 1, 0).unwrap_err().to_string();
        assert!(
            message.contains("no class labels") && message.contains("model.class_conditional = false"),
            "{message}"
        );
        assert!(config.validate_for_data(28, 28, 1, 10).unwrap().is_empty());
        assert_eq!(config.validate_for_data(28, 28, 1, 1).unwrap().len(), 1);
    }

    #[test]
    fn slow_attention_and_mirrored_digits_are_named() {
        let config = config(&["model.attention_levels=[0]", "data.horizontal_flip=true"]);
        let warnings = config.validate_for_data(64, 64, 3, 0).unwrap().join("\n");
        assert!(warnings.contains("4096 positions") && warnings.contains("mirrored 2"), "{warnings}");
    }
}
