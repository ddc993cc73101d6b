//! Schedules, timesteps, whole sampling loops and a U-Net's trajectories against numbers that diffusers
//! itself computed.

mod goldens;
mod levels;
mod loops;
mod scheduler_loops;
mod schedules;
mod trajectories;

pub use goldens::{GOLDENS, numbers};
pub use loops::{AnalyticNetwork, AnalyticNoise};
