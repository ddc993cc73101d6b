//! One message in, the state changed, effects out.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use super::{act, album, archive, change, comparing, experiment, explaining, lab, mouse, overlay, panes, time, undo};
use crate::tui::action::Action;
use crate::tui::bindings;
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::state::{self, Overlay, State};

/// Takes one message into the state of one run; returns what the shell should do.
pub fn of_run(state: &mut State, message: Message) -> Vec<Effect> {
    let by_a_person = matches!(message, Message::Key(_) | Message::Mouse(_) | Message::Paste(_));
    let before = by_a_person.then(|| state.controls.clone());
    let mut effects = match message {
        Message::Key(event) => key(state, &event),
        Message::Mouse(event) => mouse::mouse(state, &event),
        Message::Paste(text) => {
            match &mut state.overlay {
                Some(Overlay::Palette(palette)) => text.chars().for_each(|c| palette.push(c)),
                Some(Overlay::Ask { text: line, .. }) => line.extend(text.chars().filter(|c| !c.is_control())),
                Some(Overlay::CannotSave { path, .. }) => path.extend(text.chars().filter(|c| !c.is_control())),
                _ => {}
            }
            Vec::new()
        }
        Message::Resize(columns, rows) => {
            state.size = (columns, rows);
            Vec::new()
        }
        Message::CellSize(width, height) => {
            state.cell_size = (width.max(1), height.max(1));
            Vec::new()
        }
        Message::PicturePace(pace) => {
            state.picture_pace = pace;
            Vec::new()
        }
        // Dealt with before.
        Message::Beside(_) | Message::BesidePreview(_) | Message::BesideArchive(_) | Message::Runs(_) => Vec::new(),
        Message::Lab(event) => lab::event(state, event),
        Message::Experiment(news) => experiment::news(state, news),
        Message::Compare(dirs) => comparing::compare(state, &dirs),
        Message::Archive(news) => archive::came(state, news),
        Message::Tried(event) => change::tried(state, &event),
        Message::Preview(frame) => {
            lab::preview(state, &frame);
            Vec::new()
        }
        Message::Tick(now) => {
            time::tick(state, now);
            state::go_on(state);
            [panes::look_again(state), explaining::tick(state), lab::go_on_to_next_stage(state)].concat()
        }
        Message::Terminate => act::terminate(state),
    };
    if let Some(before) = before {
        undo::note(state, before);
    }
    if state.overlay.is_none() {
        state.overlay = state.beneath.take().map(|overlay| *overlay);
    }
    time::follow(state);
    effects.extend(album::ask_for_pictures(state));
    // What nobody sees need not be made.
    if !state.is_covered() {
        state::refresh(state);
    }
    effects
}

fn key(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    // Ctrl-C means the same wherever one is.
    let action = bindings::find(event, state.focus);
    if action == Some(Action::Leave) {
        state.interrupted = true;
        return act::act(state, Action::Leave);
    }
    if state.overlay.is_some() {
        // No dialog takes F1 for anything else.
        if event.code == KeyCode::F(1) && !matches!(state.overlay, Some(Overlay::Help { .. })) {
            state.beneath = state.overlay.take().map(Box::new);
            return act::act(state, Action::Help);
        }
        return overlay::key(state, event);
    }
    if state.album.is_some() && action != Some(Action::Help) {
        return album::key(state, event);
    }
    action.map_or_else(Vec::new, |action| act::act(state, action))
}
