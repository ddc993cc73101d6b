//! A run that another process trains, followed through its files.
//!
//! | file | what it does |
//! |---|---|
//! | `marks` | places of a file that were read, by which it is known again |
//! | `tail` | a file of JSON lines that grows, is cut back or is replaced |
//! | `followed_run` | the three files of a run and its lock |

mod followed_run;
mod marks;
mod tail;

pub use followed_run::{FollowedRun, RunNews};
pub use tail::{Fresh, Restart, Tail, WhyRestarted};
