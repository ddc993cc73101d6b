//! The loss per timestep: t upwards, training to the right, colour the mean loss.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::frame::sentence;
use super::heatmap_map::{HeatMap, bins_of};
use super::loss::waiting;
use crate::tui::chart::{Marker, Scale};
use crate::tui::format::{left, right, thousands, three_digits};
use crate::tui::layout::{self, HeatmapPane};
use crate::tui::state::{Heat, State, TimeAxis};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// "log · relative to start · axis σ".
pub fn subtitle(state: &State) -> Words {
    let words = Words::new(&state.theme)
        .add(Role::Dim, if state.plots.heat_relative { "share of the start" } else { "log colours" });
    let words = if state.plots.heat_bound { words.add(Role::Dim, "bars: bound") } else { words };
    words.add(Role::Dim, format!("axis {}", state.plots.time_axis.name()))
}

/// Map, profile, axis, read-out and colour bar.
pub fn full(state: &State, inner: Rect, buf: &mut Buffer) {
    of_run(state, &state.data().heat, inner, buf);
}

/// As [`full`], of any run.
pub fn of_run(state: &State, heat: &Heat, inner: Rect, buf: &mut Buffer) {
    if heat.columns().is_empty() {
        let every = state.config.as_ref().map_or(50, |c| c.train.timestep_loss_every);
        let text = match &state.read_history().latest {
            None if state.is_comparing() => "this run has no losses per timestep yet".into(),
            None => waiting(state),
            Some(_) => format!("the first column comes after step {}", thousands(every)),
        };
        sentence(&text, inner, Role::Dim, &state.theme, buf);
        return;
    }
    let pane = layout::heatmap_full(inner);
    let map = HeatMap::new(state, heat, pane.map);
    map.draw(state, buf);
    draw_labels(state, &pane, buf);
    match bound_terms(state, heat) {
        Some(terms) => draw_terms(state, heat, &terms, pane.profile, buf),
        None => draw_profile(state, heat, &map.scale, pane.profile, buf),
    }
    draw_steps(state, heat, &pane, buf);
    buf.set_line(
        pane.readout.x,
        pane.readout.y,
        &readout(state, heat, &map.scale).fit(pane.readout.width),
        pane.readout.width,
    );
    match bound_terms(state, heat) {
        Some(terms) => {
            let words = Words::new(&state.theme)
                .pair(Role::Dim, "bars: L_t; sum", Role::Strong, format!("{:.3} bits/dim", terms.iter().sum::<f64>()))
                .add(Role::Dim, "without L_0 (see eval)")
                .maybe(Role::Dim, largest_prior(state))
                .add(Role::Dim, "from the training loss");
            buf.set_line(pane.bar.x, pane.bar.y, &words.fit(pane.bar.width), pane.bar.width);
        }
        None => map.draw_bar(state, pane.bar, buf),
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
    // Of other runs the schedule need not be the same.
    let curves = state.curves.as_ref().filter(|_| state.plots.heat_bound && !state.is_comparing())?;
    let bound = curves.bound.as_ref()?;
    let term = |bin| heat.recent(bin).and_then(|loss| bound.of_bin(bin, heat.bins(), loss)).unwrap_or(0.0);
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
        let at_cursor = bins_of(heat, y, rows).contains(&cursor);
        let row = Rect { y: area.y + y as u16, height: 1, ..area };
        draw_share(state, of_row(y) / largest, at_cursor, row, buf);
    }
}

/// The loss at the cursor, and a small map.
pub fn brief(state: &State, inner: Rect, buf: &mut Buffer) {
    brief_of_run(state, &state.data().heat, inner, buf);
}

/// As [`brief`], of any run.
pub fn brief_of_run(state: &State, heat: &Heat, inner: Rect, buf: &mut Buffer) {
    if heat.columns().is_empty() {
        sentence(&waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    }
    let loss = heat.recent(bin_of(state, heat, state.cursor_t)).map_or("–".into(), three_digits);
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Accent, "t", Role::Accent, left(state.cursor_t.to_string(), digits(state)))
        .pair(Role::Dim, "loss", Role::Strong, loss);
    buf.set_line(inner.x, inner.y, &words.fit(inner.width), inner.width);
    let map = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    HeatMap::new(state, heat, map).draw(state, buf);
}

/// The bin that holds a timestep.
pub fn bin_of(state: &State, heat: &Heat, t: usize) -> usize {
    (t * heat.bins() / state.timesteps()).min(heat.bins().saturating_sub(1))
}

/// Digits of the largest t.
pub fn digits(state: &State) -> usize {
    (state.timesteps() - 1).to_string().len()
}

/// t at the left: the ends, the middle, and the cursor.
pub fn draw_labels(state: &State, pane: &HeatmapPane, buf: &mut Buffer) {
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

/// The loss now, as bars; a full one that ends with a point is too long for the scale.
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
        let share = scale.share(values.iter().sum::<f64>() / values.len() as f64);
        let row = Rect { y: area.y + y as u16, height: 1, ..area };
        draw_share(state, share, bins.contains(&cursor), row, buf);
        if share > 1.0 + 1e-9 {
            let pointer = if state.plots.marker == Marker::Ascii { ">" } else { "▶" };
            buf.set_string(row.right() - 1, row.y, pointer, state.theme.style(Role::Text));
        }
    }
}

