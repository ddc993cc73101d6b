//! How a batch is cut: into a share a worker, and those into slices that pass through the network one after the other.

use std::ops::Range;
use std::sync::Arc;

use super::shares::{idle_workers, most_shares};
use crate::kernels::Workers;
use crate::nn::NetConfig;

/// How batches are cut for one network on one device.
pub struct Cut {
    workers: Arc<Workers>,
    /// Numbers in the network.
    parameters: usize,
    /// Other devices take a batch whole.
    on_cpu: bool,
    /// The most samples of a slice.
    slice_len: usize,
}

impl Cut {
    /// For a network of so many parameters and images of height × width `pixels`.
    pub fn new(net: &NetConfig, parameters: usize, pixels: usize, on_cpu: bool, workers: Arc<Workers>) -> Self {
        let slice_len = match net {
            NetConfig::UNet(_) | NetConfig::Autoencoder(_) => slice_len(pixels),
            // Its samples are rows of a matrix, and little memory.
            NetConfig::Mlp(_) => usize::MAX,
        };
        Self { workers, parameters, on_cpu, slice_len }
    }

    /// The same with other slices.
    #[cfg(test)]
    pub fn with_slices_of(self, slice_len: usize) -> Self {
        Self { slice_len, ..self }
    }

    /// One share a worker on a CPU, as far as their gradients fit.
    pub fn shares(&self, n: usize) -> Vec<Range<usize>> {
        let most = most_shares(self.workers.threads(), self.parameters);
        if self.on_cpu { self.workers.shares_at_most(n, most) } else { std::iter::once(0..n).collect() }
    }

    /// A share cut into nearly equal slices.
    pub fn slices(&self, share: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let (start, n) = (share.start, share.len());
        let parts = if self.on_cpu { n.div_ceil(self.slice_len) } else { 1 };
        (0..parts).map(move |k| start + k * n / parts..start + (k + 1) * n / parts)
    }

    /// Says that there are more workers than gradients fit in memory.
    pub fn idle_workers(&self) -> Option<String> {
        self.on_cpu.then(|| idle_workers(self.workers.threads(), self.parameters))?
    }
}

/// Images that a worker takes through forward and backward pass at a time on a CPU.
///
/// The fewer, the less memory; the more, the less the fixed work of an operation weighs (transforming
/// weights, and the sums of their gradients). Measured on 28×28 and 32×32 pixels with networks of 16
/// to 128 channels: 16 are as fast as the whole share, 8 cost up to 10 % more. Larger images bring as
/// much work in fewer samples.
fn slice_len(pixels: usize) -> usize {
    const SAMPLES: usize = 16;
    const PIXELS: usize = 32 * 32;
    (SAMPLES * PIXELS / pixels.max(1)).clamp(1, SAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_nearly_equal_and_smaller_for_larger_images() {
        let workers = Arc::new(Workers::new(1).unwrap());
        let cut = Cut { workers, parameters: 10, on_cpu: true, slice_len: 16 };
        assert_eq!(cut.slices(5..38).collect::<Vec<_>>(), [5..16, 16..27, 27..38]);
        assert_eq!(Cut { on_cpu: false, ..cut }.slices(5..38).count(), 1);
        assert_eq!([28 * 28, 32 * 32, 64 * 64, 512 * 512].map(slice_len), [16, 16, 4, 1]);
    }
}
