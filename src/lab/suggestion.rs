//! A config for data that came without one: size, network, batch and steps by what the data are.

use crate::config::{Config, ConfigError, HeldOut, NetworkKind};
use crate::data::Survey;
use crate::thousands::thousands;

/// Images are brought to this many pixels a side where they are larger: what a few processor cores learn in
/// reasonable time.
const USUAL_SIDE: usize = 32;
/// Images that all have the same size stay as they are up to here.
const LARGEST_AS_STORED: usize = 64;
/// Less than this is enlarged, where it can't stay as it is.
const LEAST_SIDE: usize = 8;
/// The network's levels, from full resolution down, for images up to so many pixels a side.
const NETWORKS: [(usize, &[usize]); 3] =
    [(32, &[32, 64, 64]), (64, &[32, 64, 64, 96]), (usize::MAX, &[32, 48, 64, 96, 128])];
/// Grey images of the smallest kind need less.
const GREY: [usize; 3] = [16, 32, 64];
/// Attention where at most so many positions are left to compare.
const MOST_POSITIONS: usize = 64;
/// A level is worth having while its images are at least this large.
const LEAST_LEVEL: usize = 4;
/// With fewer images each, classes are not worth learning.
const LEAST_PER_CLASS: usize = 3;
/// With fewer images, none is held out.
const LEAST_TO_HOLD_OUT: usize = 20;
/// With fewer images, dropout keeps the network from learning them by heart too soon.
const FEW: usize = 5000;
/// Steps for up to so many images.
const STEPS: [(usize, u64); 4] = [(100, 3000), (1000, 6000), (5000, 12_000), (usize::MAX, 20_000)];

/// A config, and what was chosen in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    pub config: Config,
    /// "data.image_size = 32: …", a line for each choice; keys that the user set are not among them.
    pub reasons: Vec<String>,
}

/// A config for the data of `survey`. `start` names them in `[data]` and is otherwise as the defaults are;
/// `overrides` (`KEY=VALUE`) win, and what depends on them follows them.
///
/// # Errors
/// Overrides that no config takes.
pub fn suggest(survey: &Survey, start: Config, overrides: &[String]) -> Result<Suggestion, ConfigError> {
    let mut chosen = Choice { config: start.with_overrides(overrides)?, overrides, reasons: Vec::new() };
    chosen.name(&survey.name);
    let (width, height) = chosen.size(survey);
    chosen.channels(survey);
    chosen.classes(survey);
    chosen.network(width, height);
    chosen.training(survey.images);
    chosen.pictures(survey.classes.len());
    Ok(Suggestion { config: chosen.config.with_overrides(overrides)?, reasons: chosen.reasons })
}

struct Choice<'a> {
    config: Config,
    overrides: &'a [String],
    reasons: Vec<String>,
}

