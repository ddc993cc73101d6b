//! The held-out loss: the same images, timesteps and noise every time, so that only the weights
//! move it.

use anyhow::Result;
use candle_core::Device;
use rand::seq::SliceRandom;

use super::batch::{Batch, Recipe};
use super::images::images;
use super::times::stratified;
use crate::data::Dataset;
use crate::random::{Stream, generator, normal};

/// At most this many images: enough for a steady number, cheap enough to be done often.
const MOST_IMAGES: usize = 256;

/// Fixed batches of images that training never sees.
pub struct HeldOutLoss {
    batches: Vec<Batch>,
}

impl HeldOutLoss {
    /// At most 256 images, evenly spread over `data`, in batches of `batch_size`; `None` when there are
    /// none. Timesteps are stratified: one in each N-th of 0..T, so that a small set covers them all.
    pub fn new(
        recipe: Recipe,
        data: &Dataset,
        batch_size: usize,
        seed: u64,
        conditional: bool,
    ) -> Result<Option<Self>> {
        let indices = data.spread(MOST_IMAGES);
        let n = indices.len();
        if n == 0 {
            return Ok(None);
        }
        let mut rng = generator(seed, Stream::HeldOutNoise, 0);
        let mut timesteps = stratified(&recipe.parameterization.schedule, n, &mut rng);
        // Data are often in the order of their classes: in order as well, each class would meet its own noise levels.
        timesteps.shuffle(&mut generator(seed, Stream::HeldOutNoise, 1));
        let size = data.height * data.width * data.channels;
        let noise = normal(&mut rng, n * size);
        let batches = indices
            .chunks(batch_size.max(1))
            .zip((0..).step_by(batch_size.max(1)))
            .map(|(chunk, start)| {
                let end = start + chunk.len();
                Batch::assemble(
                    recipe,
                    (data.height, data.width, data.channels),
                    data.gather(chunk, None),
                    noise[start * size..end * size].to_vec(),
                    timesteps[start..end].to_vec(),
                    conditional.then(|| data.class_of(chunk)),
                )
            })
            .collect::<Result<_>>()?;
        Ok(Some(Self { batches }))
    }

    /// The pictures themselves, of which an autoencoder's reconstructions are measured.
    ///
    /// # Errors
    /// When the device cannot hold them.
    pub fn of_pictures(device: &Device, data: &Dataset, batch_size: usize) -> Result<Option<Self>> {
        let indices = data.spread(MOST_IMAGES);
        let of = |chunk: &[usize]| Batch::pictures(images(data, chunk, device)?, None);
        let batches = indices.chunks(batch_size.max(1)).map(of).collect::<Result<Vec<_>>>()?;
        Ok((!batches.is_empty()).then_some(Self { batches }))
    }

    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::DiffusionConfig;
    use crate::diffusion::Parameterization;
    use crate::kernels::Workers;

    /// 1,000 images in the order of their two classes.
    fn two_classes() -> Dataset {
        Dataset {
            name: "two".into(),
            source: String::new(),
            height: 1,
            width: 1,
            channels: 1,
            pixels: vec![0; 1000].into(),
            labels: Arc::new((0..1000).map(|i| u32::from(i >= 500)).collect()),
            classes: vec!["constant".into(), "noise".into()],
            warnings: Vec::new(),
        }
    }

    #[test]
    fn every_class_is_measured_and_at_every_noise_level() {
        let parameterization = Parameterization::from_config(&DiffusionConfig::default()).unwrap();
        let workers = Workers::new(1).unwrap();
        let recipe = Recipe { parameterization: &parameterization, device: &Device::Cpu, workers: &workers };
        let held_out = HeldOutLoss::new(recipe, &two_classes(), 100, 0, true).unwrap().unwrap();
        let (mut count, mut sum) = ([0; 2], [0.0; 2]);
        for batch in held_out.batches() {
            let classes = batch.classes.as_ref().unwrap().to_vec1::<u32>().unwrap();
            for (class, t) in classes.into_iter().zip(&batch.timesteps) {
                count[class as usize] += 1;
                sum[class as usize] += t;
            }
        }
        assert_eq!(count, [128, 128]);
        let [first, second] = [sum[0] / 128.0, sum[1] / 128.0];
        // The mean of 128 of 0..1000 has a standard deviation of 26.
        assert!((first - second).abs() < 120.0, "class 0 is measured around t {first}, class 1 around {second}");
    }
}
