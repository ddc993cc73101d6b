//! How far two sets of points are apart, as distributions.

use super::Estimate;

/// Groups of the jackknife.
const GROUPS: usize = 10;

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
        self.of_pairs(&pairs(points))
    }

    fn of_pairs(&self, points: &[[f64; 2]]) -> f64 {
        2.0 * mean_distance(points, &self.reference) - mean_distance(points, points) - self.spread
    }

    /// [`of`](Self::of) with the standard error of a jackknife over ten groups of `points`: how much it would
    /// differ between draws of them, the reference being what it is. Without one for fewer than 30 points.
    pub fn estimate(&self, points: &[f32]) -> Estimate {
        let points = pairs(points);
        if points.len() < 3 * GROUPS {
            return Estimate { mean: self.of_pairs(&points), standard_error: f64::NAN };
        }
        // Sums over each group and pair of groups, from which leaving one out follows. Groups of neighbours:
        // samples come with their classes in turn, and every group needs all of them.
        let n = points.len();
        let groups: Vec<&[[f64; 2]]> = (0..GROUPS).map(|g| &points[g * n / GROUPS..(g + 1) * n / GROUPS]).collect();
        let to_reference: Vec<f64> = groups.iter().map(|group| summed_distance(group, &self.reference)).collect();
        let mut within = [[0.0; GROUPS]; GROUPS];
        for (g, a) in groups.iter().enumerate() {
            for (h, b) in groups.iter().enumerate().take(g + 1) {
                within[g][h] = summed_distance(a, b);
                within[h][g] = within[g][h];
            }
        }
        let measure = |left_out: Option<usize>| -> Result<f64, std::convert::Infallible> {
            let kept: Vec<usize> = (0..GROUPS).filter(|&g| Some(g) != left_out).collect();
            let count = kept.iter().map(|&g| groups[g].len()).sum::<usize>() as f64;
            let across = kept.iter().map(|&g| to_reference[g]).sum::<f64>() / (count * self.reference.len() as f64);
            let spread: f64 =
                kept.iter().flat_map(|&g| kept.iter().map(move |&h| (g, h))).map(|(g, h)| within[g][h]).sum();
            Ok(2.0 * across - spread / (count * count) - self.spread)
        };
        let Ok(estimate) = Estimate::jackknife(GROUPS, measure);
        estimate
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
    summed_distance(a, b) / (a.len() * b.len()) as f64
}

fn summed_distance(a: &[[f64; 2]], b: &[[f64; 2]]) -> f64 {
    let row = |p: &[f64; 2]| b.iter().map(|q| ((p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2)).sqrt()).sum::<f64>();
    a.iter().map(row).sum::<f64>()
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
    fn its_standard_error_is_the_spread_of_draws() {
        let reference = EnergyDistance::to(&gaussian(1, 0.0));
        let estimates: Vec<Estimate> =
            (2..22).map(|draw| reference.estimate(&gaussian(draw, 0.5)[..2 * 400])).collect();
        assert!((estimates[0].mean - reference.of(&gaussian(2, 0.5)[..2 * 400])).abs() < 1e-12);
        let means: Vec<f64> = estimates.iter().map(|estimate| estimate.mean).collect();
        let spread = Estimate::of(&means).standard_error * (means.len() as f64).sqrt();
        let told = estimates.iter().map(|estimate| estimate.standard_error).sum::<f64>() / means.len() as f64;
        // 20 draws know their spread to 16 %.
        assert!((told / spread - 1.0).abs() < 0.5, "{told} told, {spread} seen");
        assert!(reference.estimate(&gaussian(2, 0.5)[..2 * 29]).standard_error.is_nan());
    }

    #[test]
    fn nothing_is_at_no_distance() {
        assert!(energy_distance(&[], &[0.0, 1.0]).is_nan());
        assert!(energy_distance(&[f32::NAN, 0.0], &[0.0, 1.0]).is_nan());
    }
}
