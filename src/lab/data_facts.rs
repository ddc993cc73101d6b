//! What the lab keeps of the data once the trainer has them.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};

use crate::config::Config;
use crate::data::Dataset;
use crate::nn::autoencoder::LatentSpace;
use crate::picture::is_points;
use crate::process::peak_resident_mib;
use crate::run::{CardFacts, Release, model_card};

/// Training images kept for the picture of the forward process.
const EXAMPLES: usize = 10;

/// Training points kept for the pictures of the data.
const POINTS: usize = 2000;

/// What stays known of the data once the trainer has it.
pub struct DataFacts {
    pub train_images: usize,
    pub held_out_images: usize,
    /// Height, width, channels of the pictures.
    pub image_shape: (usize, usize, usize),
    /// In which it diffuses, if not in pixels.
    pub latents: Option<LatentSpace>,
    pub classes: Vec<String>,
    pub source: String,
    /// A few training images, `[H, W, C]` each, pixels in [-1, 1].
    pub examples: Vec<Arc<Vec<f32>>>,
    /// The latents of the same images where diffusion happens in such, as pictures `[h, w, 3]`: their first channels are red,
    /// green and blue; a single one is grey.
    pub latent_examples: Vec<Arc<Vec<f32>>>,
    /// The first training points, `[N, 2]`; empty for images.
    pub points: Arc<Vec<f32>>,
}

impl DataFacts {
    pub fn of(train: &Dataset, held_out: &Dataset) -> Self {
        Self {
            train_images: train.len(),
            held_out_images: held_out.len(),
            image_shape: (train.height, train.width, train.channels),
            latents: None,
            latent_examples: Vec::new(),
            classes: train.classes.clone(),
            source: train.source.clone(),
            points: Arc::new(match is_points((train.height, train.width, train.channels)) {
                true => train.gather(&(0..train.len().min(POINTS)).collect::<Vec<_>>(), None),
                false => Vec::new(),
            }),
            examples: examples(train).into_iter().map(|i| Arc::new(train.gather(&[i], None))).collect(),
        }
    }

    /// The same of diffusion in `latents`, of which the training data are `seen`.
    pub fn in_latents(self, latents: LatentSpace, seen: &Dataset) -> Self {
        let coloured = |i: usize| coloured(&seen.gather(&[i], None), seen.channels);
        Self { latent_examples: examples(seen).into_iter().map(coloured).collect(), latents: Some(latents), ..self }
    }

    /// The same, where the data were not encoded: the examples are.
    ///
    /// # Errors
    /// When they are no pictures of `latents`.
    pub fn encoded_by(self, latents: LatentSpace) -> Result<Self> {
        let (height, width, channels) = self.image_shape;
        let pixels: Vec<f32> = self.examples.iter().flat_map(|example| example.iter().copied()).collect();
        let pictures = Tensor::from_vec(pixels, (self.examples.len(), height, width, channels), &Device::Cpu)?;
        let encoded = latents.encode(&pictures)?.flatten_from(1)?.to_vec2::<f32>()?;
        let latent_examples = encoded.iter().map(|numbers| coloured(numbers, latents.shape().2)).collect();
        Ok(Self { latent_examples, latents: Some(latents), ..self })
    }

    /// Height, width and channels of what diffusion sees.
    pub fn sample_shape(&self) -> (usize, usize, usize) {
        self.latents.as_ref().map_or(self.image_shape, LatentSpace::shape)
    }

    /// The model card's text; `run` is the folder that it lies in.
    pub fn card(&self, run: &Path, config: &Config, parameters: usize, progress: Option<(u64, f64)>) -> String {
        model_card(
            config,
            &CardFacts {
                parameters,
                train_images: self.train_images,
                held_out_images: self.held_out_images,
                image_shape: self.image_shape,
                classes: &self.classes,
                source: &self.source,
                progress,
                peak_memory_mib: peak_resident_mib(),
                latents: self.latents.as_ref(),
                release: &Release::of_run(run, config, &self.classes),
            },
        )
    }
}

/// One image's latents as a picture.
fn coloured(numbers: &[f32], channels: usize) -> Arc<Vec<f32>> {
    let colours = |place: &[f32]| match channels {
        1 => [place[0]; 3],
        2 => [place[0], place[1], 0.0],
        _ => [place[0], place[1], place[2]],
    };
    Arc::new(numbers.chunks_exact(channels.max(1)).flat_map(colours).collect())
}

/// The first image of each class, up to [`EXAMPLES`]; of unlabelled data simply the first ones.
fn examples(data: &Dataset) -> Vec<usize> {
    if data.labels.is_empty() {
        return (0..data.len().min(EXAMPLES)).collect();
    }
    let classes = data.classes.len().min(EXAMPLES) as u32;
    (0..classes).filter_map(|class| data.labels.iter().position(|&label| label == class)).collect()
}
