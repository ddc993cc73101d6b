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

    /// Runs `job` on consecutive chunks of at most `most` images, spread over the workers; the results come
    /// in order, and do not depend on the number of workers.
    ///
    /// # Errors
    /// No images, or what a job reports.
    pub fn by_chunks<R: Send>(&self, most: usize, job: impl Fn(Range<usize>) -> Result<R> + Sync) -> Result<Vec<R>> {
        let n = self.x_0.dim(0)?;
        ensure!(n > 0, "there are no images to measure");
        let chunks: Vec<Range<usize>> = (0..n).step_by(most.max(1)).map(|i| i..(i + most.max(1)).min(n)).collect();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |_| -> Vec<(usize, Result<R>)> {
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
                (self.seen)(done, n);
            }
        };
        let mut all: Vec<_> = self.workers.run(self.workers.threads(), work).into_iter().flatten().collect();
        all.sort_by_key(|(i, _)| *i);
        all.into_iter().map(|(_, result)| result).collect()
    }
}
