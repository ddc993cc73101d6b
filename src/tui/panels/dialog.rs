//! A box over the panels.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::outline::outline;
use crate::tui::state::State;
use crate::tui::theme::Role;

/// Columns of text in a box on this screen, of those that are wanted.
pub fn columns(screen: Rect, wanted: usize) -> usize {
    wanted.min(usize::from(screen.width.saturating_sub(6))).max(10)
}

/// Clears a box in the middle of `screen`, with room for `columns` × `rows` inside where the screen has it;
/// returns the inside.
pub fn open(state: &State, screen: Rect, title: &str, columns: u16, rows: u16, buf: &mut Buffer) -> Rect {
    let width = columns.saturating_add(6).min(screen.width);
    let height = rows.saturating_add(4).min(screen.height);
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    let inside = open_at(state, area, title, buf);
    let air = u16::from(height >= rows.saturating_add(4));
    Rect { y: (inside.y + air).min(area.bottom()), height: inside.height.saturating_sub(2 * air), ..inside }
}

/// Clears a box at this place; returns its inside.
pub fn open_at(state: &State, area: Rect, title: &str, buf: &mut Buffer) -> Rect {
    for position in area.positions() {
        if let Some(cell) = buf.cell_mut(position) {
            cell.reset();
            cell.set_style(state.theme.dialog());
        }
    }
    outline(area, Role::Accent, &state.theme, state.plots.marker, buf);
    let room = usize::from(area.width.saturating_sub(4));
    buf.set_stringn(area.x + 2, area.y, format!(" {title} "), room, state.theme.style(Role::Accent));
    Rect {
        x: (area.x + 3).min(area.right()),
        y: (area.y + 1).min(area.bottom()),
        width: area.width.saturating_sub(6),
        height: area.height.saturating_sub(2),
    }
}

/// Draws lines from the `scroll`-th on; the last page at most. Says at the bottom when there are more.
pub fn scrolled(state: &State, lines: &[Line], scroll: usize, inner: Rect, buf: &mut Buffer) {
    let rows = usize::from(inner.height);
    let first = scroll.min(lines.len().saturating_sub(rows));
    for (i, line) in lines.iter().skip(first).take(rows).enumerate() {
        buf.set_line(inner.x, inner.y + i as u16, line, inner.width);
    }
    if lines.len() > first + rows {
        let more = format!(" {} more: ↓ ", lines.len() - first - rows);
        let width = crate::tui::words::columns(&more) as u16;
        if width <= inner.width {
            buf.set_string(inner.right() - width, inner.bottom(), more, state.theme.style(Role::Dim));
        }
    }
}
