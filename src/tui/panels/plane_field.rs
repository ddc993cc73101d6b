//! Arrows over the plane: direction by the character, speed by the colour.

use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::window::Window;
use crate::lab::Field;
use crate::tui::chart::Marker;
use crate::tui::state::State;
use crate::tui::theme::Role;

/// From the right, against the clock, every 45°.
const ARROWS: [char; 8] = ['→', '↗', '↑', '↖', '←', '↙', '↓', '↘'];
const ASCII: [char; 8] = ['>', '/', '^', '\\', '<', '/', 'v', '\\'];
/// Below this part of the largest speed there is no arrow: the direction would be chance.
const STILL: f64 = 0.02;

/// Draws an arrow in every fourth column of every second row, over what is there.
pub fn draw(state: &State, window: Window, field: &Field, vectors: &[f32], buf: &mut Buffer) {
    let theme = &state.theme;
    let area = window.area;
    let fastest = fast(vectors);
    if fastest <= 0.0 || area.is_empty() {
        return;
    }
    let arrows = if state.plots.marker == Marker::Ascii { &ASCII } else { &ARROWS };
    for row in (0..area.height).filter(|row| row % 2 == 0 || area.height < 9) {
        // Every other row is shifted, so that the arrows don't stand in columns.
        let shift = if row % 4 == 0 { 1 } else { 3 };
        for column in (shift..area.width).step_by(4) {
            let x = (2.0 * (f64::from(column) + 0.5) / f64::from(area.width) - 1.0) * window.reach;
            let y = (1.0 - 2.0 * (f64::from(row) + 0.5) / f64::from(area.height)) * window.reach;
            let Some((right, up)) = at(field, vectors, x, y) else { continue };
            let speed = right.hypot(up) / fastest;
            if speed < STILL {
                continue;
            }
            let eighth = (up.atan2(right) / std::f64::consts::FRAC_PI_4).round().rem_euclid(8.0) as usize;
            if let Some(cell) = buf.cell_mut((area.x + column, area.y + row)) {
                cell.set_char(arrows[eighth % 8]).set_style(theme.style(Role::Text));
                // What stands out from the paper is fast.
                if let Some(color) = theme.heat_mark(speed.sqrt().min(1.0)) {
                    cell.set_fg(color);
                }
                if speed > 0.5 {
                    cell.modifier |= Modifier::BOLD;
                }
            }
        }
    }
}

/// A high speed of the field: 19 in 20 places are slower, so that one wild corner doesn't dim the rest.
fn fast(vectors: &[f32]) -> f64 {
    let mut speeds: Vec<f64> = vectors
        .chunks_exact(2)
        .map(|v| f64::from(v[0]).hypot(f64::from(v[1])))
        .filter(|speed| speed.is_finite())
        .collect();
    if speeds.is_empty() {
        return 0.0;
    }
    let index = (speeds.len() - 1) * 19 / 20;
    *speeds.select_nth_unstable_by(index, f64::total_cmp).1
}

/// The vector at a place, between the four of the grid around it; `None` outside the grid, and where one
/// is no number.
fn at(field: &Field, vectors: &[f32], x: f64, y: f64) -> Option<(f64, f64)> {
    let last = field.side.checked_sub(1).filter(|last| *last > 0)?;
    let along = |v: f64| (v / f64::from(field.reach) + 1.0) / 2.0 * last as f64;
    let (column, row) = (along(x), along(-y));
    if !(0.0..=last as f64).contains(&column) || !(0.0..=last as f64).contains(&row) {
        return None;
    }
    let (left, top) = ((column as usize).min(last - 1), (row as usize).min(last - 1));
    let (across, down) = (column - left as f64, row - top as f64);
    let part = |axis: usize| -> Option<f64> {
        let value = |r: usize, c: usize| vectors.get(2 * (r * field.side + c) + axis).map(|v| f64::from(*v));
        let upper = value(top, left)? * (1.0 - across) + value(top, left + 1)? * across;
        let lower = value(top + 1, left)? * (1.0 - across) + value(top + 1, left + 1)? * across;
        Some(upper * (1.0 - down) + lower * down).filter(|v| v.is_finite())
    };
    Some((part(0)?, part(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field() -> (Field, Vec<f32>) {
        // The vector at a place is the place itself.
        let along = |i: usize| 2.0 * (i as f32 / 10.0 - 1.0);
        let vectors: Vec<f32> = (0..21).flat_map(|r| (0..21).flat_map(move |c| [along(c), -along(r)])).collect();
        (Field { side: 21, reach: 2.0, score: vectors.clone(), velocity: vectors.clone() }, vectors)
    }

    #[test]
    fn between_places_the_vector_is_between_theirs() {
        let (field, vectors) = field();
        for (x, y) in [(0.0, 0.0), (1.05, -0.33), (-2.0, 2.0), (2.0, -2.0)] {
            let (right, up) = at(&field, &vectors, x, y).unwrap();
            assert!((right - x).abs() < 1e-5 && (up - y).abs() < 1e-5, "({x}, {y}): ({right}, {up})");
        }
        assert_eq!(at(&field, &vectors, 2.1, 0.0), None);
        assert_eq!(at(&field, &vectors[..20], -0.5, 0.0), None);
    }

    #[test]
    fn one_wild_place_does_not_dim_the_rest() {
        let mut vectors = [1.0f32, 0.0].repeat(100);
        vectors[0] = 1e9;
        assert_eq!(fast(&vectors), 1.0);
        assert_eq!(fast(&[f32::NAN, 1.0]), 0.0);
    }
}
