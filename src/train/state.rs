//! Everything that a trainer needs to go on exactly where it stopped.

use anyhow::{Context, Result};
use candle_core::{Tensor, Var};

/// A trainer's state. The generators need no place here: they are addressed by the step.
#[derive(Clone, Debug)]
pub struct TrainerState {
    /// Steps done.
    pub step: u64,
    /// The live factor on the learning-rate schedule.
    pub learning_rate_scale: f64,
    /// Raw weights by name, in the layout of the network.
    pub weights: Vec<(String, Tensor)>,
    /// Averaged weights by name.
    pub ema: Vec<(String, Tensor)>,
    /// The optimizer's moments, `m.<parameter>` and `v.<parameter>`.
    pub moments: Vec<(String, Tensor)>,
    /// The losses that timesteps are drawn by; empty where they are drawn without.
    pub timestep_sampler: Vec<(String, Tensor)>,
}

/// Writes the values that `find` knows into the variables of the same names.
pub(super) fn set_all(vars: &[(String, Var)], find: impl Fn(&str) -> Option<Tensor>, what: &str) -> Result<()> {
    for (name, var) in vars {
        let saved = find(name).with_context(|| format!("{what} {name} is missing"))?;
        let saved = saved.to_device(var.device())?;
        var.set(&saved).with_context(|| format!("restoring {what} {name}"))?;
    }
    Ok(())
}

/// Looks a tensor up by name.
pub(super) fn finder(named: &[(String, Tensor)]) -> impl Fn(&str) -> Option<Tensor> + '_ {
    let map: std::collections::HashMap<&str, &Tensor> = named.iter().map(|(n, t)| (n.as_str(), t)).collect();
    move |name| map.get(name).map(|t| (*t).clone())
}
