//! The drawn screen for a terminal that has nothing but ASCII: every cell of it, so that no panel can forget.

use ratatui::buffer::{Buffer, Cell, CellDiffOption};
use ratatui::layout::Position;
use ratatui::style::Color;
use unicode_width::UnicodeWidthStr;

use crate::ascii;

/// Puts ASCII in the place of everything else. Words are spelled where the spaces behind them give room, else a
/// letter stands for a letter; filled blocks become spaces of their colour where there are colours.
pub fn fold(buf: &mut Buffer, has_colors: bool) {
    let area = buf.area;
    for y in area.top()..area.bottom() {
        let mut x = area.left();
        while x < area.right() {
            let place = Position { x, y };
            match kind(&buf[place]) {
                Kind::Drawn => draw(&mut buf[place], has_colors),
                Kind::Text => {
                    x = text(buf, place);
                    continue;
                }
                Kind::Barrier | Kind::Space => {}
            }
            x += 1;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Space,
    Text,
    /// Lines, dots and blocks: a cell stays one.
    Drawn,
    /// ASCII that nothing is shifted over: borders, and the data of pictures.
    Barrier,
}

fn kind(cell: &Cell) -> Kind {
    let symbol = cell.symbol();
    match symbol.chars().next() {
        _ if cell.diff_option != CellDiffOption::None || symbol.len() > 1 && symbol.is_ascii() => Kind::Barrier,
        None | Some(' ') => Kind::Space,
        Some('|') => Kind::Barrier,
        Some('\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}') => Kind::Drawn,
        Some(_) => Kind::Text,
    }
}

/// Spells the text that begins at `from`; returns the column behind it and its spaces.
fn text(buf: &mut Buffer, from: Position) -> u16 {
    let (y, last) = (from.y, buf.area.right());
    let of = |x: u16| if x < last { kind(&buf[(x, y)]) } else { Kind::Barrier };
    let mut end = from.x;
    while of(end) == Kind::Text || of(end) == Kind::Space && of(end + 1) == Kind::Text {
        // With the second column of a wide letter.
        end = (end + buf[(end, y)].symbol().width().max(1) as u16).min(last);
    }
    let mut stop = end;
    while of(stop) == Kind::Space {
        stop += 1;
    }
    let cells: Vec<Cell> = (from.x..end).map(|x| buf[(x, y)].clone()).collect();
    if cells.iter().all(|cell| cell.symbol().is_ascii()) {
        return stop;
    }
    // A space stays before what follows.
    let slack = usize::from(stop - end).saturating_sub(usize::from(stop < last));
    let written = spell(&cells, slack).unwrap_or_else(|| one_each(&cells));
    let blank = (' ', cells.len().saturating_sub(1));
    for (i, x) in (from.x..stop).enumerate() {
        let (c, like) = match written.get(i) {
            Some(&written) => written,
            None if i < cells.len() => blank,
            None => break,
        };
        let style = cells[like].style();
        buf[(x, y)].set_char(c).set_style(style);
    }
    stop
}

/// The characters of the spelling, each with the cell that it comes from, in no more than `slack` columns beyond the
/// cells'; nothing where a cell is two columns wide. A hat or a bar is spelled before all else, as x̂ is not x; the rest
/// whole, or letter by letter.
fn spell(cells: &[Cell], slack: usize) -> Option<Vec<(char, usize)>> {
    if cells.iter().any(|cell| cell.symbol().width() != 1) {
        return None;
    }
    let line: String = cells.iter().map(Cell::symbol).collect();
    let owners: Vec<usize> =
        cells.iter().enumerate().flat_map(|(i, cell)| cell.symbol().chars().map(move |_| i)).collect();
    let mut words = vec![String::new(); cells.len()];
    let mut nth = 0;
    ascii::each(&line, |_, spelled| {
        words[owners[nth]].push_str(spelled);
        nth += 1;
    });
    let marked = |i: usize| cells[i].symbol().chars().nth(1).is_some();
    let mut left = slack;
    let mut whole: Vec<bool> = words.iter().map(|word| word.len() < 2).collect();
    for i in (0..cells.len()).filter(|&i| marked(i)) {
        let more = words[i].len().saturating_sub(1);
        whole[i] = more <= left;
        left -= if whole[i] { more } else { 0 };
    }
    let rest: usize = (0..cells.len()).filter(|&i| !marked(i)).map(|i| words[i].len().saturating_sub(1)).sum();
    let rest_fits = rest <= left;
    let letters = one_each(cells);
    let of_cell = |i: usize| match whole[i] || rest_fits && !marked(i) {
        true => words[i].chars().map(|c| (c, i)).collect(),
        false => vec![letters[i]],
    };
    Some((0..cells.len()).flat_map(of_cell).collect())
}

/// A letter for each column.
fn one_each(cells: &[Cell]) -> Vec<(char, usize)> {
    let mut out: Vec<(char, usize)> = Vec::with_capacity(cells.len());
    for (i, cell) in cells.iter().enumerate() {
        // The second column of a wide one has been written.
        if out.len() > i {
            continue;
        }
        let c = cell.symbol().chars().next().map_or(' ', ascii::letter);
        out.extend(std::iter::repeat_n((c, i), cell.symbol().width().clamp(1, cells.len() - i)));
    }
    out
}

fn draw(cell: &mut Cell, has_colors: bool) {
    let Some(c) = cell.symbol().chars().next() else { return };
    let filled = match c {
        '█' | '▉' | '▊' | '▋' | '▌' => Some(cell.fg),
        '▀' | '▄' => Some(between(cell.fg, cell.bg)),
        _ => None,
    };
    match filled {
        Some(color) if has_colors && color != Color::Reset => {
            cell.set_char(' ').set_bg(color);
        }
        _ => {
            cell.set_char(ascii::letter(c));
        }
    }
}

/// Halfway between two colours; the first, where nothing lies between them.
fn between(a: Color, b: Color) -> Color {
    let mean = |a: u8, b: u8| u8::midpoint(a, b);
    match (a, b) {
        (Color::Rgb(r, g, b), Color::Rgb(s, h, c)) => Color::Rgb(mean(r, s), mean(g, h), mean(b, c)),
        (Color::Reset, other) => other,
        (color, _) => color,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn folded(line: &str, width: u16) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, width, 1));
        buf.set_string(0, 0, line, Style::default());
        fold(&mut buf, false);
        let mut out = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buf[(x, 0)].symbol();
            out.push_str(symbol);
            x += symbol.width().max(1) as u16;
        }
        out.trim_end().to_owned()
    }

    #[test]
    fn words_are_spelled_where_there_is_room_and_borders_stay() {
        assert_eq!(folded("│ σ 0.66 · ᾱ 0.5          │x", 28), "| sigma 0.66 | abar 0.5   |x");
        assert_eq!(folded("│ σ 0.66 · ᾱ 0.5 │x", 20), "| s 0.66 | a 0.5 |x");
        assert_eq!(folded("╭─ Loss ─ σ ─╮", 14), "+- Loss - s -+");
        assert_eq!(folded("│ x̂_0 and ε̂          │", 22), "| xhat_0 and epshat  |");
        assert_eq!(folded("│ x̂_0 of σ    │", 15), "| xhat_0 of s |", "the hat before the rest");
    }

    #[test]
    fn wide_letters_keep_their_columns() {
        assert_eq!(folded("猫 cat │", 10), "?? cat |");
        assert_eq!(folded("σ猫 │", 10), "s?? |");
    }

    #[test]
    fn blocks_are_coloured_spaces_and_pictures_data_is_left_alone() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 4, 1));
        buf[(0, 0)].set_symbol("▀").set_fg(Color::Rgb(0, 0, 0)).set_bg(Color::Rgb(100, 200, 50));
        buf[(1, 0)].set_symbol("█").set_fg(Color::Red);
        buf[(2, 0)].set_symbol("\x1bPq#0\x1b\\");
        buf[(3, 0)].set_symbol("█").set_fg(Color::Reset);
        fold(&mut buf, true);
        assert_eq!((buf[(0, 0)].symbol(), buf[(0, 0)].bg), (" ", Color::Rgb(50, 100, 25)));
        assert_eq!((buf[(1, 0)].symbol(), buf[(1, 0)].bg), (" ", Color::Red));
        assert_eq!(buf[(2, 0)].symbol(), "\x1bPq#0\x1b\\");
        assert_eq!(buf[(3, 0)].symbol(), "#");
    }
}
