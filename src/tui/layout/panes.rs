//! Inside the panels that hold pictures.

use ratatui::layout::Rect;

/// The denoising panel: pictures, and lines below them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DenoisingPane {
    /// Of both grids with their captions: see [`super::pair`].
    pub pictures: Rect,
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
    let pictures = inner.height.saturating_sub(2);
    DenoisingPane {
        pictures: Rect { height: pictures, ..inner },
        timeline: row(inner, pictures),
        note: row(inner, pictures + 1),
    }
}

/// The denoising panel in brief: x̂_0 alone, and a line.
pub fn denoising_brief(inner: Rect) -> DenoisingPane {
    let pictures = inner.height.saturating_sub(1);
    DenoisingPane {
        pictures: Rect { height: pictures, ..inner },
        timeline: row(inner, pictures),
        note: Rect { height: 0, ..inner },
    }
}

/// Where an autoencoder's decoded pictures and the originals stand in a small panel, side by side.
pub fn reconstruction_brief(inner: Rect) -> [Rect; 2] {
    let room = denoising_brief(inner).pictures;
    let half = room.width.saturating_sub(1) / 2;
    [Rect { width: half, ..room }, Rect { x: room.x + half + 1, width: room.width.saturating_sub(half + 1), ..room }]
}

/// The least columns and rows of the schedule's chart, and rows of its picture.
const LEAST_CHART: (u16, u16) = (28, 8);
const LEAST_PICTURE: u16 = 5;
/// From this width on half of it is enough for the chart.
const ROOMY: u16 = 104;

/// Splits the inside of the schedule panel: the picture beside the chart, in narrow and high panels below it. It goes
/// away before the chart gets narrow.
pub fn schedule_full(inner: Rect) -> SchedulePane {
    let above = inner.height.saturating_sub(1);
    let readout = row(inner, above);
    let whole = Rect { height: above, ..inner };
    // A square picture is twice as many columns wide as rows high; a caption is over it, and where there is room its formula
    // below. It takes
    // half of the width where the chart is wide enough with the other half.
    let share = if inner.width >= ROOMY { inner.width / 4 } else { inner.width / 5 };
    let lines = if above >= 10 { 2 } else { 1 };
    let beside = above.saturating_sub(lines).min(share);
    let below = (above / 2).saturating_sub(2).min(inner.width / 2);
    let fits_beside = beside >= LEAST_PICTURE && inner.width >= 2 * beside + 2 + LEAST_CHART.0;
    let fits_below = below >= LEAST_PICTURE && above - below - 2 >= LEAST_CHART.1;
    if fits_below && (!fits_beside || below > beside + beside / 2) {
        let chart = Rect { height: above - below - 2, ..inner };
        let caption = Rect { y: chart.bottom(), height: 1, ..inner };
        let picture = Rect { y: caption.y + 1, width: 2 * below, height: below, ..inner };
        let formula = Rect { y: picture.bottom(), ..caption };
        return SchedulePane { chart, caption, picture, formula, readout };
    }
    if !fits_beside {
        return SchedulePane { chart: whole, readout, ..SchedulePane::default() };
    }
    let columns = 2 * beside;
    let side = Rect { x: inner.right() - columns, width: columns, ..whole };
    SchedulePane {
        chart: Rect { width: inner.width - columns - 2, ..whole },
        caption: Rect { height: 1, ..side },
        picture: Rect { y: side.y + 1, height: beside, ..side },
        formula: Rect { y: side.y + 1 + beside, height: u16::from(beside + 1 < above), ..side },
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
    fn the_schedules_picture_is_beside_the_chart_or_below_it() {
        let wide = schedule_full(Rect::new(0, 0, 116, 35));
        assert!(wide.picture.x > wide.chart.right() && wide.picture.height >= 29, "{wide:?}");
        let high = schedule_full(Rect::new(0, 0, 52, 56));
        assert!(high.picture.y > high.chart.bottom() && high.picture.height >= 25, "{high:?}");
        let small = schedule_full(Rect::new(0, 0, 40, 9));
        assert!(small.picture.is_empty() && small.chart.width == 40, "{small:?}");
    }

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
                let l = super::super::loss_full(inner, false);
                let all = [
                    l.chart, l.plot, l.strips, l.numbers, h.labels, h.map, h.profile, h.axis, h.readout, h.bar,
                    p.labels, p.plot, p.line, p.axis, bar, d.pictures, d.timeline, d.note, s.chart, s.caption,
                    s.picture, s.formula, s.readout, b.pictures, b.timeline,
                ];
                for rect in all.into_iter().filter(|r| !r.is_empty()) {
                    assert_eq!(rect.intersection(inner), rect, "{inner:?}");
                }
                let schedule = [s.chart, s.caption, s.picture, s.formula, s.readout];
                for (i, a) in schedule.iter().enumerate() {
                    let over = schedule[i + 1..].iter().any(|b| a.intersects(*b));
                    assert!(!over, "{inner:?}: {s:?}");
                }
            }
        }
    }
}
