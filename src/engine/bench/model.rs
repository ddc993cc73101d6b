//! What is measured: an experiment, and random pictures of its size.

use std::sync::Arc;

use candle_core::Device;
use rand::RngExt;

use crate::config::{Config, ConfigError, Precision, PrecisionChoice};
use crate::data::{Dataset, catalogue};
use crate::kernels::precision::taken;
use crate::nn::NetConfig;
use crate::nn::autoencoder::AutoencoderConfig;
use crate::random::{Stream, generator};

/// Networks that are measured besides the shipped experiments: one small and grey, at home on two
/// processor cores, the others for colour pictures, small and larger.
pub const OWN_NAMES: [&str; 3] = ["reference", "rgb32", "rgb64"];

const REFERENCE: &str = r#"
name = "reference"
[data]
image_size = 28
channels = 1
[model]
block_out_channels = [32, 64, 64]
layers_per_block = 2
attention_levels = [2]
mid_attention = true
attention_head_dim = 8
resnet_time_scale_shift = "default"
"#;

const RGB32: &str = r#"
name = "rgb32"
[data]
image_size = 32
channels = 3
[model]
block_out_channels = [64, 128, 128]
layers_per_block = 2
attention_levels = [2]
mid_attention = true
attention_head_dim = 8
resnet_time_scale_shift = "default"
"#;

/// Attention from 16×16 on down: at 32×32 its maps alone would be as much work as the convolutions.
const RGB64: &str = r#"
name = "rgb64"
[data]
image_size = 64
channels = 3
[model]
block_out_channels = [32, 64, 96, 96]
layers_per_block = 2
attention_levels = [2]
mid_attention = true
attention_head_dim = 8
resnet_time_scale_shift = "default"
"#;

/// Random pictures in the stand-in dataset: more than any batch, so that gathering one is real work.
const IMAGES: usize = 1024;
/// Classes of a dataset that isn't known before it is read.
const USUAL_CLASSES: usize = 10;

/// An experiment, and the size of its pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchModel {
    pub config: Config,
    /// Height, width, channels of what the network sees.
    pub image_shape: (usize, usize, usize),
    /// Classes of the data, the null class not counted.
    pub num_classes: usize,
}

impl BenchModel {
    /// The subject of that name: one of [`OWN_NAMES`], a shipped experiment, or the path of a config.
    /// The data itself is not needed.
    ///
    /// # Errors
    /// When there is no such experiment, it is impossible, or it doesn't say how large its pictures
    /// are (`data.image_size` and `data.channels`, for data of the user's own).
    pub fn named(name_or_path: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        let own = |text| Config::from_toml(text, &format!("{name_or_path} (difflab bench)"))?.with_overrides(overrides);
        let config = match name_or_path {
            "reference" => own(REFERENCE)?,
            "rgb32" => own(RGB32)?,
            "rgb64" => own(RGB64)?,
            _ => Config::load(name_or_path, overrides)?,
        };
        config.validate()?;
        let known = catalogue().into_iter().find(|entry| entry.name == config.data.dataset);
        let size = |key: &str, set: usize, known: Option<usize>| match (set, known) {
            (0, None) => Err(ConfigError::Impossible {
                key: key.into(),
                value: "0".into(),
                problem: format!("a benchmark loads no data, so it must be told; add --set {key}=…"),
            }),
            (0, Some(known)) => Ok(known),
            (set, _) => Ok(set),
        };
        let data = &config.data;
        let height = size("data.image_size", data.image_size, known.as_ref().map(|entry| entry.height))?;
        let width = size("data.image_size", data.image_size, known.as_ref().map(|entry| entry.width))?;
        let channels = size("data.channels", data.channels, known.as_ref().map(|entry| entry.channels))?;
        let num_classes = known.map_or(USUAL_CLASSES, |entry| entry.classes.len().max(1));
        let ((height, width, channels), factor) = seen_shape(&config, (height, width, channels))?;
        match factor {
            Some(factor) => config.validate_for_latents((height, width, channels), factor, num_classes)?,
            None => config.validate_for_data(height, width, channels, num_classes)?,
        };
        Ok(Self { config, image_shape: (height, width, channels), num_classes })
    }

