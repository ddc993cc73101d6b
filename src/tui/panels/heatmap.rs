//! The loss per timestep: t upwards, training to the right, colour the mean loss.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::frame::sentence;
use super::loss::waiting;
use crate::tui::chart::{Marker, Scale, nice_ceil, nice_floor};
use crate::tui::format::{right, thousands, three_digits};
use crate::tui::layout::{self, HeatmapPane};
use crate::tui::state::{Heat, HeatColumn, State, TimeAxis};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// "log · relative to start · axis σ".
pub fn subtitle(state: &State) -> Words {
    let words = Words::new(&state.theme)
        .add(Role::Dim, if state.plots.heat_relative { "share of the start" } else { "log colours" });
    let words = if state.plots.heat_bound { words.add(Role::Dim, "bars: bound") } else { words };
    words.add(Role::Dim, format!("axis {}", state.plots.time_axis.name()))
}

/// Colours of the map: from `scale.low`, dark, to `scale.high`, bright.
fn scale(state: &State, heat: &Heat) -> Scale {
    if state.plots.heat_relative {
        return Scale::new(0.01, 1.0, true);
    }
    let (low, high) = heat.range().unwrap_or((0.01, 1.0));
    Scale::new(nice_floor(low.max(high * 1e-6)), nice_ceil(high), true)
}

/// Map, profile, axis, read-out and colour bar.
pub fn full(state: &State, inner: Rect, buf: &mut Buffer) {
    let heat = &state.data().heat;
    if heat.columns().is_empty() {
        let every = state.config.as_ref().map_or(50, |c| c.train.timestep_loss_every);
        let text = match &state.data().history.latest {
            None => waiting(state),
            Some(_) => format!("the first column comes after step {}", thousands(every)),
        };
        sentence(&text, inner, Role::Dim, &state.theme, buf);
        return;
    }
    let pane = layout::heatmap_full(inner);
    let scale = scale(state, heat);
    draw_map(state, heat, &scale, pane.map, buf);
    draw_labels(state, &pane, buf);
    match bound_terms(state, heat) {
        Some(terms) => draw_terms(state, heat, &terms, pane.profile, buf),
        None => draw_profile(state, heat, &scale, pane.profile, buf),
    }
    draw_steps(state, heat, &pane, buf);
    buf.set_line(pane.readout.x, pane.readout.y, &readout(state, heat).fit(pane.readout.width), pane.readout.width);
    match bound_terms(state, heat) {
        Some(terms) => {
            let words = Words::new(&state.theme)
                .pair(Role::Dim, "bars: L_t; sum", Role::Strong, format!("{:.3} bits/dim", terms.iter().sum::<f64>()))
                .add(Role::Dim, "without L_0 (see eval)")
                .maybe(Role::Dim, largest_prior(state))
                .add(Role::Dim, "from the training loss");
            buf.set_line(pane.bar.x, pane.bar.y, &words.fit(pane.bar.width), pane.bar.width);
        }
        None => draw_bar(state, &scale, pane.bar, buf),
    }
}

/// "L_T < 0.0001", of pixels.
fn largest_prior(state: &State) -> Option<String> {
    let largest = state.curves.as_ref().filter(|_| state.plane.is_none())?.largest_prior();
    let digits = if largest < 1e-4 { "0.0001".to_string() } else { format!("{:.4}", (largest * 1e4).ceil() / 1e4) };
    Some(format!("L_T < {digits}"))
}

/// What each bin adds to the variational bound, bits/dim: its loss now, weighted (`None` while the loss itself is
/// shown). t = 0 adds nothing, since L_0 does not follow from the squared error. An approximation: the loss is that
/// of training, and taken as one number within a bin.
fn bound_terms(state: &State, heat: &Heat) -> Option<Vec<f64>> {
    let curves = state.curves.as_ref().filter(|_| state.plots.heat_bound)?;
    curves.bound.as_ref()?;
    let term = |bin| heat.recent(bin).and_then(|loss| curves.bound_of(bin, heat.bins(), loss)).unwrap_or(0.0);
    Some((0..heat.bins()).map(term).collect())
}

/// The bound's terms now, as bars from 0.
fn draw_terms(state: &State, heat: &Heat, terms: &[f64], area: Rect, buf: &mut Buffer) {
    let rows = usize::from(area.height);
    let cursor = bin_of(state, heat, state.cursor_t);
    let of_row = |y: usize| terms.get(bins_of(heat, y, rows)).map_or(0.0, |terms| terms.iter().sum::<f64>());
    let largest = (0..rows).map(of_row).fold(0.0, f64::max);
    if area.width < 3 || largest <= 0.0 {
        return;
    }
    for y in 0..rows {
        let share = of_row(y) / largest;
        let style = if bins_of(heat, y, rows).contains(&cursor) {
            state.theme.style(Role::Accent)
        } else {
            state.theme.heat_mark(share).map_or(Style::new(), |color| Style::new().fg(color))
        };
        buf.set_string(area.x, area.y + y as u16, bar(share, area.width, state.plots.marker), style);
    }
}

