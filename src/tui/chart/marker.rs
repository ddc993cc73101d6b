//! How dots become characters.

use ratatui::symbols::pixel::OCTANTS;

/// The set of characters that curves are drawn with. Braille is the finest, but some fonts make it
/// unreadable, so it is a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Marker {
    /// 2 × 4 dots a cell.
    Braille,
    /// As many, without gaps between them; few terminals have these characters (Unicode 16).
    Octant,
    /// Quadrants: 2 × 2 dots a cell.
    Block,
    /// `'`, `.` and `:`: 1 × 2 dots a cell, in any font.
    Ascii,
}

impl Marker {
    /// The next one, round and round; octants only where the terminal has them: others lose count of their columns.
    pub fn next(self, has_octants: bool) -> Self {
        match self {
            Marker::Braille if has_octants => Marker::Octant,
            Marker::Braille => Marker::Block,
            Marker::Octant => Marker::Block,
            Marker::Block => Marker::Ascii,
            Marker::Ascii => Marker::Braille,
        }
    }

    /// "braille".
    pub fn name(self) -> &'static str {
        match self {
            Marker::Braille => "braille",
            Marker::Octant => "octants",
            Marker::Block => "blocks",
            Marker::Ascii => "ASCII",
        }
    }

    /// Dots of one cell, across and down.
    pub fn dots(self) -> (usize, usize) {
        match self {
            Marker::Braille | Marker::Octant => (2, 4),
            Marker::Block => (2, 2),
            Marker::Ascii => (1, 2),
        }
    }

    /// Do neighbouring dots touch?
    pub fn is_solid(self) -> bool {
        matches!(self, Marker::Octant | Marker::Block)
    }

    /// The character for a cell whose dot (x, y) is set when bit `y · across + x` of `bits` is.
    pub fn character(self, bits: u8) -> char {
        match self {
            Marker::Braille => {
                // Unicode numbers braille dots down the columns first, the lowest row last.
                const DOT: [u32; 8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];
                let code = (0..8).filter(|i| bits >> i & 1 == 1).map(|i| DOT[i]).sum::<u32>();
                char::from_u32(0x2800 + code).unwrap_or(' ')
            }
            Marker::Octant => OCTANTS[usize::from(bits)],
            Marker::Block => {
                const QUADRANTS: [char; 16] =
                    [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];
                QUADRANTS[usize::from(bits & 15)]
            }
            Marker::Ascii => [' ', '\'', '.', ':'][usize::from(bits & 3)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_become_the_right_characters() {
        assert_eq!(Marker::Braille.character(0b0000_0001), '⠁');
        assert_eq!(Marker::Braille.character(0b0000_0010), '⠈');
        assert_eq!(Marker::Braille.character(0b1100_0000), '⣀');
        assert_eq!(Marker::Braille.character(0xff), '⣿');
        assert_eq!(Marker::Octant.character(0b0000_0001), '\u{1cea8}');
        assert_eq!(Marker::Octant.character(0b0000_0100), '\u{1cd00}');
        assert_eq!(Marker::Octant.character(0b0000_1111), '▀');
        assert_eq!(Marker::Octant.character(0xff), '█');
        assert_eq!(Marker::Block.character(0b0110), '▞');
        assert_eq!(Marker::Ascii.character(0b10), '.');
    }

    #[test]
    fn the_markers_go_round() {
        let next = |marker: Marker| marker.next(true);
        assert_eq!(next(next(next(next(Marker::Braille)))), Marker::Braille);
        assert_eq!(Marker::Braille.next(false), Marker::Block);
    }
}
