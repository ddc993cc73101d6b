//! Inside the panels that hold pictures.

use ratatui::layout::Rect;

/// The denoising panel: captions over the two grids, and lines below them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DenoisingPane {
    /// "x_t" and "x̂_0".
    pub noisy_caption: Rect,
    pub clean_caption: Rect,
    pub noisy: Rect,
    pub clean: Rect,
    pub timeline: Rect,
    /// The classes, and why it looks as it looks.
    pub note: Rect,
}

/// The schedule panel: the curve, and a training image at the cursor's t.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulePane {
    pub chart: Rect,
    pub caption: Rect,
    pub picture: Rect,
    /// What the picture is made of; empty where there is no room.
    pub formula: Rect,
    /// One line under both.
    pub readout: Rect,
}

fn row(area: Rect, y: u16) -> Rect {
    if y < area.height { Rect { y: area.y + y, height: 1, ..area } } else { Rect { height: 0, ..area } }
}

/// Splits the inside of the denoising panel.
pub fn denoising_full(inner: Rect) -> DenoisingPane {
    let lines = 3.min(inner.height);
    let pictures = inner.height - lines;
    let gap = 2.min(inner.width);
    let half = (inner.width - gap) / 2;
    let left = Rect { width: half, height: pictures, y: inner.y + 1.min(lines), ..inner };
    let right = Rect { x: inner.x + half + gap, ..left };
    DenoisingPane {
        noisy_caption: Rect { width: half, ..row(inner, 0) },
        clean_caption: Rect { width: half, x: right.x, ..row(inner, 0) },
        noisy: left,
        clean: right,
        timeline: row(inner, pictures + 1),
        note: row(inner, pictures + 2),
    }
}

/// The denoising panel in brief: x̂_0 alone, and a line.
pub fn denoising_brief(inner: Rect) -> DenoisingPane {
    let pictures = inner.height.saturating_sub(1);
    DenoisingPane {
        clean: Rect { height: pictures, ..inner },
        timeline: row(inner, pictures),
        ..DenoisingPane::default()
    }
}

/// Splits the inside of the schedule panel. The picture goes away before the chart gets narrow.
pub fn schedule_full(inner: Rect) -> SchedulePane {
    let above = inner.height.saturating_sub(1);
    let readout = row(inner, above);
    // A square picture is twice as many columns wide as rows high.
    let rows = above.saturating_sub(1).min(inner.width * 2 / 5 / 2);
    let columns = rows * 2;
    if rows < 5 || inner.width < columns + 30 {
        let chart = Rect { height: above, ..inner };
        return SchedulePane { chart, readout, ..SchedulePane::default() };
    }
    let x = inner.right() - columns;
    let below = Rect { x, y: inner.y + 1 + rows, width: columns, height: u16::from(rows + 1 < above) };
    SchedulePane {
        formula: below,
        chart: Rect { width: inner.width - columns - 2, height: above, ..inner },
        caption: Rect { x, width: columns, ..row(inner, 0) },
        picture: Rect { x, y: inner.y + 1, width: columns, height: rows },
        readout,
    }
}

/// The heatmap panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeatmapPane {
    /// Labels of t at the left.
    pub labels: Rect,
    pub map: Rect,
    /// Bars of the loss now, beside the map.
    pub profile: Rect,
    /// Steps under the map.
    pub axis: Rect,
    pub readout: Rect,
    pub bar: Rect,
}

/// Columns of labels at the left of charts.
pub const GUTTER: u16 = 6;

/// Splits the inside of the heatmap panel.
pub fn heatmap_full(inner: Rect) -> HeatmapPane {
    let lines = 3.min(inner.height);
    let rows = inner.height - lines;
    let gutter = GUTTER.min(inner.width);
    let profile = if inner.width >= 40 { (inner.width / 6).min(14) } else { 0 };
    let gap = u16::from(profile > 0);
    let width = inner.width.saturating_sub(gutter + profile + gap);
    let map = Rect { x: inner.x + gutter, y: inner.y, width, height: rows };
    HeatmapPane {
        labels: Rect { x: inner.x, width: gutter, ..map },
        map,
        profile: Rect { x: inner.right() - profile, width: profile, ..map },
        axis: Rect { x: map.x, width, ..row(inner, rows) },
        readout: row(inner, rows + 1),
        bar: row(inner, rows + 2),
    }
}

