//! What keys do otherwise where an autoencoder is trained: its films lead from each picture to the next, and there is no t.

use super::film::move_frame;
use crate::lab::Command;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::guide::of_autoencoder;
use crate::tui::state::{Gravity, State};

/// Frames that the far keys move a film by, a quarter of it.
const FAR: isize = 6;

/// Does it, or says why it means nothing here; `None` where it is what it is in any run.
pub fn act(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    if !state.trains_autoencoder() {
        return None;
    }
    if let Some(why) = of_autoencoder(state, action) {
        state.news.answer(state.now, Gravity::Info, why);
        return Some(Vec::new());
    }
    let frames = match action {
        Action::Snapshot if !state.ended && !state.is_watched() => {
            state.news.answer(state.now, Gravity::Info, "the picture of the reconstructions is being made …");
            return Some(vec![Effect::Send(Command::Snapshot)]);
        }
        _ if state.only_compares() => return None,
        Action::CursorUp | Action::CursorOneUp => 1,
        Action::CursorDown | Action::CursorOneDown => -1,
        Action::CursorFarUp => FAR,
        Action::CursorFarDown => -FAR,
        Action::CursorFirst => -isize::MAX,
        Action::CursorLast => isize::MAX,
        _ => return None,
    };
    move_frame(state, frames);
    Some(Vec::new())
}