/// A bar of eighths, in the colour of its length. Whole cells are background, which has no gaps in any font.
fn draw_share(state: &State, share: f64, at_cursor: bool, row: Rect, buf: &mut Buffer) {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let share = share.clamp(0.0, 1.0);
    let heat = || state.theme.heat(share).map_or(Style::new(), |color| Style::new().fg(color));
    let style = if at_cursor { state.theme.style(Role::Accent) } else { heat() };
    let eighths = ((share * f64::from(row.width) * 8.0).round() as usize).max(1);
    let ascii = state.plots.marker == Marker::Ascii;
    let whole = if ascii { eighths.div_ceil(8) } else { eighths / 8 };
    for x in 0..whole.min(usize::from(row.width)) as u16 {
        let Some(cell) = buf.cell_mut((row.x + x, row.y)) else { continue };
        match style.fg {
            Some(color) if !ascii => cell.set_char(' ').set_bg(color),
            _ => cell.set_char(if ascii { '=' } else { '█' }).set_style(style),
        };
    }
    if !ascii
        && !eighths.is_multiple_of(8)
        && let Some(cell) = buf.cell_mut((row.x + whole as u16, row.y))
    {
        cell.set_char(EIGHTHS[eighths % 8]).set_style(style);
    }
}

/// Steps under the map, and where the read-out looks.
fn draw_steps(state: &State, heat: &Heat, pane: &HeatmapPane, buf: &mut Buffer) {
    let (axis, columns) = (pane.axis, heat.columns());
    let (Some(first), Some(newest)) = (columns.first(), columns.last()) else { return };
    if axis.is_empty() {
        return;
    }
    let dim = state.theme.style(Role::Dim);
    let begin = format!("step {}", thousands(first.first_step));
    let end = format!("{} now", thousands(newest.last_step));
    buf.set_stringn(axis.x, axis.y, &begin, usize::from(axis.width), dim);
    let (begin, end_width) = (begin.len() as u16, end.len() as u16);
    if begin + 2 + end_width <= axis.width {
        buf.set_string(axis.right() - end_width, axis.y, &end, dim);
    }
    if let Some(column) = state.cursor_step.and_then(|step| heat.column_at(step)) {
        let at = layout::heat_place(column, usize::from(axis.width), columns.len());
        let pointer = if state.plots.marker == Marker::Ascii { "^" } else { "▴" };
        buf.set_string(axis.x + at as u16, axis.y, pointer, state.theme.style(Role::Accent));
    }
}

/// "t 430  loss 0.031 ▲ mean of 812  σ 0.66  log-SNR 0.53  step 12,400"; the triangle: beyond the colours.
fn readout(state: &State, heat: &Heat, scale: &Scale) -> Words {
    let t = state.cursor_t;
    let bin = bin_of(state, heat, t);
    let column = match state.cursor_step {
        Some(step) => heat.column_at(step),
        None => heat.columns().len().checked_sub(1),
    };
    let column = column.map(|c| &heat.columns()[c]);
    let t_now = left(t.to_string(), digits(state));
    let mut words = Words::new(&state.theme).joined_by(COLUMNS).pair(Role::Accent, "t", Role::Accent, t_now);
    if let Some(column) = column {
        let mean = column.mean(bin);
        let start = if state.plots.heat_relative { heat.baseline(bin).unwrap_or(f64::NAN) } else { 1.0 };
        let [up, down] = if state.plots.marker == Marker::Ascii { [" ^", " v"] } else { [" ▲", " ▼"] };
        let beyond = match mean.map(|v| v / start) {
            Some(v) if scale.is_above(v) => up,
            Some(v) if scale.is_below(v) => down,
            _ => "",
        };
        let loss = mean.map_or("–".into(), three_digits);
        let of = samples_word(state);
        words = words.pair(Role::Dim, "loss", Role::Strong, left(format!("{loss}{beyond}"), 8));
        words = words.add(Role::Dim, format!("mean of {} {of}", thousands(u64::from(column.count(bin)))));
    }
    if let Some(term) = bound_terms(state, heat).and_then(|terms| terms.get(bin).copied()) {
        words = words.pair(Role::Dim, "adds to the bound", Role::Strong, left(three_digits(term), 6));
    }
    if let Some(curves) = &state.curves {
        let read = |axis| left(three_digits(curves.read(axis, t)), 7);
        words = words.pair(Role::Dim, "σ", Role::Text, read(TimeAxis::Sigma)).pair(
            Role::Dim,
            "log-SNR",
            Role::Text,
            read(TimeAxis::LogSnr),
        );
    }
    if let Some(column) = column {
        words = words.pair(Role::Dim, "step", Role::Text, thousands(column.last_step));
    }
    words
}
/// What the run is trained on, in the plural.
fn samples_word(state: &State) -> &'static str {
    match state.chosen_run().filter(|run| !run.is_here && run.config.is_some()) {
        Some(run) => run.samples_word,
        None => state.live.info.as_ref().map_or("images", |info| info.samples_word()),
    }
}
