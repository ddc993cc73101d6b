//! How a batch is cut: into shards, which make its gradient's bits; those into slices that pass through the network one
//! after the other; and which rank and which worker has which shards.

use std::ops::Range;
use std::sync::Arc;

use super::shares::{doubt, most_at_once, most_shares};
use crate::kernels::Workers;
use crate::nn::NetConfig;
use crate::ranks::{Alone, Collective, Tree, share};

/// How batches are cut for one network on one device.
pub struct Cut {
    workers: Arc<Workers>,
    ranks: Arc<dyn Collective>,
    /// Numbers in the network.
    parameters: usize,
    /// Other devices take a batch whole.
    on_cpu: bool,
    /// The most samples of a slice.
    slice_len: usize,
    /// Into how many a batch is cut, of enough samples.
    shards: usize,
}

impl Cut {
    /// For a network of so many parameters and images of height × width `pixels`. As many shards as workers, as far as
    /// their gradients fit.
    pub fn new(net: &NetConfig, parameters: usize, pixels: usize, on_cpu: bool, workers: Arc<Workers>) -> Self {
        let slice_len = match net {
            NetConfig::UNet(_) | NetConfig::Autoencoder(_) => slice_len(pixels),
            // Its samples are rows of a matrix, and little memory.
            NetConfig::Mlp(_) => usize::MAX,
        };
        let shards = if on_cpu { most_shares(workers.threads(), parameters) } else { 1 };
        Self { workers, ranks: Arc::new(Alone), parameters, on_cpu, slice_len, shards }
    }

    /// The same with other slices.
    #[cfg(test)]
    pub fn with_slices_of(self, slice_len: usize) -> Self {
        Self { slice_len, ..self }
    }

    /// Cuts into so many shards from now on; on other devices a batch stays whole.
    pub fn set_shards(&mut self, shards: usize) {
        if self.on_cpu {
            self.shards = shards.max(1);
        }
    }

    /// Shares the shards among these ranks from now on.
    pub fn set_ranks(&mut self, ranks: Arc<dyn Collective>) {
        self.ranks = ranks;
    }

    /// Into how many shards a large batch is cut.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// The order in which the shards of `n` samples are added. None of them is empty.
    pub fn tree(&self, n: usize) -> Tree {
        Tree::new(self.shards.min(n))
    }

    /// The shards of a rank.
    pub fn shards_of(&self, tree: Tree, rank: usize) -> Range<usize> {
        share(tree.shards(), self.ranks.size(), rank)
    }

    /// The samples of some shards of `n` samples.
    pub fn samples(&self, tree: Tree, shards: &Range<usize>, n: usize) -> Range<usize> {
        let start = |shard: usize| shard * n / tree.shards();
        start(shards.start)..start(shards.end)
    }

    /// The samples of this rank's shards.
    pub fn own_samples(&self, n: usize) -> Range<usize> {
        let tree = self.tree(n);
        self.samples(tree, &self.shards_of(tree, self.ranks.rank()), n)
    }

    /// This rank's shards cut over its workers: over as many as their gradients fit.
    pub fn tasks(&self, tree: Tree) -> Vec<Range<usize>> {
        let own = self.shards_of(tree, self.ranks.rank());
        let tasks = self.workers.shares_at_most(own.len(), self.at_once(own.len()));
        let tasks = tasks.into_iter().map(|task| own.start + task.start..own.start + task.end);
        tasks.filter(|task| !task.is_empty()).collect()
    }

    fn at_once(&self, own: usize) -> usize {
        if self.on_cpu { most_at_once(self.workers.threads(), own, self.parameters) } else { 1 }
    }

    /// Samples cut into nearly equal slices.
    pub fn slices(&self, samples: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (start, n) = (samples.start, samples.len());
        let parts = if self.on_cpu { n.div_ceil(self.slice_len) } else { 1 };
        (0..parts).map(move |k| start + k * n / parts..start + (k + 1) * n / parts)
    }

    /// Says that not all workers compute gradients of batches of `n` samples, and why.
    pub fn doubt(&self, n: usize) -> Option<String> {
        let own = self.shards_of(self.tree(n), self.ranks.rank()).len();
        let of_memory = own == most_shares(self.workers.threads(), self.parameters);
        self.on_cpu.then(|| doubt(self.workers.threads(), own, of_memory, self.parameters))?
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
    use crate::ranks::on_threads;

    fn cut(threads: usize, shards: usize) -> Cut {
        let (workers, ranks) = (Arc::new(Workers::new(threads).unwrap()), Arc::new(Alone));
        Cut { workers, ranks, parameters: 10, on_cpu: true, slice_len: 16, shards }
    }

    #[test]
    fn slices_are_nearly_equal_and_smaller_for_larger_images() {
        let cut = cut(1, 1);
        assert_eq!(cut.slices(5..38).collect::<Vec<_>>(), [5..16, 16..27, 27..38]);
        assert_eq!(Cut { on_cpu: false, ..cut }.slices(5..38).count(), 1);
        assert_eq!([28 * 28, 32 * 32, 64 * 64, 512 * 512].map(slice_len), [16, 16, 4, 1]);
    }

    #[test]
    fn shards_are_the_same_whoever_computes_them_and_none_is_empty() {
        let of = |threads, shards, n: usize| {
            let cut = cut(threads, shards);
            let tree = cut.tree(n);
            let tasks = cut.tasks(tree);
            assert!(tasks.len() <= threads);
            let shards: Vec<usize> = tasks.into_iter().flatten().collect();
            shards.into_iter().map(|shard| cut.samples(tree, &(shard..shard + 1), n)).collect::<Vec<_>>()
        };
        for n in [1, 3, 8, 33] {
            let one = of(1, 8, n);
            assert_eq!(one.len(), 8.min(n));
            assert!(one.iter().all(|samples| !samples.is_empty()));
            assert_eq!(one.iter().cloned().flatten().collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
            (2..=9).for_each(|threads| assert_eq!(of(threads, 8, n), one));
        }
    }

    #[test]
    fn ranks_have_the_samples_between_them() {
        for ranks in [1, 2, 3, 5] {
            let samples = on_threads(ranks, |ranks| Cut { ranks, ..cut(2, 8) }.own_samples(33));
            assert_eq!(samples.into_iter().flatten().collect::<Vec<_>>(), (0..33).collect::<Vec<_>>());
        }
        // Of a small last batch of held-out images some ranks have none.
        let none = on_threads(3, |ranks| {
            let cut = Cut { ranks, ..cut(2, 8) };
            cut.tasks(cut.tree(2)).len()
        });
        assert_eq!(none.iter().sum::<usize>(), 2);
    }
}
