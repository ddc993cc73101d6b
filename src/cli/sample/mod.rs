//! `difflab sample`: pictures from a run, at the shell.
//!
//! | file | what it does |
//! |---|---|
//! | `command` | the flags, and what is shown and written |
//! | `edit` | the flags that start from given images or noises |
//! | `plan` | what will be sampled: the flags, completed by the run's settings and checked against its model |

mod command;
mod edit;
mod ignored;
mod plan;
mod start;

pub(super) use command::at_the_shell;
pub use command::{Args, run};
