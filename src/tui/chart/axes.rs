//! The axes of a chart: whole labels only, never cut.

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::marker::Marker;
use super::scale::Scale;
use super::ticks::Tick;
use crate::tui::layout::PlotPane;

/// How axes are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    pub marker: Marker,
    pub label: Style,
    pub line: Style,
}

/// Draws labels and tick marks at the left.
pub fn y_axis(pane: &PlotPane, scale: &Scale, ticks: &[Tick], pen: &Pen, buf: &mut Buffer) {
    let (style, line, marker) = (pen.label, pen.line, pen.marker);
    let (labels, plot) = (pane.labels, pane.plot);
    if labels.width < 2 || plot.height == 0 {
        return;
    }
    let (upright, tick_mark) = if marker == Marker::Ascii { ("|", "+") } else { ("│", "┤") };
    let x = labels.right() - 1;
    for y in plot.top()..plot.bottom() {
        buf.set_string(x, y, upright, line);
    }
    let mut taken = None;
    for tick in ticks {
        let share = scale.share(tick.value);
        if !(-1e-6..=1.0 + 1e-6).contains(&share) {
            continue;
        }
        let y = plot.bottom() - 1 - (share.clamp(0.0, 1.0) * f64::from(plot.height - 1)).round() as u16;
        let width = tick.label.width() as u16;
        // One label a row, with a row of air between them where there is room.
        if width >= labels.width || taken.is_some_and(|t: u16| t.abs_diff(y) < if plot.height > 8 { 2 } else { 1 }) {
            continue;
        }
        taken = Some(y);
        buf.set_string(x - width, y, &tick.label, style);
        buf.set_string(x, y, tick_mark, line);
    }
}

/// Draws the line and the labels below. `name` stands at the right end when there is room.
pub fn x_axis(pane: &PlotPane, scale: &Scale, ticks: &[Tick], name: &str, pen: &Pen, buf: &mut Buffer) {
    let (style, line, marker) = (pen.label, pen.line, pen.marker);
    let plot = pane.plot;
    if plot.width == 0 || pane.axis.height == 0 {
        return;
    }
    let (corner, flat, tick_mark) = if marker == Marker::Ascii { ("+", "-", "+") } else { ("└", "─", "┬") };
    if pane.line.height > 0 {
        buf.set_string(plot.x.saturating_sub(1), pane.line.y, corner, line);
        buf.set_string(plot.x, pane.line.y, flat.repeat(usize::from(plot.width)), line);
    }
    let mut free = plot.x;
    let name_width = name.width() as u16;
    let end = plot.right().saturating_sub(if name_width > 0 { name_width + 2 } else { 0 });
    for tick in ticks {
        let share = scale.share(tick.value);
        if !(-1e-6..=1.0 + 1e-6).contains(&share) {
            continue;
        }
        let x = plot.x + (share.clamp(0.0, 1.0) * f64::from(plot.width - 1)).round() as u16;
        let width = tick.label.width() as u16;
        let from = x.saturating_sub(width / 2).max(plot.x).min(plot.right().saturating_sub(width));
        if from < free || from + width > end || width > plot.width {
            continue;
        }
        free = from + width + 2;
        buf.set_string(from, pane.axis.y, &tick.label, style);
        if pane.line.height > 0 {
            buf.set_string(x, pane.line.y, tick_mark, line);
        }
    }
    if name_width > 0 && free <= plot.right().saturating_sub(name_width) {
        buf.set_string(plot.right() - name_width, pane.axis.y, name, style);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::super::ticks::step_ticks;
    use super::*;
    use crate::tui::layout;

    #[test]
    fn labels_are_whole_at_every_width() {
        let scale = Scale::new(0.0, 12_480.0, false);
        let ticks = step_ticks(&scale, 6);
        let pen = Pen { marker: Marker::Braille, label: Style::new(), line: Style::new() };
        for width in 0..80 {
            let area = Rect::new(0, 0, width, 10);
            let mut buf = Buffer::empty(area);
            x_axis(&layout::plot(area), &scale, &ticks, "step", &pen, &mut buf);
            let row: String = (0..width).map(|x| buf[(x, 9)].symbol().to_string()).collect();
            for word in row.split_whitespace() {
                let whole = ticks.iter().any(|t| t.label == word) || word == "step";
                assert!(whole, "{word:?} in {row:?}");
            }
        }
    }
}
