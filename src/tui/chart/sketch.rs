//! What a chart shows, as layers in the order they are drawn: the most important last.

use std::hash::{DefaultHasher, Hash, Hasher};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::dots::Dots;
use super::marker::Marker;

/// How strong a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Thin,
    Thick,
}

/// A mark at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Disc,
    Diamond,
    /// Small triangles.
    Up,
    Down,
    Right,
    /// Large triangles: values beyond the chart.
    Above,
    Below,
    Cross,
    Square,
    /// A branch that leaves.
    Fork,
}

impl Shape {
    fn character(self, marker: Marker) -> char {
        let (symbol, plain) = match self {
            Shape::Disc => ('•', 'o'),
            Shape::Diamond => ('◆', '#'),
            Shape::Up => ('▴', '^'),
            Shape::Down => ('▾', 'v'),
            Shape::Right => ('↻', '>'),
            Shape::Above => ('▲', '^'),
            Shape::Below => ('▼', 'v'),
            Shape::Cross => ('×', 'x'),
            Shape::Square => ('■', '*'),
            Shape::Fork => ('↳', 'Y'),
        };
        if marker == Marker::Ascii { plain } else { symbol }
    }
}

/// One layer. All coordinates are shares of the chart, (0, 0) at the bottom left; what is outside isn't drawn, and what
/// has no place (NaN) leaves a gap.
#[derive(Clone, Debug)]
pub enum Layer {
    /// A filled band: x, its lower and its upper edge, in order of x.
    Band {
        edges: Vec<(f64, f64, f64)>,
        style: Style,
    },
    Line {
        points: Vec<(f64, f64)>,
        weight: Weight,
        style: Style,
    },
    Mark {
        at: (f64, f64),
        shape: Shape,
        style: Style,
    },
}

/// A chart without its axes.
#[derive(Clone, Debug, Default)]
pub struct Sketch {
    layers: Vec<Layer>,
}

/// What a cell shows so far.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// Dots of lines, and the style of the topmost.
    line: u8,
    line_style: Style,
    band: u8,
    band_style: Style,
}