/// The loss at the cursor, and a small map.
pub fn brief(state: &State, inner: Rect, buf: &mut Buffer) {
    let heat = &state.data().heat;
    if heat.columns().is_empty() {
        sentence(&waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    }
    let loss = heat.recent(bin_of(state, heat, state.cursor_t)).map_or("–".into(), three_digits);
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Accent, "t", Role::Accent, right(state.cursor_t.to_string(), 3))
        .pair(Role::Dim, "loss", Role::Strong, right(loss, 6));
    buf.set_line(inner.x, inner.y, &words.fit(inner.width), inner.width);
    let map = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    draw_map(state, heat, &scale(state, heat), map, buf);
}

/// The bin that holds a timestep.
fn bin_of(state: &State, heat: &Heat, t: usize) -> usize {
    (t * heat.bins() / state.timesteps()).min(heat.bins().saturating_sub(1))
}

/// The bins that pixel `y` of `rows` shows; row 0, at the top, is the noisiest.
fn bins_of(heat: &Heat, y: usize, rows: usize) -> std::ops::Range<usize> {
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

fn draw_map(state: &State, heat: &Heat, scale: &Scale, map: Rect, buf: &mut Buffer) {
    let columns = heat.columns();
    let (width, rows) = (usize::from(map.width), usize::from(map.height));
    if width == 0 || rows == 0 {
        return;
    }
    for x in 0..width {
        let Some(first) = layout::heat_column(x, width, columns.len()) else { break };
        let next = layout::heat_column(x + 1, width, columns.len()).unwrap_or(columns.len());
        let span = &columns[first..next.max(first + 1).min(columns.len())];
        for y in 0..rows {
            let Some(cell) = buf.cell_mut((map.x + x as u16, map.y + y as u16)) else { continue };
            let share = |pixel: usize| {
                value(heat, span, bins_of(heat, pixel, rows * 2), state.plots.heat_relative).map(|v| scale.share(v))
            };
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
                (None, None) => {
                    if let Some(share) = upper.or(lower) {
                        cell.set_char(shade(state.plots.marker, share));
                    }
                }
            }
        }
    }
}

/// Shades for terminals without colours.
fn shade(marker: Marker, share: f64) -> char {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    const ASCII: [char; 5] = [' ', '.', ':', 'o', '#'];
    let index = ((share.clamp(0.0, 1.0) * 5.0) as usize).min(4);
    if marker == Marker::Ascii { ASCII[index] } else { SHADES[index] }
}

/// t at the left: the ends, the middle, and the cursor.
fn draw_labels(state: &State, pane: &HeatmapPane, buf: &mut Buffer) {
    let (map, labels) = (pane.map, pane.labels);
    if map.height == 0 || labels.width < 3 {
        return;
    }
    let last = state.timesteps() - 1;
    let row_of = |t: usize| map.bottom() - 1 - (t * usize::from(map.height - 1)).checked_div(last).unwrap_or(0) as u16;
    let room = usize::from(labels.width) - 1;
    let mut put = |t: usize, style: Style| {
        let text = right(t_label(state, t), room);
        buf.set_stringn(labels.x, row_of(t), text, room, style);
    };
    let cursor_row = row_of(state.cursor_t);
    let mut ticks = vec![last, 0];
    if map.height >= 5 {
        ticks.push(last / 2);
    }
    if map.height >= 13 {
        ticks.extend([last / 4, last * 3 / 4]);
    }
    for t in ticks {
        if row_of(t).abs_diff(cursor_row) > 0 {
            put(t, state.theme.style(Role::Dim));
        }
    }
    put(state.cursor_t, state.theme.style(Role::Accent));
    let pointer = if state.plots.marker == Marker::Ascii { ">" } else { "▸" };
    buf.set_string(labels.right() - 1, cursor_row, pointer, state.theme.style(Role::Accent));
}

/// A t in the unit of the axis, in at most five columns.
fn t_label(state: &State, t: usize) -> String {
    match (&state.curves, state.plots.time_axis) {
        (Some(curves), TimeAxis::Sigma) => format!("{:.3}", curves.read(TimeAxis::Sigma, t)),
        (Some(curves), TimeAxis::LogSnr) => {
            let v = curves.read(TimeAxis::LogSnr, t);
            let decimals = if v.abs() < 9.995 { 2 } else { usize::from(v.abs() < 99.95) };
            format!("{v:.decimals$}").replace('-', "−")
        }
        _ if t > 99_999 => format!("{}k", t / 1000),
        _ => t.to_string(),
    }
}

/// The loss now, as bars.
fn draw_profile(state: &State, heat: &Heat, scale: &Scale, area: Rect, buf: &mut Buffer) {
    let rows = usize::from(area.height);
    if rows == 0 || area.width < 3 {
        return;
    }
    let cursor = bin_of(state, heat, state.cursor_t);
    for y in 0..rows {
        let bins = bins_of(heat, y, rows);
        let values: Vec<f64> = bins
            .clone()
            .filter_map(|bin| {
                let start = if state.plots.heat_relative { heat.baseline(bin).filter(|b| *b > 0.0)? } else { 1.0 };
                heat.recent(bin).map(|v| v / start)
            })
            .collect();
        if values.is_empty() {
            continue;
        }
        let share = scale.share(values.iter().sum::<f64>() / values.len() as f64).clamp(0.0, 1.0);
        let style = if bins.contains(&cursor) {
            state.theme.style(Role::Accent)
        } else {
            state.theme.heat_mark(share).map_or(Style::new(), |color| Style::new().fg(color))
        };
        let bar = bar(share, area.width, state.plots.marker);
        buf.set_string(area.x, area.y + y as u16, bar, style);
    }
}

