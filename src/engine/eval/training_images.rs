//! What the judge sees in all training images.

use anyhow::Result;
use candle_core::Device;

use super::cache::{cache_folder, cache_key, cached_moments};
use super::features::Features;
use super::frechet::Moments;
use super::judge::Judge;
use crate::data::Dataset;
use crate::ranks::Collective;
use crate::train::images;

/// Images that the judge reads at once.
const BLOCK: usize = 1000;

/// Moments of the judge's features of all images of `train`, from the cache when they are known; else each rank reads its share
/// of the images. `read` hears how many were read, here and, about, on the other ranks.
///
/// # Errors
/// When candle fails, or another rank does.
pub fn training_moments(
    judge: &Judge,
    train: &Dataset,
    ranks: &dyn Collective,
    mut read: impl FnMut(usize),
) -> Result<Moments> {
    let key = cache_key(&[judge.version().as_bytes(), train.pixels.bytes()]);
    cached_moments(cache_folder().as_deref(), &key, ranks, || {
        let mut moments = Moments::empty();
        let indices: Vec<usize> = (0..train.len()).collect();
        let blocks: Vec<&[usize]> = indices.chunks(BLOCK).collect();
        let features =
            |block: &[usize]| -> Result<Features> { Ok(judge.read(&images(train, block, &Device::Cpu)?)?.features) };
        if ranks.is_alone() {
            for block in blocks {
                moments.add(&features(block)?);
                read(block.len());
            }
            return Ok(moments);
        }
        let numbers = ranks.divided_floats(blocks.len(), |mine| -> Result<Vec<f32>> {
            let mut numbers = Vec::new();
            for block in &blocks[mine] {
                numbers.extend(features(block)?.rows().flatten());
                read(block.len() * ranks.size());
            }
            Ok(numbers)
        })?;
        // Added block by block, as one process does.
        numbers.chunks(BLOCK * Features::WIDTH).for_each(|block| moments.add(&Features::new(block.to_vec())));
        Ok(moments)
    })
}
