//! The interactive lab, Elm style: [`state::State`], [`update::update`], [`view::view`].
//!
//! The view draws from a plain state value and has no side effects; what only the shell can do
//! comes back from an update as [`effect::Effect`]s.

pub mod abilities;
pub mod action;
mod ascii_screen;
pub mod bars;
pub mod bindings;
pub mod chart;
pub mod console_font;
pub mod effect;
pub mod encoder;
pub mod event_loop;
pub mod farewell;
pub mod format;
pub mod guide;
pub mod image_protocol;
pub mod input;
pub mod layout;
pub mod message;
pub mod options;
pub mod outbox;
pub mod pacing;
pub mod panel;
pub mod panels;
pub mod pictures;
pub mod protocol_pictures;
pub mod quiet_backend;
pub mod shell;
pub mod sixel;
pub mod state;
pub mod terminal;
pub mod terminal_replies;
pub mod theme;
pub mod trials;
pub mod update;
mod view;
pub mod words;

#[cfg(test)]
mod tests;

pub use image_protocol::ImageProtocol;
pub use shell::{TuiOptions, run};
