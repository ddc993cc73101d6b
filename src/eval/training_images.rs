//! What the judge sees in all training images.

use anyhow::Result;
use candle_core::Device;

use super::cache::{cache_folder, cache_key, cached_moments};
use super::frechet::Moments;
use super::judge::Judge;
use crate::data::Dataset;
use crate::train::images;

/// Images that the judge reads at once.
const BLOCK: usize = 1000;

/// Moments of the judge's features of all images of `train`, from the cache when they are known; `read` hears how many
/// images were read.
///
/// # Errors
/// When candle fails.
pub fn training_moments(judge: &Judge, train: &Dataset, mut read: impl FnMut(usize)) -> Result<Moments> {
    let key = cache_key(&[judge.version().as_bytes(), train.pixels.bytes()]);
    cached_moments(cache_folder().as_deref(), &key, || {
        let mut moments = Moments::empty();
        let indices: Vec<usize> = (0..train.len()).collect();
        for block in indices.chunks(BLOCK) {
            moments.add(&judge.read(&images(train, block, &Device::Cpu)?)?.features);
            read(block.len());
        }
        Ok(moments)
    })
}
