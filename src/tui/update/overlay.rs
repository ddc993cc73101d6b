//! Keys while a dialog lies over the panels.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{act, asking, change, experiment, explaining_keys, palette};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::state::{Overlay, State};

/// Help is scrolled no further than this; the view shows its last page for anything beyond its end.
pub const MOST_LINES: usize = 300;

/// Takes a key into the dialog.
pub fn key(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Quit) if state.experiment.is_some() => experiment::quit_key(state, event),
        Some(Overlay::Quit) => quit(state, event),
        Some(Overlay::CannotSave { .. }) => cannot_save(state, event),
        Some(Overlay::Palette(_)) => palette::palette(state, event),
        Some(Overlay::NewRun(_)) => palette::new_run(state, event),
        Some(Overlay::Help { .. }) => {
            help(state, event);
            Vec::new()
        }
        Some(Overlay::Explain(_)) => explaining_keys::key(state, event),
        Some(Overlay::Ask { .. }) => asking::key(state, event),
        Some(Overlay::Messages { scroll } | Overlay::Differences { scroll }) => {
            match event.code {
                KeyCode::Up | KeyCode::Char('k') => *scroll = scroll.saturating_sub(1),
                KeyCode::Down | KeyCode::Char('j') => *scroll = scroll.saturating_add(1),
                KeyCode::PageUp => *scroll = scroll.saturating_sub(10),
                KeyCode::PageDown | KeyCode::Char(' ') => *scroll = scroll.saturating_add(10),
                KeyCode::Home => *scroll = 0,
                _ => state.overlay = None,
            }
            // The view shows the last page for anything beyond; keep the number from running away.
            if let Some(Overlay::Messages { scroll } | Overlay::Differences { scroll }) = &mut state.overlay {
                *scroll = (*scroll).min(400);
            }
            Vec::new()
        }
        Some(Overlay::Opening) => match event.code {
            KeyCode::Esc => change::stay(state),
            _ => Vec::new(),
        },
        Some(Overlay::NotBegun { line, .. }) => {
            let line = line.clone();
            match event.code {
                KeyCode::Char(':') => act::open_palette(state, line),
                KeyCode::Esc | KeyCode::Enter => state.overlay = None,
                _ => {}
            }
            Vec::new()
        }
        // Only what the dialog offers: what lies behind it is not seen.
        Some(Overlay::Failure) => match event.code {
            KeyCode::Char('q') => {
                state.overlay = None;
                act::act(state, Action::Quit)
            }
            KeyCode::Char(':') => act::act(state, Action::Palette),
            KeyCode::Esc => {
                state.overlay = None;
                Vec::new()
            }
            _ => Vec::new(),
        },
        None => Vec::new(),
    }
}

/// Help: letters search, arrows scroll, Esc goes back to all of it and then closes.
fn help(state: &mut State, event: &KeyEvent) {
    let Some(Overlay::Help { scroll, filter }) = &mut state.overlay else { return };
    match event.code {
        KeyCode::Up => *scroll = scroll.saturating_sub(1),
        KeyCode::Down => *scroll = (*scroll + 1).min(MOST_LINES),
        KeyCode::PageUp => *scroll = scroll.saturating_sub(10),
        KeyCode::PageDown => *scroll = (*scroll + 10).min(MOST_LINES),
        KeyCode::Home => *scroll = 0,
        KeyCode::End => *scroll = MOST_LINES,
        KeyCode::Esc if !filter.is_empty() => {
            filter.clear();
            *scroll = 0;
        }
        // Also the way in to the search, for those who know it from elsewhere.
        KeyCode::Char('/') if filter.is_empty() => {}
        KeyCode::Char(' ') if filter.is_empty() => *scroll = (*scroll + 10).min(MOST_LINES),
        KeyCode::Char('?') if filter.is_empty() => state.overlay = None,
        KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            if filter.chars().count() < 40 {
                filter.push(c);
            }
            *scroll = 0;
        }
        KeyCode::Backspace => {
            filter.pop();
            *scroll = 0;
        }
        _ => state.overlay = None,
    }
}

/// Where else to save: a line to type in.
fn cannot_save(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    let Some(Overlay::CannotSave { path, .. }) = &mut state.overlay else { return Vec::new() };
    match event.code {
        KeyCode::Char('d' | 'D') if event.modifiers.contains(KeyModifiers::CONTROL) => {
            state.overlay = None;
            return act::leave_without_saving(state);
        }
        KeyCode::Char('u' | 'U') if event.modifiers.contains(KeyModifiers::CONTROL) => path.clear(),
        KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => path.push(c),
        KeyCode::Backspace => drop(path.pop()),
        KeyCode::Enter if !path.trim().is_empty() => {
            let dir = PathBuf::from(path.trim());
            state.overlay = None;
            return act::save_elsewhere(state, dir);
        }
        KeyCode::Esc => {
            state.overlay = None;
            return act::stay(state);
        }
        _ => {}
    }
    Vec::new()
}

fn quit(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    match event.code {
        KeyCode::Char('y' | 'Y' | 'q') => {
            state.overlay = None;
            act::act(state, Action::Leave)
        }
        KeyCode::Char('d' | 'D') if !state.rests_saved() => {
            state.overlay = None;
            act::leave_without_saving(state)
        }
        KeyCode::Char('n' | 'N') | KeyCode::Esc => {
            state.overlay = None;
            Vec::new()
        }
        _ => Vec::new(),
    }
}
