//! The first line over an experiment: how far it is, and what chance decides alike in its runs.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::Piece;
use crate::tui::action::Action;
use crate::tui::chart::Marker;
use crate::tui::experiment::{ExperimentEnd, ExperimentPhase};
use crate::tui::format::{duration, thousands};
use crate::tui::state::{State, UnderWay};
use crate::tui::theme::Role;
use crate::tui::words::{Words, shorten};

/// "difflab  ● race of 2 · step 120 / 600 · same weights, batches, noise · 40 s left", and at the right the run under the
/// cursor, or over a list the folder.
pub fn header(state: &State, experiment: &UnderWay, area: Rect) -> Vec<Piece> {
    let room = area.width.saturating_sub(2);
    let name = Words::new(&state.theme).add(Role::Strong, "difflab").fit(room);
    let begin = area.x + 1 + name.width() as u16 + 2;
    let room = room.saturating_sub(name.width() as u16 + 2);
    let line = words(state, experiment).fit(room);
    let left = room.saturating_sub(line.width() as u16 + 3);
    let mut pieces = vec![Piece { x: area.x + 1, line: name, action: None }];
    let action = state.trains_behind().then_some(Action::TogglePause).filter(|_| !state.is_browsing);
    pieces.push(Piece { x: begin, line, action });
    let right = Words::new(&state.theme);
    let right = match (&state.browser, state.chosen_run()) {
        (Some(list), _) if state.is_browsing => {
            right.add(Role::Dim, format!("{}/", list.place.display().to_string().trim_end_matches('/')))
        }
        (_, Some(run)) => right.styled(state.theme.run(run.color), run.name.clone()),
        _ => right,
    };
    let right = right.fit(left);
    let x = area.right().saturating_sub(right.width() as u16 + 1);
    pieces.push(Piece { x, line: right, action: None });
    pieces
}

fn words(state: &State, experiment: &UnderWay) -> Words {
    let (facts, standing) = (&experiment.facts, &experiment.standing);
    let ascii = state.plots.marker == Marker::Ascii;
    let dot = |symbol: &'static str, plain: &'static str| if ascii { plain } else { symbol };
    let (symbol, word, role) = match (&experiment.end, standing.phase) {
        (Some(ExperimentEnd::Done), _) => (dot("✓", "+"), " finished", Role::Good),
        (Some(ExperimentEnd::Stopped), _) => (dot("‖", "="), " stopped", Role::Warning),
        (Some(ExperimentEnd::Failed(_)), _) => (dot("✗", "x"), " failed", Role::Error),
        (None, _) if state.leaving => (dot("●", "*"), " leaving", Role::Warning),
        (None, ExperimentPhase::Opening) => (dot("○", "o"), " starting", Role::Dim),
        (None, ExperimentPhase::Training) => (dot("●", "*"), "", Role::Good),
        (None, ExperimentPhase::Paused) => (dot("‖", "="), " paused", Role::Warning),
        (None, ExperimentPhase::Waiting) => (dot("‖", "="), " waiting", Role::Error),
        (None, ExperimentPhase::Stopping) => (dot("●", "*"), " leaving", Role::Warning),
    };
    let words = Words::new(&state.theme).maybe(Role::Accent, state.frozen.is_some().then(|| "display frozen".into()));
    let words = words.add(role, format!("{symbol} {}{word}", facts.title));
    // All is trained then: where it was last is of no use.
    let done = experiment.end == Some(ExperimentEnd::Done);
    let words = words.maybe(Role::Text, (!done && !standing.part.is_empty()).then(|| standing.part.clone()));
    let step = format!("{} / {}", thousands(standing.step), thousands(standing.steps));
    let words = if standing.steps > 0 && !done { words.pair(Role::Dim, "step", Role::Text, step) } else { words };
    let words = words.maybe(Role::Error, (standing.failed > 0).then(|| format!("{} failed", standing.failed)));
    let words = match &facts.luck {
        Some(luck) => {
            words.add_shortened(if luck.is_same { Role::Text } else { Role::Warning }, luck.brief.clone(), 12)
        }
        None => words,
    };
    let left = standing.left.filter(|left| *left >= 0.5 && standing.phase == ExperimentPhase::Training);
    words.maybe(Role::Dim, left.filter(|_| !experiment.is_over()).map(|left| format!("{} left", duration(left))))
}

/// What is said where nothing else is.
pub fn status(state: &State, experiment: &UnderWay, row: Rect) -> Vec<Piece> {
    let text = shorten(&experiment.words(), usize::from(row.width).saturating_sub(2));
    vec![Piece { x: row.x + 1, line: Line::styled(text, state.theme.style(Role::Dim)), action: None }]
}
