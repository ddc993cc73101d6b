//! How far two sets of points are apart, as distributions.

/// A reference set, its own spread computed once.
#[derive(Clone, Debug)]
pub struct EnergyDistance {
    reference: Vec<[f64; 2]>,
    spread: f64,
}

impl EnergyDistance {
    /// To `reference` `[N, 2]`.
    pub fn to(reference: &[f32]) -> Self {
        let reference = pairs(reference);
        Self { spread: mean_distance(&reference, &reference), reference }
    }

    /// D² = 2·E|X − Y| − E|X − X'| − E|Y − Y'| of `points` `[M, 2]` (Székely & Rizzo 2013, "Energy
    /// statistics", eq. 5), the expectations as means over all pairs: 0 for equal sets, above it for all
    /// others, and about (1/N + 1/M)·E|X − X'| between two samples of one distribution. NaN when a set is
    /// empty or a number is not finite.
    pub fn of(&self, points: &[f32]) -> f64 {
        let points = pairs(points);
        2.0 * mean_distance(&points, &self.reference) - mean_distance(&points, &points) - self.spread
    }
}

/// The energy distance D² between two sets of points, `[N, 2]` and `[M, 2]`; see [`EnergyDistance::of`].
pub fn energy_distance(a: &[f32], b: &[f32]) -> f64 {
    EnergyDistance::to(b).of(a)
}

fn pairs(points: &[f32]) -> Vec<[f64; 2]> {
    points.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect()
}

fn mean_distance(a: &[[f64; 2]], b: &[[f64; 2]]) -> f64 {
    let row = |p: &[f64; 2]| b.iter().map(|q| ((p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2)).sqrt()).sum::<f64>();
    a.iter().map(row).sum::<f64>() / (a.len() * b.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, generator, normal};

    fn gaussian(index: u64, shift: f32) -> Vec<f32> {
        let mut points = normal(&mut generator(1, Stream::Points, index), 3000);
        points.iter_mut().step_by(2).for_each(|x| *x += shift);
        points
    }

    #[test]
    fn equal_sets_are_at_distance_zero_in_any_order() {
        let points = gaussian(1, 0.0);
        let backwards: Vec<f32> = points.chunks_exact(2).rev().flatten().copied().collect();
        assert!(energy_distance(&points, &backwards).abs() < 1e-10);
    }

    #[test]
    fn shifted_gaussians_are_as_far_apart_as_the_formula_says() {
        // |X − Y| of N(0, I) and N((2, 0), I) has a Rice distribution with σ² = 2, ν = 2, of mean
        // √π·L(−1) = 2.56384 (L: the Laguerre function of order 1/2), and |X − X'| the mean √π.
        let expected = 2.0 * (2.563838 - std::f64::consts::PI.sqrt());
        let measured = energy_distance(&gaussian(1, 0.0), &gaussian(2, 2.0));
        assert!((measured - expected).abs() < 0.12, "{measured} instead of {expected}");
    }

    #[test]
    fn two_samples_of_one_distribution_are_at_the_distance_of_chance() {
        let measured = energy_distance(&gaussian(1, 0.0), &gaussian(2, 0.0));
        // (1/1500 + 1/1500)·√π = 0.0024.
        assert!(measured > 0.0 && measured < 0.008, "{measured}");
        let shifted = energy_distance(&gaussian(1, 0.0), &gaussian(2, 0.2));
        assert!(shifted > 2.0 * measured, "a fifth of a standard deviation: {shifted}");
    }

    #[test]
    fn nothing_is_at_no_distance() {
        assert!(energy_distance(&[], &[0.0, 1.0]).is_nan());
        assert!(energy_distance(&[f32::NAN, 0.0], &[0.0, 1.0]).is_nan());
    }
}
