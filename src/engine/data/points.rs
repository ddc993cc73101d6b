//! Sets of points in the plane: made, standardized, labelled.

use std::sync::Arc;

use super::points_formulas::{self as formulas, Labelled};
use super::points_picture as picture;
use super::{DataError, Dataset};
use crate::config::DataConfig;
use crate::random::{Stream, generator};

/// Standard deviation of the coordinates after standardization: what EDM's σ_data is set to, and what
/// puts nearly all points into [-1, 1].
pub(super) const SD: f64 = 0.5;

/// Makes the point set that the config names: always the same points, of which a smaller set is the
/// beginning. `[N, 1, 1, 2]`, centred, both coordinates scaled alike to a standard deviation of
/// 0.5 taken together.
///
/// # Errors
/// When the picture at `data.path` cannot be read, or has no dark pixels.
pub(super) fn load(config: &DataConfig) -> Result<Dataset, DataError> {
    let (name, n) = (config.dataset.as_str(), config.num_points);
    let mut rng = generator(0, Stream::Points, 0);
    let mut source = "a formula".to_string();
    let (points, classes): (Vec<Labelled>, Vec<String>) = match name {
        "two_moons" => (formulas::two_moons(n, &mut rng), ["upper", "lower"].map(String::from).to_vec()),
        "eight_gaussians" => (formulas::eight_gaussians(n, &mut rng), (0..8).map(|k| format!("{}°", 45 * k)).collect()),
        "pinwheel" => (formulas::pinwheel(n, &mut rng), (0..5).map(|k| format!("arm {k}")).collect()),
        "swiss_roll" => (formulas::swiss_roll(n, &mut rng), Vec::new()),
        "checkerboard" => (formulas::checkerboard(n, &mut rng), Vec::new()),
        _ => {
            source = if config.path.is_empty() { "the cat inside the program".into() } else { config.path.clone() };
            (picture::dark_pixels(&config.path, n, &mut rng)?, Vec::new())
        }
    };
    let labels = if classes.is_empty() { Vec::new() } else { points.iter().map(|(_, class)| *class).collect() };
    let standardized = standardized(points.into_iter().map(|(point, _)| point).collect());
    Ok(Dataset {
        name: name.into(),
        source,
        height: 1,
        width: 1,
        channels: 2,
        pixels: standardized.into(),
        labels: Arc::new(labels),
        classes,
        warnings: Vec::new(),
    })
}

/// Mean 0 on both axes, and one scale for both so that their variances average to [`SD`]².
fn standardized(points: Vec<[f64; 2]>) -> Vec<f32> {
    let n = points.len().max(1) as f64;
    let mean = [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / n);
    let variance: f64 =
        points.iter().map(|point| (point[0] - mean[0]).powi(2) + (point[1] - mean[1]).powi(2)).sum::<f64>() / (2.0 * n);
    // A single point has no spread to scale.
    let scale = if variance > 0.0 { SD / variance.sqrt() } else { 1.0 };
    points.into_iter().flat_map(|point| [0, 1].map(|axis| ((point[axis] - mean[axis]) * scale) as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{POINT_SETS, UNLABELLED_POINT_SETS};
    use crate::data::Pixels;

    fn set(name: &str, num_points: usize) -> Dataset {
        load(&DataConfig { dataset: name.into(), num_points, ..DataConfig::default() }).unwrap()
    }

    fn numbers(data: &Dataset) -> Vec<f32> {
        data.gather(&(0..data.len()).collect::<Vec<_>>(), None)
    }

    #[test]
    fn every_set_is_standardized_and_lies_about_in_minus_one_to_one() {
        for name in POINT_SETS {
            let data = set(name, 5000);
            let points = numbers(&data);
            assert_eq!((data.len(), points.len()), (5000, 10_000), "{name}");
            for axis in 0..2 {
                let mean = points.iter().skip(axis).step_by(2).sum::<f32>() / 5000.0;
                assert!(mean.abs() < 1e-3, "{name}: mean {mean}");
            }
            let variance = points.iter().map(|v| f64::from(v * v)).sum::<f64>() / 1e4;
            assert!((variance - SD * SD).abs() < 1e-3, "{name}: variance {variance}");
            let inside = points.iter().filter(|v| v.abs() <= 1.2).count();
            assert!(inside > 9900, "{name}: {inside} of 10,000 numbers lie in [-1.2, 1.2]");
            let same =
                (data.height, data.width, data.channels) == (1, 1, 2) && matches!(data.pixels, Pixels::Floats(_));
            assert!(same, "{name}");
        }
    }

    #[test]
    fn a_set_is_the_same_every_time_and_so_is_its_held_out_part() {
        for name in POINT_SETS {
            let data = set(name, 300);
            assert_eq!(data.pixels, set(name, 300).pixels, "{name}");
            let (train, held_out) = data.split_held_out(50, 1).unwrap();
            assert_eq!((train.len(), held_out.len()), (250, 50));
            assert_eq!(held_out.pixels, set(name, 300).split_held_out(50, 1).unwrap().1.pixels);
            let mut all: Vec<[u32; 2]> = [numbers(&train), numbers(&held_out)]
                .concat()
                .chunks_exact(2)
                .map(|p| [p[0].to_bits(), p[1].to_bits()])
                .collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 300, "{name}: the parts share a point, or points repeat");
        }
    }

    #[test]
    fn classes_are_where_their_names_say() {
        let mean = |data: &Dataset, class: u32| {
            let of_class: Vec<usize> = (0..data.len()).filter(|&i| data.labels[i] == class).collect();
            let points = data.gather(&of_class, None);
            let n = of_class.len() as f32;
            assert!(n > 0.8 * data.len() as f32 / data.classes.len() as f32);
            [0, 1].map(|axis| points.iter().skip(axis).step_by(2).sum::<f32>() / n)
        };
        let moons = set("two_moons", 4000);
        assert!(mean(&moons, 0)[1] > 0.1 && mean(&moons, 1)[1] < -0.1);
        let gaussians = set("eight_gaussians", 8000);
        for class in 0..8u32 {
            let [x, y] = mean(&gaussians, class);
            let off = (f64::from(y).atan2(f64::from(x)).to_degrees() - 45.0 * f64::from(class)).rem_euclid(360.0);
            assert!(off.min(360.0 - off) < 3.0, "class {class} lies at ({x}, {y})");
        }
        for name in POINT_SETS.into_iter().filter(|name| *name != "picture") {
            assert_eq!(set(name, 10).labels.is_empty(), UNLABELLED_POINT_SETS.contains(&name), "{name}");
        }
        assert_eq!(set("pinwheel", 1000).class_counts().len(), 5);
    }

    #[test]
    fn one_point_is_a_set_too() {
        assert_eq!(numbers(&set("two_moons", 1)), [0.0, 0.0]);
    }
}
