//! The last lines: what has just happened, and which keys do what.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::bindings::{BINDINGS, Binding, Hint};
use crate::tui::state::{Gravity, Item, State};
use crate::tui::theme::Role;
use crate::tui::words::shorten;

/// Draws the message, in a row of its own or in place of the hints, and the hints.
pub fn footer(state: &State, status: Option<Rect>, footer: Rect, buf: &mut Buffer) {
    let news = state.news.showing();
    match (news, status) {
        (Some(item), Some(row)) => {
            message(state, item, row, buf);
            hints(state, footer, buf);
        }
        (Some(item), None) => message(state, item, footer, buf),
        (None, _) => hints(state, footer, buf),
    }
}

fn message(state: &State, item: &Item, row: Rect, buf: &mut Buffer) {
    let role = match item.gravity {
        Gravity::Info => Role::Text,
        Gravity::Warning => Role::Warning,
        Gravity::Error => Role::Error,
    };
    let first = item.text.lines().next().unwrap_or_default();
    let more = if item.gravity == Gravity::Error { "  (! shows all, Esc dismisses)" } else { "" };
    let room = usize::from(row.width).saturating_sub(2 + more.len());
    let cut = crate::tui::words::columns(first) > room;
    let text = shorten(first, room);
    buf.set_string(row.x + 1, row.y, &text, state.theme.style(role));
    if !more.is_empty() || cut {
        let x = row.x + 1 + crate::tui::words::columns(&text) as u16;
        buf.set_stringn(x, row.y, more, usize::from(row.right().saturating_sub(x)), state.theme.style(Role::Dim));
    }
}

/// Keys of the focused panel and of everywhere; the last two, help and quit, always fit.
fn hints(state: &State, row: Rect, buf: &mut Buffer) {
    let mut hints: Vec<(bool, Line<'static>)> = BINDINGS
        .iter()
        .filter_map(|binding| match binding.hint {
            Hint::Always(word) => Some((first_key(binding), word, false)),
            Hint::Keys(keys, word) => Some((keys.to_string(), word, false)),
            Hint::In(panel, word) if panel == state.focus => Some((first_key(binding), word, true)),
            _ => None,
        })
        .map(|(key, word, own)| {
            let spans = vec![
                Span::styled(key, state.theme.style(Role::Text)),
                Span::styled(format!(" {word}"), state.theme.style(Role::Dim)),
            ];
            (own, Line::from(spans))
        })
        .collect();
    // The focused panel's own keys stand first.
    hints.sort_by_key(|(own, _)| !own);
    let mut lines: Vec<Line> = hints.into_iter().map(|(_, line)| line).collect();
    let room = usize::from(row.width.saturating_sub(2));
    let total = |lines: &[Line]| lines.iter().map(Line::width).sum::<usize>() + 2 * lines.len().saturating_sub(1);
    while lines.len() > 2 && total(&lines) > room {
        lines.remove(lines.len() - 3);
    }
    let mut x = row.x + 1;
    for line in lines {
        if x >= row.right() {
            break;
        }
        buf.set_line(x, row.y, &line, row.right() - x);
        x += line.width() as u16 + 2;
    }
}

fn first_key(binding: &Binding) -> String {
    binding.keys.first().map(|key| key.label()).unwrap_or_default()
}
