//! By how much the losses per timestep of two runs differ: at each t and step, on a map with nothing in the middle.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::legend::{percent, signed};
use crate::tui::chart::{Marker, nice_ceil};
use crate::tui::format::{left, thousands, three_digits};
use crate::tui::layout::{self, HeatmapPane};
use crate::tui::panels::frame::sentence;
use crate::tui::panels::{heatmap, heatmap_map};
use crate::tui::state::{ComparedRun, Heat, State};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words, columns};

/// The least difference that has the strongest colour: less would make colours of noise.
const LEAST: f64 = 0.01;
/// Of so many differences one may be beyond the colours.
const BEYOND: usize = 50;

/// The differences that a map shows, two a cell, one over the other; `None` where either run has no sample.
struct DifferenceMap {
    /// `[2 · rows, width]`, from the top.
    values: Vec<Option<f64>>,
    area: Rect,
    /// What has the strongest colour.
    limit: f64,
    /// Is anything larger?
    beyond: bool,
    /// Steps that both runs have.
    steps: (u64, u64),
}

impl DifferenceMap {
    fn new(a: &Heat, b: &Heat, area: Rect, relative: bool) -> Option<Self> {
        let ends = |heat: &Heat| Some((heat.columns().first()?.first_step, heat.columns().last()?.last_step));
        let ((first_a, last_a), (first_b, last_b)) = (ends(a)?, ends(b)?);
        let steps = (first_a.max(first_b), last_a.min(last_b));
        if steps.0 > steps.1 {
            return None;
        }
        let (width, pixels) = (usize::from(area.width), 2 * usize::from(area.height));
        let mut values = vec![None; width * pixels];
        let edge = |x: usize| steps.0 + ((steps.1 - steps.0 + 1) as u128 * x as u128 / width.max(1) as u128) as u64;
        for x in 0..width {
            let span = edge(x)..edge(x + 1).max(edge(x) + 1);
            let (of_a, of_b) = (columns_in(a, &span), columns_in(b, &span));
            for y in 0..pixels {
                let mean = |heat, span| mean(heat, span, heatmap_map::bins_of(heat, y, pixels));
                values[y * width + x] = mean(a, &of_a).zip(mean(b, &of_b)).map(|(a, b)| less(a, b, relative));
            }
        }
        let mut sizes: Vec<f64> = values.iter().flatten().map(|v| v.abs()).filter(|v| v.is_finite()).collect();
        sizes.sort_by(f64::total_cmp);
        let bulk = sizes.get(sizes.len().saturating_sub(1 + sizes.len() / BEYOND)).copied().unwrap_or(0.0);
        let least = if relative { LEAST } else { 1e-6 };
        let limit = nice_ceil(bulk.max(least));
        let beyond = sizes.last().is_some_and(|most| *most > limit * (1.0 + 1e-9));
        Some(Self { values, area, limit, beyond, steps })
    }

    fn draw(&self, state: &State, buf: &mut Buffer) {
        let width = usize::from(self.area.width);
        let ascii = state.plots.marker == Marker::Ascii;
        for (i, position) in self.area.positions().enumerate() {
            let Some(cell) = buf.cell_mut(position) else { continue };
            let (x, y) = (i % width, i / width);
            let [upper, lower] = [2 * y, 2 * y + 1].map(|y| self.values[y * width + x].map(|v| v / self.limit));
            let color = |v: Option<f64>| v.and_then(|v| state.theme.difference(v));
            match (color(upper), color(lower)) {
                (Some(upper), Some(lower)) => _ = cell.set_char('▀').set_fg(upper).set_bg(lower),
                (Some(upper), None) => _ = cell.set_char('▀').set_fg(upper),
                (None, Some(lower)) => _ = cell.set_char('▄').set_fg(lower),
                (None, None) => match upper.or(lower) {
                    Some(v) => _ = cell.set_char(sign(v, ascii)),
                    None if ascii => {}
                    None => _ = cell.set_char('·').set_style(state.theme.style(Role::Border)),
                },
            }
        }
    }
}

/// Without colours a sign says which is larger.
fn sign(v: f64, ascii: bool) -> char {
    match v {
        v if v > 0.2 => '+',
        v if v < -0.2 => '-',
        _ if ascii => '.',
        _ => '·',
    }
}

fn less(a: f64, b: f64, relative: bool) -> f64 {
    if relative { (a - b) / b } else { a - b }
}

/// Which columns hold steps of a span; where none does, the one nearest after it, or the last.
fn columns_in(heat: &Heat, span: &std::ops::Range<u64>) -> std::ops::Range<usize> {
    let columns = heat.columns();
    let first = columns.partition_point(|c| c.last_step < span.start).min(columns.len().saturating_sub(1));
    let end = columns.partition_point(|c| c.first_step < span.end);
    first..end.max(first + 1).min(columns.len())
}

