//! The interactive lab, Elm style: [`state::State`], [`update::update`], [`view::view`].
//!
//! The view draws from a plain state value and has no side effects; what only the shell can do
//! comes back from an update as [`effect::Effect`]s.

pub mod action;
pub mod archive;
pub mod bars;
pub mod bindings;
pub mod browser;
pub mod chart;
pub mod effect;
pub mod experiment;
pub mod format;
pub mod guide;
pub mod key_press;
pub mod layout;
pub mod marked;
pub mod message;
pub mod options;
pub mod outline;
pub mod panel;
pub mod panels;
pub mod pictures;
pub mod run_state;
pub mod shell;
pub mod state;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
pub mod words;

#[cfg(test)]
mod tests;

pub use shell::{TuiOptions, begin_fork, browse, compare, experiment as show_experiment, run, watch};
pub use state::{Lesson, NumberedStation};
pub use terminal::image_protocol::ImageProtocol;
