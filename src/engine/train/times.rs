//! Times along a path: as they come, or one in each part of it.

use rand::{Rng, RngExt};

use crate::diffusion::Schedule;

/// `n` timesteps, all of the path as likely: whole ones where it is a list of β, any u ∈ (0, 1] on
/// continuous paths.
pub fn uniform(schedule: &Schedule, n: usize, rng: &mut impl Rng) -> Vec<f64> {
    let total = schedule.timesteps();
    let draw = |_| match schedule.is_continuous() {
        false => rng.random_range(0..total) as f64,
        // random() lies in [0, 1): 1 minus it can be the noisiest time, never one before the data.
        true => schedule.t_of_u(1.0 - rng.random::<f64>()),
    };
    (0..n).map(draw).collect()
}

/// `n` timesteps, one in each n-th of the path, in order.
pub fn stratified(schedule: &Schedule, n: usize, rng: &mut impl Rng) -> Vec<f64> {
    (0..n)
        .map(|i| {
            let within: f64 = rng.random();
            at_share(schedule, (i as f64 + within) / n as f64)
        })
        .collect()
}

/// The timestep at a share of the path, 0 to 1: a whole one where it is a list of β.
pub fn at_share(schedule: &Schedule, share: f64) -> f64 {
    let total = schedule.timesteps();
    match schedule.is_continuous() {
        false => ((share * total as f64) as usize).min(total - 1) as f64,
        true => schedule.t_of_u(share),
    }
}
