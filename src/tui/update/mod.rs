//! What each message changes.

mod act;
mod dispatch;
mod film;
mod lab;
mod mouse;
mod overlay;
mod palette;
mod sampling;
mod setting;
mod time;

pub use dispatch::update;
pub use film::next_motion;

pub(in crate::tui) use setting::holds_at_once;
