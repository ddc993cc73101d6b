//! Drawings of lines and dots among text: eight dots a cell, in the colour of what is brightest there.

use image::{RgbImage, imageops};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::state::State;

/// Dots of a braille cell: their column, row and bit.
const DOTS: [(u32, u32, u32); 8] =
    [(0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 0, 3), (1, 1, 4), (1, 2, 5), (0, 3, 6), (1, 3, 7)];
/// So much brighter than the ground is drawn.
const LEAST: i32 = 24;

/// The drawing in at most so many columns and rows.
pub fn lines(state: &State, drawing: &RgbImage, (columns, rows): (usize, usize)) -> Vec<Line<'static>> {
    let (w, h) = (f64::from(drawing.width().max(1)), f64::from(drawing.height().max(1)));
    let scale = (2.0 * columns as f64 / w).min(4.0 * rows as f64 / h);
    let (wide, high) = (((w * scale) as u32 / 2).max(1), ((h * scale) as u32 / 4).max(1));
    let dots = imageops::resize(drawing, 2 * wide, 4 * high, imageops::FilterType::Triangle);
    let ground = dots.pixels().map(|pixel| brightness(pixel.0)).min().unwrap_or(0);
    let cell = |column: u32, row: u32| -> Span<'static> {
        let (mut bits, mut brightest) = (0, [0; 3]);
        for (x, y, bit) in DOTS {
            let color = dots.get_pixel(2 * column + x, 4 * row + y).0;
            if brightness(color) > ground + LEAST {
                bits |= 1 << bit;
                if brightness(color) > brightness(brightest) {
                    brightest = color;
                }
            }
        }
        let symbol = char::from_u32(0x2800 + bits).unwrap_or(' ').to_string();
        let [red, green, blue] = brightest;
        Span::styled(symbol, Style::new().fg(state.theme.capability.color([red, green, blue])))
    };
    (0..high).map(|row| Line::from((0..wide).map(|column| cell(column, row)).collect::<Vec<_>>())).collect()
}

fn brightness(color: [u8; 3]) -> i32 {
    color.iter().map(|part| i32::from(*part)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::tui::options::ScreenOptions;

    #[test]
    fn a_line_is_dots_in_its_colour_and_the_ground_is_empty() {
        let mut drawing = RgbImage::from_pixel(16, 16, Rgb([20, 20, 24]));
        (0..16).for_each(|i| drawing.put_pixel(i, i, Rgb([250, 90, 10])));
        let state = State::new(ScreenOptions::default());
        let lines = lines(&state, &drawing, (8, 4));
        let symbols: Vec<String> =
            lines.iter().map(|line| line.spans.iter().map(|span| span.content.to_string()).collect()).collect();
        assert_eq!(symbols.len(), 4);
        assert_eq!(symbols[0].chars().nth(7), Some('\u{2800}'));
        assert!(
            symbols.iter().enumerate().all(|(row, line)| line.chars().nth(2 * row) != Some('\u{2800}')),
            "{symbols:?}"
        );
    }
}