/// The mean loss of bins in columns, each sample alike.
fn mean(heat: &Heat, columns: &std::ops::Range<usize>, bins: std::ops::Range<usize>) -> Option<f64> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for column in heat.columns().get(columns.clone())? {
        for bin in bins.clone() {
            if let Some(mean) = column.mean(bin) {
                let count = f64::from(column.count(bin));
                sum += mean * count;
                weight += count;
            }
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// Map, the differences now, steps, read-out and colours.
pub fn draw(state: &State, a: &ComparedRun, b: &ComparedRun, inner: Rect, buf: &mut Buffer) {
    let pane = layout::heatmap_full(inner);
    let (of_a, of_b) = (state.heat_of(a), state.heat_of(b));
    let relative = !state.plots.heat_relative;
    let Some(map) = DifferenceMap::new(of_a, of_b, pane.map, relative) else {
        sentence("the two runs have no step in common yet", inner, Role::Dim, &state.theme, buf);
        return;
    };
    map.draw(state, buf);
    heatmap::draw_labels(state, &pane, buf);
    now(state, (of_a, of_b), map.limit, relative, pane.profile, buf);
    steps(state, &map, &pane, buf);
    let line = readout(state, (a, of_a), (b, of_b), &map).fit(pane.readout.width);
    buf.set_line(pane.readout.x, pane.readout.y, &line, pane.readout.width);
    bar(state, &map, relative, pane.bar, buf);
}

/// What stands at the cursor, and the map.
pub fn brief(state: &State, a: &ComparedRun, b: &ComparedRun, inner: Rect, buf: &mut Buffer) {
    let room = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let (of_a, of_b) = (state.heat_of(a), state.heat_of(b));
    let Some(map) = DifferenceMap::new(of_a, of_b, room, !state.plots.heat_relative) else {
        sentence("no step in common yet", inner, Role::Dim, &state.theme, buf);
        return;
    };
    map.draw(state, buf);
    buf.set_line(inner.x, inner.y, &readout(state, (a, of_a), (b, of_b), &map).fit(inner.width), inner.width);
}

/// Beside the map the difference now, as bars from the middle: less to the left, more to the right.
fn now(state: &State, (a, b): (&Heat, &Heat), limit: f64, relative: bool, area: Rect, buf: &mut Buffer) {
    let (rows, half) = (usize::from(area.height), area.width / 2);
    if rows == 0 || half < 2 {
        return;
    }
    let recent = |heat: &Heat, y: usize| {
        let values: Vec<f64> = heatmap_map::bins_of(heat, y, rows).filter_map(|bin| heat.recent(bin)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let ascii = state.plots.marker == Marker::Ascii;
    for y in 0..rows {
        let Some((a, b)) = recent(a, y).zip(recent(b, y)) else { continue };
        let share = (less(a, b, relative) / limit).clamp(-1.0, 1.0);
        let length = (share.abs() * f64::from(half)).round() as u16;
        let from = if share < 0.0 { half - length } else { half };
        let row = area.y + y as u16;
        for x in from..from + length {
            let Some(cell) = buf.cell_mut((area.x + x, row)) else { continue };
            match state.theme.difference(share) {
                Some(color) if !ascii => _ = cell.set_char(' ').set_bg(color),
                _ => _ = cell.set_char(if share < 0.0 { '-' } else { '+' }),
            }
        }
        if length == 0 {
            let middle = if ascii { "|" } else { "│" };
            buf.set_string(area.x + half, row, middle, state.theme.style(Role::Border));
        }
    }
}

/// The steps under the map: those that both have.
fn steps(state: &State, map: &DifferenceMap, pane: &HeatmapPane, buf: &mut Buffer) {
    let axis = pane.axis;
    let (begin, end) = (format!("step {}", thousands(map.steps.0)), thousands(map.steps.1));
    let dim = state.theme.style(Role::Dim);
    buf.set_stringn(axis.x, axis.y, &begin, usize::from(axis.width), dim);
    let (begin, width) = (columns(&begin) as u16, columns(&end) as u16);
    if begin + 2 + width <= axis.width {
        buf.set_string(axis.right() - width, axis.y, &end, dim);
    }
    if let Some(step) = state.cursor_step.filter(|step| (map.steps.0..=map.steps.1).contains(step)) {
        let share = (step - map.steps.0) as f64 / (map.steps.1 - map.steps.0).max(1) as f64;
        let at = (share * f64::from(axis.width.saturating_sub(1))).round() as u16;
        let pointer = if state.plots.marker == Marker::Ascii { "^" } else { "▴" };
        buf.set_string(axis.x + at, axis.y, pointer, state.theme.style(Role::Accent));
    }
}

/// "t 430  0.0312 − 0.0330  Δ −0.0018, −5.5 %  step 12,400".
fn readout(
    state: &State,
    (a, of_a): (&ComparedRun, &Heat),
    (b, of_b): (&ComparedRun, &Heat),
    map: &DifferenceMap,
) -> Words {
    let t = state.cursor_t;
    let step = state.cursor_step.map_or(map.steps.1, |step| step.clamp(map.steps.0, map.steps.1));
    let at = |heat: &Heat| {
        let bin = heatmap::bin_of(state, heat, t);
        mean(heat, &columns_in(heat, &(step..step + 1)), bin..bin + 1)
    };
    let words = Words::new(&state.theme).joined_by(COLUMNS);
    let words = words.pair(Role::Accent, "t", Role::Accent, left(t.to_string(), heatmap::digits(state)));
    let Some((of_a, of_b)) = at(of_a).zip(at(of_b)) else { return words.add(Role::Dim, "no sample fell there") };
    let (difference, share) = (of_a - of_b, (of_a - of_b) / of_b);
    words
        .styled(state.theme.run(a.color), three_digits(of_a))
        .styled(state.theme.run(b.color), three_digits(of_b))
        .pair(Role::Dim, "Δ", Role::Strong, format!("{}, {}", signed(difference), percent(share)))
        .pair(Role::Dim, "step", Role::Text, thousands(step))
}

/// "−20 % ▁▂▃ 0 ▅▆▇ +20 %".
fn bar(state: &State, map: &DifferenceMap, relative: bool, area: Rect, buf: &mut Buffer) {
    let ascii = state.plots.marker == Marker::Ascii;
    let limit = if relative { format!("{} %", three_digits(100.0 * map.limit)) } else { three_digits(map.limit) };
    let [at_most, at_least] = match (map.beyond, ascii) {
        (false, _) => ["", ""],
        (true, false) => ["≤ ", "≥ "],
        (true, true) => ["<= ", ">= "],
    };
    let (low, high) = (format!("{at_most}−{limit}"), format!("{at_least}+{limit}"));
    let unit = if relative { "of the second's loss" } else { "of the loss" };
    let dim = state.theme.style(Role::Dim);
    let (low_width, high_width) = (columns(&low) as u16, columns(&high) as u16);
    let Some(room) = area.width.checked_sub(low_width + high_width + 2).filter(|room| *room >= 9) else { return };
    let unit_width = columns(unit) as u16 + 1;
    let with_unit = room > unit_width + 12;
    let width = (if with_unit { room - unit_width } else { room }).min(41);
    buf.set_string(area.x, area.y, &low, dim);
    let start = area.x + low_width + 1;
    for i in 0..width {
        let v = 2.0 * f64::from(i) / f64::from(width - 1) - 1.0;
        let Some(cell) = buf.cell_mut((start + i, area.y)) else { continue };
        match state.theme.difference(v) {
            Some(color) => _ = cell.set_char(' ').set_bg(color),
            None => _ = cell.set_char(sign(v, ascii)),
        }
    }
    let zero = start + width / 2;
    buf.set_string(zero, area.y, "0", state.theme.style(Role::Text));
    let words = if with_unit { format!("{high} {unit}") } else { high };
    buf.set_string(start + width + 1, area.y, words, dim);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::TimestepLossRow;

    fn heat(bins: usize, steps: &[u64], value: impl Fn(usize, u64) -> f32) -> Heat {
        let mut heat = Heat::default();
        for &step in steps {
            let mean = (0..bins).map(|bin| value(bin, step)).collect();
            heat.push(&TimestepLossRow { step, mean, count: vec![4; bins] });
        }
        heat
    }

    #[test]
    fn equal_runs_differ_by_nothing_and_a_tenth_more_is_ten_percent_everywhere() {
        let steps: Vec<u64> = (1..=100).map(|i| i * 10).collect();
        let at = |bin: usize, step: u64| 1.0 / (1.0 + bin as f32) + 1.0 / step as f32;
        let a = heat(20, &steps, at);
        let area = Rect::new(0, 0, 30, 10);
        let same = DifferenceMap::new(&a, &a, area, true).unwrap();
        assert!(same.values.iter().all(|v| *v == Some(0.0)));
        let more = heat(20, &steps, |bin, step| 1.1 * at(bin, step));
        let map = DifferenceMap::new(&more, &a, area, true).unwrap();
        assert!(map.values.iter().all(|v| (v.unwrap() - 0.1).abs() < 1e-6));
        assert!(!map.beyond && (map.limit - 0.1).abs() < 0.03);
        let less = DifferenceMap::new(&a, &more, area, false).unwrap();
        assert!(less.values.iter().all(|v| v.unwrap() < 0.0));
    }

    #[test]
    fn runs_of_other_bins_and_steps_are_compared_where_both_have_something() {
        let a = heat(10, &[100, 200, 300, 400], |bin, _| if bin < 5 { 2.0 } else { 1.0 });
        let b = heat(40, &[50, 150, 250], |_, _| 1.0);
        let map = DifferenceMap::new(&a, &b, Rect::new(0, 0, 7, 5), true).unwrap();
        assert_eq!(map.steps, (100, 250));
        // From the top: much noise, where they are equal; little, where one is twice the other.
        assert!(map.values[..35].iter().all(|v| v.unwrap().abs() < 1e-6));
        assert!(map.values[35..].iter().all(|v| (v.unwrap() - 1.0).abs() < 1e-6));
        let later = heat(10, &[1000], |_, _| 1.0);
        assert!(DifferenceMap::new(&later, &b, Rect::new(0, 0, 7, 5), true).is_none());
        assert!(DifferenceMap::new(&Heat::default(), &b, Rect::new(0, 0, 7, 5), true).is_none());
    }
}
