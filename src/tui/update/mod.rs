//! What each message changes.

use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::state::State;

/// Takes one message into the state; returns what the shell should do.
pub fn update(state: &mut State, message: Message) -> Vec<Effect> {
    if let Message::Resize(columns, rows) = message {
        state.size = (columns, rows);
    }
    Vec::new()
}
