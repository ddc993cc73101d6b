//! Where the pictures are, by what is known of the images.

use ratatui::layout::Rect;

use super::screen::State;
use crate::tui::layout::{self, LossPane, Pair};
use crate::tui::pictures::{Arrangement, Room, Subject, arrange};

/// A square of any size: a window on the plane.
const SQUARE: Subject = Subject { n: 1, height: 1, width: 1, smallest: 1 };

/// Pixels of a cell of dots, about: twice as high as wide.
const DOTS: (u16, u16) = (1, 2);

impl State {
    /// The loss panel, whose inside is `inner`.
    pub fn loss_pane(&self, inner: Rect) -> LossPane {
        match self.compared().len() {
            0 => layout::loss_full(inner, self.theme.is_for_the_back_row()),
            runs => layout::loss_compared(inner, runs),
        }
    }

    /// The inside of the album, which lies over all panels; `None` where it is closed, or the terminal too small.
    pub fn album_area(&self) -> Option<Rect> {
        self.album.as_ref()?;
        let area = self.layout()?.main();
        Some(Rect::new(area.x + 2, area.y + 1, area.width.saturating_sub(4), area.height.saturating_sub(2)))
    }

    /// The two grids of the denoising panel, whose inside is `inner`. `None` while there is nothing to show, or no room.
    pub fn pair(&self, inner: Rect) -> Option<Pair> {
        let area = layout::denoising_full(inner).pictures;
        if self.plane.is_some() {
            return layout::pair(area, &SQUARE, DOTS, true, false);
        }
        let (film, _) = self.shown_still()?;
        layout::pair(area, &self.images(film.num, 10)?, self.cell_size, self.needs_whole_cells(), true)
    }

    /// `n` images of this run.
    pub(super) fn images(&self, n: usize, smallest: usize) -> Option<Subject> {
        let (height, width, _) = self.live.info.as_ref()?.image_shape;
        Some(Subject { n, height, width, smallest })
    }

    /// `n` images of this run laid out in the middle of `room`.
    pub(super) fn alone(&self, room: Rect, n: usize, smallest: usize) -> Option<(Rect, Arrangement)> {
        self.arranged(room, &self.images(n, smallest)?, true)
    }

    /// Images of any shape, (height, width, channels), in the middle of `room`.
    pub(super) fn laid_out(
        &self,
        room: Rect,
        (n, (height, width, _)): (usize, (usize, usize, usize)),
        smallest: usize,
    ) -> Option<(Rect, Arrangement)> {
        self.arranged(room, &Subject { n, height, width, smallest }, true)
    }

    /// The same at its upper left.
    pub(super) fn laid_out_at_left(
        &self,
        room: Rect,
        (n, (height, width, _)): (usize, (usize, usize, usize)),
        smallest: usize,
    ) -> Option<(Rect, Arrangement)> {
        self.arranged(room, &Subject { n, height, width, smallest }, false)
    }

    fn arranged(&self, room: Rect, subject: &Subject, centred: bool) -> Option<(Rect, Arrangement)> {
        let (columns, rows) = (room.width, room.height);
        let canvas = Room { columns, rows, cell: self.cell_size, whole_cells: self.needs_whole_cells() };
        let images = arrange(subject, &canvas)?;
        let (width, height) = images.cells(self.cell_size);
        let (dx, dy) = if centred { ((columns - width) / 2, (rows - height) / 2) } else { (0, 0) };
        Some((Rect { x: room.x + dx, y: room.y + dy, width, height }, images))
    }

    /// Characters of one weight can't show two images.
    pub(super) fn needs_whole_cells(&self) -> bool {
        !self.theme.capability.has_colors() || self.images.eq_ignore_ascii_case("ascii")
    }
}
