//! How many colours the terminal has, and the nearest it can show to a given one.

use ratatui::style::Color;

/// What the terminal can colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// 24-bit colours.
    TrueColor,
    /// The 6×6×6 cube and 24 greys of xterm.
    Ansi256,
    /// The 16 named colours.
    Ansi16,
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
            Capability::Ansi16 => NAMED.iter().min_by_key(|(c, _)| distance(*c, rgb)).map_or(Color::Reset, |(_, c)| *c),
            Capability::None => Color::Reset,
        }
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

fn nearest_indexed(rgb: [u8; 3]) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
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
    fn sixteen_colours_keep_the_hue() {
        assert_eq!(Capability::Ansi16.color([250, 80, 80]), Color::LightRed);
        assert_eq!(Capability::Ansi16.color([10, 10, 10]), Color::Black);
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        assert_eq!(Capability::None.color([250, 80, 80]), Color::Reset);
    }
}
