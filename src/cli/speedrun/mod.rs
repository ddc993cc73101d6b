//! `difflab speedrun`: how long it takes from nothing to good samples, by the rules of docs/speedrun.md.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the flags |
//! | `board` | which measure fits the data, and what is to be reached |
//! | `command` | one seed after the other, and the row at the end |
//! | `training` | the real program, trained against the clock |
//! | `pace` | how many steps a second are |
//! | `judging` | how good the samples of a checkpoint are, looked at no further than must be |
//! | `search` | the first checkpoint that is good |
//! | `spread` | median, least and most of several seeds |
//! | `binary` | which difflab was measured |
//! | `row` | what came out, as a table and as JSON |

mod args;
mod binary;
mod board;
mod command;
mod judging;
mod pace;
mod row;
mod search;
mod spread;
mod training;

pub use args::Args;
pub use command::run;
