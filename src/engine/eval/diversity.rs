//! How different samples of one class are from each other, beside how different the data are.

use super::features::squared_distance;
use super::{Estimate, Features};

/// Classes with fewer images than this say nothing.
const FEWEST: usize = 2;
const GROUPS: usize = 10;

/// The mean distance of two samples of one class over that of two real images of it, the mean over the
/// classes that both have; 1 is as diverse as the data, less is a collapse. With a jackknife's standard error
/// over the samples. `None` without two of one class on both sides.
///
/// `classes` of the samples are those asked for, or those that they read as; of the real images, their labels.
pub fn diversity(
    (samples, classes): (&Features, &[usize]),
    (real, real_classes): (&Features, &[usize]),
) -> Option<Estimate> {
    let count = classes.iter().chain(real_classes).max()? + 1;
    let references: Vec<Option<f64>> = (0..count).map(|c| mean_distance(real, real_classes, c, None)).collect();
    let measure = |left_out: Option<usize>| -> Result<f64, ()> {
        let ratios = references.iter().enumerate().filter_map(|(class, reference)| {
            let reference = reference.filter(|d| *d > 0.0)?;
            Some(mean_distance(samples, classes, class, left_out)? / reference)
        });
        let ratios: Vec<f64> = ratios.collect();
        if ratios.is_empty() { Err(()) } else { Ok(ratios.iter().sum::<f64>() / ratios.len() as f64) }
    };
    let whole = measure(None).ok()?;
    Some(Estimate::jackknife(GROUPS, measure).unwrap_or(Estimate { mean: whole, standard_error: f64::NAN }))
}

/// Mean distance of all pairs of one class, without the images of one of the jackknife's groups.
fn mean_distance(features: &Features, classes: &[usize], class: usize, left_out: Option<usize>) -> Option<f64> {
    let of_class = features.rows().zip(classes).filter(|(_, c)| **c == class).map(|(row, _)| row);
    let rows: Vec<&[f32]> =
        of_class.enumerate().filter(|(i, _)| left_out != Some(i % GROUPS)).map(|(_, row)| row).collect();
    if rows.len() < FEWEST {
        return None;
    }
    let sum: f64 = rows
        .iter()
        .enumerate()
        .flat_map(|(i, a)| rows[..i].iter().map(|b| f64::from(squared_distance(a, b)).sqrt()))
        .sum();
    Some(sum / (rows.len() * (rows.len() - 1) / 2) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, generator, normal};

    fn cloud(n: usize, size: f32, index: u64) -> Features {
        let numbers = normal(&mut generator(0, Stream::Noise, index), n * Features::WIDTH);
        Features::new(numbers.iter().map(|v| v * size).collect())
    }

    #[test]
    fn half_the_size_is_half_as_diverse() {
        let classes: Vec<usize> = (0..100).map(|i| i % 2).collect();
        let real = cloud(100, 1.0, 1);
        let found = diversity((&cloud(100, 0.5, 2), &classes), (&real, &classes)).unwrap();
        assert!((found.mean - 0.5).abs() < 0.01, "{found:?}");
        assert!(found.standard_error > 0.0 && found.standard_error < 0.01, "{found:?}");
    }

    #[test]
    fn classes_apart_do_not_pass_for_diversity() {
        // Two classes far from each other, each of them one image again and again.
        let row = |i: usize| std::iter::repeat_n((i % 2) as f32 * 100.0, Features::WIDTH);
        let collapsed = Features::new((0..20).flat_map(row).collect());
        let classes: Vec<usize> = (0..20).map(|i| i % 2).collect();
        assert_eq!(diversity((&collapsed, &classes), (&cloud(20, 1.0, 1), &classes)).unwrap().mean, 0.0);
        assert_eq!(diversity((&collapsed, &[]), (&collapsed, &[])), None);
    }
}
