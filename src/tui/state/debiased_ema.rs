//! Smoothing that is right from the first value on.

/// Exponential moving average with the bias of its start corrected:
/// m_n = Σ β^(n−i) x_i / Σ β^(n−i). A constant series gives exactly that constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DebiasedEma {
    beta: f64,
    mean: f64,
    /// β^n: what is missing to a full weight.
    missing: f64,
}

impl DebiasedEma {
    /// `beta` in 0..1: 0 follows every value, 0.99 averages about the last hundred.
    pub fn new(beta: f64) -> Self {
        Self { beta, mean: 0.0, missing: 1.0 }
    }

    /// Takes one value in; returns the average.
    pub fn push(&mut self, value: f64) -> f64 {
        self.missing *= self.beta;
        // As an increment, so that a constant leaves no rounding behind.
        self.mean += (value - self.mean) * ((1.0 - self.beta) / (1.0 - self.missing));
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_exactly_that_constant() {
        for beta in [0.0, 0.9, 0.99, 0.999] {
            let mut ema = DebiasedEma::new(beta);
            for _ in 0..10_000 {
                assert_eq!(ema.push(0.1), 0.1, "beta {beta}");
            }
        }
    }

    #[test]
    fn it_equals_the_weighted_mean_of_the_definition() {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0];
        let mut ema = DebiasedEma::new(0.7);
        for n in 1..=values.len() {
            let weights: Vec<f64> = (0..n).map(|i| 0.7f64.powi((n - 1 - i) as i32)).collect();
            let expected = weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / weights.iter().sum::<f64>();
            assert!((ema.push(values[n - 1]) - expected).abs() < 1e-12);
        }
    }
}
