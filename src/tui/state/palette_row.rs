//! The rows of the command palette.

use crate::config::Key;
use crate::tui::action::Action;

/// One thing that the line can become.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Action {
        action: Action,
        title: String,
        /// The keys that do the same.
        keys: String,
    },
    /// A key of the config, with its present value as TOML.
    Key { key: &'static Key, value: String },
    /// A value for the key before the `=`.
    Word(String),
    /// A setting of a pane, what it is now, and what it takes.
    Setting { name: String, value: String, takes: String },
}
