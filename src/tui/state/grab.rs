//! What the mouse holds while its button is down.

use super::step_window::StepWindow;
use crate::tui::panel::Panel;

/// A drag: it belongs to the panel it began in, wherever the mouse goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grab {
    pub panel: Panel,
    /// Where it began.
    pub column: u16,
    /// The steps that the loss was shown over then.
    pub window: StepWindow,
}