/// A bar of eighths.
fn bar(share: f64, width: u16, marker: Marker) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = ((share * f64::from(width) * 8.0).round() as usize).max(1);
    if marker == Marker::Ascii {
        return "=".repeat(eighths.div_ceil(8));
    }
    let mut text = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        text.push(EIGHTHS[eighths % 8]);
    }
    text
}

/// Steps under the map, and where the read-out looks.
fn draw_steps(state: &State, heat: &Heat, pane: &HeatmapPane, buf: &mut Buffer) {
    let (axis, columns) = (pane.axis, heat.columns());
    let (Some(first), Some(newest)) = (columns.first(), columns.last()) else { return };
    if axis.is_empty() {
        return;
    }
    let dim = state.theme.style(Role::Dim);
    let filled = columns.len().min(usize::from(axis.width)) as u16;
    let begin = format!("step {}", thousands(first.first_step));
    let end = format!("{} now", thousands(newest.last_step));
    buf.set_stringn(axis.x, axis.y, &begin, usize::from(axis.width), dim);
    let (begin, end_width) = (begin.len() as u16, end.len() as u16);
    let x = (axis.x + filled).saturating_sub(end_width).max(axis.x + begin + 2);
    if x + end_width <= axis.right() {
        buf.set_string(x, axis.y, &end, dim);
    }
    if let Some(column) = state.cursor_step.and_then(|step| heat.column_at(step)) {
        let width = usize::from(axis.width);
        let at = if columns.len() <= width { column } else { column * width / columns.len() };
        let pointer = if state.plots.marker == Marker::Ascii { "^" } else { "▴" };
        buf.set_string(axis.x + at.min(width - 1) as u16, axis.y, pointer, state.theme.style(Role::Accent));
    }
}

/// "▸ t 430 · σ 0.66 · log-SNR 0.53 · step 12,400 · loss 0.031 (n 812)".
fn readout(state: &State, heat: &Heat) -> Words {
    let t = state.cursor_t;
    let bin = bin_of(state, heat, t);
    let column = match state.cursor_step {
        Some(step) => heat.column_at(step),
        None => heat.columns().len().checked_sub(1),
    };
    let column = column.map(|c| &heat.columns()[c]);
    let mut words =
        Words::new(&state.theme).joined_by(COLUMNS).pair(Role::Accent, "t", Role::Accent, right(t.to_string(), 3));
    if let Some(column) = column {
        let loss = column.mean(bin).map_or("–".into(), three_digits);
        let of = state.live.info.as_ref().map_or("images", |info| info.samples_word());
        let count = column.count(bin);
        words = words.pair(Role::Dim, "loss", Role::Strong, right(loss, 6));
        words = words.add(Role::Dim, format!("mean of {} {of}", thousands(u64::from(count))));
    }
    if let Some(term) = bound_terms(state, heat).and_then(|terms| terms.get(bin).copied()) {
        words = words.pair(Role::Dim, "adds to the bound", Role::Strong, right(three_digits(term), 6));
    }
    if let Some(curves) = &state.curves {
        words = words.pair(Role::Dim, "σ", Role::Text, right(three_digits(curves.read(TimeAxis::Sigma, t)), 6)).pair(
            Role::Dim,
            "log-SNR",
            Role::Text,
            right(three_digits(curves.read(TimeAxis::LogSnr, t)), 6),
        );
    }
    if let Some(column) = column {
        words = words.pair(Role::Dim, "step", Role::Text, thousands(column.last_step));
    }
    words
}

/// "0.002 ▁▂▃ 1 mean loss".
fn draw_bar(state: &State, scale: &Scale, area: Rect, buf: &mut Buffer) {
    let (low, high, unit) = if state.plots.heat_relative {
        ("1 %".to_string(), "100 %".to_string(), "of the starting loss")
    } else {
        (three_digits(scale.low), three_digits(scale.high), "mean loss")
    };
    let dim = state.theme.style(Role::Dim);
    let text = low.len() + high.len() + unit.len() + 4;
    let Some(width) = usize::from(area.width).checked_sub(text).filter(|w| *w >= 4) else { return };
    let width = width.min(40);
    buf.set_string(area.x, area.y, &low, dim);
    let start = area.x + low.len() as u16 + 1;
    for i in 0..width {
        let share = i as f64 / (width - 1) as f64;
        let Some(cell) = buf.cell_mut((start + i as u16, area.y)) else { continue };
        match state.theme.heat(share) {
            Some(color) => cell.set_char('█').set_fg(color),
            None => cell.set_char(shade(state.plots.marker, share)),
        };
    }
    buf.set_string(start + width as u16 + 1, area.y, format!("{high} {unit}"), dim);
}
