//! Pictures under a dialog.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;

use super::{ChartContent, HalfBlocks, Picture, PictureSlot, Pictures};
use crate::tui::theme::Capability;

/// What no panel ever writes: where it is left, nothing was drawn.
const UNTOUCHED: &str = "\0";

/// Draws pictures as they are where a dialog leaves them free.
pub struct Spared<'a> {
    pictures: &'a dyn Pictures,
    plain: Option<HalfBlocks>,
    over: Buffer,
}

impl<'a> Spared<'a> {
    /// `draw` draws the dialog.
    pub fn new(
        pictures: &'a dyn Pictures,
        capability: Capability,
        screen: Rect,
        draw: impl FnOnce(&mut Buffer),
    ) -> Self {
        let mut over = Buffer::filled(screen, Cell::new(UNTOUCHED));
        draw(&mut over);
        Self { pictures, plain: capability.has_colors().then_some(HalfBlocks { capability }), over }
    }

    fn touches(&self, area: Rect) -> bool {
        area.intersection(self.over.area).positions().any(|at| self.over[at].symbol() != UNTOUCHED)
    }
}

impl Pictures for Spared<'_> {
    fn draw(&self, slot: PictureSlot, picture: &Picture, area: Rect, buf: &mut Buffer) {
        match &self.plain {
            Some(plain) => self.pictures.draw_under(slot, picture, area, &|area| self.touches(area), plain, buf),
            None => self.pictures.draw(slot, picture, area, buf),
        }
    }

    fn chart(
        &self,
        slot: PictureSlot,
        content: ChartContent,
        area: Rect,
        paint: &dyn Fn((u16, u16)) -> Vec<u8>,
        buf: &mut Buffer,
    ) -> bool {
        !self.touches(area) && self.pictures.chart(slot, content, area, paint, buf)
    }

    fn cell_size(&self) -> (u16, u16) {
        self.pictures.cell_size()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;

    use super::*;

    /// Notes what it was asked to draw.
    #[derive(Default)]
    struct Asked(RefCell<Vec<PictureSlot>>);

    impl Pictures for Asked {
        fn draw(&self, slot: PictureSlot, _picture: &Picture, _area: Rect, _buf: &mut Buffer) {
            self.0.borrow_mut().push(slot);
        }

        fn cell_size(&self) -> (u16, u16) {
            (9, 18)
        }
    }

    #[test]
    fn a_picture_stays_as_it_is_unless_the_dialog_touches_it() {
        let picture = Picture { version: 1, width: 1, height: 1, rgb: Arc::new(vec![9; 3]), images: None };
        let screen = Rect::new(0, 0, 20, 10);
        let asked = Asked::default();
        let dialog = |buf: &mut Buffer| {
            buf.set_string(5, 5, "      ", ratatui::style::Style::new());
        };
        let spared = Spared::new(&asked, Capability::TrueColor, screen, dialog);
        let mut buf = Buffer::empty(screen);
        spared.draw(PictureSlot::Forward, &picture, Rect::new(0, 0, 5, 10), &mut buf);
        spared.draw(PictureSlot::NoisyGrid, &picture, Rect::new(4, 3, 2, 3), &mut buf);
        spared.draw(PictureSlot::CleanGrid, &picture, Rect::new(11, 0, 30, 30), &mut buf);
        assert_eq!(*asked.0.borrow(), [PictureSlot::Forward, PictureSlot::CleanGrid]);
        assert_eq!(buf[(4, 3)].symbol(), "▀");
    }
}
