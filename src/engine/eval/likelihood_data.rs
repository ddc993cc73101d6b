//! What a likelihood is measured of: data, and a denoiser of them.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::PixelLevels;
use crate::diffusion::Schedule;
use crate::kernels::Workers;
use crate::sampling::Denoiser;

/// Makes the denoiser of the images in a range. One is made for every few images, so that workers share
/// nothing; for the likelihood along the ODE its answers must follow from x_t by operations with gradients.
pub type DenoiserFor<'a> = &'a (dyn Fn(Range<usize>) -> Result<Box<dyn Denoiser + Send>> + Sync);

/// Data and a denoiser of them.
#[derive(Clone, Copy)]
pub struct LikelihoodData<'a> {
    pub schedule: &'a Schedule,
    /// `[N, H, W, C]`, on the CPU; grey levels lie in [-1, 1].
    pub x_0: &'a Tensor,
    pub levels: PixelLevels,
    pub denoiser: DenoiserFor<'a>,
    pub workers: &'a Workers,
    pub seed: u64,
    /// Is told how many of how many images are done.
    pub seen: &'a (dyn Fn(usize, usize) + Sync),
}

impl LikelihoodData<'_> {
    /// Numbers in one image.
    pub fn dims(&self) -> Result<usize> {
        let (_, h, w, c) = self.x_0.dims4()?;
        Ok(h * w * c)
    }

    /// Runs `job` on consecutive chunks of at most `most` images, spread over the ranks and their workers. Each gives some
    /// numbers; they come in order, on all ranks, and do not depend on how many there are.
    ///
    /// # Errors
    /// No images, or what a job reports.
    pub fn by_chunks(
        &self,
        most: usize,
        job: impl Fn(Range<usize>) -> Result<Vec<f64>> + Sync,
    ) -> Result<Vec<Vec<f64>>> {
        let n = self.x_0.dim(0)?;
        ensure!(n > 0, "there are no images to measure");
        let chunks: Vec<Range<usize>> = (0..n).step_by(most.max(1)).map(|i| i..(i + most.max(1)).min(n)).collect();
        let ranks = self.workers.ranks();
        let measured = ranks.divided(chunks.len(), |mine| Ok(packed(&self.of_chunks(&chunks[mine], &job)?)))?;
        Ok(measured.iter().flat_map(|bytes| unpacked(bytes)).collect())
    }

    /// The same of some chunks, by the workers of this process.
    fn of_chunks(
        &self,
        chunks: &[Range<usize>],
        job: &(impl Fn(Range<usize>) -> Result<Vec<f64>> + Sync),
    ) -> Result<Vec<Vec<f64>>> {
        let n = self.x_0.dim(0)?;
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |_| -> Vec<(usize, Result<Vec<f64>>)> {
            let mut results = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(chunk) = chunks.get(i) else { return results };
                let result = job(chunk.clone());
                if result.is_err() {
                    // The others need not go on.
                    next.store(chunks.len(), Ordering::Relaxed);
                }
                results.push((i, result));
                let done = done.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
                // The other ranks are about as far.
                (self.seen)((done * self.workers.ranks().size()).min(n), n);
            }
        };
        let mut all: Vec<_> = self.workers.run(self.workers.threads(), work).into_iter().flatten().collect();
        all.sort_by_key(|(i, _)| *i);
        all.into_iter().map(|(_, result)| result).collect()
    }
}

/// Lists of numbers as bytes: how many, and each.
fn packed(lists: &[Vec<f64>]) -> Vec<u8> {
    let list = |list: &Vec<f64>| -> Vec<u8> {
        let numbers = list.iter().flat_map(|x| x.to_le_bytes());
        (list.len() as u64).to_le_bytes().into_iter().chain(numbers).collect()
    };
    lists.iter().flat_map(list).collect()
}

fn unpacked(mut bytes: &[u8]) -> Vec<Vec<f64>> {
    let mut lists = Vec::new();
    while let Some((count, rest)) = bytes.split_first_chunk() {
        let count = u64::from_le_bytes(*count) as usize;
        let (numbers, rest) = rest.split_at(rest.len().min(8 * count));
        lists.push(numbers.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect());
        bytes = rest;
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_bits_after_the_way() {
        let lists = vec![vec![0.1, f64::MIN_POSITIVE, -0.0], vec![], vec![f64::INFINITY, 1.0 / 3.0]];
        assert_eq!(unpacked(&packed(&lists)), lists);
        assert_eq!(unpacked(&[]), Vec::<Vec<f64>>::new());
    }
}
