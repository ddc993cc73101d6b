//! What each message changes.

mod act;
mod dispatch;
mod lab;
mod mouse;
mod overlay;
mod palette;
mod sampling;
mod setting;
mod time;
mod zoom;

pub use dispatch::update;

pub(in crate::tui) use setting::holds_at_once;
