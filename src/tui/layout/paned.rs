//! Panes of samples in the denoising panel, and the strip of all steps.

use ratatui::layout::Rect;

/// Columns between two panes.
const BETWEEN: u16 = 3;
/// The least columns and rows of a pane's picture.
const LEAST: (u16, u16) = (8, 2);
/// The least columns of a strip's column: a step's number has to fit, and of dots some shape be seen.
const LEAST_COLUMN: u16 = 6;
const LEAST_OF_DOTS: u16 = 9;
/// Rows of a strip where there is room.
const WANTED_ROWS: u16 = 5;
/// Columns of the t at the left of a strip.
const T: u16 = 6;

/// Pictures of one run through training time, or of several, with lines below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LearningPane {
    pub pictures: Rect,
    /// The steps that are kept; empty where there is no room.
    pub timeline: Rect,
    pub note: Rect,
}

/// Training steps across, denoising steps down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StripPane {
    /// Which of the steps have a column, from the left.
    pub steps: Vec<usize>,
    pub rows: usize,
    /// Cells from one column, and one row, to the next.
    pub pitch: (u16, u16),
    /// The numbers of the steps above.
    pub head: Rect,
    /// The t at the left.
    pub labels: Rect,
    pub pictures: Rect,
}

impl StripPane {
    /// Of all timesteps of a sampling those that have a row: evenly, the first and the last among them.
    pub fn times<T: Copy>(&self, all: &[T]) -> Vec<T> {
        let last = all.len().saturating_sub(1);
        match self.rows {
            _ if all.is_empty() => Vec::new(),
            0 => Vec::new(),
            1 => vec![all[last]],
            rows => (0..rows).map(|row| all[row * last / (rows - 1)]).collect(),
        }
    }

    /// The cells of a picture.
    pub fn place(&self, column: usize, row: usize) -> Rect {
        Rect {
            x: self.pictures.x + column as u16 * self.pitch.0,
            y: self.pictures.y + row as u16 * self.pitch.1,
            width: self.pitch.0.saturating_sub(1),
            height: self.pitch.1,
        }
    }
}

/// `n` equal panes with a caption of so many lines under each, as large as they can be; one line is left under all of
/// them. Those that have no room are left out.
pub fn panes(inner: Rect, n: usize, lines: u16) -> Vec<(Rect, Rect)> {
    grid(Rect { height: inner.height.saturating_sub(1), ..inner }, n, lines)
}

/// As [`panes`], of the whole area.
pub fn grid(area: Rect, n: usize, lines: u16) -> Vec<(Rect, Rect)> {
    let n = u16::try_from(n).unwrap_or(u16::MAX);
    let place = |columns: u16| {
        let rows = n.div_ceil(columns);
        let width = area.width.saturating_sub(BETWEEN.saturating_mul(columns - 1)) / columns;
        (columns, width, (area.height / rows).saturating_sub(lines))
    };
    // A picture is about as high as wide, and a cell twice.
    let size = |width: u16, height: u16| width.min(2 * height);
    let fits = |(_, width, height): &(u16, u16, u16)| *width >= LEAST.0 && *height >= LEAST.1;
    let best =
        (1..=n.min(64)).map(place).filter(fits).max_by_key(|&(columns, width, height)| (size(width, height), columns));
    let Some((columns, width, height)) = best else {
        return if n > 1 { grid(area, usize::from(n - 1).min(64), lines) } else { Vec::new() };
    };
    (0..n)
        .map(|i| {
            let (column, row) = (i % columns, i / columns);
            let room =
                Rect { x: area.x + column * (width + BETWEEN), y: area.y + row * (height + lines), width, height };
            (room, Rect { y: room.bottom(), height: lines, ..room })
        })
        .collect()
}

/// Splits the inside of the panel for training time.
pub fn learning(inner: Rect) -> LearningPane {
    let lines = if inner.height >= 7 { 2 } else { 1 };
    let pictures = Rect { height: inner.height.saturating_sub(lines), ..inner };
    let below =
        |y: u16, there: bool| Rect { y: pictures.bottom() + y, height: u16::from(there && inner.height > 0), ..inner };
    LearningPane { pictures, timeline: below(0, lines == 2), note: below(lines - 1, true) }
}

/// The bar within the line of the kept steps: room for the first before it and the last behind.
pub fn learning_bar(line: Rect) -> Rect {
    let side = 10.min(line.width / 4);
    Rect { x: line.x + side, width: line.width.saturating_sub(2 * side), ..line }
}

/// Where a step of `n` is on a bar so wide.
pub fn step_place(at: usize, n: usize, width: u16) -> u16 {
    let last = n.saturating_sub(1).max(1);
    (at * usize::from(width.saturating_sub(1)) / last).min(usize::from(width.saturating_sub(1))) as u16
}

