//! `difflab course`: stations to read, questions to answer, sheets to hand out.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the flags |
//! | `command` | lists, prints, resets |
//! | `answers` | judges what was answered, and keeps what is done |

mod answers;
mod args;
mod command;

pub use args::Args;
pub use command::run;
