//! `difflab sample`: pictures from a run, at the shell.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the flags |
//! | `command` | what is shown and written |
//! | `edit` | the flags that start from given images or noises |
//! | `grid` | the settings that `--grid` asks for |
//! | `ignored` | flags and keys that mean nothing beside the others |
//! | `plan` | what will be sampled: the flags, completed by the run's settings and checked against its model |
//! | `shell` | pictures at the shell |
//! | `start` | what samples start from |
//! | `table` | `--grid`: one noise, several settings |
//! | `through_training` | one noise, many steps of training |
//! | `without_samples` | what helps where there are none |

mod args;
mod command;
mod edit;
mod grid;
mod ignored;
mod plan;
mod shell;
mod start;
mod table;
mod through_training;
mod without_samples;

pub use args::Args;
pub use command::run;
pub(super) use shell::at_the_shell;
