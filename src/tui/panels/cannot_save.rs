//! The run cannot be saved where it is: stay, or save it elsewhere?

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::{columns, wrap};

/// Draws the question, with the line to type in.
pub fn cannot_save(state: &State, reason: &str, path: &str, screen: Rect, buf: &mut Buffer) {
    let style = |role| state.theme.style(role);
    let width = screen.width.saturating_sub(12).clamp(20, 72);
    let said = |text: &str, role| -> Vec<Line<'static>> {
        wrap(text, usize::from(width)).into_iter().map(|line| Line::from(Span::styled(line, style(role)))).collect()
    };
    let mut lines = said(&format!("Nothing is lost yet, but the run cannot be saved: {reason}."), Role::Text);
    lines.push(Line::default());
    lines.extend(said("Save the whole run elsewhere, so that --resume can continue it there:", Role::Text));
    lines.push(Line::from(vec![
        Span::styled("> ", style(Role::Accent)),
        Span::styled(end_of(path, width), style(Role::Strong)),
    ]));
    lines.push(Line::default());
    let answer = |key: &'static str, word: &'static str| {
        Line::from(vec![Span::styled(key, style(Role::Accent)), Span::styled(format!(" {word}"), style(Role::Text))])
    };
    lines.push(answer("Enter", "save it there and leave"));
    lines.push(answer("Esc", "stay; it is saved here as soon as that works"));
    lines.push(answer("Ctrl-D", "leave without saving"));
    let inner = dialog::open(state, screen, "The run cannot be saved", width, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, 0, inner, buf);
}

/// The end of what is typed, where there is no room for all, with the cursor.
fn end_of(path: &str, width: u16) -> String {
    let mut shown: String = path.to_owned();
    while columns(&shown) + 3 > usize::from(width) && !shown.is_empty() {
        shown.remove(0);
    }
    shown + "_"
}
