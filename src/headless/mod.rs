//! The lab without a screen: a progress bar on a terminal, JSON lines on a pipe.

mod bar;
mod follow;
mod json;
mod output;
mod text;
mod watch;

pub use follow::follow;
pub use watch::{Log, watch};
