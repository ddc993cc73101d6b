//! Real pixels, by kitty's, iTerm2's or the sixel protocol.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::Image;
use ratatui_image::protocol::Protocol;

use crate::tui::pictures::{ChartContent, HalfBlocks, Picture, PictureSlot, Pictures};
use crate::tui::state::{Gallery, MOST_COMPARED};
use crate::tui::terminal::encoder::Encoder;
use crate::tui::terminal::image_protocol::{ASSUMED_CELL, Graphics, ImageProtocol};

/// The curves of a chart are painted anew at most so often.
const CURVES_FOR: Duration = Duration::from_millis(500);

/// With fewer sixel colours the smooth edges of lines would be dithered.
const CHART_COLORS: usize = 128;

/// The last picture of a chart.
struct Chart {
    content: ChartContent,
    size: Size,
    painted: Instant,
    version: u64,
    /// The first version with these axes and colours.
    since: u64,
}

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
    given_up: RefCell<Vec<Option<u64>>>,
    charts: RefCell<HashMap<PictureSlot, Chart>>,
    /// Are charts cheap to send, and their colours not too many?
    has_charts: bool,
}

impl ProtocolPictures {
    pub fn new(encoder: Encoder, graphics: &Graphics, fallback: HalfBlocks) -> Self {
        let has_charts = match graphics.protocol {
            ImageProtocol::Sixel => graphics.sixel_colors >= CHART_COLORS,
            ImageProtocol::Iterm => true,
            // Every pixel would be sent as it is.
            _ => false,
        };
        Self {
            encoder,
            cell: graphics.cell.unwrap_or(ASSUMED_CELL),
            fallback,
            submitted: RefCell::default(),
            given_up: RefCell::default(),
            charts: RefCell::default(),
            has_charts,
        }
    }

    /// The terminal was erased, and with it perhaps the pictures it keeps: sends them all again.
    pub fn forget(&self) {
        self.submitted.borrow_mut().clear();
        // The numbers go on, so that no older picture is taken for a newer one.
        self.charts.borrow_mut().values_mut().for_each(|chart| chart.size = Size::ZERO);
    }

    /// What is shown from now on has nothing to do with what was: no old picture stands in for a new one.
    pub fn begin_anew(&self) {
        self.forget();
        self.encoder.forget();
    }

