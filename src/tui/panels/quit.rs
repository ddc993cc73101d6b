//! "Leave?"

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::lab::Phase;
use crate::tui::format::thousands;
use crate::tui::state::State;
use crate::tui::theme::Role;
use crate::tui::words::wrap;

/// Draws the question.
pub fn quit(state: &State, screen: Rect, buf: &mut Buffer) {
    let style = |role| state.theme.style(role);
    let step = state.live.history.latest.as_ref().map_or(0, |r| r.step);
    let waits = matches!(state.phase, Phase::Waiting(_));
    let then = match waits {
        true => "It cannot be saved here yet.",
        false => "A checkpoint is saved first.",
    };
    let said = format!("Training stops at step {}. {then}", thousands(step));
    let mut lines = vec![Line::from(Span::styled(said, style(Role::Text)))];
    if waits {
        lines.push(Line::from(Span::styled("If it still can't be, you are asked where to save it.", style(Role::Dim))));
    } else if let Some(info) = &state.live.info {
        let text = format!("Resume later with: difflab --resume {}", info.run_dir.display());
        lines.extend(wrap(&text, 64).into_iter().map(|l| Line::from(Span::styled(l, style(Role::Dim)))));
    }
    lines.push(Line::default());
    let answer = |key: &'static str, word: &'static str| {
        [Span::styled(key, style(Role::Accent)), Span::styled(format!(" {word}    "), style(Role::Text))]
    };
    let answers = [answer("y", "save and leave"), answer("n", "stay"), answer("d", "leave without saving")];
    lines.push(Line::from(answers.concat()));
    let inner = dialog::open(state, screen, "Leave the lab?", 64, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, 0, inner, buf);
}
