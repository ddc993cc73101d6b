//! The held-out loss: the same images, timesteps and noise every time, so that only the weights
//! move it.

use anyhow::Result;

use super::batch::{Batch, Recipe};
use super::times::stratified;
use crate::data::Dataset;
use crate::random::{Stream, generator, normal};

/// At most this many images: enough for a steady number, cheap enough to be done often.
const MOST_IMAGES: usize = 256;

/// Fixed batches of images that training never sees.
pub struct HeldOut {
    batches: Vec<Batch>,
}

impl HeldOut {
    /// The first images of `data` (at most 256) in batches of `batch_size`; `None` when there are
    /// none. Timesteps are stratified: one in each N-th of 0..T, so that a small set covers them all.
    pub fn new(
        recipe: Recipe,
        data: &Dataset,
        batch_size: usize,
        seed: u64,
        conditional: bool,
    ) -> Result<Option<Self>> {
        let n = data.len().min(MOST_IMAGES);
        if n == 0 {
            return Ok(None);
        }
        let mut rng = generator(seed, Stream::HeldOutNoise, 0);
        let indices: Vec<usize> = (0..n).collect();
        let timesteps = stratified(&recipe.parameterization.schedule, n, &mut rng);
        let size = data.height * data.width * data.channels;
        let noise = normal(&mut rng, n * size);
        let batches = indices
            .chunks(batch_size.max(1))
            .map(|chunk| {
                let (start, end) = (chunk[0], chunk[0] + chunk.len());
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

    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }
}
