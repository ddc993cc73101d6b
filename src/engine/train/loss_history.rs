//! The newest losses of each timestep, and how likely each should be drawn for them.

use std::ops::Range;

/// Losses kept of each bin, and the least share of draws that is uniform: Nichol & Dhariwal 2021,
/// section 3.3, and their code.
const KEPT: usize = 10;
const UNIFORM_SHARE: f64 = 0.001;

/// The last ten losses in each of B bins over time, for importance sampling: p ∝ √E[L²] (Nichol & Dhariwal
/// 2021, "Improved Denoising Diffusion Probabilistic Models", eq. 18). Until every bin has ten, all
/// are as likely.
#[derive(Clone, Debug, PartialEq)]
pub struct LossHistory {
    /// Ten numbers a bin, the oldest overwritten first.
    losses: Vec<f64>,
    /// Losses that each bin has ever taken.
    seen: Vec<u64>,
}

impl LossHistory {
    /// Nothing seen yet in any of `bins` bins (at least one).
    pub fn new(bins: usize) -> Self {
        let bins = bins.max(1);
        Self { losses: vec![0.0; bins * KEPT], seen: vec![0; bins] }
    }

    pub fn bins(&self) -> usize {
        self.seen.len()
    }

    /// Takes a loss in.
    pub fn add(&mut self, bin: usize, loss: f64) {
        self.losses[bin * KEPT + (self.seen[bin] % KEPT as u64) as usize] = loss;
        self.seen[bin] += 1;
    }

    /// Has every bin been seen often enough?
    pub fn is_warm(&self) -> bool {
        self.seen.iter().all(|&seen| seen >= KEPT as u64)
    }

    /// The probability of each bin; uniform until warm.
    pub fn probabilities(&self) -> Vec<f64> {
        let uniform = 1.0 / self.bins() as f64;
        if !self.is_warm() {
            return vec![uniform; self.bins()];
        }
        let roots: Vec<f64> =
            self.losses.chunks(KEPT).map(|bin| (bin.iter().map(|l| l * l).sum::<f64>() / KEPT as f64).sqrt()).collect();
        let sum: f64 = roots.iter().sum();
        if sum == 0.0 || !sum.is_finite() {
            return vec![uniform; self.bins()];
        }
        roots.iter().map(|root| root / sum * (1.0 - UNIFORM_SHARE) + uniform * UNIFORM_SHARE).collect()
    }

    /// The whole steps of 0..`timesteps` in a bin, where there are at least as many steps as bins.
    pub fn steps_of(&self, bin: usize, timesteps: usize) -> Range<usize> {
        let start = |bin: usize| (bin * timesteps).div_ceil(self.bins());
        start(bin)..start(bin + 1)
    }

    /// The losses (ten a bin) and counts as they stand, for the checkpoint.
    pub fn parts(&self) -> (&[f64], &[u64]) {
        (&self.losses, &self.seen)
    }

    /// Takes over what [`Self::parts`] gave; of another number of bins it is left out.
    pub fn restore(&mut self, losses: &[f64], seen: &[u64]) {
        if losses.len() == self.losses.len() && seen.len() == self.seen.len() {
            self.losses.copy_from_slice(losses);
            self.seen.copy_from_slice(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_uniform_until_all_bins_are_warm_and_then_follow_the_second_moment() {
        let mut history = LossHistory::new(2);
        for i in 0..10 {
            history.add(0, if i % 2 == 0 { 3.0 } else { 1.0 });
            assert_eq!(history.probabilities(), [0.5, 0.5]);
        }
        (0..9).for_each(|_| history.add(1, 1.0));
        assert!(!history.is_warm());
        history.add(1, 1.0);
        // √E[L²] = √5 and 1.
        let p = history.probabilities();
        let expected = 5f64.sqrt() / (1.0 + 5f64.sqrt()) * 0.999 + 0.0005;
        assert!((p[0] - expected).abs() < 1e-12 && (p[0] + p[1] - 1.0).abs() < 1e-12, "{p:?}");
        // The newest ten count.
        (0..10).for_each(|_| history.add(0, 1.0));
        assert!((history.probabilities()[0] - 0.5).abs() < 1e-12);
    }

    #[test]
    fn bins_share_all_steps_out() {
        let history = LossHistory::new(7);
        let steps: Vec<usize> = (0..7).flat_map(|bin| history.steps_of(bin, 50)).collect();
        assert_eq!(steps, (0..50).collect::<Vec<_>>());
        assert!((0..7).all(|bin| (7..=8).contains(&history.steps_of(bin, 50).len())));
    }

    #[test]
    fn losses_of_nothing_leave_all_as_likely() {
        let mut history = LossHistory::new(3);
        (0..30).for_each(|i| history.add(i % 3, 0.0));
        assert_eq!(history.probabilities(), [1.0 / 3.0; 3]);
    }
}