impl Choice<'_> {
    /// Did the user leave this key to us?
    fn is_free(&self, key: &str) -> bool {
        let named = |given: &String| given.split('=').next().is_some_and(|name| name.trim() == key);
        !self.overrides.iter().any(named)
    }

    fn say(&mut self, key: &str, reason: &str) {
        if self.is_free(key) {
            let value = self.config.values().get(key).map(toml::Value::to_string).unwrap_or_default();
            self.reasons.push(format!("{key} = {value}: {reason}"));
        }
    }

    /// The data's, as far as it can be part of a folder's name.
    fn name(&mut self, name: &str) {
        if self.is_free("name") {
            let usable: String =
                name.chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\')).take(40).collect();
            let usable = usable.trim().trim_start_matches('.').to_string();
            self.config.name = if usable.is_empty() { "own".into() } else { usable };
        }
    }

    /// Width and height that the images will have.
    fn size(&mut self, survey: &Survey) -> (usize, usize) {
        let wanted = self.config.data.image_size;
        if wanted != 0 {
            return (wanted, wanted);
        }
        let one = survey.one_size().map(|(width, height)| (width as usize, height as usize));
        if let Some((width, height)) = one
            && (!self.is_free("data.image_size") || stays(width, height))
        {
            self.say("data.image_size", &format!("as stored, {width}×{height}"));
            return (width, height);
        }
        let (usual, side) = (survey.usual_side() as usize, resized(survey));
        if self.is_free("data.image_size") {
            self.config.data.image_size = side;
        }
        let found = match (one, survey.sizes.len()) {
            (Some((width, height)), _) => format!("they are {width}×{height}"),
            (None, many) => format!(
                "they come in {} sizes, half of them with {usual} pixels or more at the shorter side",
                thousands(many)
            ),
        };
        let more = match usual >= 2 * side {
            true => format!("; --set data.image_size={} shows more, at about five times the work", 2 * side),
            false => String::new(),
        };
        self.say("data.image_size", &format!("{found}; each is cropped to its central square and resized{more}"));
        (side, side)
    }

    fn channels(&mut self, survey: &Survey) {
        let channels = if survey.shows_grey { 1 } else { survey.channels };
        if self.is_free("data.channels") && matches!(channels, 1 | 3) {
            self.config.data.channels = channels;
        }
        let reason = match (survey.channels, channels) {
            (1, _) => "all of them are grey",
            (_, 1) => "all of them show grey, though stored in colour",
            _ => "there is colour in them",
        };
        self.say("data.channels", reason);
    }

    fn classes(&mut self, survey: &Survey) {
        let classes = survey.classes.len();
        let worth = classes >= 2 && survey.images >= LEAST_PER_CLASS * classes;
        if self.is_free("model.class_conditional") {
            self.config.model.class_conditional = worth;
        }
        let reason = match classes {
            0 => "there are no classes; sub-folders would make some".to_string(),
            1 => "one class tells the network nothing".to_string(),
            n if worth => format!("{} classes", thousands(n)),
            n => format!("{} classes have less than {LEAST_PER_CLASS} images each on average", thousands(n)),
        };
        self.say("model.class_conditional", &reason);
        if self.config.model.class_conditional && self.is_free("sample.guidance_scale") {
            // Of digits, where it can be measured (docs/study.md), little guidance is best.
            self.config.sample.guidance_scale = 0.5;
        }
    }

    fn network(&mut self, width: usize, height: usize) {
        if self.config.model.kind != NetworkKind::Unet {
            return;
        }
        let side = width.max(height);
        let (_, widths) = NETWORKS.into_iter().find(|(largest, _)| side <= *largest).unwrap_or(NETWORKS[0]);
        let widths = if self.config.data.channels == 1 && side <= NETWORKS[0].0 { &GREY[..] } else { widths };
        let levels = levels(width, height).min(widths.len());
        if self.is_free("model.block_out_channels") {
            self.config.model.block_out_channels = widths[..levels].to_vec();
        }
        self.say("model.block_out_channels", &format!("for {width}×{height} pixels"));
        if self.is_free("model.attention_levels") && self.is_free("model.block_out_channels") {
            let few = |level: &usize| *level > 0 && (width >> level) * (height >> level) <= MOST_POSITIONS;
            self.config.model.attention_levels = (0..levels).filter(few).collect();
        }
        // Each position with each other, of a whole image, is too much.
        let lowest = levels - 1;
        if self.is_free("model.mid_attention") && (width >> lowest) * (height >> lowest) > 16 * MOST_POSITIONS {
            self.config.model.mid_attention = false;
        }
    }

    fn training(&mut self, images: usize) {
        if self.is_free("data.held_out") && images < LEAST_TO_HOLD_OUT {
            self.config.data.held_out = HeldOut::Count(0);
        }
        let held_out = self.config.data.held_out.of(images);
        let reason = match held_out {
            0 => "too few to hold any out: there will be no held-out loss".to_string(),
            n => format!("{} of the {} images", thousands(n), thousands(images)),
        };
        self.say("data.held_out", &reason);
        let left = images.saturating_sub(held_out).max(1);
        if self.is_free("train.batch_size") {
            let most = self.config.train.batch_size;
            self.config.train.batch_size = (8..=most).rev().find(|n| n.is_power_of_two() && *n <= left).unwrap_or(8);
        }
        let (_, steps) = STEPS.into_iter().find(|(most, _)| images <= *most).unwrap_or(STEPS[0]);
        let by_epochs = self.config.train.epochs;
        if by_epochs > 0.0 {
            // What depends on them follows; they are counted again when the images have been read.
            self.config.train.steps = self.config.train.steps_of(by_epochs, left);
        } else if self.is_free("train.steps") {
            self.config.train.steps = steps;
        }
        // A short run would never get to its learning rate.
        if self.is_free("train.warmup_steps") {
            let most = self.config.train.steps / 20;
            self.config.train.warmup_steps = self.config.train.warmup_steps.min(most);
        }
        let batch = self.config.train.batch_size;
        let seen = self.config.train.steps as f64 * batch as f64 / left as f64;
        if by_epochs == 0.0 {
            let times = thousands(seen.round() as usize);
            self.say("train.steps", &format!("of {batch} images each, so that each is seen about {times} times"));
        }
        if self.is_free("model.dropout") && images < FEW {
            self.config.model.dropout = 0.1;
            self.say("model.dropout", "a network soon memorizes few images; dropout delays that");
        }
    }

    /// As many in a picture as shows each class alike.
    fn pictures(&mut self, classes: usize) {
        if self.config.model.class_conditional && (2..=20).contains(&classes) {
            if self.is_free("sample.num") {
                self.config.sample.num = 20 / classes * classes;
            }
            if self.is_free("preview.num") {
                self.config.preview.num = if classes <= 10 { 10 / classes * classes } else { classes };
            }
        }
    }
}

