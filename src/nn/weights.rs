//! The values of a network's parameters, by name and in name order.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use rand::RngExt;

use super::{ParameterKind, UNetConfig, parameters};
use crate::random::{Stream, generator, normal};

/// Parameters by name, in name order, each in memory layout. A clone shares the values.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Initial values for training from scratch, as torch draws them: convolutions and linear layers
    /// uniform in ±1/√fan_in (weight and bias), normalizations 1 and 0, embeddings N(0, 1).
    ///
    /// # Errors
    /// When the architecture is impossible or not supported.
    pub fn init(config: &UNetConfig, seed: u64, device: &Device) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for (index, parameter) in parameters(config)?.into_iter().enumerate() {
            let mut rng = generator(seed, Stream::Weights, index as u64);
            let count = parameter.count();
            let mut uniform = |fan_in: usize| {
                let bound = 1.0 / (fan_in as f32).sqrt();
                (0..count).map(|_| bound * (2.0 * rng.random::<f32>() - 1.0)).collect()
            };
            let values: Vec<f32> = match parameter.kind {
                // The last axis is c_out; all the others together are the fan-in.
                ParameterKind::Conv | ParameterKind::Linear => uniform(parameter.shape.iter().rev().skip(1).product()),
                ParameterKind::Bias { fan_in } => uniform(fan_in),
                ParameterKind::NormWeight => vec![1.0; count],
                ParameterKind::NormBias => vec![0.0; count],
                ParameterKind::Embedding => normal(&mut rng, count),
            };
            tensors.insert(parameter.name, Tensor::from_vec(values, parameter.shape, device)?);
        }
        Ok(Self { tensors })
    }

    /// Weights from named tensors in memory layout.
    pub fn from_map(tensors: BTreeMap<String, Tensor>) -> Self {
        Self { tensors }
    }

    /// Names and tensors, in name order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// A copy that can be trained: variables in name order, and the weights made of them. Setting a
    /// variable changes those weights, and every network built from them.
    pub fn trainable(&self) -> Result<(Self, Vec<(String, Var)>)> {
        let mut tensors = BTreeMap::new();
        let mut vars = Vec::with_capacity(self.len());
        for (name, tensor) in &self.tensors {
            // A tensor that already is a variable would be shared, not copied.
            let var = Var::from_tensor(&tensor.detach()).with_context(|| format!("making {name:?} trainable"))?;
            tensors.insert(name.clone(), var.as_tensor().clone());
            vars.push((name.clone(), var));
        }
        Ok((Self { tensors }, vars))
    }

    /// The same values, shared, but recording no gradients: for inference beside training.
    pub fn detached(&self) -> Self {
        let tensors = self.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.detach())).collect();
        Self { tensors }
    }
}
