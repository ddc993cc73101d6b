//! Keys while the command palette is open, and while it asks for a new run.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{act, change, panes, setting};
use crate::config::Config;
use crate::tui::effect::Effect;
use crate::tui::state::{BesideReading, CommandPalette, LineReading, Overlay, Row, State};

/// Takes a key into the palette.
pub fn palette(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    let config = state.config_now();
    let Some(Overlay::Palette(palette)) = &mut state.overlay else { return Vec::new() };
    let rows = palette.rows(config.as_ref().unwrap_or(&Config::default()));
    let highlight = palette.highlight(rows.len());
    match event.code {
        KeyCode::Esc => state.overlay = None,
        KeyCode::Up => palette.chosen = highlight.map(|at| at.saturating_sub(1)),
        KeyCode::Down => palette.chosen = below(highlight, rows.len()),
        KeyCode::Tab => match rows.get(highlight.unwrap_or(0)) {
            Some(row @ (Row::Key { .. } | Row::Word(_) | Row::Setting { .. })) if !stands_there(palette, row) => {
                palette.complete(row)
            }
            _ => palette.chosen = below(highlight, rows.len()),
        },
        KeyCode::Backspace if palette.text.is_empty() => state.overlay = None,
        KeyCode::Backspace => palette.pop(),
        KeyCode::Enter => return enter(state, highlight.and_then(|at| rows.into_iter().nth(at))),
        KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => palette.push(c),
        _ => {}
    }
    Vec::new()
}

/// The row below, the last at most.
fn below(at: Option<usize>, rows: usize) -> Option<usize> {
    (rows > 0).then(|| at.map_or(0, |at| at + 1).min(rows - 1))
}

/// Is the row what the line says already?
fn stands_there(palette: &CommandPalette, row: &Row) -> bool {
    let Row::Word(word) = row else { return false };
    match palette.reading() {
        LineReading::Value { typed, .. } | LineReading::Beside(BesideReading::Value { typed, .. }) => word == typed,
        _ => false,
    }
}

/// Does the highlighted row, or what the line says.
fn enter(state: &mut State, row: Option<Row>) -> Vec<Effect> {
    let Some(Overlay::Palette(palette)) = &mut state.overlay else { return Vec::new() };
    match row {
        Some(Row::Action { action, .. }) => {
            state.overlay = None;
            return act::act(state, action);
        }
        Some(row @ (Row::Key { .. } | Row::Setting { .. })) => {
            palette.complete(&row);
            return Vec::new();
        }
        // The word that is highlighted is the one that is meant.
        Some(row @ Row::Word(_)) => palette.complete(&row),
        None => {}
    }
    if palette.reading() == LineReading::Search {
        return Vec::new();
    }
    let line = palette.text.clone();
    let done = match palette.reading() {
        LineReading::Beside(_) => panes::beside(state, &line),
        _ => setting::apply(state, &line),
    };
    match done {
        Ok(effects) => effects,
        Err(why) => {
            if let Some(Overlay::Palette(palette)) = &mut state.overlay {
                palette.refusal = Some(why);
            }
            Vec::new()
        }
    }
}

/// Takes the answer to "Save this run and start another?".
pub fn new_run(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    match event.code {
        KeyCode::Char('y' | 'Y') | KeyCode::Enter => match state.overlay.take() {
            Some(Overlay::NewRun(asked)) => change::begin(state, asked),
            _ => Vec::new(),
        },
        KeyCode::Char('n' | 'N') | KeyCode::Esc => {
            // Back to the line, to be mended.
            if let Some(Overlay::NewRun(asked)) = state.overlay.take()
                && asked.fork.is_none()
                && !asked.line.is_empty()
            {
                state.overlay = Some(Overlay::Palette(CommandPalette::with(asked.line)));
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}
