//! The process itself: how it is asked to stop, how it ends when it has to at once, and how long it ran.
//!
//! With `kernels`, the one place of unsafe code: system calls that the standard library doesn't offer.

mod ending;
pub mod interrupt;
pub mod last_words;
pub mod partial;
mod running_time;
pub mod signals;

pub use ending::end_at_once;
pub use running_time::RunningClock;
