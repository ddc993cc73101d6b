//! A line that something is done with.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::dialog;
use crate::tui::format::thousands;
use crate::tui::state::{AskedFor, State};
use crate::tui::theme::Role;
use crate::tui::words::{columns, wrap};

/// Draws it.
pub fn ask(state: &State, what: AskedFor, text: &str, refusal: Option<&str>, screen: Rect, buf: &mut Buffer) {
    let (title, words) = match what {
        AskedFor::Runs => (
            "Compare".to_string(),
            "Folders of runs, beginnings of names in runs/, or latest; several with spaces between. None ends the comparison. \
             R lists all runs: space marks one, V compares the marked ones.",
        ),
        AskedFor::Bookmark { step } => (
            format!("Bookmark on step {}", thousands(step)),
            "A word to find this step by; none takes it away. It is kept in the run's notes.toml.",
        ),
    };
    let width = screen.width.saturating_sub(10).min(70);
    let explained = wrap(words, usize::from(width));
    let refused = refusal.map(|why| wrap(why, usize::from(width))).unwrap_or_default();
    let rows = explained.len() + 3 + refused.len();
    let inner = dialog::open(state, screen, &title, width, rows as u16, buf);
    let theme = &state.theme;
    let room = usize::from(inner.width).saturating_sub(3);
    // The end of a long line is where one types.
    let mut shown = text;
    while columns(shown) > room {
        let next = shown.char_indices().nth(1).map_or(shown.len(), |(at, _)| at);
        shown = &shown[next..];
    }
    buf.set_string(inner.x, inner.y, "> ", theme.style(Role::Accent));
    buf.set_string(inner.x + 2, inner.y, shown, theme.style(Role::Text));
    let end = inner.x + 2 + columns(shown) as u16;
    buf.set_string(end.min(inner.right().saturating_sub(1)), inner.y, " ", theme.selected());
    let below = refused.iter().map(|line| (line, Role::Warning)).chain(explained.iter().map(|line| (line, Role::Dim)));
    for (y, (line, role)) in (inner.y + 2..inner.bottom()).zip(below) {
        buf.set_stringn(inner.x, y, line, usize::from(inner.width), theme.style(role));
    }
}