/// Splits a room for a strip of `steps`, of which `at` has to be seen, with `moments` rows at most; of images where cells
/// have so many pixels, or of dots.
pub fn strip(room: Rect, (steps, at): (usize, usize), moments: usize, cell: Option<(u16, u16)>) -> StripPane {
    let least = if cell.is_some() { LEAST_COLUMN } else { LEAST_OF_DOTS };
    let cell = cell.unwrap_or((1, 2));
    let area = Rect {
        x: room.x + T.min(room.width),
        y: room.y + 1.min(room.height),
        width: room.width.saturating_sub(T),
        height: room.height.saturating_sub(1),
    };
    if steps == 0 || moments == 0 || area.width < least || area.height < 2 {
        return StripPane::default();
    }
    let high = |column: u16| (u32::from(column) * u32::from(cell.0) / u32::from(cell.1.max(1))).max(1) as u16;
    let widest = (area.width / u16::try_from(steps).unwrap_or(u16::MAX)).max(least);
    let wanted = WANTED_ROWS.min(moments as u16);
    // A few rows are worth smaller pictures.
    let column = (least..=widest).rev().find(|column| area.height / high(*column) >= wanted);
    let column = column.unwrap_or(least);
    let pitch = (column, high(column).min(area.height));
    let columns = usize::from(area.width / column).clamp(1, steps);
    let rows = usize::from(area.height / pitch.1).clamp(1, moments);
    let mut shown: Vec<usize> = match columns {
        1 => vec![at.min(steps - 1)],
        _ => (0..columns).map(|i| i * (steps - 1) / (columns - 1)).collect(),
    };
    if let Some(nearest) = (0..shown.len()).min_by_key(|i| shown[*i].abs_diff(at)).filter(|_| at < steps) {
        shown[nearest] = at;
    }
    let pictures = Rect {
        width: (columns as u16 * pitch.0).min(area.width),
        height: (rows as u16 * pitch.1).min(area.height),
        ..area
    };
    StripPane {
        steps: shown,
        rows,
        pitch,
        head: Rect { y: room.y, height: 1, ..pictures },
        labels: Rect { x: room.x, width: T, ..pictures },
        pictures,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn panes_stand_as_they_are_largest() {
        let rooms = |width, height, n| {
            panes(Rect::new(0, 0, width, height), n, 1).iter().map(|(room, _)| *room).collect::<Vec<_>>()
        };
        let row = rooms(116, 14, 4);
        assert!(row.iter().all(|room| room.y == 0) && row[0].width == 26, "{row:?}");
        let square = rooms(56, 32, 4);
        assert_eq!((square[1].y, square[2].y, square[0].width), (0, 15, 26), "{square:?}");
        assert_eq!(rooms(30, 40, 3).iter().map(|room| room.x).max(), Some(0));
        assert_eq!(rooms(76, 8, 8).len(), 8);
        assert_eq!(rooms(20, 5, 4).len(), 2, "what has no room is left out");
        assert_eq!(rooms(5, 5, 4).len(), 0);
    }

    proptest! {
        #[test]
        fn everything_is_inside_and_apart(
            width in 0u16..250, height in 0u16..80, n in 0usize..9, steps in 0usize..40, at in 0usize..40, lines in 1u16..3,
            moments in 0usize..12, cell in prop::sample::select(vec![Some((1u16, 2u16)), Some((10, 20)), Some((7, 15)), None])
        ) {
            let inner = Rect::new(3, 2, width, height);
            let inside = |rect: Rect| rect.intersection(inner) == rect || rect.is_empty();
            let places: Vec<Rect> = panes(inner, n, lines).into_iter().flat_map(|(room, caption)| [room, caption]).collect();
            for (i, place) in places.iter().enumerate() {
                prop_assert!(inside(*place), "{:?}", place);
                prop_assert!(places[..i].iter().all(|other| !other.intersects(*place)));
            }
            let pane = learning(inner);
            prop_assert!(inside(pane.pictures) && inside(pane.timeline) && inside(pane.note));
            let strip = strip(pane.pictures, (steps, at), moments, cell);
            prop_assert!(inside(strip.head) && inside(strip.labels) && inside(strip.pictures));
            prop_assert!(strip.rows <= moments && strip.steps.len() <= steps);
            prop_assert!(strip.steps.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", strip.steps);
            if !strip.steps.is_empty() {
                prop_assert!(at >= steps || strip.steps.contains(&at));
                prop_assert!(inside(strip.place(strip.steps.len() - 1, strip.rows - 1)));
            }
            let bar = learning_bar(pane.timeline);
            prop_assert!(inside(bar));
            prop_assert!(steps == 0 || bar.is_empty() || step_place(steps - 1, steps, bar.width) < bar.width);
        }
    }
}
