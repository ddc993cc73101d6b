//! In how many rows and columns images stand, and how large.

/// Images as a layout sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub n: usize,
    /// Pixels of one image.
    pub height: usize,
    pub width: usize,
    /// Its longer side is not made smaller than this many pixels; rather fewer images are shown.
    pub smallest: usize,
}

/// Where images are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Cells.
    pub columns: u16,
    pub rows: u16,
    /// Pixels of a cell.
    pub cell: (u16, u16),
    /// An image begins and ends with a cell, because a cell can't show two images (ASCII).
    pub whole_cells: bool,
}

/// Images in rows and columns, from the upper left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// The first so many images are there…
    pub shown: usize,
    /// …in rows of so many.
    pub per_row: usize,
    /// Pixels of one image as it is shown, (width, height).
    pub tile: (usize, usize),
    /// Pixels between them.
    pub gap: (usize, usize),
}

/// A whole factor may make images smaller than they could be, but not their area less than half of that.
const LEAST_AREA: f64 = 0.5;

/// What a grid with empty places counts against a full one of the same images: a full one may be so much smaller.
const RAGGED: f64 = 0.85;

impl Arrangement {
    /// Pixels of all of it, (width, height).
    pub fn pixels(&self) -> (usize, usize) {
        let along = |n: usize, tile: usize, gap: usize| n * tile + n.saturating_sub(1) * gap;
        (along(self.per_row, self.tile.0, self.gap.0), along(self.rows(), self.tile.1, self.gap.1))
    }

    /// Whole cells that it needs, (columns, rows).
    pub fn cells(&self, cell: (u16, u16)) -> (u16, u16) {
        let (width, height) = self.pixels();
        let cells =
            |pixels: usize, cell: u16| pixels.div_ceil(usize::from(cell.max(1))).min(usize::from(u16::MAX)) as u16;
        (cells(width, cell.0), cells(height, cell.1))
    }

    pub fn rows(&self) -> usize {
        self.shown.div_ceil(self.per_row.max(1))
    }

    /// Is the pixel one of an image, rather than of what is between and around them?
    pub fn covers(&self, x: usize, y: usize) -> bool {
        let (pitch_x, pitch_y) = (self.tile.0 + self.gap.0, self.tile.1 + self.gap.1);
        if pitch_x == 0 || pitch_y == 0 {
            return false;
        }
        let (column, row) = (x / pitch_x, y / pitch_y);
        x % pitch_x < self.tile.0
            && y % pitch_y < self.tile.1
            && column < self.per_row
            && row * self.per_row + column < self.shown
    }

    /// How good it is, to be compared: more images, then larger ones, then no empty places.
    pub fn merit(&self) -> (usize, f64) {
        let ragged = !self.shown.is_multiple_of(self.per_row.max(1));
        (self.shown, self.tile.0 as f64 * if ragged { RAGGED } else { 1.0 })
    }
}

/// Lays images out so that they are large and leave few places empty. `None` when nothing fits.
pub fn arrange(subject: &Subject, room: &Room) -> Option<Arrangement> {
    let (cw, ch) = (usize::from(room.cell.0), usize::from(room.cell.1));
    let whole = (usize::from(room.columns) * cw, usize::from(room.rows) * ch);
    if subject.n == 0 || subject.height == 0 || subject.width == 0 || whole.0 == 0 || whole.1 == 0 {
        return None;
    }
    let gap = match (cw, room.whole_cells) {
        (_, true) => (cw, ch),
        // The pixels of half-blocks are large.
        (1, _) => (1, 1),
        _ => ((cw / 2).max(2), (cw / 2).max(2)),
    };
    let shown = subject.n.min(most(subject, whole, gap));
    let mut best: Option<(Arrangement, f64)> = None;
    for per_row in 1..=shown {
        let rows = shown.div_ceil(per_row);
        // Fewer a row make as many rows: these leave a whole column empty.
        if per_row > 1 && shown.div_ceil(per_row - 1) == rows {
            continue;
        }
        let (Some(w), Some(h)) = (share(whole.0, per_row, gap.0), share(whole.1, rows, gap.1)) else { continue };
        let Some((tile, room_for)) = tile(subject, (w, h), room) else { continue };
        let found = Arrangement { shown, per_row, tile, gap };
        // Of equally good ones the one that lies, since ten digits are read in two rows; then the one that fits its
        // room best.
        let better = |(other, other_room): &(Arrangement, f64)| {
            let lies = |images: &Arrangement| images.per_row >= images.rows();
            let (a, b) = ((found.merit().1, lies(&found)), (other.merit().1, lies(other)));
            a > b || (a == b && room_for > *other_room)
        };
        if best.as_ref().is_none_or(better) {
            best = Some((found, room_for));
        }
    }
    best.map(|(found, _)| found)
}

