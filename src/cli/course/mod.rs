//! `difflab course`: stations to read, questions to answer, sheets to hand out.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the flags |
//! | `command` | lists, prints, resets |
//! | `lab` | opens a station in the lab |
//! | `answers` | judges what was answered, and keeps what is done |

mod answers;
mod args;
mod command;
mod lab;

pub use args::Args;
pub use command::{is_for_the_lab, run, show};
