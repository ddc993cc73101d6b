//! The lab: a worker thread that trains, and the channels to it.

mod protocol;

pub use protocol::*;
