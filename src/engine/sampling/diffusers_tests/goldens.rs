//! The numbers, and the schedules that they were computed on. The formulas of network and noise are in the
//! file under `_about`.

use std::sync::LazyLock;

use serde_json::Value;

use crate::config::{DiffusionConfig, ScheduleName, TimestepSpacing};
use crate::diffusion::Schedule;

pub static GOLDENS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../tests/goldens/schedulers.json")).expect("the goldens are JSON")
});

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

pub const SPACINGS: [(&str, TimestepSpacing); 3] = [
    ("leading", TimestepSpacing::Leading),
    ("trailing", TimestepSpacing::Trailing),
    ("linspace", TimestepSpacing::Linspace),
];

const SCHEDULES: [(&str, ScheduleName); 4] = [
    ("linear", ScheduleName::Linear),
    ("scaled_linear", ScheduleName::ScaledLinear),
    ("squaredcos_cap_v2", ScheduleName::Cosine),
    ("sigmoid", ScheduleName::Sigmoid),
];

/// Diffusers' schedule of that name in exact arithmetic.
pub fn schedule(name: &str, rescale_betas_zero_snr: bool) -> Schedule {
    let (_, schedule) = *SCHEDULES.iter().find(|(n, _)| *n == name).unwrap();
    Schedule::from_config(&DiffusionConfig { schedule, rescale_betas_zero_snr, ..DiffusionConfig::default() }).unwrap()
}

/// The same with 1 − β as torch has it, rounded to f32.
pub fn rounded(name: &str) -> Schedule {
    let exact = schedule(name, false);
    let betas = exact.betas.iter().map(|&beta| 1.0 - f64::from(1f32 - beta as f32)).collect();
    let config = DiffusionConfig { schedule: ScheduleName::Given, betas, ..DiffusionConfig::default() };
    Schedule::from_config(&config).unwrap()
}