impl Sketch {
    /// On top of what is there.
    pub fn add(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// A number that changes when anything would be seen elsewhere on `across` × `down` pixels.
    pub fn fingerprint(&self, across: usize, down: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        let place = |(x, y): (f64, f64)| ((x * across as f64).round() as i32, (y * down as f64).round() as i32);
        for layer in &self.layers {
            std::mem::discriminant(layer).hash(&mut hasher);
            match layer {
                Layer::Band { edges, style } => {
                    style.fg.hash(&mut hasher);
                    for &(x, low, high) in edges {
                        (place((x, low)), place((x, high))).hash(&mut hasher);
                    }
                }
                Layer::Line { points, style, weight } => {
                    (style.fg, *weight == Weight::Thick).hash(&mut hasher);
                    points.iter().for_each(|point| place(*point).hash(&mut hasher));
                }
                Layer::Mark { at, shape, style } => {
                    (style.fg, std::mem::discriminant(shape), place(*at)).hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }

    /// Draws it with characters. A cell has one colour for its dots. Where lines cross it shows the dots of all of them
    /// in the colour of the last, so that none is interrupted; a band gives way to lines, or is the cell's background
    /// where dots touch each other.
    pub fn draw(&self, area: Rect, marker: Marker, buf: &mut Buffer) {
        let mut cells = vec![Cell::default(); area.area() as usize];
        for layer in &self.layers {
            match layer {
                Layer::Band { edges, style } => {
                    for (cell, bits) in cells.iter_mut().zip(band(edges, area, marker).cells()) {
                        if *bits != 0 {
                            (cell.band, cell.band_style) = (*bits, *style);
                        }
                    }
                }
                Layer::Line { points, weight, style } => {
                    let mut dots = Dots::new(area, marker);
                    for (from, to) in segments(points) {
                        match weight {
                            Weight::Thin => dots.line(from, to),
                            Weight::Thick => dots.thick_line(from, to),
                        }
                    }
                    for (cell, bits) in cells.iter_mut().zip(dots.cells()) {
                        if *bits != 0 {
                            (cell.line, cell.line_style) = (cell.line | bits, *style);
                        }
                    }
                }
                Layer::Mark { .. } => {}
            }
        }
        let dots = (marker.dots().0 * marker.dots().1) as u32;
        let width = usize::from(area.width.max(1));
        for (i, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.line | cell.band != 0) {
            let at = (area.x + (i % width) as u16, area.y + (i / width) as u16);
            let Some(shown) = buf.cell_mut(at) else { continue };
            if cell.line == 0 {
                shown.set_char(marker.character(cell.band)).set_style(cell.band_style);
                continue;
            }
            shown.set_char(marker.character(cell.line)).set_style(cell.line_style);
            let (free, banded) = (dots - cell.line.count_ones(), (cell.band & !cell.line).count_ones());
            if let Some(color) = cell.band_style.fg
                && marker.is_solid()
                && banded * 2 > free
            {
                shown.set_bg(color);
            }
        }
        for layer in &self.layers {
            if let Layer::Mark { at, shape, style } = layer
                && let Some(position) = cell_at(area, *at)
                && let Some(cell) = buf.cell_mut(position)
            {
                cell.set_char(shape.character(marker)).set_style(*style);
            }
        }
    }
}

/// Neighbouring points, and a point alone as a line to itself.
pub(super) fn segments(points: &[(f64, f64)]) -> impl Iterator<Item = ((f64, f64), (f64, f64))> + '_ {
    let placed = |p: &(f64, f64)| !p.0.is_nan() && !p.1.is_nan();
    let lone = move |i: usize| {
        let alone = |j: Option<usize>| j.and_then(|j| points.get(j)).is_none_or(|p| !placed(p));
        placed(&points[i]) && alone(i.checked_sub(1)) && alone(Some(i + 1))
    };
    let alone = (0..points.len()).filter(move |i| lone(*i)).map(|i| (points[i], points[i]));
    points.windows(2).filter(move |w| placed(&w[0]) && placed(&w[1])).map(|w| (w[0], w[1])).chain(alone)
}

/// The dots of a band: of each column of dots the smallest and the largest edge, and no gap to the column before.
fn band(edges: &[(f64, f64, f64)], area: Rect, marker: Marker) -> Dots {
    let mut dots = Dots::new(area, marker);
    let mut before: Option<(i64, i64, i64)> = None;
    let mut column: Option<(i64, i64, i64)> = None;
    let inside = |y: f64| y.clamp(-1.0, 2.0);
    for &(x, low, high) in edges.iter().filter(|e| !e.0.is_nan() && !e.1.is_nan() && !e.2.is_nan()) {
        let (at, bottom) = dots.dot((x, inside(low)));
        let (_, top) = dots.dot((x, inside(high)));
        column = match column {
            Some((same, t, b)) if same == at => Some((at, t.min(top), b.max(bottom))),
            finished => {
                if let Some(finished) = finished {
                    span(&mut dots, before, finished);
                    before = Some(finished);
                }
                Some((at, top, bottom))
            }
        };
    }
    if let Some(finished) = column {
        span(&mut dots, before, finished);
    }
    dots
}

/// One column of a band, and between it and the column before a bridge from one middle to the other where they are
/// apart.
fn span(dots: &mut Dots, before: Option<(i64, i64, i64)>, (x, top, bottom): (i64, i64, i64)) {
    let Some((x_before, top_before, bottom_before)) = before else { return dots.column(x, top, bottom) };
    let (middle, middle_before) = ((top + bottom) / 2, (top_before + bottom_before) / 2);
    let (top, bottom) = if top > bottom_before + 1 {
        (middle.min(bottom_before + 1), bottom)
    } else if bottom < top_before - 1 {
        (top, middle.max(top_before - 1))
    } else {
        (top, bottom)
    };
    for x_between in x_before + 1..x {
        let share = (x_between - x_before) as f64 / (x - x_before) as f64;
        let y = middle_before + ((middle - middle_before) as f64 * share).round() as i64;
        dots.set(x_between, y);
    }
    dots.column(x, top, bottom);
}

/// The cell at a place of the chart; `None` outside.
pub(super) fn cell_at(plot: Rect, (x, y): (f64, f64)) -> Option<(u16, u16)> {
    if plot.is_empty() || !(0.0..=1.0).contains(&x) || !(0.0..=1.0).contains(&y) {
        return None;
    }
    let column = plot.x + (x * f64::from(plot.width - 1)).round() as u16;
    let row = plot.bottom() - 1 - (y * f64::from(plot.height - 1)).round() as u16;
    Some((column, row))
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;

    const RED: Style = Style::new().fg(Color::Red);
    const BLUE: Style = Style::new().fg(Color::Blue);

    fn drawn(sketch: &Sketch, marker: Marker) -> Buffer {
        let area = Rect::new(0, 0, 9, 5);
        let mut buf = Buffer::empty(area);
        sketch.draw(area, marker, &mut buf);
        buf
    }

    fn line(from: (f64, f64), to: (f64, f64), weight: Weight, style: Style) -> Layer {
        Layer::Line { points: vec![from, to], weight, style }
    }

    #[test]
    fn crossing_lines_do_not_interrupt_each_other() {
        for marker in [Marker::Braille, Marker::Octant, Marker::Block] {
            let (falling, rising) = (((0.0, 1.0), (1.0, 0.0)), ((0.0, 0.0), (1.0, 1.0)));
            let mut both = Sketch::default();
            both.add(line(falling.0, falling.1, Weight::Thin, RED));
            both.add(line(rising.0, rising.1, Weight::Thin, BLUE));
            let area = Rect::new(0, 0, 9, 5);
            let dots = |(from, to)| {
                let mut dots = Dots::new(area, marker);
                dots.line(from, to);
                dots
            };
            let (red, blue) = (dots(falling), dots(rising));
            let buf = drawn(&both, marker);
            for (i, (a, b)) in red.cells().iter().zip(blue.cells()).enumerate() {
                let cell = &buf[((i % 9) as u16, (i / 9) as u16)];
                if a | b != 0 {
                    assert_eq!(cell.symbol(), marker.character(a | b).to_string(), "{marker:?}, cell {i}");
                    assert_eq!(cell.fg, if *b != 0 { Color::Blue } else { Color::Red }, "{marker:?}, cell {i}");
                }
            }
        }
    }

    #[test]
    fn a_band_reaches_up_to_the_line_on_it() {
        let mut sketch = Sketch::default();
        sketch.add(Layer::Band { edges: (0..18).map(|i| (f64::from(i) / 17.0, 0.0, 1.0)).collect(), style: RED });
        sketch.add(line((0.0, 0.5), (1.0, 0.5), Weight::Thin, BLUE));
        let buf = drawn(&sketch, Marker::Block);
        assert_eq!((buf[(4, 2)].fg, buf[(4, 2)].bg), (Color::Blue, Color::Red));
        assert_eq!(drawn(&sketch, Marker::Braille)[(4, 2)].bg, Color::Reset);
    }

    #[test]
    fn a_band_has_no_gaps_where_its_values_jump() {
        let edges = vec![(0.0, 0.9, 1.0), (0.05, 0.0, 0.1), (0.5, 0.9, 1.0), (1.0, 0.9, 1.0)];
        let dots = band(&edges, Rect::new(0, 0, 9, 5), Marker::Braille);
        let (width, height) = dots.size();
        let lit = |x: usize, y: usize| dots.cells()[y / 4 * 9 + x / 2] >> (y % 4 * 2 + x % 2) & 1 == 1;
        for x in 0..width {
            assert!((0..height).any(|y| lit(x, y)), "column {x} is empty");
        }
        assert!((0..height).all(|y| lit(0, y) || lit(1, y)), "the jump is drawn");
    }

    #[test]
    fn a_line_ends_where_its_points_end_and_a_lone_point_is_seen() {
        let mut sketch = Sketch::default();
        let points = vec![(0.0, 0.5), (0.3, 0.5), (0.4, f64::NAN), (0.75, 0.5), (0.8, f64::NAN)];
        sketch.add(Layer::Line { points, weight: Weight::Thin, style: RED });
        let buf = drawn(&sketch, Marker::Braille);
        let row: Vec<bool> = (0..9).map(|x| buf[(x, 2)].symbol() != " ").collect();
        assert_eq!(row, [true, true, true, false, false, false, true, false, false]);
    }

    #[test]
    fn thick_lines_are_thicker_where_cells_have_many_dots() {
        let count = |weight, marker| {
            let mut dots = Dots::new(Rect::new(0, 0, 9, 5), marker);
            match weight {
                Weight::Thin => dots.line((0.0, 0.5), (1.0, 0.5)),
                Weight::Thick => dots.thick_line((0.0, 0.5), (1.0, 0.5)),
            }
            dots.cells().iter().map(|bits| bits.count_ones()).sum::<u32>()
        };
        assert_eq!(count(Weight::Thick, Marker::Braille), 2 * count(Weight::Thin, Marker::Braille));
        assert_eq!(count(Weight::Thick, Marker::Ascii), count(Weight::Thin, Marker::Ascii));
    }

    #[test]
    fn the_fingerprint_is_of_what_is_seen() {
        let of = |y: f64, style| {
            let mut sketch = Sketch::default();
            sketch.add(line((0.0, y), (1.0, 0.5), Weight::Thin, style));
            sketch.fingerprint(100, 100)
        };
        assert_eq!(of(0.5, RED), of(0.5001, RED));
        assert_ne!(of(0.5, RED), of(0.52, RED));
        assert_ne!(of(0.5, RED), of(0.5, BLUE));
    }

    #[test]
    fn marks_lie_on_top_and_those_outside_are_left_out() {
        let mut sketch = Sketch::default();
        sketch.add(Layer::Mark { at: (0.5, 1.0), shape: Shape::Above, style: RED });
        sketch.add(Layer::Mark { at: (1.5, 1.0), shape: Shape::Disc, style: RED });
        sketch.add(line((0.0, 1.0), (1.0, 1.0), Weight::Thin, BLUE));
        assert_eq!(drawn(&sketch, Marker::Braille)[(4, 0)].symbol(), "▲");
        assert_eq!(drawn(&sketch, Marker::Ascii)[(4, 0)].symbol(), "^");
    }
}
