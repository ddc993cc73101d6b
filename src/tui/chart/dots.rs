//! A layer of dots, finer than cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::clip::clip;
use super::marker::Marker;

/// One curve's dots over an area. Layers are put on the screen one after the other, and each takes
/// over the cells it has dots in, so that a bright line isn't blurred by what lies below it.
#[derive(Clone, Debug)]
pub struct Dots {
    area: Rect,
    marker: Marker,
    cells: Vec<u8>,
}

impl Dots {
    pub fn new(area: Rect, marker: Marker) -> Self {
        Self { area, marker, cells: vec![0; area.area() as usize] }
    }

    /// Dots across and down.
    pub fn size(&self) -> (usize, usize) {
        let (across, down) = self.marker.dots();
        (usize::from(self.area.width) * across, usize::from(self.area.height) * down)
    }

    /// Sets one dot; (0, 0) is at the top left. Outside: nothing.
    pub fn set(&mut self, x: i64, y: i64) {
        let (width, height) = self.size();
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= width || y >= height {
            return;
        }
        let (across, down) = self.marker.dots();
        let cell = y / down * usize::from(self.area.width) + x / across;
        self.cells[cell] |= 1 << (y % down * across + x % across);
    }

    /// Sets the dots of one column from `y0` to `y1`, in either order.
    pub fn column(&mut self, x: i64, y0: i64, y1: i64) {
        let height = self.size().1 as i64;
        for y in y0.min(y1).max(0)..=y0.max(y1).min(height - 1) {
            self.set(x, y);
        }
    }

    /// A straight line between two shares of the area, (0, 0) at the bottom left; what is outside is cut off.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.stroke(from, to, false);
    }

    /// As [`Dots::line`], two dots thick where a cell has many.
    pub fn thick_line(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.stroke(from, to, self.marker.dots().1 > 2);
    }

    fn stroke(&mut self, from: (f64, f64), to: (f64, f64), thick: bool) {
        let Some((from, to)) = clip(from, to) else { return };
        let ((x0, y0), (x1, y1)) = (self.dot(from), self.dot(to));
        let steps = (x1 - x0).abs().max((y1 - y0).abs());
        let flat = (x1 - x0).abs() >= (y1 - y0).abs();
        for i in 0..=steps {
            let along = |a: i64, b: i64| a + ((b - a) * i * 2 + steps).div_euclid((2 * steps).max(1));
            let (x, y) = (along(x0, x1), along(y0, y1));
            self.set(x, y);
            match (thick, flat) {
                (false, _) => {}
                // The second dot is above, at the top below.
                (true, true) => self.set(x, if y > 0 { y - 1 } else { y + 1 }),
                (true, false) => self.set(if x > 0 { x - 1 } else { x + 1 }, y),
            }
        }
    }

    /// Connects points, shares of the area each.
    pub fn path(&mut self, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut before = None;
        for point in points {
            self.line(before.unwrap_or(point), point);
            before = Some(point);
        }
    }

    /// The dots of each cell, row by row.
    pub fn cells(&self) -> &[u8] {
        &self.cells
    }

    /// The dot at a share of the area; values a little outside are allowed.
    pub fn dot(&self, (x, y): (f64, f64)) -> (i64, i64) {
        let (width, height) = self.size();
        let clamp = |v: f64| v.clamp(-4.0, 5.0);
        let x = (clamp(x) * (width.saturating_sub(1)) as f64).round() as i64;
        let y = ((1.0 - clamp(y)) * (height.saturating_sub(1)) as f64).round() as i64;
        (x, y)
    }

    /// Puts the layer on the screen.
    pub fn draw(&self, style: Style, buf: &mut Buffer) {
        let width = usize::from(self.area.width);
        for (i, &bits) in self.cells.iter().enumerate().filter(|(_, bits)| **bits != 0) {
            let (x, y) = (self.area.x + (i % width) as u16, self.area.y + (i / width) as u16);
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.set_char(self.marker.character(bits)).set_style(style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(marker: Marker, draw: impl Fn(&mut Dots)) -> Vec<String> {
        let area = Rect::new(0, 0, 4, 2);
        let mut dots = Dots::new(area, marker);
        draw(&mut dots);
        let mut buf = Buffer::empty(area);
        dots.draw(Style::new(), &mut buf);
        (0..2).map(|y| (0..4).map(|x| buf[(x, y)].symbol().to_string()).collect()).collect()
    }

    #[test]
    fn a_diagonal_goes_from_corner_to_corner_without_gaps() {
        let mut dots = Dots::new(Rect::new(0, 0, 4, 2), Marker::Block);
        dots.line((0.0, 1.0), (1.0, 0.0));
        let (width, height) = dots.size();
        let lit = |x: usize, y: usize| dots.cells[y / 2 * 4 + x / 2] >> (y % 2 * 2 + x % 2) & 1 == 1;
        assert!(lit(0, 0) && lit(width - 1, height - 1));
        assert!((0..width).all(|x| (0..height).filter(|y| lit(x, *y)).count() == 1));
    }

    #[test]
    fn a_level_line_in_ascii_is_a_row_of_one_character() {
        assert_eq!(drawn(Marker::Ascii, |d| d.line((0.0, 0.0), (1.0, 0.0))), ["    ", "...."]);
    }

    #[test]
    fn dots_outside_are_ignored() {
        let blank = drawn(Marker::Braille, |d| {
            d.set(-1, 0);
            d.set(0, 99);
            d.line((f64::NAN, 0.0), (1.0, 1.0));
        });
        assert_eq!(blank, ["    ", "    "]);
    }
}