/// Which of `columns` columns are drawn at `x` of a map `width` wide. The map is always full: few columns are
/// stretched, and of many each place shows some together. `None` outside, or when there is none.
pub fn heat_columns(x: usize, width: usize, columns: usize) -> Option<std::ops::Range<usize>> {
    if width == 0 || x >= width || columns == 0 {
        return None;
    }
    let first = x * columns / width;
    Some(first..((x + 1) * columns / width).max(first + 1))
}

/// The middle of the places of a map `width` wide that show a column.
pub fn heat_place(column: usize, width: usize, columns: usize) -> usize {
    let columns = columns.max(1);
    let edge = |column: usize| (column * width).div_ceil(columns);
    let (first, end) = (edge(column), edge(column + 1));
    let middle = if end > first { (first + end - 1) / 2 } else { column * width / columns };
    middle.min(width.saturating_sub(1))
}

/// A chart's frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlotPane {
    pub labels: Rect,
    pub plot: Rect,
    /// The axis line with its ticks; empty in low charts.
    pub line: Rect,
    pub axis: Rect,
}

/// Splits a chart's area.
pub fn plot(area: Rect) -> PlotPane {
    let gutter = GUTTER.min(area.width);
    let lines = match area.height {
        0..=1 => 0,
        2..=7 => 1,
        _ => 2,
    };
    let plot = Rect { x: area.x + gutter, width: area.width - gutter, height: area.height - lines, ..area };
    let below = |y: u16, there: bool| Rect { y: plot.bottom() + y, height: u16::from(there), ..plot };
    PlotPane {
        labels: Rect { x: area.x, width: gutter, ..plot },
        plot,
        line: below(0, lines == 2),
        axis: below(lines.saturating_sub(1), lines > 0),
    }
}

/// The bar within the timeline's line: room for "999 " before it and " 0  ▸ playing" after.
pub fn timeline_bar(line: Rect) -> Rect {
    let (before, after) = (5.min(line.width), 13);
    Rect { x: line.x + before, width: line.width.saturating_sub(before + after), ..line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_full_of_columns_in_order_at_every_width() {
        for width in 1..=300 {
            for columns in (1..40).chain((40..=512).step_by(7)) {
                let shown: Vec<_> = (0..width).map(|x| heat_columns(x, width, columns).unwrap()).collect();
                assert_eq!((shown[0].start, shown[width - 1].end), (0, columns), "{columns} in {width}");
                for pair in shown.windows(2) {
                    let next = pair[1].start == pair[0].start || pair[1].start == pair[0].end;
                    assert!(next, "{pair:?}: none is left out, {columns} in {width}");
                }
                for column in [0, columns / 3, columns - 1] {
                    let place = heat_place(column, width, columns);
                    assert!(shown[place].contains(&column), "column {column} of {columns} at {place} of {width}");
                }
            }
        }
        assert_eq!(heat_columns(0, 10, 0), None);
        assert_eq!(heat_columns(10, 10, 3), None);
    }

    #[test]
    fn nothing_leaves_its_panel_at_any_size() {
        for width in 0..150 {
            for height in 0..60 {
                let inner = Rect::new(3, 5, width, height);
                let d = denoising_full(inner);
                let s = schedule_full(inner);
                let b = denoising_brief(inner);
                let h = heatmap_full(inner);
                let p = plot(inner);
                let bar = timeline_bar(d.timeline);
                let l = super::super::loss_full(inner);
                let all = [
                    l.chart,
                    l.plot,
                    l.strips,
                    l.numbers,
                    h.labels,
                    h.map,
                    h.profile,
                    h.axis,
                    h.readout,
                    h.bar,
                    p.labels,
                    p.plot,
                    p.line,
                    p.axis,
                    bar,
                    d.noisy_caption,
                    d.clean_caption,
                    d.noisy,
                    d.clean,
                    d.timeline,
                    d.note,
                    s.chart,
                    s.caption,
                    s.picture,
                    s.formula,
                    s.readout,
                    b.clean,
                    b.timeline,
                ];
                for rect in all.into_iter().filter(|r| !r.is_empty()) {
                    assert_eq!(rect.intersection(inner), rect, "{inner:?}");
                }
                assert!(!d.noisy.intersects(d.clean) || d.noisy.is_empty());
                assert!(!s.chart.intersects(s.picture));
            }
        }
    }
}
