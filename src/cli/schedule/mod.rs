//! `difflab schedule`: what a noise schedule is, in numbers and as a plot.
//!
//! | file | what lives there |
//! |---|---|
//! | `command` | the flags, and the formats |
//! | `posterior` | the numbers of a step back, q(x_{t−1} | x_t, x_0) |

mod command;
mod posterior;

pub use command::{Args, run};
