//! The map itself, its colours, and the bar that explains them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::chart::{Marker, Scale, nice_ceil, nice_floor, robust_range};
use crate::tui::format::three_digits;
use crate::tui::layout;
use crate::tui::state::{Heat, HeatColumn, State};
use crate::tui::theme::Role;

/// How much farther than the bulk of the losses the colours reach, either way.
const REACH: f64 = 1.0;

/// What the map shows: two values a cell, one over the other. `None`: no sample fell there.
pub struct HeatMap {
    /// `[2 · rows, width]`, from the top.
    values: Vec<Option<f64>>,
    area: Rect,
    /// From dark to bright.
    pub scale: Scale,
    /// Is there anything darker or brighter than the scale says?
    below: bool,
    above: bool,
}

impl HeatMap {
    /// What `area` shows; each of its columns shows something.
    pub fn new(state: &State, heat: &Heat, area: Rect) -> Self {
        let (width, pixels) = (usize::from(area.width), 2 * usize::from(area.height));
        let columns = heat.columns();
        let relative = state.plots.heat_relative;
        let mut values = vec![None; width * pixels];
        for x in 0..width {
            let Some(span) = layout::heat_columns(x, width, columns.len()) else { break };
            for y in 0..pixels {
                values[y * width + x] = value(heat, &columns[span.clone()], bins_of(heat, y, pixels), relative);
            }
        }
        let scale = if relative {
            Scale::new(0.01, 1.0, true)
        } else {
            let (low, high) = robust_range(values.iter().flatten().copied(), true, REACH).unwrap_or((0.01, 1.0));
            Scale::new(nice_floor(low), nice_ceil(high), true)
        };
        let any = |beyond: &dyn Fn(f64) -> bool| values.iter().flatten().any(|v| beyond(*v));
        let (below, above) = (any(&|v| scale.is_below(v)), any(&|v| scale.is_above(v)));
        Self { values, area, scale, below, above }
    }

    /// Draws it. Where there is nothing, dots: the darkest colour is a low loss.
    pub fn draw(&self, state: &State, buf: &mut Buffer) {
        let width = usize::from(self.area.width);
        let ascii = state.plots.marker == Marker::Ascii;
        for (i, position) in self.area.positions().enumerate() {
            let Some(cell) = buf.cell_mut(position) else { continue };
            let (x, y) = (i % width, i / width);
            let share = |y: usize| self.values[y * width + x].map(|v| self.scale.share(v));
            let (upper, lower) = (share(2 * y), share(2 * y + 1));
            let color = |share: Option<f64>| share.and_then(|s| state.theme.heat(s));
            match (color(upper), color(lower)) {
                (Some(upper), Some(lower)) => {
                    cell.set_char('▀').set_fg(upper).set_bg(lower);
                }
                (Some(upper), None) => {
                    cell.set_char('▀').set_fg(upper);
                }
                (None, Some(lower)) => {
                    cell.set_char('▄').set_fg(lower);
                }
                (None, None) => match upper.or(lower) {
                    Some(share) => {
                        cell.set_char(shade(state.plots.marker, share));
                    }
                    None if ascii => {}
                    None => {
                        cell.set_char('·').set_style(state.theme.style(Role::Border));
                    }
                },
            }
        }
    }

    /// "≤ 0.002 ▁▂▃ ≥ 1 mean loss": the signs are there where some losses are beyond the colours.
    pub fn draw_bar(&self, state: &State, area: Rect, buf: &mut Buffer) {
        let (low, high, unit) = if state.plots.heat_relative {
            ("1 %".to_string(), "100 %".to_string(), "of the starting loss")
        } else {
            (three_digits(self.scale.low), three_digits(self.scale.high), "mean loss")
        };
        let [at_most, at_least] = if state.plots.marker == Marker::Ascii { ["<=", ">="] } else { ["≤", "≥"] };
        let low = if self.below { format!("{at_most} {low}") } else { low };
        let high = if self.above { format!("{at_least} {high}") } else { high };
        let dim = state.theme.style(Role::Dim);
        let columns = crate::tui::words::columns;
        let text = columns(&low) + columns(&high) + 2;
        let Some(room) = usize::from(area.width).checked_sub(text).filter(|w| *w >= 4) else { return };
        // The unit goes before the bar gets short.
        let (unit, room) = match room.checked_sub(unit.len() + 1).filter(|w| *w >= 4) {
            Some(room) => (unit, room),
            None => ("", room),
        };
        let width = room.min(40) as u16;
        buf.set_string(area.x, area.y, &low, dim);
        let start = area.x + columns(&low) as u16 + 1;
        for i in 0..width {
            let share = f64::from(i) / f64::from(width - 1);
            let Some(cell) = buf.cell_mut((start + i, area.y)) else { continue };
            match state.theme.heat(share) {
                // A background has no gaps in any font.
                Some(color) => cell.set_char(' ').set_bg(color),
                None => cell.set_char(shade(state.plots.marker, share)),
            };
        }
        buf.set_string(start + width + 1, area.y, format!("{high} {unit}").trim_end(), dim);
    }
}

/// The bins that pixel `y` of `rows` shows; row 0, at the top, is the noisiest.
pub fn bins_of(heat: &Heat, y: usize, rows: usize) -> std::ops::Range<usize> {
    let (bins, from_below) = (heat.bins(), rows - 1 - y.min(rows - 1));
    let first = from_below * bins / rows;
    first..((from_below + 1) * bins).div_ceil(rows).clamp(first + 1, bins.max(first + 1))
}

/// What a column shows in some bins: a loss, or its share of the starting loss.
fn value(heat: &Heat, columns: &[HeatColumn], bins: std::ops::Range<usize>, relative: bool) -> Option<f64> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for column in columns {
        for bin in bins.clone() {
            let Some(mean) = column.mean(bin) else { continue };
            let start = if relative { heat.baseline(bin).filter(|b| *b > 0.0)? } else { 1.0 };
            let count = f64::from(column.count(bin));
            sum += mean / start * count;
            weight += count;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// Shades for terminals without colours; the lightest is not nothing.
fn shade(marker: Marker, share: f64) -> char {
    const SHADES: [char; 4] = ['░', '▒', '▓', '█'];
    const ASCII: [char; 4] = ['.', ':', 'o', '#'];
    let index = ((share.clamp(0.0, 1.0) * 4.0) as usize).min(3);
    if marker == Marker::Ascii { ASCII[index] } else { SHADES[index] }
}
