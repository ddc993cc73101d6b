//! The part of a straight line that is inside a chart.

/// Cuts a line to the unit square. `None` when nothing of it is inside, or when an end has no place.
pub fn clip(from: (f64, f64), to: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
    // An infinite end is as good as one far away.
    let near = |v: f64| v.clamp(-1e6, 1e6);
    let ((x0, y0), (x1, y1)) = ((near(from.0), near(from.1)), (near(to.0), near(to.1)));
    if [x0, y0, x1, y1].iter().any(|v| v.is_nan()) {
        return None;
    }
    let (dx, dy) = (x1 - x0, y1 - y0);
    let (mut enter, mut leave) = (0f64, 1f64);
    // Liang and Barsky: each side of the square lets in or out at one place along the line.
    for (towards, distance) in [(-dx, x0), (dx, 1.0 - x0), (-dy, y0), (dy, 1.0 - y0)] {
        if towards == 0.0 {
            if distance < 0.0 {
                return None;
            }
            continue;
        }
        let at = distance / towards;
        if towards < 0.0 { enter = enter.max(at) } else { leave = leave.min(at) }
    }
    // An end that is inside stays exactly where it is.
    let at = |share: f64| if share == 1.0 { (x1, y1) } else { (x0 + dx * share, y0 + dy * share) };
    (enter <= leave).then(|| (at(enter), at(leave)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_stays_and_the_rest_ends_at_the_edge() {
        assert_eq!(clip((0.2, 0.3), (0.9, 0.1)), Some(((0.2, 0.3), (0.9, 0.1))));
        assert_eq!(clip((0.5, 0.5), (0.5, 2.5)), Some(((0.5, 0.5), (0.5, 1.0))));
        assert_eq!(clip((-1.0, 0.5), (3.0, 0.5)), Some(((0.0, 0.5), (1.0, 0.5))));
        assert_eq!(clip((0.0, 1.1), (1.0, 1.2)), None);
        assert_eq!(clip((1.5, 0.0), (1.5, 1.0)), None);
        assert_eq!(clip((0.0, f64::NAN), (1.0, 0.0)), None);
    }

    #[test]
    fn an_infinite_end_leaves_upright() {
        let ((x0, _), (x1, y1)) = clip((0.5, 0.5), (0.6, f64::INFINITY)).unwrap();
        assert!((x0 - 0.5).abs() < 1e-9 && (x1 - 0.5).abs() < 1e-6 && (y1 - 1.0).abs() < 1e-9);
    }
}
