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
                    x = text(buf, place, Spelled::All);
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

/// Spells hats and bars alone, for a terminal that has the letters but can't set marks above them.
pub fn spell_marks(buf: &mut Buffer) {
    let area = buf.area;
    for y in area.top()..area.bottom() {
        let mut x = area.left();
        while x < area.right() {
            let place = Position { x, y };
            x = if kind(&buf[place]) == Kind::Text { text(buf, place, Spelled::Marks) } else { x + 1 };
        }
    }
}

/// What is put into ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelled {
    All,
    /// Letters under a hat or a bar.
    Marks,
}

/// A hat or a bar over a letter: x̂ is not x. And the Greek that a console's font lacks: η is not n.
fn is_marked(cell: &Cell) -> bool {
    let mut chars = cell.symbol().chars();
    let first = chars.next();
    chars.next().is_some() && !cell.symbol().is_ascii() || matches!(first, Some('ᾱ' | 'ŵ' | 'η' | 'λ' | 'ρ' | 'γ'))
}

/// Spells the text that begins at `from`; returns the column behind it and its spaces.
fn text(buf: &mut Buffer, from: Position, what: Spelled) -> u16 {
    let (y, last) = (from.y, buf.area.right());
    let mut cells: Vec<Cell> = Vec::new();
    let mut stop = from.x;
    // Words with single spaces between them. Where hats and bars need more room than there is behind them, what follows
    // moves up to them.
    let slack = loop {
        let of = |x: u16| if x < last { kind(&buf[(x, y)]) } else { Kind::Barrier };
        let begin = stop;
        let mut end = begin;
        while of(end) == Kind::Text || of(end) == Kind::Space && of(end + 1) == Kind::Text {
            // With the second column of a wide letter.
            end = (end + buf[(end, y)].symbol().width().max(1) as u16).min(last);
        }
        cells.extend((begin..end).map(|x| buf[(x, y)].clone()));
        stop = end;
        while of(stop) == Kind::Space {
            stop += 1;
        }
        // A space stays before what follows.
        let slack = usize::from(stop - from.x).saturating_sub(cells.len() + usize::from(stop < last));
        let owed: usize = cells.iter().filter(|cell| is_marked(cell)).map(|cell| spelling(cell).len() - 1).sum();
        if owed <= slack || of(stop) != Kind::Text {
            break slack;
        }
        cells.push(buf[(stop - 1, y)].clone());
    };
    let stays = |cell: &Cell| cell.symbol().is_ascii() || what == Spelled::Marks && !is_marked(cell);
    if cells.iter().all(stays) {
        return stop;
    }
    let written = spell(&cells, slack, what).unwrap_or_else(|| one_each(&cells, what));
    for (i, x) in (from.x..stop).enumerate() {
        match written.get(i) {
            Some(&(c, like)) => buf[(x, y)].set_char(c).set_style(cells[like].style()),
            None => buf[(x, y)].set_char(' '),
        };
    }
    stop
}

/// In ASCII, a whole word where the letter has one.
fn spelling(cell: &Cell) -> String {
    let mut word = String::new();
    ascii::each(cell.symbol(), |_, spelled| word.push_str(spelled));
    if word.is_empty() { " ".into() } else { word }
}

/// The characters of the spelling, each with the cell that it comes from, in no more than `slack` columns beyond the
/// cells'; nothing where a cell is two columns wide. Hats and bars are spelled before all else; the rest whole, or letter
/// by letter.
fn spell(cells: &[Cell], slack: usize, what: Spelled) -> Option<Vec<(char, usize)>> {
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
    let mut left = slack;
    let mut whole: Vec<bool> = words.iter().map(|word| word.len() < 2).collect();
    for i in (0..cells.len()).filter(|&i| is_marked(&cells[i])) {
        let more = words[i].len().saturating_sub(1);
        whole[i] = more <= left;
        left -= if whole[i] { more } else { 0 };
    }
    let plain = |i: usize| !is_marked(&cells[i]);
    let rest: usize = (0..cells.len()).filter(|&i| plain(i)).map(|i| words[i].len().saturating_sub(1)).sum();
    let rest_fits = rest <= left;
    let letters = one_each(cells, what);
    let of_cell = |i: usize| match (what, whole[i] || rest_fits && plain(i)) {
        (Spelled::Marks, _) if plain(i) => vec![letters[i]],
        (_, true) => words[i].chars().map(|c| (c, i)).collect(),
        _ => vec![letters[i]],
    };
    Some((0..cells.len()).flat_map(of_cell).collect())
}

/// A letter for each column.
fn one_each(cells: &[Cell], what: Spelled) -> Vec<(char, usize)> {
    let mut out: Vec<(char, usize)> = Vec::with_capacity(cells.len());
    for (i, cell) in cells.iter().enumerate() {
        // The second column of a wide one has been written.
        if out.len() > i {
            continue;
        }
        let c = cell.symbol().chars().next().unwrap_or(' ');
        let c = if what == Spelled::All { ascii::letter(c) } else { c };
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
        assert_eq!(folded("│ x̂_0 at t  step 5   │", 22), "| xhat_0 at t step 5 |", "what follows moves up");
    }

    #[test]
    fn hats_and_bars_alone_are_spelled_where_the_letters_are_known() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 31, 1));
        buf.set_string(0, 0, "│ t 9  ᾱ 0.5  σ 0.66 x̂_0      │", Style::default());
        spell_marks(&mut buf);
        let row: String = buf.content.iter().map(Cell::symbol).collect();
        assert_eq!(row, "│ t 9  abar 0.5 σ 0.66 xhat_0 │");
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