    /// Has the pictures of a frame encoded, and waits for them so long that a frame which is drawn now has them.
    pub fn prepare(&self, gallery: &Gallery) {
        let mut placed = vec![
            (PictureSlot::Forward, gallery.forward()),
            (PictureSlot::NoisyGrid, gallery.noisy()),
            (PictureSlot::CleanGrid, gallery.clean()),
        ];
        placed.extend((0..MOST_COMPARED).map(|i| (PictureSlot::Compared(i as u8), gallery.compared(i))));
        let versions: Vec<Option<u64>> =
            placed.iter().map(|(_, placed)| placed.map(|placed| placed.picture.version)).collect();
        let mut wanted = Vec::with_capacity(placed.len());
        for (slot, placed) in placed {
            if let Some(placed) = placed.filter(|placed| !placed.area.is_empty()) {
                self.submit(slot, &placed.picture, Size::new(placed.area.width, placed.area.height));
                wanted.push((slot, placed.picture.version));
            }
        }
        if *self.given_up.borrow() != versions && !self.encoder.wait(&wanted, PATIENCE) {
            *self.given_up.borrow_mut() = versions;
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
        let free = |tile: &&(Position, Protocol)| match tile.1 {
            // Its cells are characters, which may be overwritten; the first one brings the picture.
            Protocol::Kitty(_) => !covers(Rect::new(area.x, area.y, 1, 1)),
            _ => !covers(place(tile, area)),
        };
        if tiles.is_empty() || !tiles.iter().all(|tile| free(&tile)) {
            plain.draw(slot, picture, area, buf);
        }
        for tile in tiles.iter().filter(free) {
            put(tile, area, buf);
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
        let size = Size::new(area.width, area.height);
        if !self.has_charts || area.is_empty() || area.intersection(buf.area) != area {
            return false;
        }
        let mut charts = self.charts.borrow_mut();
        let last = charts.get(&slot);
        let same_frame = last.is_some_and(|c| c.content.frame == content.frame && c.size == size);
        let due = last.is_none_or(|c| c.content != content && c.painted.elapsed() >= CURVES_FOR);
        if !same_frame || due {
            let version = last.map_or(1, |c| c.version + 1);
            let since = last.filter(|_| same_frame).map_or(version, |c| c.since);
            let (width, height) = (u32::from(size.width * self.cell.0), u32::from(size.height * self.cell.1));
            let picture = Picture { version, width, height, rgb: Arc::new(paint(self.cell)), images: None };
            self.encoder.submit(slot, picture, size);
            if !same_frame {
                // The picture there is belongs to other axes: without the new one the curves would jump to characters.
                self.encoder.wait(&[(slot, version)], PATIENCE);
            }
            charts.insert(slot, Chart { content, size, painted: Instant::now(), version, since });
        }
        let since = charts.get(&slot).map_or(0, |chart| chart.since);
        match self.encoder.latest(slot) {
            Some(encoded) if encoded.size == size && encoded.version >= since => {
                encoded.tiles.iter().for_each(|tile| put(tile, area, buf));
                true
            }
            _ => false,
        }
    }

    fn cell_size(&self) -> (u16, u16) {
        self.cell
    }
}

/// Where a piece of the picture over `area` lies.
fn place((at, tile): &(Position, Protocol), area: Rect) -> Rect {
    Rect::new(area.x + at.x, area.y + at.y, tile.size().width, tile.size().height)
}

fn put(tile: &(Position, Protocol), area: Rect, buf: &mut Buffer) {
    let place = place(tile, area);
    for position in place.positions() {
        buf[position].reset();
    }
    Image::new(&tile.1).render(place, buf);
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::tui::theme::Capability;

    fn pictures(protocol: ImageProtocol, sixel_colors: usize) -> ProtocolPictures {
        let graphics = Graphics { cell: Some((8, 16)), sixel_colors, ..Graphics::new(protocol, "a test") };
        let fallback = HalfBlocks { capability: Capability::TrueColor };
        ProtocolPictures::new(Encoder::spawn(&graphics).unwrap(), &graphics, fallback)
    }

    #[test]
    fn a_chart_is_painted_anew_for_other_axes_at_once_and_for_other_curves_now_and_then() {
        let pictures = pictures(ImageProtocol::Sixel, 256);
        let (area, painted, last) = (Rect::new(1, 1, 20, 6), Cell::new(0), Cell::new(Instant::now()));
        let paint = |cell: (u16, u16)| {
            painted.set(painted.get() + 1);
            last.set(Instant::now());
            vec![40; usize::from(cell.0) * 20 * usize::from(cell.1) * 6 * 3]
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 30, 10));
        let mut draw = |frame, curves| {
            pictures.chart(PictureSlot::LossChart, ChartContent { frame, curves }, area, &paint, &mut buf)
        };
        // Whoever asks again and again has it in the end.
        let mut until_drawn = |frame, curves| {
            let begin = Instant::now();
            while !draw(frame, curves) {
                assert!(begin.elapsed() < Duration::from_secs(20), "never drawn");
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        until_drawn(1, 1);
        assert_eq!(painted.get(), 1);
        until_drawn(1, 1);
        assert_eq!(painted.get(), 1, "nothing has changed");
        until_drawn(2, 2);
        assert_eq!(painted.get(), 2, "a picture with other axes would be wrong");
        let before = last.get();
        while painted.get() == 2 {
            until_drawn(2, 3);
            assert!(before.elapsed() < Duration::from_secs(20), "the curves are never painted anew");
        }
        assert!(last.get() - before >= CURVES_FOR, "{:?}", last.get() - before);
    }

    #[test]
    fn charts_that_would_flood_the_line_or_be_dithered_are_characters() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 30, 10));
        let content = ChartContent { frame: 1, curves: 1 };
        for pictures in [pictures(ImageProtocol::Sixel, 16), pictures(ImageProtocol::Kitty, 256)] {
            let paint = |_| panic!("nothing is to be painted");
            assert!(!pictures.chart(PictureSlot::LossChart, content, Rect::new(0, 0, 9, 9), &paint, &mut buf));
        }
    }
}
