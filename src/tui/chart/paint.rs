//! A chart as pixels, with smooth lines, for terminals that show pictures.

use ratatui::layout::Size;
use ratatui::style::{Color, Style};

use super::clip::clip;
use super::sketch::{Layer, Shape, Sketch, Weight, segments};

/// Steps of coverage at the edge of a line, of 255: more are not seen, and fewer colours are fewer bytes.
const LEVELS: [u8; 5] = [0, 64, 128, 191, 255];

/// Where a chart's pixels go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChartSheet {
    /// Cells of the chart, and pixels of a cell.
    pub size: Size,
    pub cell: (u16, u16),
    pub background: [u8; 3],
    /// Are lines twice as thick, to be seen from the back row?
    pub bold: bool,
}

/// A sheet with what was drawn on it.
struct Paper {
    sheet: ChartSheet,
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    /// How much of each pixel the layer under way covers, 0 to 255.
    covered: Vec<u8>,
    /// The pixels that it may cover: left, top, right, bottom.
    touched: Option<(usize, usize, usize, usize)>,
}

impl Sketch {
    /// `[height, width, 3]` pixels, as large as the cells. The places are those of characters: 0 is in the middle of
    /// the first cell and 1 in the middle of the last, so that ticks and labels fit. Colours must be 24-bit ones; what
    /// has another is left out.
    pub fn paint(&self, sheet: ChartSheet) -> Vec<u8> {
        let (width, height) = (
            usize::from(sheet.size.width) * usize::from(sheet.cell.0),
            usize::from(sheet.size.height) * usize::from(sheet.cell.1),
        );
        let rgb = sheet.background.repeat(width * height);
        let bold = if sheet.bold { 2.0 } else { 1.0 };
        let mut paper = Paper { sheet, width, height, rgb, covered: vec![0; width * height], touched: None };
        for layer in self.layers() {
            match layer {
                Layer::Band { edges, style } => {
                    paper.band(edges);
                    paper.ink(style);
                }
                Layer::Line { points, weight, style } => {
                    let thickness = match weight {
                        Weight::Thin => paper.unit() * 0.11 * bold,
                        Weight::Thick => paper.unit() * 0.2 * bold,
                    };
                    let points = paper.thinned(points);
                    for (from, to) in segments(&points) {
                        if let Some((from, to)) = clip(from, to) {
                            let (from, to) = (paper.place(from), paper.place(to));
                            paper.line(from, to, thickness.max(1.2) / 2.0);
                        }
                    }
                    paper.ink(style);
                }
                Layer::Mark { at, shape, style } => {
                    if (0.0..=1.0).contains(&at.0) && (0.0..=1.0).contains(&at.1) {
                        paper.mark(paper.place(*at), *shape);
                        paper.ink(style);
                    }
                }
            }
        }
        paper.rgb
    }
}

impl Paper {
    /// The height of a cell, by which thickness is measured.
    fn unit(&self) -> f64 {
        f64::from(self.sheet.cell.1)
    }

