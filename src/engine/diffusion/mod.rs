//! Schedules, paths and parameterizations: pure f64 mathematics plus thin tensor application.
//!
//! Every process is a Gaussian path x_t = α(t)·x_0 + σ(t)·ε, ε ~ N(0, I). [`Schedule`] gives α and σ
//! of each, [`Posterior`] the way back when x_0 is known, and [`Parameterization`] says what a network is
//! told on a path and turns what it answers into x̂_0 and ε̂.

mod betas;
mod checks;
mod continuous;
mod forward;
mod level;
mod loss_weight;
mod parameterization;
mod posterior;
mod schedule;
mod target;
mod variance;

pub use checks::check_terminal_snr;
pub use continuous::Continuous;
pub use level::NoiseLevel;
pub use loss_weight::LossWeight;
pub use parameterization::Parameterization;
pub use posterior::Posterior;
pub use schedule::Schedule;
pub use target::{Target, combine};
