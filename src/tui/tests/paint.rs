//! A screen as text: the characters, and under them the colours as runs of cells.

use std::fmt::Write;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Color;

use crate::tui::pictures::{Ascii, HalfBlocks, Pictures};
use crate::tui::state::State;
use crate::tui::view::view;

/// Draws a state at its size.
pub fn buffer(state: &State) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(state.terminal_size().0, state.terminal_size().1)).unwrap();
    let half_blocks = HalfBlocks { capability: state.theme.capability };
    let pictures: &dyn Pictures = if state.theme.capability.has_colors() { &half_blocks } else { &Ascii };
    terminal.draw(|frame| view(state, frame, pictures)).unwrap();
    terminal.backend().buffer().clone()
}

/// The characters alone.
pub fn characters(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// The characters, then each row's styles: "12×e0e1e8/101218+bold", a dot for the terminal's own colour.
pub fn text(state: &State) -> String {
    let buffer = buffer(state);
    let mut out = characters(&buffer);
    out.push_str("\ncolours\n");
    for y in 0..buffer.area.height {
        write!(out, "{y:>3} ").unwrap();
        let mut x = 0;
        while x < buffer.area.width {
            let style = style(&buffer[(x, y)]);
            let run = (x..buffer.area.width).take_while(|x| self::style(&buffer[(*x, y)]) == style).count();
            write!(out, " {run}×{style}").unwrap();
            x += run as u16;
        }
        out.push('\n');
    }
    out
}

fn style(cell: &Cell) -> String {
    let color = |c: Color| match c {
        Color::Reset => ".".to_string(),
        Color::Rgb(r, g, b) => format!("{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(i) => i.to_string(),
        named => named.to_string(),
    };
    // A blank cell has no visible foreground.
    let fg = if cell.symbol() == " " { ".".into() } else { color(cell.fg) };
    let mut out = format!("{fg}/{}", color(cell.bg));
    if !cell.modifier.is_empty() && cell.symbol() != " " {
        write!(out, "+{}", format!("{:?}", cell.modifier).to_lowercase()).unwrap();
    }
    out
}
