//! The run has failed: what happened, and what to do.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::wrap;

/// Draws it.
pub fn failure(state: &State, why: &str, screen: Rect, buf: &mut Buffer) {
    let style = |role| state.theme.style(role);
    let width = screen.width.saturating_sub(12).clamp(20, 84);
    let mut lines: Vec<Line> =
        wrap(why, usize::from(width)).into_iter().map(|l| Line::from(Span::styled(l, style(Role::Text)))).collect();
    lines.push(Line::default());
    if let Some(info) = &state.live.info {
        // What remains of it the reason says itself.
        let text = format!("The run folder is {}.", info.run_dir.display());
        lines
            .extend(wrap(&text, usize::from(width)).into_iter().map(|l| Line::from(Span::styled(l, style(Role::Dim)))));
        lines.push(Line::default());
    }
    let answers: &[(&str, &str)] = match state.is_watched() {
        true => &[("q", "back")],
        false => &[("q", "leave"), (":", "set a key"), ("Esc", "look at the plots")],
    };
    let answer = |(key, word): &(&'static str, &str)| {
        [Span::styled(*key, style(Role::Accent)), Span::styled(format!(" {word}    "), style(Role::Text))]
    };
    lines.push(Line::from(answers.iter().flat_map(answer).collect::<Vec<_>>()));
    let title = if state.is_watched() { "This run can't be looked at" } else { "The run has failed" };
    let inner = dialog::open(state, screen, title, width, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, 0, inner, buf);
}
