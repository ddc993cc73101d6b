//! `difflab completions`: what a shell offers after TAB.
//!
//! The shell asks the program itself, by an environment variable, so that runs and keys are those of now.

mod answer;
mod command;
mod glued;
mod settings;
mod values;

pub use answer::answer;
pub use command::{Args, run};