/// How many of the smallest images there is room for, at least 1.
fn most(subject: &Subject, whole: (usize, usize), gap: (usize, usize)) -> usize {
    let longer = subject.height.max(subject.width);
    let least = |side: usize| (side * subject.smallest).div_ceil(longer).max(1);
    let fit = |whole: usize, least: usize, gap: usize| (whole + gap) / (least + gap);
    (fit(whole.0, least(subject.width), gap.0) * fit(whole.1, least(subject.height), gap.1)).max(1)
}

/// What each of `parts` gets of a length with gaps between them; `None` when it isn't a pixel.
fn share(whole: usize, parts: usize, gap: usize) -> Option<usize> {
    whole.checked_sub((parts - 1) * gap).map(|rest| rest / parts).filter(|part| *part > 0)
}

/// The size of an image within (w, h) pixels: enlarged by a whole factor, so that its pixels stay squares of one size,
/// unless that would leave more than half of the room empty. And the factor that there was room for.
fn tile(subject: &Subject, (w, h): (usize, usize), room: &Room) -> Option<((usize, usize), f64)> {
    let (width, height) = (subject.width, subject.height);
    let (fits, room_for) = if w * height <= h * width {
        ((w, w * height / width), w as f64 / width as f64)
    } else {
        ((h * width / height, h), h as f64 / height as f64)
    };
    let factor = room_for as usize;
    let ratio = factor as f64 / room_for;
    let mut tile = if factor >= 1 && ratio * ratio >= LEAST_AREA { (factor * width, factor * height) } else { fits };
    if room.whole_cells {
        let whole = |pixels: usize, cell: u16| pixels - pixels % usize::from(cell);
        tile = (whole(tile.0, room.cell.0), whole(tile.1, room.cell.1));
    }
    (tile.0 > 0 && tile.1 > 0).then_some((tile, room_for))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digits(n: usize) -> Subject {
        Subject { n, height: 28, width: 28, smallest: 10 }
    }

    fn room(columns: u16, rows: u16, cell: (u16, u16)) -> Room {
        Room { columns, rows, cell, whole_cells: false }
    }

    #[test]
    fn ten_images_are_five_by_two_where_that_costs_little() {
        for (columns, rows, cell, tile) in [
            (84, 16, (8, 15), 112),
            (46, 7, (8, 15), 50),
            (170, 26, (10, 20), 252),
            (170, 35, (1, 2), 28),
            (46, 23, (7, 14), 56),
        ] {
            let found = arrange(&digits(10), &room(columns, rows, cell)).unwrap();
            assert_eq!((found.shown, found.per_row, found.tile), (10, 5, (tile, tile)), "{columns}×{rows} {cell:?}");
        }
    }

    #[test]
    fn few_pixels_show_fewer_images_and_many_show_all() {
        let small = arrange(&digits(10), &room(28, 13, (1, 2))).unwrap();
        assert!(small.shown < 10 && small.tile.0 >= 10, "{small:?}");
        assert_eq!(arrange(&digits(10), &room(28, 13, (10, 20))).unwrap().shown, 10);
        assert_eq!(arrange(&digits(10), &room(0, 13, (10, 20))), None);
        assert_eq!(arrange(&digits(0), &room(9, 13, (10, 20))), None);
    }

    #[test]
    fn a_cell_of_ascii_never_shows_two_images() {
        let found = arrange(&digits(4), &Room { whole_cells: true, ..room(60, 30, (1, 2)) }).unwrap();
        assert!(found.tile.1.is_multiple_of(2) && found.gap.1 == 2, "{found:?}");
    }

    /// What the layout was before it knew whole factors and empty places: the number a row that lets the images
    /// be largest.
    fn largest(subject: &Subject, room: &Room, gap: (usize, usize)) -> (usize, f64) {
        let (cw, ch) = (usize::from(room.cell.0), usize::from(room.cell.1));
        let whole = (usize::from(room.columns) * cw, usize::from(room.rows) * ch);
        let smallest = subject.smallest as f64 / subject.height.max(subject.width) as f64;
        let scale = |shown: usize| {
            (1..=shown)
                .filter_map(|per_row| {
                    let (w, h) = (share(whole.0, per_row, gap.0)?, share(whole.1, shown.div_ceil(per_row), gap.1)?);
                    Some((w as f64 / subject.width as f64).min(h as f64 / subject.height as f64))
                })
                .fold(0.0, f64::max)
        };
        let shown = (1..=subject.n).rev().find(|&shown| scale(shown) >= smallest).unwrap_or(1);
        (shown, scale(shown))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn every_room_is_used_well(
            columns in 1u16..=300, rows in 1u16..=100, cell in prop::sample::select(vec![(1, 2), (8, 15), (10, 20), (9, 17)]),
            n in 1usize..=64, height in 1usize..=96, width in 1usize..=96, smallest in 1usize..=12,
        ) {
            let (subject, room) = (Subject { n, height, width, smallest }, room(columns, rows, cell));
            // Of an image of extreme proportions not even a pixel may fit.
            let Some(found) = arrange(&subject, &room) else { return Ok(()) };
            let (cells, pixels) = (found.cells(cell), found.pixels());
            prop_assert!(cells.0 <= columns && cells.1 <= rows, "inside the room: {:?}", found);
            prop_assert!(found.shown >= 1 && found.shown <= n && found.per_row <= found.shown);
            // No row is empty, and no image is outside.
            prop_assert!((found.rows() - 1) * found.per_row < found.shown);
            prop_assert!(!found.covers(pixels.0, 0) && !found.covers(0, pixels.1));
            let covered: usize = (0..found.rows())
                .flat_map(|row| (0..found.per_row).map(move |column| (column, row)))
                .filter(|(column, row)| {
                    found.covers(column * (found.tile.0 + found.gap.0), row * (found.tile.1 + found.gap.1))
                })
                .count();
            prop_assert_eq!(covered, found.shown, "each image has a place of its own");

            let (old_shown, old) = largest(&subject, &room, found.gap);
            prop_assert!(found.shown >= old_shown, "{} of {}", found.shown, old_shown);
            if found.shown == old_shown && found.tile.0 >= width && found.tile.1 >= height {
                let whole = found.tile.0 % width == 0 && found.tile.1 == found.tile.0 / width * height;
                let factor = found.tile.0 as f64 / width as f64;
                prop_assert!(whole || 2.0 * factor.floor().powi(2) < (factor + 1.0 / width as f64).powi(2), "{:?}", found);
            }
            if found.shown == old_shown {
                // As large as before, but for what whole factors and full rows may cost (and what is less than a pixel).
                let least = if old >= 1.0 { old * LEAST_AREA.sqrt() } else { old };
                let got = (found.tile.0 as f64 + 1.0) / width as f64;
                prop_assert!(got >= least * RAGGED, "{} after {}", got, old);
            }
        }
    }
}
