//! Two grids of the same images, x_t and x̂_0: one above the other or side by side, as lets them be larger.

use ratatui::layout::Rect;

use crate::tui::pictures::{Arrangement, Room, Subject, arrange};

/// Columns of captions at the left of the grids.
const LEFT: u16 = 10;

/// Columns between captions or grids that stand side by side.
const BETWEEN: u16 = 3;

/// The least columns of a caption above a grid: "x_t at t 999".
const CAPTION: u16 = 16;

/// Where the two captions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captions {
    /// Above each grid, one line.
    Above,
    /// At the left of each grid, in narrow lines.
    Left,
}

/// Two grids and their captions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub captions: Captions,
    pub noisy_caption: Rect,
    pub clean_caption: Rect,
    /// As large as the grids are, in whole cells.
    pub noisy: Rect,
    pub clean: Rect,
    /// Within each grid.
    pub images: Arrangement,
}

impl Pair {
    /// Is x_t above x̂_0, rather than beside it?
    pub fn is_stacked(&self) -> bool {
        self.noisy.x == self.clean.x
    }
}

/// Lays out both grids within `area`, in its middle. `None` when there is no room for them. `cell`: pixels of a cell;
/// `whole_cells` as in [`Room`]; `left`: are the captions short enough to stand at the left?
pub fn pair(area: Rect, subject: &Subject, cell: (u16, u16), whole_cells: bool, left: bool) -> Option<Pair> {
    let fit = |columns: u16, rows: u16| arrange(subject, &Room { columns, rows, cell, whole_cells });
    let half = area.width.saturating_sub(BETWEEN) / 2;
    let beside = fit(half, area.height.saturating_sub(1)).map(|images| side_by_side(area, half, images, cell));
    let stacked = |captions, columns, rows: u16| {
        fit(columns, rows / 2).map(|images| stacked(area, captions, images, images.cells(cell)))
    };
    // Between captions at the left only a row of air keeps the grids apart.
    let at_left = left.then(|| stacked(Captions::Left, area.width.saturating_sub(LEFT), area.height.saturating_sub(1)));
    let above = stacked(Captions::Above, area.width, area.height.saturating_sub(2));
    // The first of equally good ones.
    [beside, at_left.flatten(), above].into_iter().flatten().fold(None, |best: Option<Pair>, found| match best {
        Some(best) if best.images.merit() >= found.images.merit() => Some(best),
        _ => Some(found),
    })
}

fn side_by_side(area: Rect, half: u16, images: Arrangement, cell: (u16, u16)) -> Pair {
    let (columns, rows) = images.cells(cell);
    // So far apart that the captions don't touch.
    let pitch = (columns + BETWEEN).max(CAPTION + 1).min(half + BETWEEN);
    let x = area.x + (area.width - pitch - columns) / 2;
    let y = area.y + (area.height - rows - 1) / 2;
    let noisy = Rect { x, y: y + 1, width: columns, height: rows };
    let clean = Rect { x: x + pitch, ..noisy };
    Pair {
        captions: Captions::Above,
        noisy_caption: Rect { y, width: pitch - 1, height: 1, ..noisy },
        clean_caption: Rect { y, width: area.right() - clean.x, height: 1, ..clean },
        noisy,
        clean,
        images,
    }
}

fn stacked(area: Rect, captions: Captions, images: Arrangement, (columns, rows): (u16, u16)) -> Pair {
    // A caption's column and row; between the grids lies a caption, or a row of air.
    let (left, above) = match captions {
        Captions::Left => (LEFT, 0),
        Captions::Above => (0, 1),
    };
    let (width, height) = (left + columns, above + rows + 1 + rows);
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let noisy = Rect { x: x + left, y: y + above, width: columns, height: rows };
    let clean = Rect { y: noisy.bottom() + 1, ..noisy };
    let caption = |grid: Rect| match captions {
        Captions::Left => Rect { x, width: LEFT - 1, ..grid },
        Captions::Above => Rect { y: grid.y - 1, height: 1, width: area.right() - grid.x, ..grid },
    };
    Pair { captions, noisy_caption: caption(noisy), clean_caption: caption(clean), noisy, clean, images }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digits(n: usize) -> Subject {
        Subject { n, height: 28, width: 28, smallest: 10 }
    }

    #[test]
    fn a_wide_panel_stacks_the_grids_and_a_high_one_too_but_a_square_one_has_them_side_by_side() {
        let place = |columns, rows, n| pair(Rect::new(2, 3, columns, rows), &digits(n), (8, 15), false, true).unwrap();
        let wide = place(116, 33, 10);
        assert!(wide.is_stacked() && wide.captions == Captions::Left, "{wide:?}");
        assert_eq!((wide.images.per_row, wide.images.tile), (5, (112, 112)));
        let high = place(30, 60, 1);
        assert!(high.is_stacked() && high.captions == Captions::Above, "{high:?}");
        let square = place(60, 17, 1);
        assert!(!square.is_stacked() && square.captions == Captions::Above, "{square:?}");
        // Captions that need a line of their own have one.
        let above = pair(Rect::new(0, 0, 116, 33), &digits(10), (8, 15), false, false).unwrap();
        assert_eq!(above.captions, Captions::Above);
        assert_eq!(pair(Rect::new(0, 0, 3, 1), &digits(10), (8, 15), false, true), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn nothing_overlaps_or_leaves_the_panel(
            columns in 1u16..=300, rows in 1u16..=100, n in 1usize..=64, height in 1usize..=96, width in 1usize..=96,
            cell in prop::sample::select(vec![(1, 2), (8, 15), (10, 20)]), left: bool, whole_cells: bool,
        ) {
            let area = Rect::new(3, 5, columns, rows);
            let subject = Subject { n, height, width, smallest: 10 };
            let cell = if whole_cells { (1, 2) } else { cell };
            let Some(found) = pair(area, &subject, cell, whole_cells, left) else { return Ok(()) };
            let all = [found.noisy_caption, found.clean_caption, found.noisy, found.clean];
            for (i, a) in all.iter().enumerate() {
                prop_assert_eq!(a.intersection(area), *a, "{:?}", found);
                prop_assert!(!a.is_empty());
                prop_assert!(all[i + 1..].iter().all(|b| !a.intersects(*b)), "{:?}", found);
            }
            prop_assert_eq!(found.images.cells(cell), (found.noisy.width, found.noisy.height));
            prop_assert_eq!(found.noisy.as_size(), found.clean.as_size());
            // Not worse than two fixed halves.
            let half = Room { columns: columns.saturating_sub(3) / 2, rows: rows.saturating_sub(1), cell, whole_cells };
            if let Some(halves) = arrange(&subject, &half) {
                prop_assert!(found.images.merit() >= halves.merit());
            }
        }
    }
}
