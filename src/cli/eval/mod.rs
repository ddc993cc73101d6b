//! `difflab eval`: how good a run's model is.
//!
//! | file | what it does |
//! |---|---|
//! | `command` | the flags, and which measurements this run allows |
//! | `material` | the run's own data, held out and trained on |
//! | `likelihoods` | bound and exact likelihood of held-out images |
//! | `judged` | samples, and what the bundled judge says of them |
//! | `report` | the results, as a table and as JSON |

mod command;
mod judged;
mod likelihoods;
mod material;
mod report;

pub use command::{Args, run};
