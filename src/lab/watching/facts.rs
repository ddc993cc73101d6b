//! What can be known of a run from its files.

use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::data::DataIdentity;
use crate::diffusion::Schedule;
use crate::lab::data_facts::DataFacts;
use crate::lab::live::Live;
use crate::lab::protocol::RunInfo;
use crate::nn::{NetConfig, parameter_count};
use crate::run::{checkpoint, sample_shape};

/// What the newest checkpoint says of the data; `None` where there is none, or it doesn't say.
pub fn data_of(dir: &Path) -> Option<DataIdentity> {
    let (_, newest) = checkpoint::all(dir).pop()?;
    checkpoint::data_of(&newest).ok().flatten()
}

/// The run's facts, as far as its files know them: `data` is what its checkpoint says, `found` what was loaded. What
/// nobody knows is 0 or empty.
pub fn run_info(dir: &Path, config: &Config, data: Option<&DataIdentity>, found: Option<&DataFacts>) -> RunInfo {
    let images = data.map_or(0, |data| data.images);
    let held_out = if images == 0 { 0 } else { config.data.held_out.of(images) };
    let (train_images, held_out_images) = match found {
        Some(found) => (found.train_images, found.held_out_images),
        None => (images.saturating_sub(held_out), held_out),
    };
    let image_shape = match (found, data) {
        (Some(found), _) => Some(found.image_shape),
        (None, Some(data)) => Some((data.height, data.width, data.channels)),
        (None, None) => None,
    };
    let classes = match (found, data) {
        (Some(found), _) => found.classes.clone(),
        (None, Some(data)) => data.classes.iter().map(|class| class.name.clone()).collect(),
        (None, None) => Vec::new(),
    };
    let sample_shape = image_shape.and_then(|shape| sample_shape(dir, config, shape));
    let parameters = sample_shape.and_then(|(height, width, channels)| {
        let named = config.model.class_conditional.then_some(classes.len());
        match &NetConfig::new(config, height, width, channels, named) {
            NetConfig::UNet(config) => parameter_count(config).ok(),
            NetConfig::Mlp(config) => parameter_count(config).ok(),
            NetConfig::Autoencoder(config) => parameter_count(config).ok(),
        }
    });
    let alphas = Schedule::from_config(&config.diffusion).map(|schedule| schedule.alphas_cumprod).unwrap_or_default();
    RunInfo {
        run_dir: dir.to_path_buf(),
        network: config.model.kind.title().into(),
        parameters: parameters.unwrap_or(0),
        train_images,
        held_out_images,
        steps_per_epoch: train_images as f64 / config.train.batch_size.max(1) as f64,
        image_shape: image_shape.unwrap_or((1, 1, 1)),
        sample_shape: sample_shape.or(image_shape).unwrap_or((1, 1, 1)),
        classes,
        conditional: config.model.class_conditional,
        alphas_cumprod: Arc::new(alphas),
        examples: found.map(|found| found.examples.clone()).unwrap_or_default(),
        latent_examples: found.map(|found| found.latent_examples.clone()).unwrap_or_default(),
        points: found.map(|found| found.points.clone()).unwrap_or_default(),
        device: String::new(),
        threads: 0,
        start_step: 0,
        warnings: Vec::new(),
        chosen: Vec::new(),
        stage: None,
        // Whether its owner draws any is no matter here.
        live: Live { previews: true, ..Live::new(config) },
        config: config.clone(),
    }
}
