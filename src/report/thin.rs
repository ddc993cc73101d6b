//! As many points of a curve as can be seen.

use std::ops::Range;

/// Stretches of about the same length, `most` at most, of `count` points.
pub fn stretches(count: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = count.min(most.max(1));
    (0..parts).map(move |i| i * count / parts..(i + 1) * count / parts)
}

/// The last point of each stretch, and the first of all.
pub fn thinned(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let last = stretches(points.len(), most.saturating_sub(1)).map(|part| points[part.end - 1]);
    points.first().copied().into_iter().chain(last).collect()
}

/// The least and the largest value of each stretch, at its middle: a band that hides no outlier.
pub fn band(points: &[(f64, f64, f64)], most: usize) -> Vec<(f64, f64, f64)> {
    let one = |part: Range<usize>| {
        let (first, points) = (points[part.start], &points[part]);
        let low = points.iter().map(|point| point.1).fold(first.1, f64::min);
        let high = points.iter().map(|point| point.2).fold(first.2, f64::max);
        (points[points.len() / 2].0, low, high)
    };
    stretches(points.len(), most).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_stay_and_no_outlier_is_hidden() {
        let points: Vec<(f64, f64)> = (0..10_000).map(|i| (i as f64, (i % 7) as f64)).collect();
        let few = thinned(&points, 100);
        assert_eq!((few.len(), few[0].0, few[99].0), (100, 0.0, 9999.0));
        assert_eq!(thinned(&points[..5], 100), points[..5]);
        let mut raw: Vec<_> = (0..1000).map(|i| (i as f64, 1.0, 1.0)).collect();
        raw[777].2 = 50.0;
        let band = band(&raw, 50);
        assert_eq!((band.len(), band.iter().map(|b| b.2).fold(0.0, f64::max)), (50, 50.0));
        assert!(super::band(&[], 5).is_empty());
    }
}
