//! Real pixels, by kitty's, iTerm2's or the sixel protocol.

use std::cell::RefCell;
use std::collections::HashMap;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::Image;

use crate::tui::encoder::Encoder;
use crate::tui::image_protocol::{ASSUMED_CELL, Graphics};
use crate::tui::pictures::{HalfBlocks, Picture, PictureSlot, Pictures};

/// Draws the last picture that the encoder finished for a place, and half-blocks until it has.
pub struct ProtocolPictures {
    encoder: Encoder,
    cell: (u16, u16),
    fallback: HalfBlocks,
    submitted: RefCell<HashMap<PictureSlot, (u64, Size)>>,
}

impl ProtocolPictures {
    pub fn new(encoder: Encoder, graphics: &Graphics, fallback: HalfBlocks) -> Self {
        Self { encoder, cell: graphics.cell.unwrap_or(ASSUMED_CELL), fallback, submitted: RefCell::default() }
    }

    /// The terminal was erased, and with it perhaps the pictures it keeps: sends them all again.
    pub fn forget(&self) {
        self.submitted.borrow_mut().clear();
    }

    /// What is shown from now on has nothing to do with what was: no old picture stands in for a new one.
    pub fn begin_anew(&self) {
        self.forget();
        self.encoder.forget();
    }

    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }
}

impl Pictures for ProtocolPictures {
    fn draw(&self, slot: PictureSlot, picture: &Picture, area: Rect, buf: &mut Buffer) {
        let size = Size::new(area.width, area.height);
        if area.is_empty() || area.intersection(buf.area) != area {
            return self.fallback.draw(slot, picture, area, buf);
        }
        let wanted = (picture.version, size);
        if self.submitted.borrow_mut().insert(slot, wanted) != Some(wanted) {
            self.encoder.submit(slot, picture.clone(), size);
        }
        match self.encoder.latest(slot) {
            Some(encoded) if encoded.size == size => {
                for position in area.positions() {
                    buf[position].reset();
                }
                for (at, tile) in &encoded.tiles {
                    let place = Rect::new(area.x + at.x, area.y + at.y, tile.size().width, tile.size().height);
                    Image::new(tile).render(place, buf);
                }
            }
            _ => self.fallback.draw(slot, picture, area, buf),
        }
    }

    fn cell_size(&self) -> (u16, u16) {
        self.cell
    }
}
