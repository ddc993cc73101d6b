//! The smoothed loss.

/// Bias-corrected exponential average: after n values, Σ β^(n−i)·x_i / Σ β^(n−i).
///
/// Kept as a running correction towards each new value, so that the average of a constant is
/// exactly that constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossAverage {
    decay: f64,
    value: f64,
    count: u64,
}

impl LossAverage {
    /// Nothing averaged yet; `decay` β is in [0, 1).
    pub fn new(decay: f64) -> Self {
        Self { decay, value: 0.0, count: 0 }
    }

    /// An average as [`Self::parts`] gave it.
    pub fn from_parts(decay: f64, value: f64, count: u64) -> Self {
        Self { decay, value, count }
    }

    /// The average and how many values are in it.
    pub fn parts(&self) -> (f64, u64) {
        (self.value, self.count)
    }

    /// Takes a value in and returns the new average.
    pub fn add(&mut self, x: f64) -> f64 {
        self.count += 1;
        let n = self.count.min(i32::MAX as u64) as i32;
        let fresh = (1.0 - self.decay) / (1.0 - self.decay.powi(n));
        self.value += fresh * (x - self.value);
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_of_a_constant_is_exactly_that_constant() {
        let mut average = LossAverage::new(0.98);
        for _ in 0..10_000 {
            assert_eq!(average.add(0.1), 0.1);
        }
    }

    #[test]
    fn it_equals_the_weighted_mean_written_out() {
        let values: Vec<f64> = (0..300).map(|i| (i as f64 * 0.7).sin()).collect();
        let mut average = LossAverage::new(0.9);
        let mut last = 0.0;
        values.iter().for_each(|&x| last = average.add(x));
        let weight = |i: usize| 0.9f64.powi((values.len() - 1 - i) as i32);
        let sum: f64 = values.iter().enumerate().map(|(i, x)| weight(i) * x).sum();
        let total: f64 = (0..values.len()).map(weight).sum();
        assert!((last - sum / total).abs() < 1e-12);
    }
}
