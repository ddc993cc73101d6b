//! The point sets that the field draws by formula, before standardization.

use std::f64::consts::{FRAC_PI_4, PI, TAU};

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

/// A point, and its class (0 where there are none).
pub(super) type Labelled = ([f64; 2], u32);

fn normal(rng: &mut impl Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Two interleaved half circles of radius 1, the lower one's centre at (1, 0.5), with noise of standard
/// deviation 0.06 (scikit-learn's `make_moons`). Class 0 is the upper one.
pub(super) fn two_moons(n: usize, rng: &mut impl Rng) -> Vec<Labelled> {
    let point = |_| {
        let class = u32::from(rng.random_bool(0.5));
        let (sin, cos) = (PI * rng.random::<f64>()).sin_cos();
        let [x, y] = if class == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] };
        ([x + 0.06 * normal(rng), y + 0.06 * normal(rng)], class)
    };
    (0..n).map(point).collect()
}

/// A spiral of one and a half turns, r = θ from 1.5π to 4.5π, with noise of standard deviation 0.25
/// (scikit-learn's `make_swiss_roll`, seen from the side).
pub(super) fn swiss_roll(n: usize, rng: &mut impl Rng) -> Vec<Labelled> {
    let point = |_| {
        let angle = 1.5 * PI * (1.0 + 2.0 * rng.random::<f64>());
        ([angle * angle.cos() + 0.25 * normal(rng), angle * angle.sin() + 0.25 * normal(rng)], 0)
    };
    (0..n).map(point).collect()
}

/// Eight normal distributions of standard deviation 0.1 on the unit circle, every 45°; the class counts
/// them from the right, against the clock.
pub(super) fn eight_gaussians(n: usize, rng: &mut impl Rng) -> Vec<Labelled> {
    let point = |_| {
        let class = rng.random_range(0..8u32);
        let (sin, cos) = (f64::from(class) * FRAC_PI_4).sin_cos();
        ([cos + 0.1 * normal(rng), sin + 0.1 * normal(rng)], class)
    };
    (0..n).map(point).collect()
}

/// Uniform on the eight dark squares of a board of 4 × 4, the lower left one dark.
pub(super) fn checkerboard(n: usize, rng: &mut impl Rng) -> Vec<Labelled> {
    let point = |_| {
        let square = rng.random_range(0..8u32);
        let row = square / 2;
        let column = 2 * (square % 2) + row % 2;
        ([f64::from(column) + rng.random::<f64>(), f64::from(row) + rng.random::<f64>()], 0)
    };
    (0..n).map(point).collect()
}

/// Five arms, bent the more the farther out (Johnson et al. 2016, "Composing graphical models with
/// neural networks", §6.1): radial standard deviation 0.3, tangential 0.1, rate 0.25.
pub(super) fn pinwheel(n: usize, rng: &mut impl Rng) -> Vec<Labelled> {
    let point = |_| {
        let class = rng.random_range(0..5u32);
        let (radial, tangential) = (1.0 + 0.3 * normal(rng), 0.1 * normal(rng));
        let (sin, cos) = (TAU * f64::from(class) / 5.0 + 0.25 * radial.exp()).sin_cos();
        ([radial * cos - tangential * sin, radial * sin + tangential * cos], class)
    };
    (0..n).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, generator};

    fn made<R>(make: impl FnOnce(usize, &mut rand_chacha::ChaCha8Rng) -> R) -> R {
        make(4000, &mut generator(1, Stream::Points, 0))
    }

    #[test]
    fn moons_lie_on_their_half_circles() {
        for ([x, y], class) in made(two_moons) {
            let (dx, dy) = if class == 0 { (x, y) } else { (x - 1.0, y - 0.5) };
            assert!((dx.hypot(dy) - 1.0).abs() < 0.3);
            // Noise of 0.06 reaches over the ends of the arc.
            assert!(if class == 0 { dy > -0.3 } else { dy < 0.3 });
        }
    }

    #[test]
    fn the_spirals_radius_is_its_angle() {
        for ([x, y], _) in made(swiss_roll) {
            let turns = (x.hypot(y) - y.atan2(x)) / TAU;
            assert!((turns - turns.round()).abs() < 0.2, "({x}, {y})");
        }
    }

    #[test]
    fn the_board_has_points_on_dark_squares_only_and_on_each() {
        let mut seen = [0; 16];
        for ([x, y], _) in made(checkerboard) {
            let (column, row) = (x.floor() as usize, y.floor() as usize);
            assert_eq!((column + row) % 2, 0, "({x}, {y}) lies on a light square");
            seen[4 * row + column] += 1;
        }
        assert!(seen.iter().filter(|count| **count > 400).count() == 8, "{seen:?}");
    }

    #[test]
    fn arms_bend_by_the_rate() {
        let points = made(pinwheel);
        // The arm's middle: radius 1, turned by 0.25·e.
        let (mut sin, mut cos) = (0.0, 0.0);
        for ([x, y], class) in points.iter().filter(|([x, y], _)| (x.hypot(*y) - 1.0).abs() < 0.1) {
            let own = y.atan2(*x) - TAU * f64::from(*class) / 5.0;
            sin += own.sin();
            cos += own.cos();
        }
        assert!((sin.atan2(cos) - 0.25 * 1f64.exp()).abs() < 0.05);
    }
}
