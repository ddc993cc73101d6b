//! Schedules, paths and parameterizations: pure f64 mathematics plus thin tensor application.
//!
//! Every process is a Gaussian path x_t = α(t)·x_0 + σ(t)·ε, ε ~ N(0, I). [`Schedule`] gives α and σ
//! of the variance-preserving ones, [`Posterior`] the way back when x_0 is known, and
//! [`PredictionType`](crate::config::PredictionType) turns what a network says at (x_t, α, σ) into
//! x̂_0 and ε̂.

mod betas;
mod checks;
mod forward;
mod parameterization;
mod posterior;
mod schedule;

pub use checks::check_terminal_snr;
pub use parameterization::{Target, combine};
pub use posterior::Posterior;
pub use schedule::Schedule;
