//! Inside the album.

use ratatui::layout::Rect;

/// A small picture with its caption, and air around it: cells.
const WIDTH: u16 = 26;
const HEIGHT: u16 = 12;
/// Less than this is no picture.
const LEAST: (u16, u16) = (16, 6);
/// Columns of a run's samples, at least.
const LEAST_SAMPLES: u16 = 12;
/// Columns between two large ones.
const BETWEEN: u16 = 3;

/// Small pictures in rows and columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlbumPane {
    pub columns: usize,
    pub rows: usize,
    /// The first one, with its caption below.
    pub first: Rect,
    /// One line about the one under the cursor.
    pub words: Rect,
}

impl AlbumPane {
    /// The place of the `i`-th of a page: its picture, and its caption.
    pub fn place(&self, i: usize) -> (Rect, Rect) {
        let (column, row) = ((i % self.columns.max(1)) as u16, (i / self.columns.max(1)) as u16);
        let whole = Rect {
            x: self.first.x + column * self.first.width,
            y: self.first.y + row * self.first.height,
            ..self.first
        };
        with_caption(Rect { width: whole.width.saturating_sub(2), height: whole.height.saturating_sub(1), ..whole })
    }
}

/// Splits the inside of the album for `n` pictures: few are larger.
pub fn album(inner: Rect, n: usize) -> AlbumPane {
    let height = inner.height.saturating_sub(1);
    let most = (
        (inner.width / WIDTH).max(u16::from(inner.width >= LEAST.0)),
        ((height + 1) / HEIGHT).max(u16::from(height >= LEAST.1)),
    );
    let larger = (1..most.0).find_map(|columns| {
        let tall = u32::from(inner.width / columns) * u32::from(HEIGHT) / u32::from(WIDTH);
        let rows = ((u32::from(height + 1) / tall.max(1)) as u16).max(1);
        let wanted = u16::try_from(n.div_ceil(usize::from(columns))).unwrap_or(u16::MAX).max(1);
        (wanted <= rows && height >= LEAST.1).then_some((columns, wanted))
    });
    let (columns, rows) = larger.unwrap_or(most);
    let first = Rect {
        width: inner.width.checked_div(columns).unwrap_or(0),
        height: (height + 1).checked_div(rows).unwrap_or(0),
        ..inner
    };
    let words = Rect { y: inner.y + height, height: inner.height.min(1), ..inner };
    AlbumPane { columns: usize::from(columns), rows: usize::from(rows), first, words }
}

impl AlbumPane {
    /// Which of `n` pictures are on the page of the chosen one; the last page is full as well.
    pub fn page(&self, chosen: usize, n: usize) -> std::ops::Range<usize> {
        let (columns, page) = (self.columns.max(1), (self.columns * self.rows).max(1));
        let last = (n.div_ceil(columns) * columns).saturating_sub(page);
        let first = (chosen / page * page).min(last);
        first.min(n)..(first + page).min(n)
    }
}

/// Large ones side by side, each with its caption: picture and caption.
pub fn album_large(inner: Rect, n: usize) -> Vec<(Rect, Rect)> {
    let inner = Rect { height: inner.height.saturating_sub(1), ..inner };
    side_by_side(inner, n).into_iter().map(with_caption).collect()
}

/// The samples of `n` runs side by side, each with its caption, and a line under them; in narrow rooms fewer.
pub fn compared_samples(inner: Rect, n: usize) -> Vec<(Rect, Rect)> {
    let inner = Rect { height: inner.height.saturating_sub(1), ..inner };
    let fit = usize::from(inner.width / LEAST_SAMPLES).max(1);
    side_by_side(inner, n.min(fit)).into_iter().map(with_caption).collect()
}

/// `n` equal places beside each other.
pub fn side_by_side(area: Rect, n: usize) -> Vec<Rect> {
    let n = u16::try_from(n).unwrap_or(u16::MAX).max(1);
    let width = area.width.saturating_sub(BETWEEN.saturating_mul(n - 1)) / n;
    (0..n).map(|i| Rect { x: area.x + i * (width + BETWEEN), width, ..area }).filter(|place| place.width > 0).collect()
}

fn with_caption(whole: Rect) -> (Rect, Rect) {
    let picture = Rect { height: whole.height.saturating_sub(1), ..whole };
    (picture, Rect { y: picture.bottom(), height: whole.height.min(1), ..whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_places_are_inside_and_apart() {
        for (width, height) in [(0, 0), (15, 5), (76, 19), (116, 35), (196, 55), (300, 9)] {
            let inner = Rect::new(2, 2, width, height);
            let pane = album(inner, 100);
            let places: Vec<Rect> =
                (0..pane.columns * pane.rows).flat_map(|i| <[Rect; 2]>::from(pane.place(i))).collect();
            for (i, place) in places.iter().enumerate() {
                assert_eq!(place.intersection(inner), *place, "{width}×{height}");
                assert!(places[..i].iter().all(|other| !other.intersects(*place)), "{width}×{height}");
                assert!(!place.intersects(pane.words));
            }
            for n in 1..4 {
                let large = album_large(inner, n);
                assert!(large.iter().all(|(a, b)| a.intersection(inner) == *a && b.intersection(inner) == *b));
            }
        }
        let shape = |n| {
            let pane = album(Rect::new(0, 0, 116, 35), n);
            (pane.columns, pane.rows)
        };
        assert_eq!((shape(20), shape(8), shape(2), shape(1)), ((4, 2), (4, 2), (2, 1), (1, 1)));
    }

    #[test]
    fn the_page_has_the_chosen_one() {
        let pane = AlbumPane { columns: 4, rows: 2, ..AlbumPane::default() };
        assert_eq!((pane.page(0, 20), pane.page(9, 20), pane.page(19, 20)), (0..8, 8..16, 12..20));
        assert_eq!((pane.page(8, 9), pane.page(0, 3), pane.page(0, 0)), (4..9, 0..3, 0..0));
    }
}
