//! `difflab explain`: the mathematics of a run, with its numbers.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the flags |
//! | `command` | makes one explanation and prints it |
//! | `ignored` | flags that change nothing of a topic |
//! | `notes` | Markdown, with its pictures inside or beside it |
//! | `pictures` | the pictures of an explanation on paper, a terminal or a pipe |

mod args;
mod command;
mod ignored;
mod notes;
mod pictures;

pub use args::Args;
pub use command::run;
