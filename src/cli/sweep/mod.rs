//! `difflab sweep`: every combination of some keys' values, with several seeds, one run after the other.
//!
//! | file | what lives there |
//! |---|---|
//! | `args` | the flags |
//! | `grid` | from `--grid KEY=V,V` to the cells |
//! | `command` | trains what is missing, and measures |
//! | `report` | the table and the picture |

mod args;
mod command;
mod grid;
mod report;

pub use args::Args;
pub use command::run;
