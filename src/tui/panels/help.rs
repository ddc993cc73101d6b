//! `?`: every key and what it does, from the binding table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::tui::bindings::{BINDINGS, Group};
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::{columns, wrap};

const TEXT: usize = 58;

/// Draws it.
pub fn help(state: &State, scroll: usize, screen: Rect, buf: &mut Buffer) {
    let two_columns = screen.width >= 150;
    let blocks: Vec<Vec<Line>> = Group::ALL.into_iter().map(|group| block(state, group)).collect();
    let keys = key_column();
    let width = (keys + 2 + TEXT) as u16;
    if !two_columns {
        let lines: Vec<Line> = blocks.into_iter().flatten().collect();
        let inner = dialog::open(state, screen, "Keys", width, lines.len() as u16, buf);
        dialog::scrolled(state, &lines, scroll, inner, buf);
        return;
    }
    // As even as whole groups allow.
    let total: usize = blocks.iter().map(Vec::len).sum();
    let (mut left, mut right): (Vec<Line>, Vec<Line>) = (Vec::new(), Vec::new());
    for block in blocks {
        if left.len() + block.len() / 2 <= total / 2 { left.extend(block) } else { right.extend(block) }
    }
    let rows = left.len().max(right.len()) as u16;
    let inner = dialog::open(state, screen, "Keys", 2 * width + 4, rows, buf);
    let half = Rect { width: (inner.width / 2).saturating_sub(2), ..inner };
    dialog::scrolled(state, &left, scroll, half, buf);
    let second = Rect { x: inner.x + inner.width / 2 + 2, ..half };
    dialog::scrolled(state, &right, scroll, second, buf);
}

fn key_column() -> usize {
    BINDINGS.iter().map(|b| columns(&b.keys_label())).max().unwrap_or(0)
}

fn block(state: &State, group: Group) -> Vec<Line<'static>> {
    let theme = &state.theme;
    let keys = key_column();
    let mut lines = vec![Line::from(Span::styled(group.title(), theme.style(Role::Strong)))];
    for binding in BINDINGS.iter().filter(|b| b.group == group) {
        let label = binding.keys_label();
        let pad = " ".repeat(keys - columns(&label) + 2);
        for (i, text) in wrap(binding.help, TEXT).into_iter().enumerate() {
            let lead = if i == 0 { format!("{label}{pad}") } else { " ".repeat(keys + 2) };
            lines.push(Line::from(vec![
                Span::styled(lead, theme.style(Role::Accent)),
                Span::styled(text, theme.style(Role::Text)),
            ]));
        }
    }
    lines.push(Line::default());
    lines
}
