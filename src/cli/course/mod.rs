//! `difflab course`: stations to read, questions to answer, sheets to hand out.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the flags |
//! | `command` | lists, prints, and asks the others |
//! | `lab` | opens a station in the lab |
//! | `answers` | judges what was answered, and keeps what is done |
//! | `forgetting` | forgets what is done |

mod answers;
mod args;
mod command;
mod forgetting;
mod lab;

pub use args::Args;
pub use command::{is_for_the_lab, run, show};
