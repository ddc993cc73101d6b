//! Everything that a trainer needs to go on exactly where it stopped.

use anyhow::{Context, Result, ensure};
use candle_core::{Tensor, Var};

use crate::kernels::changes;

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
    /// The step at which the moments began at zero: 0, or that of a fork which had none to go on from.
    pub moments_since: u64,
    /// The losses that timesteps are drawn by; empty where they are drawn without.
    pub timestep_sampler: Vec<(String, Tensor)>,
}

impl TrainerState {
    /// All moments zero, as at the beginning: for averages alone, or another optimizer.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn begin_moments(&mut self) -> Result<()> {
        self.moments.clear();
        for (name, tensor) in &self.weights {
            for prefix in ["m", "v"] {
                self.moments.push((format!("{prefix}.{name}"), tensor.zeros_like()?));
            }
        }
        self.moments_since = self.step;
        Ok(())
    }
}

/// Writes the values that `find` knows into the variables of the same names.
pub(super) fn set_all(vars: &[(String, Var)], find: impl Fn(&str) -> Option<Tensor>, what: &str) -> Result<()> {
    for (name, var) in vars {
        let saved = find(name).with_context(|| format!("{what} {name} is missing"))?;
        put(var, &saved, &format!("{what} {name}"))?;
    }
    Ok(())
}

/// Writes a saved tensor into a variable.
///
/// # Errors
/// When it has another shape, which is told in words: the config is not that of the checkpoint.
pub(super) fn put(var: &Var, saved: &Tensor, what: &str) -> Result<()> {
    ensure!(
        saved.dims() == var.dims(),
        "{what} has the shape {:?} in the checkpoint and {:?} in the network of this config: the checkpoint was \
         trained with another [model] or other data",
        saved.dims(),
        var.dims()
    );
    var.set(&saved.to_device(var.device())?).with_context(|| format!("restoring {what}"))?;
    changes::note();
    Ok(())
}

/// Looks a tensor up by name.
pub(super) fn finder(named: &[(String, Tensor)]) -> impl Fn(&str) -> Option<Tensor> + '_ {
    let map: std::collections::HashMap<&str, &Tensor> = named.iter().map(|(n, t)| (n.as_str(), t)).collect();
    move |name| map.get(name).map(|t| (*t).clone())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_checkpoint_of_another_network_is_told_by_both_shapes() {
        let of = |n: usize| Tensor::zeros(n, candle_core::DType::F32, &Device::Cpu).unwrap();
        let var = Var::from_tensor(&of(8)).unwrap();
        put(&var, &of(8), "the weight conv_in.bias").unwrap();
        let said = put(&var, &of(16), "the weight conv_in.bias").unwrap_err().to_string();
        assert!(said.contains("conv_in.bias has the shape [16] in the checkpoint and [8]"), "{said}");
        assert!(!said.contains("mismatch"), "{said}");
    }
}
