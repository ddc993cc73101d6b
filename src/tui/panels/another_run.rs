//! Another run is tried while this one stands still, or could not begin.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialog;
use crate::tui::format::thousands;
use crate::tui::state::{ChangeStage, State};
use crate::tui::theme::Role;
use crate::tui::words::wrap;

const WIDTH: u16 = 68;

/// Draws how far the other run is.
pub fn opening(state: &State, screen: Rect, buf: &mut Buffer) {
    let Some(change) = &state.change else { return };
    let step = state.live.history.latest.as_ref().map_or(0, |record| record.step);
    let here = match (state.ended, change.stage) {
        (true, _) => "The run on the screen has ended.".to_owned(),
        (false, ChangeStage::Saving) => "Saving this run first …".to_owned(),
        (false, _) if state.saved.is_none() => "This run stands still until the new one has made a step.".to_owned(),
        (false, _) => format!(
            "This run is saved and stands still at step {}, until the new one has made a step.",
            thousands(step)
        ),
    };
    let there = match change.stage {
        ChangeStage::Saving => String::new(),
        ChangeStage::Opening if change.doing.is_empty() => "The new run opens …".to_owned(),
        ChangeStage::Opening => format!("The new run: {} …", change.doing),
        ChangeStage::Leaving => "The new run has made its first step; leaving this one …".to_owned(),
    };
    let mut lines = said(state, &change.wanted.asked.join(", "), WIDTH, Role::Strong);
    lines.push(Line::default());
    lines.extend(said(state, &here, WIDTH, Role::Text));
    lines.extend(said(state, &there, WIDTH, Role::Dim));
    lines.push(Line::default());
    lines.push(answers(state, &[("Esc", "stay with this run"), ("Ctrl-C", "save and quit")]));
    let inner = dialog::open(state, screen, "Another run", WIDTH, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, usize::MAX, inner, buf);
}

/// Draws why it could not begin.
pub fn not_begun(state: &State, why: &str, screen: Rect, buf: &mut Buffer) {
    let width = screen.width.saturating_sub(12).clamp(20, 84);
    let mut lines = said(state, why, width, Role::Text);
    lines.push(Line::default());
    let here = if state.ended { "Nothing else has changed." } else { "This run goes on; nothing of it is lost." };
    lines.extend(said(state, here, width, Role::Dim));
    lines.push(Line::default());
    lines.push(answers(state, &[(":", "mend the line"), ("Esc", "back to this run")]));
    let inner = dialog::open(state, screen, "The other run could not begin", width, lines.len() as u16, buf);
    dialog::scrolled(state, &lines, usize::MAX, inner, buf);
}

fn said(state: &State, text: &str, width: u16, role: Role) -> Vec<Line<'static>> {
    let style = state.theme.style(role);
    wrap(text, usize::from(width)).into_iter().map(|line| Line::from(Span::styled(line, style))).collect()
}

fn answers(state: &State, answers: &[(&'static str, &'static str)]) -> Line<'static> {
    let (key, word) = (state.theme.style(Role::Accent), state.theme.style(Role::Text));
    let spans = answers.iter().flat_map(|(k, w)| [Span::styled(*k, key), Span::styled(format!(" {w}    "), word)]);
    Line::from(spans.collect::<Vec<_>>())
}
