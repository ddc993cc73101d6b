//! Real pixels, by kitty's, iTerm2's or the sixel protocol.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::Image;
use ratatui_image::protocol::Protocol;

use crate::tui::encoder::Encoder;
use crate::tui::image_protocol::{ASSUMED_CELL, Graphics};
use crate::tui::pictures::{HalfBlocks, Picture, PictureSlot, Pictures};
use crate::tui::state::Gallery;

/// How long a frame waits for its pictures. Most take a few milliseconds.
const PATIENCE: Duration = Duration::from_millis(250);

/// Draws the pictures that the encoder has finished; half-blocks where it has another or none, so that what is
/// seen always is what the label says.
pub struct ProtocolPictures {
    encoder: Encoder,
    cell: (u16, u16),
    fallback: HalfBlocks,
    submitted: RefCell<HashMap<PictureSlot, (u64, Size)>>,
    /// The encoder was too slow for these; they are not waited for again.
    given_up: Cell<[Option<u64>; 3]>,
}

impl ProtocolPictures {
    pub fn new(encoder: Encoder, graphics: &Graphics, fallback: HalfBlocks) -> Self {
        Self {
            encoder,
            cell: graphics.cell.unwrap_or(ASSUMED_CELL),
            fallback,
            submitted: RefCell::default(),
            given_up: Cell::default(),
        }
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

    /// Has the pictures of a frame encoded, and waits for them so long that a frame which is drawn now has them.
    pub fn prepare(&self, gallery: &Gallery) {
        let placed = [
            (PictureSlot::Forward, gallery.forward()),
            (PictureSlot::NoisyGrid, gallery.noisy()),
            (PictureSlot::CleanGrid, gallery.clean()),
        ];
        let versions = placed.map(|(_, placed)| placed.map(|placed| placed.picture.version));
        let mut wanted = Vec::with_capacity(placed.len());
        for (slot, placed) in placed {
            if let Some(placed) = placed.filter(|placed| !placed.area.is_empty()) {
                self.submit(slot, &placed.picture, Size::new(placed.area.width, placed.area.height));
                wanted.push((slot, placed.picture.version));
            }
        }
        if self.given_up.get() != versions && !self.encoder.wait(&wanted, PATIENCE) {
            self.given_up.set(versions);
        }
    }

    fn submit(&self, slot: PictureSlot, picture: &Picture, size: Size) {
        let wanted = (picture.version, size);
        if self.submitted.borrow_mut().insert(slot, wanted) != Some(wanted) {
            self.encoder.submit(slot, picture.clone(), size);
        }
    }

    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }
}

impl Pictures for ProtocolPictures {
    fn draw(&self, slot: PictureSlot, picture: &Picture, area: Rect, buf: &mut Buffer) {
        self.draw_under(slot, picture, area, &|_| false, &self.fallback, buf);
    }

    fn draw_under(
        &self,
        slot: PictureSlot,
        picture: &Picture,
        area: Rect,
        covers: &dyn Fn(Rect) -> bool,
        plain: &dyn Pictures,
        buf: &mut Buffer,
    ) {
        let size = Size::new(area.width, area.height);
        if area.is_empty() || area.intersection(buf.area) != area {
            return plain.draw(slot, picture, area, buf);
        }
        self.submit(slot, picture, size);
        let encoded = self.encoder.latest(slot).filter(|e| e.size == size && e.version == picture.version);
        let tiles = encoded.as_ref().map_or(&[][..], |encoded| &encoded.tiles);
        let place = |(at, tile): &(Position, Protocol)| {
            Rect::new(area.x + at.x, area.y + at.y, tile.size().width, tile.size().height)
        };
        let free = |tile: &&(Position, Protocol)| match tile.1 {
            // Its cells are characters, which may be overwritten; the first one brings the picture.
            Protocol::Kitty(_) => !covers(Rect::new(area.x, area.y, 1, 1)),
            _ => !covers(place(tile)),
        };
        if tiles.is_empty() || !tiles.iter().all(|tile| free(&tile)) {
            plain.draw(slot, picture, area, buf);
        }
        for tile in tiles.iter().filter(free) {
            let place = place(tile);
            for position in place.positions() {
                buf[position].reset();
            }
            Image::new(&tile.1).render(place, buf);
        }
    }

    fn cell_size(&self) -> (u16, u16) {
        self.cell
    }
}
