//! The process itself: how it is asked to stop, how it ends when it has to at once, and how long it ran.
//!
//! With `kernels`, the one place of unsafe code: system calls that the standard library doesn't offer.

mod ending;
mod file_size;
pub mod interrupt;
pub mod last_words;
pub mod partial;
mod running_time;
pub mod signals;

pub use ending::end_at_once;
pub use file_size::limit_is_an_error;
pub use running_time::RunningClock;