    /// The pixel at a share of the chart.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let along = |share: f64, cells: u16, pixels: u16| {
            (share * f64::from(cells.saturating_sub(1)) + 0.5) * f64::from(pixels)
        };
        let ChartSheet { size, cell, .. } = self.sheet;
        (along(x, size.width, cell.0), along(1.0 - y, size.height, cell.1))
    }

    /// Without the points that are less than half a pixel from the one before; the last stays.
    fn thinned(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut kept: Vec<(f64, f64)> = Vec::with_capacity(points.len().min(4 * self.width));
        for (i, point) in points.iter().enumerate() {
            let near = kept.last().is_some_and(|last| {
                let (a, b) = (self.place(*last), self.place(*point));
                (a.0 - b.0).abs() < 0.5 && (a.1 - b.1).abs() < 0.5
            });
            if !near || i + 1 == points.len() {
                kept.push(*point);
            }
        }
        kept
    }

    /// Covers a pixel by at least a share of it.
    fn cover(&mut self, x: usize, y: usize, share: f64) {
        if share > 0.0 && x < self.width && y < self.height {
            let pixel = &mut self.covered[y * self.width + x];
            *pixel = (*pixel).max(LEVELS[((share * 4.0 + 0.5) as usize).min(4)]);
        }
    }

    /// Says that the layer may cover pixels from the upper left to the lower right.
    fn touch(&mut self, (left, top): (f64, f64), (right, bottom): (f64, f64)) {
        let inside = |v: f64, pixels: usize| (v.max(0.0) as usize).min(pixels.saturating_sub(1));
        let (x0, y0) = (inside(left, self.width), inside(top, self.height));
        let (x1, y1) = (inside(right, self.width), inside(bottom, self.height));
        self.touched = match self.touched {
            None => Some((x0, y0, x1, y1)),
            Some((left, top, right, bottom)) => Some((left.min(x0), top.min(y0), right.max(x1), bottom.max(y1))),
        };
    }

    /// A line with round ends, `half` of its thickness to either side.
    fn line(&mut self, from: (f64, f64), to: (f64, f64), half: f64) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        let reach = half + 1.0;
        self.touch(
            (from.0.min(to.0) - reach, from.1.min(to.1) - reach),
            (from.0.max(to.0) + reach + 1.0, from.1.max(to.1) + reach + 1.0),
        );
        let pixels = |low: f64, high: f64, most: usize| {
            (low.floor().max(0.0) as usize)..((high.ceil().max(0.0) as usize + 1).min(most))
        };
        // Along a column the line is no farther away than this.
        let upright = if dx.abs() < 1e-9 { f64::INFINITY } else { reach * length / dx.abs() + (dy / dx).abs() };
        for x in pixels(from.0.min(to.0) - reach, from.0.max(to.0) + reach, self.width) {
            let center = x as f64 + 0.5;
            let along = if dx.abs() < 1e-9 { 0.5 } else { ((center - from.0) / dx).clamp(0.0, 1.0) };
            let middle = from.1 + dy * along;
            let (top, bottom) = (from.1.min(to.1) - reach, from.1.max(to.1) + reach);
            for y in pixels((middle - upright).max(top), (middle + upright).min(bottom), self.height) {
                let (px, py) = (center - from.0, y as f64 + 0.5 - from.1);
                let at = if length > 0.0 { ((px * dx + py * dy) / (length * length)).clamp(0.0, 1.0) } else { 0.0 };
                let (px, py) = (px - dx * at, py - dy * at);
                self.cover(x, y, half + 0.5 - (px * px + py * py).sqrt());
            }
        }
    }

    /// Between two edges; each column of pixels from the smallest to the largest, joined with the column before.
    fn band(&mut self, edges: &[(f64, f64, f64)]) {
        let mut columns: Vec<(f64, f64, f64)> = Vec::with_capacity(self.width);
        let placed = |e: &&(f64, f64, f64)| (0.0..=1.0).contains(&e.0) && !e.1.is_nan() && !e.2.is_nan();
        for &(x, low, high) in edges.iter().filter(placed) {
            let at = |y: f64| self.place((x, y.clamp(0.0, 1.0)));
            let ((x, bottom), (_, top)) = (at(low), at(high));
            match columns.last_mut().filter(|last| last.0.floor() == x.floor()) {
                Some(last) => *last = (last.0, last.1.min(top), last.2.max(bottom)),
                None => columns.push((x, top, bottom)),
            }
        }
        for pair in columns.windows(2) {
            let ((x0, top0, bottom0), (x1, top1, bottom1)) = (pair[0], pair[1]);
            let at = |x: f64| {
                let share = ((x - x0) / (x1 - x0)).clamp(0.0, 1.0);
                (top0 + (top1 - top0) * share, bottom0 + (bottom1 - bottom0) * share)
            };
            for x in x0.floor() as usize..=x1.floor() as usize {
                // From the left side of the pixel to its right side, so that steep bands have no gaps.
                let ((top_left, bottom_left), (top_right, bottom_right)) = (at(x as f64), at(x as f64 + 1.0));
                self.upright(x, top_left.min(top_right), bottom_left.max(bottom_right));
            }
        }
        if let [(x, top, bottom)] = columns[..] {
            self.upright(x.floor() as usize, top, bottom);
        }
    }

    /// A column of pixels, at least one high.
    fn upright(&mut self, x: usize, top: f64, bottom: f64) {
        let middle = (top + bottom) / 2.0;
        let (top, bottom) = (top.min(middle - 0.5), bottom.max(middle + 0.5));
        self.touch((x as f64, top), (x as f64, bottom + 1.0));
        for y in top.floor().max(0.0) as usize..(bottom.ceil().max(0.0) as usize).min(self.height) {
            let (y0, y1) = (y as f64, y as f64 + 1.0);
            self.cover(x, y, bottom.min(y1) - top.max(y0));
        }
    }

    fn mark(&mut self, (x, y): (f64, f64), shape: Shape) {
        let size = self.unit() * 0.3;
        let triangle =
            |size: f64, up: f64| [(-size, size * 0.8 * up), (size, size * 0.8 * up), (0.0, -size * 0.8 * up)];
        let corners: Vec<(f64, f64)> = match shape {
            Shape::Disc => return self.line((x, y), (x, y), size * 0.7),
            Shape::Cross => {
                self.line((x - size, y - size), (x + size, y + size), 0.9);
                return self.line((x - size, y + size), (x + size, y - size), 0.9);
            }
            Shape::Fork => {
                self.line((x - size, y - size), (x - size, y + size), 1.1);
                return self.line((x - size, y), (x + size, y + size), 1.1);
            }
            Shape::Square => vec![(-size, -size), (size, -size), (size, size), (-size, size)],
            Shape::Diamond => {
                let size = size * 1.3;
                vec![(-size, 0.0), (0.0, -size), (size, 0.0), (0.0, size)]
            }
            Shape::Up => triangle(size * 0.8, 1.0).to_vec(),
            Shape::Down => triangle(size * 0.8, -1.0).to_vec(),
            Shape::Above => triangle(size * 1.2, 1.0).to_vec(),
            Shape::Below => triangle(size * 1.2, -1.0).to_vec(),
            Shape::Right => vec![(-size * 0.7, -size), (size, 0.0), (-size * 0.7, size)],
        };
        // How far inside of its nearest side a point of a convex shape is.
        let turn: f64 = corners.iter().zip(corners.iter().cycle().skip(1)).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum();
        let reach = size * 1.5 + 1.0;
        self.touch((x - reach, y - reach), (x + reach + 1.0, y + reach + 1.0));
        for py in (y - reach).max(0.0) as usize..=(y + reach).max(0.0) as usize {
            for px in (x - reach).max(0.0) as usize..=(x + reach).max(0.0) as usize {
                let point = (px as f64 + 0.5 - x, py as f64 + 0.5 - y);
                let sides = corners.iter().zip(corners.iter().cycle().skip(1));
                let inside = sides.map(|(a, b)| {
                    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
                    (dx * (point.1 - a.1) - dy * (point.0 - a.0)) * turn.signum() / dx.hypot(dy)
                });
                self.cover(px, py, inside.fold(f64::INFINITY, f64::min) + 0.5);
            }
        }
    }

    /// Gives the layer its colour, and begins the next.
    fn ink(&mut self, style: &Style) {
        let Some((left, top, right, bottom)) = self.touched.take().filter(|_| !self.covered.is_empty()) else { return };
        for y in top..=bottom {
            let row = y * self.width + left..=y * self.width + right;
            let pixels = self.rgb[row.start() * 3..(row.end() + 1) * 3].chunks_exact_mut(3);
            for (pixel, covered) in pixels.zip(&mut self.covered[row]).filter(|(_, covered)| **covered > 0) {
                if let Some(Color::Rgb(r, g, b)) = style.fg {
                    for (value, ink) in pixel.iter_mut().zip([r, g, b]) {
                        let mixed =
                            i32::from(*value) + (i32::from(ink) - i32::from(*value)) * i32::from(*covered) / 255;
                        *value = mixed as u8;
                    }
                }
                *covered = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: ChartSheet =
        ChartSheet { size: Size::new(10, 4), cell: (8, 16), background: [10, 10, 20], bold: false };
    const RED: Style = Style::new().fg(Color::Rgb(255, 0, 0));

    fn is_red(rgb: &[u8], x: usize, y: usize) -> bool {
        rgb[(y * 80 + x) * 3..][..3] == [255, 0, 0]
    }

    #[test]
    fn a_line_has_its_full_colour_in_the_middle_and_soft_edges() {
        let mut sketch = Sketch::default();
        sketch.add(Layer::Line { points: vec![(0.0, 0.0), (1.0, 1.0)], weight: Weight::Thick, style: RED });
        let rgb = sketch.paint(SHEET);
        assert_eq!(rgb.len(), 80 * 64 * 3);
        for x in 5..75 {
            let column: Vec<usize> = (0..64).filter(|y| is_red(&rgb, x, *y)).collect();
            assert!((1..=5).contains(&column.len()), "column {x}: {column:?}");
        }
        let shades: std::collections::HashSet<&[u8]> = rgb.chunks_exact(3).collect();
        assert!((3..=5).contains(&shades.len()), "{shades:?}");
    }

    #[test]
    fn places_are_the_middles_of_cells() {
        let mut sketch = Sketch::default();
        sketch.add(Layer::Mark { at: (0.0, 1.0), shape: Shape::Diamond, style: RED });
        sketch.add(Layer::Mark { at: (1.0, 0.0), shape: Shape::Diamond, style: RED });
        let rgb = sketch.paint(SHEET);
        assert!(is_red(&rgb, 4, 8) && is_red(&rgb, 76, 56));
    }

    #[test]
    fn a_steep_band_has_no_gaps() {
        let mut sketch = Sketch::default();
        sketch.add(Layer::Band { edges: vec![(0.0, 0.0, 0.0), (0.1, 1.0, 1.0), (0.2, 0.0, 0.1)], style: RED });
        let rgb = sketch.paint(SHEET);
        let inked = |y: usize| (0..80).any(|x| rgb[(y * 80 + x) * 3..][..3] != [10, 10, 20]);
        assert!((9..56).all(inked));
    }

    #[test]
    fn odd_places_are_harmless() {
        let mut sketch = Sketch::default();
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e300, 1e300, 0.0, 1.0, 0.5];
        for a in odd {
            for b in odd {
                for shape in [Shape::Disc, Shape::Above, Shape::Cross, Shape::Right] {
                    sketch.add(Layer::Mark { at: (a, b), shape, style: RED });
                }
                let points = vec![(a, b), (b, a), (0.5, a)];
                sketch.add(Layer::Line { points, weight: Weight::Thin, style: RED });
                sketch.add(Layer::Band { edges: vec![(0.2, a, b), (0.4, b, a)], style: RED });
            }
        }
        sketch.paint(SHEET);
        sketch.paint(ChartSheet { size: Size::new(0, 0), ..SHEET });
        sketch.paint(ChartSheet { size: Size::new(1, 1), cell: (1, 2), ..SHEET });
    }
}