    /// What its network multiplies in where the config says `choice`.
    pub fn multiplies_in(&self, choice: PrecisionChoice, device: &Device) -> Precision {
        taken(choice, self.config.model.kind, device)
    }

    /// Its network.
    pub fn net_config(&self) -> NetConfig {
        let (height, width, channels) = self.image_shape;
        NetConfig::new(&self.config, height, width, channels, Some(self.num_classes))
    }

    /// Random pictures of random classes, in place of the data.
    pub fn dataset(&self) -> Dataset {
        let (height, width, channels) = self.image_shape;
        let mut rng = generator(self.config.seed, Stream::Noise, 0);
        Dataset {
            name: "random".into(),
            source: "random numbers".into(),
            height,
            width,
            channels,
            pixels: (0..IMAGES * height * width * channels).map(|_| rng.random::<u8>()).collect::<Vec<u8>>().into(),
            labels: Arc::new((0..IMAGES).map(|_| rng.random_range(0..self.num_classes as u32)).collect()),
            classes: (0..self.num_classes).map(|class| class.to_string()).collect(),
            warnings: Vec::new(),
        }
    }
}

/// Height, width and channels.
type Shape = (usize, usize, usize);

/// What the network sees of pictures of this shape: of a config that diffuses in the latents of its own autoencoder, those,
/// and how many times smaller they are.
fn seen_shape(config: &Config, (height, width, channels): Shape) -> Result<(Shape, Option<usize>), ConfigError> {
    if !config.diffuses_latents() {
        return Ok(((height, width, channels), None));
    }
    let impossible = |problem: String| ConfigError::Impossible {
        key: "data.latents".into(),
        value: format!("{:?}", config.data.latents),
        problem,
    };
    if !config.has_own_autoencoder() {
        let problem = "a benchmark opens no autoencoder; set data.latents = \"own\", whose latents have the size that \
                       [autoencoder] says";
        return Err(impossible(problem.into()));
    }
    let autoencoder = AutoencoderConfig::new(&config.autoencoder, height, width, channels);
    let shape = autoencoder.latent_shape(height, width).map_err(|error| impossible(format!("{error:#}")))?;
    Ok((shape, Some(autoencoder.factor())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shipped;
    use crate::nn::parameter_count;

    fn named(name: &str) -> BenchModel {
        BenchModel::named(name, &[]).unwrap()
    }

    #[test]
    fn every_name_is_a_network_for_its_pictures() {
        let names = shipped().iter().map(|(name, _)| *name).chain(OWN_NAMES);
        for name in names {
            let subject = named(name);
            let data = subject.dataset();
            assert_eq!(subject.config.name, name);
            assert_eq!(data.len(), IMAGES);
            assert!(data.labels.iter().all(|&label| (label as usize) < data.classes.len()));
            parameter_count(&subject.net_config()).unwrap();
        }
    }

    #[test]
    fn the_reference_network_is_the_one_of_the_measurements() {
        let subject = named("reference");
        assert_eq!(subject.image_shape, (28, 28, 1));
        assert_eq!(parameter_count(&subject.net_config()).unwrap(), 1_623_169);
        assert_eq!(named("rgb32").image_shape, (32, 32, 3));
        assert_eq!(named("rgb32").net_config().sample_shape(), Some((32, 32, 3)));
        assert_eq!(named("rgb64").net_config().sample_shape(), Some((64, 64, 3)));
    }

    #[test]
    fn overrides_are_taken_and_pictures_of_unknown_size_are_asked_for() {
        let set = |text: &str| vec![text.to_string()];
        assert_eq!(BenchModel::named("mnist", &set("train.batch_size=7")).unwrap().config.train.batch_size, 7);
        assert_eq!(BenchModel::named("reference", &set("seed=5")).unwrap().config.seed, 5);
        let folder = ["data.dataset=images", "data.path=."].map(String::from);
        let message = BenchModel::named("mnist-ddpm", &folder).unwrap_err().to_string();
        assert!(message.contains("data.image_size") && message.contains("--set"), "{message}");
        let sized = [&folder[..], &["data.image_size=32".into(), "data.channels=3".into()]].concat();
        assert_eq!(BenchModel::named("mnist-ddpm", &sized).unwrap().image_shape, (32, 32, 3));
        assert!(BenchModel::named("no-such-experiment", &[]).is_err());
    }
}
