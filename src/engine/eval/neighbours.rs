//! Precision and recall of samples, by nearest neighbours (Kynkäänniemi et al. 2019, "Improved Precision and
//! Recall Metric for Assessing Generative Models").

use super::features::squared_distance;
use super::{Estimate, Features};

/// Neighbours that make the radius (section 3 of the paper): with no more images than these, there is none.
pub const NEIGHBOURS: usize = 3;
const K: usize = NEIGHBOURS;

/// What share of the samples looks real, and what share of the data the samples reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// Share of the samples within a ball of some real image, whose radius is the distance to that image's
    /// third nearest neighbour among the real ones (eq. 1 and 2).
    pub precision: Estimate,
    /// The same with the roles exchanged.
    pub recall: Estimate,
}

/// Compares features of samples with those of real images; equally many of both are usual. `None` where either
/// side has no more than [`NEIGHBOURS`], and so no radius.
pub fn precision_recall(samples: &Features, real: &Features) -> Option<PrecisionRecall> {
    let enough = samples.len() > K && real.len() > K;
    enough.then(|| PrecisionRecall { precision: covered(samples, real), recall: covered(real, samples) })
}

/// The share of `points` that lies within some ball of `set`.
fn covered(points: &Features, set: &Features) -> Estimate {
    let radii: Vec<f32> = set.rows().enumerate().map(|(i, row)| radius(set, i, row)).collect();
    let inside = |point: &[f32]| set.rows().zip(&radii).any(|(row, &radius)| squared_distance(point, row) <= radius);
    Estimate::share(points.rows().filter(|point| inside(point)).count(), points.len())
}

/// Squared distance of row `i` to its K-th nearest neighbour; 0 where there are not as many.
fn radius(set: &Features, i: usize, row: &[f32]) -> f32 {
    let mut nearest = [f32::INFINITY; K];
    for (_, other) in set.rows().enumerate().filter(|(j, _)| *j != i) {
        let distance = squared_distance(row, other);
        if distance < nearest[K - 1] {
            let at = nearest.partition_point(|&d| d <= distance);
            nearest[at..].rotate_right(1);
            nearest[at] = distance;
        }
    }
    if nearest[K - 1].is_finite() { nearest[K - 1] } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose first number is given; on a line, so that neighbours can be counted.
    fn line(places: &[f32]) -> Features {
        let row = |&place: &f32| std::iter::once(place).chain(std::iter::repeat_n(0.0, Features::WIDTH - 1));
        Features::new(places.iter().flat_map(row).collect())
    }

    #[test]
    fn radii_reach_to_the_third_neighbour() {
        let set = line(&[0.0, 1.0, 3.0, 7.0, 8.0]);
        let radii: Vec<f32> = set.rows().enumerate().map(|(i, row)| radius(&set, i, row)).collect();
        assert_eq!(radii, [49.0, 36.0, 16.0, 36.0, 49.0]);
        assert_eq!(radius(&line(&[0.0, 1.0]), 0, &[0.0; Features::WIDTH]), 0.0);
    }

    #[test]
    fn samples_of_one_mode_have_precision_but_no_recall() {
        let ring: Vec<f32> = (0..20).map(|i| i as f32).collect();
        let real = line(&ring.iter().map(|v| v * 0.1).chain(ring.iter().map(|v| 100.0 + v * 0.1)).collect::<Vec<_>>());
        let one_mode = line(&ring.iter().map(|v| v * 0.1 + 0.05).collect::<Vec<_>>());
        let found = precision_recall(&one_mode, &real).unwrap();
        assert_eq!((found.precision.mean, found.recall.mean), (1.0, 0.5));
        let elsewhere = precision_recall(&line(&[50.0, 51.0, 52.0, 53.0]), &real).unwrap();
        assert_eq!((elsewhere.precision.mean, elsewhere.recall.mean), (0.0, 0.0));
    }

    #[test]
    fn three_images_have_no_third_neighbour_and_so_no_share_of_0() {
        let (three, four) = (line(&[0.0, 1.0, 2.0]), line(&[0.0, 1.0, 2.0, 3.0]));
        assert!(precision_recall(&three, &four).is_none() && precision_recall(&four, &three).is_none());
        assert!(precision_recall(&four, &four).is_some());
    }
}
