//! `:`: type what you want, Enter does it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::dialog;
use crate::tui::state::{CommandPalette, State};
use crate::tui::theme::Role;
use crate::tui::words::{columns, shorten};

const ROWS: u16 = 12;

/// Draws it.
pub fn palette(state: &State, palette: &CommandPalette, screen: Rect, buf: &mut Buffer) {
    let theme = &state.theme;
    let inner = dialog::open(state, screen, "Command", 72, ROWS + 2, buf);
    let width = usize::from(inner.width);
    if inner.height < 3 || width < 10 {
        return;
    }
    let typed = format!(": {}", palette.text);
    buf.set_stringn(inner.x, inner.y, &typed, width, theme.style(Role::Strong));
    let cursor = inner.x + (columns(&typed) as u16).min(inner.width - 1);
    if let Some(cell) = buf.cell_mut((cursor, inner.y)) {
        cell.set_style(theme.selected());
    }
    let matches = palette.matches();
    if matches.is_empty() {
        buf.set_stringn(inner.x, inner.y + 2, "nothing like that; Esc closes", width, theme.style(Role::Dim));
        return;
    }
    let rows = usize::from(inner.height - 2);
    let chosen = palette.chosen.min(matches.len() - 1);
    let first = chosen.saturating_sub(rows.saturating_sub(1));
    for (i, (_, title, keys)) in matches.iter().enumerate().skip(first).take(rows) {
        let y = inner.y + 2 + (i - first) as u16;
        let title = shorten(title, width.saturating_sub(columns(keys) + 3));
        let pad = " ".repeat(width.saturating_sub(columns(&title) + columns(keys)));
        if i == chosen {
            buf.set_stringn(inner.x, y, format!("{title}{pad}{keys}"), width, theme.selected());
        } else {
            buf.set_stringn(inner.x, y, &title, width, theme.style(Role::Text));
            let x = inner.right() - columns(keys) as u16;
            buf.set_string(x, y, keys, theme.style(Role::Dim));
        }
    }
}
