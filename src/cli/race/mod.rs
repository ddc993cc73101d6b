//! `difflab race`: runs that train in turns, step for step, so that what differs is the change.
//!
//! | file | what lives there |
//! |---|---|
//! | `sides` | `--set … --vs --set …`: what each side sets |
//! | `args` | the flags |
//! | `command` | trains in turns, and compares |
//! | `report` | who is better, and by how many standard errors |

mod args;
mod command;
mod report;
mod sides;

pub use args::Args;
pub use command::run;
