//! How many colours the terminal has, and the nearest it can show to a given one.

use ratatui::style::Color;

use crate::picture::palette::contrast;

/// What the terminal can colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// 24-bit colours.
    TrueColor,
    /// The 6×6×6 cube and 24 greys of xterm.
    Ansi256,
    /// The 16 named colours.
    Ansi16,
    /// The Linux console: 16 colours to write with, but only the 8 dark ones to write on.
    Console,
    /// No colours at all (`NO_COLOR`): emphasis is bold, reversed or dim.
    None,
}

/// xterm's default values of the 16 named colours.
const NAMED: [([u8; 3], Color); 16] = [
    ([0, 0, 0], Color::Black),
    ([205, 0, 0], Color::Red),
    ([0, 205, 0], Color::Green),
    ([205, 205, 0], Color::Yellow),
    ([0, 0, 238], Color::Blue),
    ([205, 0, 205], Color::Magenta),
    ([0, 205, 205], Color::Cyan),
    ([229, 229, 229], Color::Gray),
    ([127, 127, 127], Color::DarkGray),
    ([255, 92, 92], Color::LightRed),
    ([92, 255, 92], Color::LightGreen),
    ([255, 255, 92], Color::LightYellow),
    ([92, 92, 255], Color::LightBlue),
    ([255, 92, 255], Color::LightMagenta),
    ([92, 255, 255], Color::LightCyan),
    ([255, 255, 255], Color::White),
];

impl Capability {
    /// The nearest colour that the terminal can show; `Reset` without colours.
    pub fn color(self, rgb: [u8; 3]) -> Color {
        match self {
            Capability::TrueColor => Color::Rgb(rgb[0], rgb[1], rgb[2]),
            Capability::Ansi256 => Color::Indexed(nearest_indexed(rgb)),
            Capability::Ansi16 | Capability::Console => {
                NAMED.iter().min_by_key(|(c, _)| distance(*c, rgb)).map_or(Color::Reset, |(_, c)| *c)
            }
            Capability::None => Color::Reset,
        }
    }

    /// The colour that the terminal shows for this one, as far as that is known.
    pub fn shown(self, rgb: [u8; 3]) -> [u8; 3] {
        if self == Capability::Ansi256 { rgb_of(nearest_indexed(rgb)) } else { rgb }
    }

    /// As [`Capability::color`], and at least `ratio` in contrast to `paper`, where the terminal has such a colour.
    pub fn legible(self, rgb: [u8; 3], paper: [u8; 3], ratio: f64) -> Color {
        if self != Capability::Ansi256 {
            return self.color(rgb);
        }
        let reads = |index: &u8| contrast(rgb_of(*index), paper) >= ratio;
        let nearest = (16..=255).filter(reads).min_by_key(|&index| distance(rgb_of(index), rgb));
        Color::Indexed(nearest.unwrap_or_else(|| nearest_indexed(rgb)))
    }

    /// Are these the 16 colours?
    pub fn is_named(self) -> bool {
        matches!(self, Capability::Ansi16 | Capability::Console)
    }

    /// Can two shades be told apart at all?
    pub fn has_colors(self) -> bool {
        self != Capability::None
    }
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let d = |i: usize| u32::from(a[i].abs_diff(b[i]));
    // Green weighs most to the eye.
    2 * d(0) * d(0) + 4 * d(1) * d(1) + 3 * d(2) * d(2)
}

const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The colour at an index from 16 on: of the cube, then of the greys.
fn rgb_of(index: u8) -> [u8; 3] {
    match index.saturating_sub(16) {
        cube @ 0..216 => [cube / 36, cube / 6 % 6, cube % 6].map(|level| LEVELS[usize::from(level)]),
        grey => [8 + 10 * (grey - 216); 3],
    }
}

fn nearest_indexed(rgb: [u8; 3]) -> u8 {
    let level = |v: u8| (0..6).min_by_key(|&i: &usize| LEVELS[i].abs_diff(v)).unwrap_or(0);
    let [r, g, b] = rgb.map(level);
    let cube = [LEVELS[r], LEVELS[g], LEVELS[b]];
    let mean = rgb.iter().map(|&v| u32::from(v)).sum::<u32>() / 3;
    let step = ((mean.saturating_sub(3)) / 10).min(23) as u8;
    let grey = 8 + 10 * step;
    if distance([grey; 3], rgb) < distance(cube, rgb) { 232 + step } else { (16 + 36 * r + 6 * g + b) as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_colours_of_the_cube_and_the_greys_map_to_themselves() {
        assert_eq!(Capability::Ansi256.color([255, 0, 0]), Color::Indexed(196));
        assert_eq!(Capability::Ansi256.color([95, 135, 175]), Color::Indexed(67));
        assert_eq!(Capability::Ansi256.color([118, 118, 118]), Color::Indexed(243));
    }

    #[test]
    fn of_256_colours_the_nearest_that_reads_is_taken() {
        let paper = Capability::Ansi256.shown([252, 252, 250]);
        let Color::Indexed(index) = Capability::Ansi256.legible([164, 56, 122], paper, 4.5) else { panic!() };
        assert!(contrast(rgb_of(index), [255; 3]) >= 4.5);
        assert_eq!(rgb_of(67), [95, 135, 175]);
        assert_eq!((rgb_of(232), rgb_of(255), rgb_of(231)), ([8; 3], [238; 3], [255; 3]));
    }

    #[test]
    fn sixteen_colours_keep_the_hue() {
        assert_eq!(Capability::Ansi16.color([250, 80, 80]), Color::LightRed);
        assert_eq!(Capability::Ansi16.color([10, 10, 10]), Color::Black);
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        assert_eq!(Capability::None.color([250, 80, 80]), Color::Reset);
    }
}
