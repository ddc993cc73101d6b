//! Keys while a line is asked for.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{comparing, reading};
use crate::run::notes;
use crate::tui::archive::ArchiveRequest;
use crate::tui::effect::Effect;
use crate::tui::state::{AskedFor, Overlay, State};

/// Letters of a line.
const LONGEST: usize = 1000;

/// Takes a key into the line.
pub fn key(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    let Some(Overlay::Ask { what, text, refusal }) = &mut state.overlay else { return Vec::new() };
    match event.code {
        KeyCode::Char('u' | 'U') if event.modifiers.contains(KeyModifiers::CONTROL) => text.clear(),
        KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            if text.chars().count() < LONGEST {
                text.push(c);
            }
            *refusal = None;
        }
        KeyCode::Backspace => {
            text.pop();
            *refusal = None;
        }
        KeyCode::Esc => state.overlay = None,
        KeyCode::Enter => {
            let (what, text) = (*what, text.clone());
            return done(state, what, text);
        }
        _ => {}
    }
    Vec::new()
}

fn done(state: &mut State, what: AskedFor, text: String) -> Vec<Effect> {
    match what {
        AskedFor::Runs => match comparing::words(&text) {
            words if words.is_empty() => {
                state.overlay = None;
                comparing::compare(state, &[])
            }
            // It is closed when they are found; what can't be is mended in it.
            words => vec![Effect::Ask(ArchiveRequest::Find(words))],
        },
        AskedFor::Bookmark { step } => match notes::bookmark(&text) {
            Ok(word) => {
                state.overlay = None;
                reading::bookmark(state, step, word)
            }
            Err(why) => {
                state.overlay = Some(Overlay::Ask { what, text, refusal: Some(why) });
                Vec::new()
            }
        },
    }
}
