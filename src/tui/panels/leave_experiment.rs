//! "Leave the race?"

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::tui::format::thousands;
use crate::tui::state::{State, UnderWay};
use crate::tui::theme::Role;
use crate::tui::words::wrap;

const WIDTH: usize = 60;

/// Draws the question.
pub fn leave_experiment(state: &State, experiment: &UnderWay, screen: Rect, buf: &mut Buffer) {
    let (facts, standing) = (&experiment.facts, &experiment.standing);
    let style = |role| state.theme.style(role);
    let width = dialog::columns(screen, WIDTH);
    let step = thousands(standing.step);
    let said = match (standing.part.as_str(), standing.step) {
        ("", 0) => "It stops before the first step.".to_string(),
        (part, 0) => format!("It stops in {part}, before its first step."),
        ("", _) => format!("All its runs stop at step {step}. Each is saved first."),
        (part, _) => format!("It stops in {part}, at step {step}, which is saved first."),
    };
    let later = format!("The same command goes on with the {} later.", facts.kind);
    let mut lines: Vec<Line> = Vec::new();
    for (text, role) in [(said, Role::Text), (later, Role::Dim)] {
        lines.extend(wrap(&text, width).into_iter().map(|line| Line::styled(line, style(role))));
    }
    lines.push(Line::default());
    let answer = |key: &'static str, word: &'static str| {
        [Span::styled(key, style(Role::Accent)), Span::styled(format!(" {word}    "), style(Role::Text))]
    };
    lines.push(Line::from([answer("y", "save and leave"), answer("n", "stay")].concat()));
    let title = format!("Leave the {}?", facts.kind);
    let inner = dialog::open(state, screen, &title, width as u16, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, 0, inner, buf);
}
