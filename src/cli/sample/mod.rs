//! `difflab sample`: pictures from a run, at the shell.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the flags |
//! | `command` | what is shown and written |
//! | `edit` | the flags that start from given images or noises |
//! | `ignored` | flags and keys that mean nothing beside the others |
//! | `plan` | what will be sampled: the flags, completed by the run's settings and checked against its model |

mod args;
mod command;
mod edit;
mod ignored;
mod plan;
mod start;

pub use args::Args;
pub(super) use command::at_the_shell;
pub use command::run;
