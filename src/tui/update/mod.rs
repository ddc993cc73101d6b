//! What each message changes.

mod act;
mod dispatch;
mod lab;
mod mouse;
mod overlay;
mod sampling;
mod time;

pub use dispatch::update;
