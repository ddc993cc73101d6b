//! Two densities over each other, as two half-blocks a cell: where both are high, the colours mix.

use ratatui::buffer::Buffer;

use super::window::Window;
use crate::picture::palette::{Rgb, blend};
use crate::tui::chart::Marker;
use crate::tui::state::State;
use crate::tui::theme::Role;

/// Shades without colours, from nothing to all.
const ASCII: [char; 6] = [' ', '.', ':', '+', '#', '@'];
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];

/// Draws the density of `below` and of `above`, each in the colour of its role.
pub fn draw(state: &State, window: Window, below: (Role, &[f32]), above: (Role, &[f32]), buf: &mut Buffer) {
    let (width, height) = (usize::from(window.area.width), 2 * usize::from(window.area.height));
    if width == 0 || height == 0 {
        return;
    }
    let (low, high) = (density(window, below.1, width, height), density(window, above.1, width, height));
    let theme = &state.theme;
    let ascii = state.plots.marker == Marker::Ascii;
    let paper = theme.background().unwrap_or(match theme.is_dark() {
        true => theme.palette().background,
        false => [255; 3],
    });
    for row in 0..height / 2 {
        for column in 0..width {
            let (top, bottom) = (2 * row * width + column, (2 * row + 1) * width + column);
            let Some(cell) = buf.cell_mut((window.area.x + column as u16, window.area.y + row as u16)) else {
                continue;
            };
            if ascii || !theme.capability.has_colors() {
                let value = (high[top] + high[bottom]) / 2.0;
                let shades: &[char] = if ascii { &ASCII } else { &SHADES };
                let at = (value * (shades.len() - 1) as f64).ceil() as usize;
                cell.set_char(shades[at.min(shades.len() - 1)]).set_style(theme.style(above.0));
                continue;
            }
            if [top, bottom].iter().all(|&i| low[i] < 0.02 && high[i] < 0.02) {
                continue;
            }
            let color = |i: usize| {
                let under = blend(paper, rgb(state, below.0), 0.8 * low[i]);
                theme.capability.color(mix(under, paper, rgb(state, above.0), high[i]))
            };
            cell.set_char('▀').set_fg(color(top)).set_bg(color(bottom));
        }
    }
}

/// A colour of the palette.
fn rgb(state: &State, role: Role) -> Rgb {
    let palette = state.theme.palette();
    match role {
        Role::Noisy => palette.x_t,
        Role::Clean => palette.x_0,
        _ => palette.dim,
    }
}

/// Light of a second colour added to `under` (on dark paper; taken from it on light paper).
fn mix(under: Rgb, paper: Rgb, color: Rgb, share: f64) -> Rgb {
    let over = blend(paper, color, share);
    std::array::from_fn(|i| (i32::from(under[i]) + i32::from(over[i]) - i32::from(paper[i])).clamp(0, 255) as u8)
}

/// Smoothed counts over `width` × `height` fields, row by row from the top, the largest 1; a square root
/// makes thin tails visible.
fn density(window: Window, points: &[f32], width: usize, height: usize) -> Vec<f64> {
    let mut counts = vec![0f64; width * height];
    for point in points.chunks_exact(2) {
        if let Some((x, y)) = window.place(point[0], point[1]) {
            let column = ((x * width as f64) as usize).min(width - 1);
            let row = (((1.0 - y) * height as f64) as usize).min(height - 1);
            counts[row * width + column] += 1.0;
        }
    }
    // A larger picture has fewer points a field: twice smoothed, by the same part of the window.
    let radius = (width / 32).max(1);
    for _ in 0..2 {
        blur(&mut counts, width, height, radius, 1, width);
        blur(&mut counts, height, width, radius, width, 1);
    }
    let most = counts.iter().copied().fold(0.0, f64::max);
    if most > 0.0 {
        counts.iter_mut().for_each(|count| *count = (*count / most).sqrt());
    }
    counts
}

/// The mean over 2·radius + 1 neighbours along lines of `len` fields that lie `step` apart; `lines` lines
/// that lie `apart`.
fn blur(counts: &mut [f64], len: usize, lines: usize, radius: usize, step: usize, apart: usize) {
    let mut sums = vec![0.0; len + 1];
    for line in 0..lines {
        for i in 0..len {
            sums[i + 1] = sums[i] + counts[line * apart + i * step];
        }
        for i in 0..len {
            let (from, to) = (i.saturating_sub(radius), (i + radius + 1).min(len));
            counts[line * apart + i * step] = (sums[to] - sums[from]) / (2 * radius + 1) as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn density_is_highest_where_most_points_lie() {
        let window = Window { area: Rect::new(0, 0, 20, 10), reach: 1.0 };
        let points: Vec<f32> = [[0.5, 0.5]; 9].into_iter().chain([[-0.5, -0.5]; 2]).flatten().collect();
        let density = density(window, &points, 20, 20);
        let most = (0..400).max_by(|a, b| density[*a].total_cmp(&density[*b])).unwrap();
        assert_eq!(density[most], 1.0);
        let (column, row) = (most % 20, most / 20);
        assert!((14..=16).contains(&column) && (4..=6).contains(&row), "({column}, {row}): up is up");
        assert!(density[14 * 20 + 5] > 0.3 && density[0] == 0.0);
    }

    #[test]
    fn no_points_have_no_density() {
        let window = Window { area: Rect::new(0, 0, 4, 2), reach: 1.0 };
        assert!(density(window, &[f32::NAN, 0.0, 5.0, 5.0], 4, 4).iter().all(|v| *v == 0.0));
    }

    #[test]
    fn two_colours_add_up_on_dark_paper_and_take_away_on_light() {
        assert_eq!(mix([100, 0, 0], [0; 3], [0, 80, 0], 1.0), [100, 80, 0]);
        assert_eq!(mix([255, 100, 255], [255; 3], [100, 255, 255], 1.0), [100, 100, 255]);
    }
}
