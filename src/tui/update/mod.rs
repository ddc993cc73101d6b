//! What each message changes.

mod act;
mod album;
mod archive;
mod asking;
mod change;
mod comparing;
mod dispatch;
mod film;
mod lab;
mod ladder;
mod mouse;
mod overlay;
mod palette;
mod reading;
mod sampling;
mod setting;
mod time;
mod undo;
mod zoom;

pub use dispatch::update;
pub use film::next_motion;

pub(in crate::tui) use setting::holds_at_once;
