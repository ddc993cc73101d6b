//! `!`: what has been said so far, the newest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::tui::format::{clock, right};
use crate::tui::state::{Gravity, State};
use crate::tui::theme::Role;
use crate::tui::words::wrap;

/// Draws it.
pub fn messages(state: &State, scroll: usize, screen: Rect, buf: &mut Buffer) {
    let width = screen.width.saturating_sub(10).min(110);
    let text_width = usize::from(width).saturating_sub(10);
    let mut lines: Vec<Line> = Vec::new();
    for item in state.news.items().rev() {
        let role = match item.gravity {
            Gravity::Info => Role::Text,
            Gravity::Warning => Role::Warning,
            Gravity::Error => Role::Error,
        };
        for (i, text) in wrap(&item.text, text_width).into_iter().enumerate() {
            let when = if i == 0 { clock(item.at) } else { String::new() };
            lines.push(Line::from(vec![
                Span::styled(format!("{}  ", right(when, 7)), state.theme.style(Role::Dim)),
                Span::styled(text, state.theme.style(role)),
            ]));
        }
    }
    if lines.is_empty() {
        lines.push(Line::from(Span::styled("nothing so far", state.theme.style(Role::Dim))));
    }
    let inner = dialog::open(state, screen, "Messages", width, lines.len().max(3) as u16, buf);
    dialog::scrolled(state, &lines, scroll, inner, buf);
}
