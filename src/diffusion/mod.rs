//! Schedules, paths and parameterizations: pure f64 mathematics plus thin tensor application.
//!
//! Every process is a Gaussian path x_t = α(t)·x_0 + σ(t)·ε.

mod parameterization;
mod schedule;

pub use schedule::Schedule;
