//! A picture, the places it can be in, and the trait that draws it.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Arrangement;

/// A place for a picture on the screen. A protocol keeps one encoded picture a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureSlot {
    /// The forward process: a training image at the cursor's t.
    Forward,
    /// The grid of x_t.
    NoisyGrid,
    /// The grid of x̂_0.
    CleanGrid,
    /// The curves of the loss, and of the schedules.
    LossChart,
    ScheduleChart,
    /// A small curve beside the loss, counted from 0.
    Strip(u8),
    /// The samples of a run that is compared, by its colour.
    Compared(u8),
    /// A picture of the album, by its place on the page.
    Album(u8),
}

/// What a chart shows, in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChartContent {
    /// Its axes and colours: a picture with others would be wrong.
    pub frame: u64,
    /// Its curves: a picture of some moments ago does for a moment.
    pub curves: u64,
}

/// Square pixels, ready to be shown. The state makes it exactly as large as its area
/// (columns × cell width by rows × cell height), so that a protocol need not scale; it scales
/// all the same when the two differ for a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Changes whenever the pixels change: two pictures of one slot with the same version are equal.
    pub version: u64,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// `[height, width, 3]`.
    pub rgb: Arc<Vec<u8>>,
    /// Where its images are. What is between and around them has the colour of the background, as far as that is
    /// known: characters leave it to the terminal.
    pub images: Option<Arrangement>,
}

impl Picture {
    /// Is there an image at the point (x, y), each 0 to 1 of the picture, or only the ground?
    pub fn is_image(&self, x: f64, y: f64) -> bool {
        let pixel = |share: f64, n: u32| (share * f64::from(n)).max(0.0) as usize;
        self.images.is_none_or(|images| images.covers(pixel(x, self.width), pixel(y, self.height)))
    }

    /// The mean colour of the pixels in the box from (x0, y0) to (x1, y1), each 0 to 1 of the
    /// picture.
    pub fn mean_color(&self, x0: f64, y0: f64, x1: f64, y1: f64) -> [u8; 3] {
        let (w, h) = (self.width as usize, self.height as usize);
        if w == 0 || h == 0 || self.rgb.len() < w * h * 3 {
            return [0; 3];
        }
        let range = |from: f64, to: f64, n: usize| {
            let first = ((from * n as f64 + 1e-9).floor().max(0.0) as usize).min(n - 1);
            let last = ((to * n as f64 - 1e-9).ceil().max(0.0) as usize).clamp(first + 1, n);
            first..last
        };
        let mut sum = [0u64; 3];
        let columns = range(x0, x1, w);
        let rows = range(y0, y1, h);
        let count = (columns.len() * rows.len()) as u64;
        for y in rows {
            for x in columns.clone() {
                for (c, s) in sum.iter_mut().enumerate() {
                    *s += u64::from(self.rgb[(y * w + x) * 3 + c]);
                }
            }
        }
        sum.map(|s| ((s + count / 2) / count) as u8)
    }
}

/// A way to draw pictures.
pub trait Pictures {
    /// Draws `picture` over the whole of `area`.
    fn draw(&self, slot: PictureSlot, picture: &Picture, area: Rect, buf: &mut Buffer);

    /// Draws a chart with the terminal's own pixels; `paint` makes the picture for cells of so many pixels. `false`:
    /// nothing was drawn, the chart is to be drawn with characters.
    fn chart(
        &self,
        _slot: PictureSlot,
        _content: ChartContent,
        _area: Rect,
        _paint: &dyn Fn((u16, u16)) -> Vec<u8>,
        _buf: &mut Buffer,
    ) -> bool {
        false
    }

    /// As [`Self::draw`], under something that is drawn over a part of it later. `covers` says whether it covers
    /// any cell of an area; what it touches is drawn by `plain`, since a terminal's own picture would shine through.
    fn draw_under(
        &self,
        slot: PictureSlot,
        picture: &Picture,
        area: Rect,
        covers: &dyn Fn(Rect) -> bool,
        plain: &dyn Pictures,
        buf: &mut Buffer,
    ) {
        if covers(area) { plain.draw(slot, picture, area, buf) } else { self.draw(slot, picture, area, buf) }
    }

    /// Pixels that one cell holds, (width, height), taken as square pixels.
    fn cell_size(&self) -> (u16, u16);
}
