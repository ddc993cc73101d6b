//! Real pixels, by kitty's, iTerm2's or the sixel protocol.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::Image;

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
        let size = Size::new(area.width, area.height);
        if area.is_empty() || area.intersection(buf.area) != area {
            return self.fallback.draw(slot, picture, area, buf);
        }
        self.submit(slot, picture, size);
        match self.encoder.latest(slot) {
            Some(encoded)
                if encoded.size == size && encoded.version == picture.version && !encoded.tiles.is_empty() =>
            {
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
