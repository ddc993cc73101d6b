//! Pictures as characters, for terminals without colours.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Picture, PictureSlot, Pictures};

/// From dark to bright.
const RAMP: &[u8] = b" .:-=+*#%@";

/// Draws brightness as characters of growing weight.
#[derive(Clone, Copy, Debug)]
pub struct Ascii;

impl Pictures for Ascii {
    fn draw(&self, _slot: PictureSlot, picture: &Picture, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let (columns, rows) = (f64::from(area.width), f64::from(area.height));
        for row in 0..area.height {
            for column in 0..area.width {
                let (x0, x1) = (f64::from(column) / columns, f64::from(column + 1) / columns);
                let (y0, y1) = (f64::from(row) / rows, f64::from(row + 1) / rows);
                let [r, g, b] = picture.mean_color(x0, y0, x1, y1).map(u32::from);
                let luma = (r * 299 + g * 587 + b * 114) / 1000;
                let index = match picture.is_image((x0 + x1) / 2.0, (y0 + y1) / 2.0) {
                    true => (luma as usize * RAMP.len() / 256).min(RAMP.len() - 1),
                    false => 0,
                };
                let cell = &mut buf[(area.x + column, area.y + row)];
                cell.reset();
                cell.set_char(char::from(RAMP[index]));
            }
        }
    }

    fn cell_size(&self) -> (u16, u16) {
        (1, 2)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn black_is_blank_and_white_is_the_heaviest_character() {
        let rgb = vec![0, 0, 0, 255, 255, 255];
        let picture = Picture { version: 1, width: 2, height: 1, rgb: Arc::new(rgb), images: None };
        let area = Rect::new(0, 0, 2, 1);
        let mut buf = Buffer::empty(area);
        Ascii.draw(PictureSlot::Forward, &picture, area, &mut buf);
        assert_eq!(buf[(0, 0)].symbol(), " ");
        assert_eq!(buf[(1, 0)].symbol(), "@");
    }
}
