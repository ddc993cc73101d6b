//! How a run stands, as a symbol and a colour: the same in the list of runs and above a run that is looked at.

use crate::run::catalogue::RunState;
use crate::tui::theme::Role;

/// Symbol and role of a state; `ascii`: the terminal has nothing else.
pub fn looks(state: RunState, ascii: bool) -> (&'static str, Role) {
    let (symbol, plain, role) = match state {
        RunState::Training => ("●", "*", Role::Good),
        RunState::Stopped => ("‖", "=", Role::Warning),
        RunState::Finished => ("✓", "+", Role::Text),
        RunState::Failed => ("✗", "x", Role::Error),
        RunState::Imported => ("↓", "v", Role::Dim),
        RunState::Unreadable => ("?", "?", Role::Error),
    };
    (if ascii { plain } else { symbol }, role)
}
