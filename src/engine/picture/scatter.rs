//! Points in the plane as a picture: where many lie, it is brighter.

use image::{Rgb, RgbImage};

use super::palette::{self, DARK};

/// The least half-width of a window on points: data of standard deviation 0.5 lie within.
const LEAST_REACH: f64 = 1.25;
/// Points per picture, beyond which single ones are drawn fainter.
const FEW: f64 = 600.0;

/// Is an image of this height, width and number of channels a point in the plane?
pub fn is_points(shape: (usize, usize, usize)) -> bool {
    shape == (1, 1, 2)
}

/// Half the width of a window, centred at 0, that shows nearly all of the points `[N, 2]`: all but one
/// coordinate in two hundred, with a margin.
pub fn reach(points: &[f32]) -> f64 {
    let mut sizes: Vec<f32> = points.iter().filter(|v| v.is_finite()).map(|v| v.abs()).collect();
    if sizes.is_empty() {
        return LEAST_REACH;
    }
    let at = (sizes.len() - 1) * 199 / 200;
    let (_, size, _) = sizes.select_nth_unstable_by(at, f32::total_cmp);
    (1.15 * f64::from(*size)).max(LEAST_REACH)
}

/// `points` `[N, 2]` (right, up) in a square of `side` × `side` pixels that shows [-reach, reach] on both
/// axes, with the axes as faint lines. Each point is a soft disc; overlapping ones add up. Points outside,
/// and those that are not finite, are left out.
pub fn scatter(points: &[f32], reach: f64, side: usize, color: palette::Rgb) -> RgbImage {
    let side = side.max(1);
    let mut ink = vec![0f32; side * side];
    let radius = (side as f64 / 260.0).max(0.8);
    let n = points.len() as f64 / 2.0;
    let strength = (0.85 * (FEW / n.max(FEW)).sqrt()) as f32;
    let place = |v: f64| (v / reach + 1.0) / 2.0 * side as f64;
    for point in points.chunks_exact(2) {
        let (x, y) = (place(f64::from(point[0])), place(-f64::from(point[1])));
        if !(0.0..side as f64).contains(&x) || !(0.0..side as f64).contains(&y) {
            continue;
        }
        let span = |centre: f64| {
            let from = (centre - radius - 1.0).floor().max(0.0) as usize;
            from..((centre + radius + 1.0).ceil() as usize).min(side)
        };
        for row in span(y) {
            for column in span(x) {
                let distance = (column as f64 + 0.5 - x).hypot(row as f64 + 0.5 - y);
                // The disc's edge falls over one pixel.
                ink[row * side + column] += strength * (radius + 0.5 - distance).clamp(0.0, 1.0) as f32;
            }
        }
    }
    let axis = DARK.faint(DARK.border, 0.5);
    RgbImage::from_fn(side as u32, side as u32, |x, y| {
        let paper = if x as usize == side / 2 || y as usize == side / 2 { axis } else { DARK.background };
        let covered = f64::from(ink[y as usize * side + x as usize]);
        // Coverage of discs that each let 1 − strength through, and a little white where many lie.
        let lit = palette::blend(paper, color, 1.0 - (-1.6 * covered).exp());
        Rgb(palette::blend(lit, [255; 3], 0.5 * (1.0 - (-0.25 * (covered - 1.0).max(0.0)).exp())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_seen_where_it_lies_with_up_being_up() {
        let picture = scatter(&[0.5, 0.5], 1.0, 101, DARK.x_0);
        let (x, y, _) = picture.enumerate_pixels().max_by_key(|(_, _, p)| u32::from(p.0[1])).unwrap();
        assert!(x.abs_diff(75) <= 1 && y.abs_diff(25) <= 1, "({x}, {y})");
        assert_eq!(picture.get_pixel(10, 90).0, DARK.background);
        assert_ne!(picture.get_pixel(50, 90).0, DARK.background, "the axis");
    }

    #[test]
    fn many_points_are_brighter_than_one() {
        let light =
            |points: &[f32]| scatter(points, 1.0, 64, DARK.x_0).pixels().map(|p| u32::from(p.0[1])).max().unwrap();
        assert!(light(&[0.3; 40]) > light(&[0.3; 2]) + 10);
    }

    #[test]
    fn points_that_have_no_place_are_left_out() {
        let empty = scatter(&[], 1.0, 32, DARK.x_0);
        assert_eq!(scatter(&[f32::NAN, 0.0, 9.0, 0.0, 0.0, f32::INFINITY], 1.0, 32, DARK.x_0), empty);
    }

    #[test]
    fn the_window_holds_nearly_all_points_and_is_never_small() {
        assert_eq!(reach(&[]), LEAST_REACH);
        assert_eq!(reach(&[0.1, -0.1]), LEAST_REACH);
        let points: Vec<f32> = (0..2000).map(|i| if i == 7 { 1e6 } else { (i % 100) as f32 / 20.0 }).collect();
        assert!((4.9..6.5).contains(&reach(&points)), "{}", reach(&points));
        assert!(is_points((1, 1, 2)) && !is_points((1, 2, 1)));
    }
}
