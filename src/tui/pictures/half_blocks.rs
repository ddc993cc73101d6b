//! Two pixels a cell: works in every terminal with colours.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Picture, PictureSlot, Pictures};
use crate::tui::theme::Capability;

/// Draws with `▀`, the upper pixel as foreground and the lower as background.
#[derive(Clone, Copy, Debug)]
pub struct HalfBlocks {
    pub capability: Capability,
}

impl Pictures for HalfBlocks {
    fn draw(&self, _slot: PictureSlot, picture: &Picture, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let (columns, rows) = (f64::from(area.width), f64::from(area.height) * 2.0);
        for row in 0..area.height {
            for column in 0..area.width {
                let (x0, x1) = (f64::from(column) / columns, f64::from(column + 1) / columns);
                let pixel = |y: u16| {
                    let (y0, y1) = (f64::from(y) / rows, f64::from(y + 1) / rows);
                    let there = picture.is_image((x0 + x1) / 2.0, (y0 + y1) / 2.0);
                    there.then(|| self.capability.color(picture.mean_color(x0, y0, x1, y1)))
                };
                let cell = &mut buf[(area.x + column, area.y + row)];
                let background = cell.bg;
                cell.reset();
                cell.set_bg(background);
                match (pixel(row * 2), pixel(row * 2 + 1)) {
                    (Some(upper), Some(lower)) => cell.set_char('▀').set_fg(upper).set_bg(lower),
                    (Some(upper), None) => cell.set_char('▀').set_fg(upper),
                    (None, Some(lower)) => cell.set_char('▄').set_fg(lower),
                    (None, None) => cell.set_char(' '),
                };
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

    use ratatui::style::Color;

    use super::*;

    #[test]
    fn each_cell_shows_two_pixels() {
        let rgb = vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
        let picture = Picture { version: 1, width: 2, height: 2, rgb: Arc::new(rgb), images: None };
        let area = Rect::new(0, 0, 2, 1);
        let mut buf = Buffer::empty(area);
        let pictures = HalfBlocks { capability: Capability::TrueColor };
        pictures.draw(PictureSlot::Forward, &picture, area, &mut buf);
        assert_eq!(buf[(0, 0)].fg, Color::Rgb(255, 0, 0));
        assert_eq!(buf[(0, 0)].bg, Color::Rgb(0, 0, 255));
        assert_eq!(buf[(1, 0)].fg, Color::Rgb(0, 255, 0));
        assert_eq!(buf[(1, 0)].bg, Color::Rgb(9, 9, 9));
    }

    #[test]
    fn what_is_no_image_is_left_to_the_background() {
        use crate::tui::pictures::Arrangement;
        // Three images of one pixel, with gaps of one, in a picture of 3 × 4: a row below is empty.
        let images = Arrangement { shown: 3, per_row: 2, tile: (1, 1), gap: (1, 1) };
        let rgb = Arc::new(vec![200; 3 * 4 * 3]);
        let picture = Picture { version: 1, width: 3, height: 4, rgb, images: Some(images) };
        let area = Rect::new(0, 0, 3, 2);
        let mut buf = Buffer::empty(area);
        buf.set_style(area, ratatui::style::Style::new().bg(Color::Blue));
        HalfBlocks { capability: Capability::TrueColor }.draw(PictureSlot::CleanGrid, &picture, area, &mut buf);
        let row = |y: u16| (0..3).map(|x| buf[(x, y)].symbol()).collect::<String>();
        assert_eq!([row(0), row(1)], ["▀ ▀", "▀  "]);
        assert!(buf.content.iter().all(|cell| cell.bg == Color::Blue));
    }

    #[test]
    fn an_area_outside_the_buffer_and_an_empty_picture_are_harmless() {
        let picture = Picture { version: 1, width: 0, height: 0, rgb: Arc::new(vec![]), images: None };
        let mut buf = Buffer::empty(Rect::new(0, 0, 2, 2));
        let pictures = HalfBlocks { capability: Capability::TrueColor };
        pictures.draw(PictureSlot::Forward, &picture, Rect::new(1, 1, 50, 50), &mut buf);
        assert_eq!(buf[(0, 0)].symbol(), " ");
    }
}
