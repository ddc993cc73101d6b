//! Ways of points through the plane, from noise to data.

use image::{Rgb, RgbImage};

use super::palette::{self, DARK, blend};

/// One point's way.
#[derive(Clone, Debug, PartialEq)]
pub struct Trail {
    /// Right and up, from its beginning to its end.
    pub points: Vec<[f32; 2]>,
    pub color: palette::Rgb,
}

/// How bright a trail is at its beginning; at its end it is 1.
const FAINTEST: f64 = 0.25;

/// `trails` upon a square picture that shows [-reach, reach] on both axes ([`scatter`](super::scatter)). A trail begins
/// with a ring, grows brighter on its way and ends with a disc that has a white heart. What lies outside is left out.
pub fn draw_trails(picture: &mut RgbImage, trails: &[Trail], reach: f64) {
    let side = f64::from(picture.width());
    let place = |[x, y]: [f32; 2]| {
        let at = |v: f64| (v / reach + 1.0) / 2.0 * side;
        (at(f64::from(x)), at(-f64::from(y)))
    };
    let thick = (side / 145.0).max(0.6);
    let ways: Vec<(Vec<(f64, f64)>, palette::Rgb)> = trails
        .iter()
        .map(|trail| (trail.points.iter().map(|point| place(*point)).collect(), trail.color))
        .filter(|(points, _): &(Vec<(f64, f64)>, _)| points.iter().all(|(x, y)| x.is_finite() && y.is_finite()))
        .collect();
    for (points, color) in &ways {
        let last = points.len().saturating_sub(2).max(1) as f64;
        for (i, two) in points.windows(2).enumerate() {
            let lit = FAINTEST + (1.0 - FAINTEST) * (i as f64 / last).powf(1.5);
            segment(picture, (two[0], two[1]), thick, |paper| blend(paper, *color, lit));
        }
    }
    // Marks over all lines.
    for (points, color) in &ways {
        let (Some(&begin), Some(&end)) = (points.first(), points.last()) else { continue };
        ring(picture, begin, (3.4 * thick, 1.3 * thick), *color);
        segment(picture, (end, end), 4.0 * thick, |_| *color);
        segment(picture, (end, end), 2.2 * thick, |_| [255; 3]);
    }
}

/// A line with round ends, `thick` to each side; its edge falls over one pixel.
fn segment(
    picture: &mut RgbImage,
    (a, b): ((f64, f64), (f64, f64)),
    thick: f64,
    ink: impl Fn(palette::Rgb) -> palette::Rgb,
) {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let square = dx * dx + dy * dy;
    paint(
        picture,
        (a, b),
        thick,
        |x, y| {
            let along = if square > 0.0 { ((x - a.0) * dx + (y - a.1) * dy) / square } else { 0.0 };
            let along = along.clamp(0.0, 1.0);
            thick + 0.5 - (x - a.0 - along * dx).hypot(y - a.1 - along * dy)
        },
        ink,
    );
}

fn ring(picture: &mut RgbImage, at: (f64, f64), (radius, thick): (f64, f64), color: palette::Rgb) {
    paint(picture, (at, at), radius, |x, y| radius + 0.5 - (x - at.0).hypot(y - at.1), |_| DARK.background);
    let edge = |x: f64, y: f64| thick / 2.0 + 0.5 - ((x - at.0).hypot(y - at.1) - radius).abs();
    paint(picture, (at, at), radius + thick, edge, |_| color);
}

/// Covers each pixel near a to b by what `covered` says of its centre, 0 to 1.
fn paint(
    picture: &mut RgbImage,
    (a, b): ((f64, f64), (f64, f64)),
    around: f64,
    covered: impl Fn(f64, f64) -> f64,
    ink: impl Fn(palette::Rgb) -> palette::Rgb,
) {
    let span = |a: f64, b: f64, end: u32| {
        let from = (a.min(b) - around - 1.0).clamp(0.0, f64::from(end)) as u32;
        from..((a.max(b) + around + 2.0).clamp(0.0, f64::from(end)) as u32)
    };
    for y in span(a.1, b.1, picture.height()) {
        for x in span(a.0, b.0, picture.width()) {
            let share = covered(f64::from(x) + 0.5, f64::from(y) + 0.5).clamp(0.0, 1.0);
            if share > 0.0 {
                let Rgb(paper) = *picture.get_pixel(x, y);
                picture.put_pixel(x, y, Rgb(blend(paper, ink(paper), share)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::scatter;

    #[test]
    fn a_trail_leads_from_its_ring_to_its_disc() {
        let mut picture = scatter(&[], 1.0, 130, DARK.x_0);
        let trail = Trail { points: vec![[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5]], color: [200, 40, 40] };
        draw_trails(&mut picture, &[trail], 1.0);
        let at = |x: f64, y: f64| picture.get_pixel(((x + 1.0) * 65.0) as u32, ((1.0 - y) * 65.0) as u32).0;
        assert_eq!(at(0.5, 0.5), [255; 3], "the end's heart");
        assert_eq!(at(-0.5, -0.5), DARK.background, "the ring is hollow");
        let red = |color: [u8; 3]| color[0] > 60 && color[1] < 60;
        assert!(red(at(0.5, 0.46)), "the disc, {:?}", at(0.5, 0.46));
        assert!(at(0.5, 0.1)[0] > at(-0.2, -0.5)[0], "brighter on the way");
        assert!(red(at(-0.2, -0.5)));
        assert_eq!(at(-0.5, 0.5), DARK.background);
    }

    #[test]
    fn ways_out_of_sight_draw_nothing() {
        let empty = scatter(&[], 1.0, 64, DARK.x_0);
        let mut picture = empty.clone();
        for points in [vec![], vec![[9.0, 9.0], [8.0, 9.0]], vec![[f32::NAN, 0.0], [0.0, 0.0]]] {
            draw_trails(&mut picture, &[Trail { points, color: [255; 3] }], 1.0);
        }
        assert_eq!(picture, empty);
    }
}
