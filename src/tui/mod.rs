//! The interactive lab, Elm style: [`state::State`], [`update::update`], [`view::view`].
//!
//! The view draws from a plain state value and has no side effects; what only the shell can do
//! comes back from an update as [`effect::Effect`]s.

pub mod chart;
pub mod effect;
pub mod message;
pub mod options;
pub mod pictures;
pub mod state;
pub mod theme;
pub mod update;
pub mod view;
