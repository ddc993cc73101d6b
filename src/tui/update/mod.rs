//! What each message changes.

mod act;
mod album;
mod archive;
mod asking;
mod autoencoder;
mod before;
mod change;
mod comparing;
mod deeds;
mod dispatch;
mod experiment;
mod explaining;
mod explaining_keys;
mod film;
mod lab;
mod ladder;
mod lesson;
mod lesson_keys;
mod lesson_measuring;
mod lesson_saying;
mod mouse;
mod overlay;
mod palette;
mod panes;
mod panes_motion;
mod reading;
mod route;
mod runs;
mod sampling;
mod setting;
mod time;
mod undo;
mod zoom;

pub use before::begin as begin_before;
pub use comparing::follow_marks;
pub use film::next_motion;
pub use route::update;
pub use runs::open as open_runs;

pub(in crate::tui) use setting::holds_at_once;