/// Pixels a side that the images of `survey` are best brought to; 0: as stored.
pub fn side_for(survey: &Survey) -> usize {
    match survey.one_size() {
        Some((width, height)) if stays(width as usize, height as usize) => 0,
        _ => resized(survey),
    }
}

/// Where they cannot stay as they are: no larger than half of them are.
fn resized(survey: &Survey) -> usize {
    (survey.usual_side() as usize / LEAST_LEVEL * LEAST_LEVEL).clamp(LEAST_SIDE, USUAL_SIDE)
}

/// Can images of one size stay as they are?
fn stays(width: usize, height: usize) -> bool {
    let (least, most) = (width.min(height), width.max(height));
    most <= LARGEST_AS_STORED
        && (least < LEAST_SIDE || (width.is_multiple_of(LEAST_LEVEL) && height.is_multiple_of(LEAST_LEVEL)))
}

/// How many levels images of this size go through, each half the one before.
fn levels(width: usize, height: usize) -> usize {
    let fits = |level: &u32| {
        let unit = 1usize << level;
        width.is_multiple_of(unit) && height.is_multiple_of(unit) && width.min(height) / unit >= LEAST_LEVEL
    };
    1 + (1..10).take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::check_config_stability;

    fn survey(images: usize, classes: usize, sizes: &[((u32, u32), usize)], channels: usize) -> Survey {
        let classes = (0..classes).map(|i| (format!("class {i}"), images / classes)).collect();
        Survey { name: "cats".into(), images, classes, sizes: sizes.to_vec(), channels, ..Survey::default() }
    }

    fn of(survey: &Survey, overrides: &[&str]) -> Suggestion {
        let mut start = Config::default();
        start.data.dataset = "images".into();
        start.data.path = "/cats".into();
        suggest(survey, start, &overrides.iter().map(|set| set.to_string()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn every_suggestion_is_possible_stable_and_fits_its_data() {
        let sizes: [&[((u32, u32), usize)]; 9] = [
            &[((6000, 4000), 40)],
            &[((640, 480), 30), ((480, 640), 10)],
            &[((32, 32), 40)],
            &[((64, 64), 40)],
            &[((28, 28), 40)],
            &[((30, 30), 40)],
            &[((64, 1), 40)],
            &[((1, 1), 40)],
            &[((48, 32), 40)],
        ];
        for sizes in sizes {
            for images in [1, 3, 10, 200, 1500, 60_000] {
                for classes in [0, 1, 2, 9, 300] {
                    for channels in [1, 3] {
                        let suggestion = of(&survey(images, classes, sizes, channels), &[]);
                        let config = &suggestion.config;
                        let case = format!("{sizes:?} {images} {classes}: {:?}", config.model);
                        assert_eq!(config.validate().unwrap(), Vec::<String>::new(), "{case}");
                        assert_eq!(check_config_stability(config), None, "{case}");
                        let ((w, h), _) = sizes[0];
                        let side = config.data.image_size;
                        let (w, h) = if side == 0 { (w as usize, h as usize) } else { (side, side) };
                        let warnings = config.validate_for_data(h, w, config.data.channels, classes).unwrap();
                        assert_eq!(warnings, Vec::<String>::new(), "{case}");
                        assert!(config.data.held_out.of(images) <= images / 10, "{case}");
                        assert_eq!(config.data.held_out.doubt(images), None, "{case}");
                    }
                }
            }
        }
    }

    #[test]
    fn size_network_and_classes_follow_the_data() {
        let photos = of(&survey(200, 2, &[((4000, 3000), 120), ((3000, 4000), 80)], 3), &[]);
        let config = &photos.config;
        assert_eq!((config.data.image_size, config.data.channels, config.name.as_str()), (32, 3, "cats"));
        assert_eq!(config.model.block_out_channels, [32, 64, 64]);
        assert!(config.model.class_conditional);
        assert_eq!((config.train.steps, config.train.batch_size), (6000, 64));
        let text = photos.reasons.join("\n");
        for part in ["data.image_size = 32: they come in 2 sizes", "3000 pixels", "10 of the 200 images", "2 classes"] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        let digits = of(&survey(60_000, 10, &[((28, 28), 60_000)], 1), &[]).config;
        assert_eq!((digits.data.image_size, digits.data.channels), (0, 1));
        assert_eq!(digits.model.block_out_channels, GREY);
        let few = of(&survey(3, 0, &[((100, 100), 3)], 3), &[]);
        assert_eq!((few.config.data.held_out, few.config.train.batch_size), (HeldOut::Count(0), 8));
        assert!(few.reasons.join("").contains("too few to hold any out"));
        let strewn = of(&survey(300, 290, &[((32, 32), 300)], 3), &[]);
        assert!(
            !strewn.config.model.class_conditional && strewn.reasons.join("").contains("290 classes have less than 3")
        );
    }

    #[test]
    fn what_the_user_sets_wins_and_the_rest_follows() {
        let photos = survey(200, 2, &[((640, 480), 200)], 3);
        let set = ["data.image_size=64", "train.steps=50", "model.class_conditional=false", "name=mine"];
        let Suggestion { config, reasons } = of(&photos, &set);
        assert_eq!((config.data.image_size, config.train.steps, config.name.as_str()), (64, 50, "mine"));
        assert_eq!(config.model.block_out_channels, [32, 64, 64, 96]);
        assert_eq!(config.sample.guidance_scale, 0.0);
        let by_epochs = of(&photos, &["train.epochs=2"]);
        assert_eq!((by_epochs.config.train.epochs, by_epochs.config.train.warmup_steps), (2.0, 0));
        assert!(!by_epochs.reasons.join("").contains("train.steps"), "{:?}", by_epochs.reasons);
        let text = reasons.join("\n");
        assert!(!text.contains("image_size") && !text.contains("train.steps") && text.contains("64×64"), "{text}");
    }
}
