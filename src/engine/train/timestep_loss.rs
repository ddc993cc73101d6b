//! The loss per timestep, collected from every sample of every step.

/// Sums of losses per bin over t. Bin b covers t ∈ [b·T/B, (b+1)·T/B).
#[derive(Clone, Debug, PartialEq)]
pub struct TimestepLoss {
    timesteps: usize,
    sum: Vec<f64>,
    count: Vec<u32>,
}

impl TimestepLoss {
    /// `bins` empty bins over 0..`timesteps`; never more bins than timesteps.
    pub fn new(timesteps: usize, bins: usize) -> Self {
        let bins = bins.clamp(1, timesteps.max(1));
        Self { timesteps, sum: vec![0.0; bins], count: vec![0; bins] }
    }

    /// The bin that t falls into; t is rounded up on continuous paths, whose tick t = 0 ends the first
    /// stretch of time.
    pub fn bin(&self, t: f64) -> usize {
        let t = t.ceil().max(0.0) as usize;
        (t * self.sum.len() / self.timesteps.max(1)).min(self.sum.len() - 1)
    }

    /// Adds one sample's loss at timestep t.
    pub fn add(&mut self, t: f64, loss: f64) {
        let bin = self.bin(t);
        self.sum[bin] += loss;
        self.count[bin] += 1;
    }

    /// Nothing collected since the last [`Self::take`]?
    pub fn is_empty(&self) -> bool {
        self.count.iter().all(|&n| n == 0)
    }

    /// Mean loss (NaN where nothing fell) and count of each bin; starts again from nothing.
    pub fn take(&mut self) -> (Vec<f32>, Vec<u32>) {
        let mean = self.sum.iter().zip(&self.count).map(|(&sum, &n)| (sum / n as f64) as f32).collect();
        let count = self.count.clone();
        self.sum.fill(0.0);
        self.count.fill(0);
        (mean, count)
    }

    /// The sums and counts as they stand, for the checkpoint.
    pub fn parts(&self) -> (&[f64], &[u32]) {
        (&self.sum, &self.count)
    }

    /// Takes over saved sums and counts; of another number of bins they are left out.
    pub fn restore(&mut self, sum: &[f64], count: &[u32]) {
        if sum.len() == self.sum.len() && count.len() == self.count.len() {
            self.sum.copy_from_slice(sum);
            self.count.copy_from_slice(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timestep_has_a_bin_and_the_bins_are_even() {
        for (timesteps, bins) in [(1000, 40), (50, 40), (7, 3), (10, 40), (1, 1)] {
            let loss = TimestepLoss::new(timesteps, bins);
            let mut sizes = vec![0; bins.min(timesteps)];
            (0..timesteps).for_each(|t| sizes[loss.bin(t as f64)] += 1);
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(*least > 0 && most - least <= 1, "T {timesteps}, {bins} bins: {sizes:?}");
        }
    }

    #[test]
    fn means_and_counts_come_out_and_the_bins_start_again() {
        let mut loss = TimestepLoss::new(10, 2);
        loss.add(0.0, 1.0);
        loss.add(4.0, 3.0);
        loss.add(9.0, 5.0);
        assert_eq!(loss.take(), (vec![2.0, 5.0], vec![2, 1]));
        assert!(loss.is_empty());
        assert!(loss.take().0.iter().all(|m| m.is_nan()));
    }
}
