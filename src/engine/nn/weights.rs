//! The values of a network's parameters, by name and in name order.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor, Var};
use rand::RngExt;

use super::parameters::ends_a_branch;
use super::{Architecture, Parameter, ParameterKind, parameters};
use crate::random::{Stream, generator, normal};

/// The layer that reads the time features, of a U-Net and of an MLP.
const TIME_ENTRANCE: &str = "time_embedding.linear_1.weight";
/// Training keeps at least five copies (values, gradients, two moments, moving average): 20 GB here.
const MAX_PARAMETERS: usize = 1_000_000_000;

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
    /// When the architecture is impossible or not supported, or far too large to train.
    pub fn init(config: &dyn Architecture, seed: u64, device: &Device) -> Result<Self> {
        let list = parameters(config)?;
        let total: usize = list.iter().map(Parameter::count).sum();
        ensure!(
            total <= MAX_PARAMETERS,
            "a network of {total} parameters is too large; the limit is {MAX_PARAMETERS}: choose \
             smaller block_out_channels"
        );
        let mut tensors = BTreeMap::new();
        for (index, parameter) in list.into_iter().enumerate() {
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

    /// With zeros in the last layer of every branch and of the network, if `zeroed`: `model.zero_init`.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn with_zeroed_ends(mut self, zeroed: bool) -> Result<Self> {
        for (name, tensor) in self.tensors.iter_mut().filter(|(name, _)| zeroed && ends_a_branch(name)) {
            *tensor = tensor.zeros_like().with_context(|| format!("zeros for {name}"))?;
        }
        Ok(self)
    }

    /// With zeros where the time comes in, if `zeroed`: for a network without noise conditioning, whose time features are
    /// zeros. So these weights have no gradient and stay zeros, and diffusers, which passes t, gets the same answer for any.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn with_zeroed_time(mut self, zeroed: bool) -> Result<Self> {
        if let Some(tensor) = self.tensors.get_mut(TIME_ENTRANCE).filter(|_| zeroed) {
            *tensor = tensor.zeros_like().with_context(|| format!("zeros for {TIME_ENTRANCE}"))?;
        }
        Ok(self)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ModelConfig, NetworkKind};
    use crate::nn::{MlpConfig, UNetConfig};

    fn config() -> UNetConfig {
        let model = ModelConfig { class_conditional: true, ..ModelConfig::default() };
        UNetConfig::new(&model, 28, 28, 1, Some(10))
    }

    fn values(weights: &Weights, name: &str) -> Vec<f32> {
        weights.get(name).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    /// Mean and largest magnitude.
    fn summary(values: &[f32]) -> (f32, f32) {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        (mean, values.iter().fold(0.0, |m, v| v.abs().max(m)))
    }

    #[test]
    fn initial_values_are_those_of_torch() {
        let weights = Weights::init(&config(), 0, &Device::Cpu).unwrap();
        for (name, fan_in) in [
            ("mid_block.resnets.0.conv1.weight", 9 * 64),
            ("mid_block.resnets.0.conv1.bias", 9 * 64),
            ("time_embedding.linear_1.weight", 32),
            ("time_embedding.linear_1.bias", 32),
        ] {
            let bound = 1.0 / (fan_in as f32).sqrt();
            let (mean, largest) = summary(&values(&weights, name));
            assert!(largest <= bound && largest > 0.9 * bound, "{name}: {largest} of {bound}");
            assert!(mean.abs() < 0.25 * bound, "{name}: mean {mean}");
        }
        assert!(values(&weights, "conv_norm_out.weight").iter().all(|&v| v == 1.0));
        assert!(values(&weights, "conv_norm_out.bias").iter().all(|&v| v == 0.0));
        let (mean, largest) = summary(&values(&weights, "class_embedding.weight"));
        assert!(mean.abs() < 0.1 && largest > 2.5, "an embedding starts as N(0, 1): {mean}, {largest}");
    }

    #[test]
    fn with_zeroed_ends_blocks_begin_as_the_identity_and_the_network_at_zero() {
        let init = || Weights::init(&config(), 0, &Device::Cpu).unwrap();
        let (plain, zeroed) = (init(), init().with_zeroed_ends(true).unwrap());
        let of = |end: &str| {
            let all = zeroed.iter().filter(|(name, _)| name.ends_with(end));
            let names: Vec<&str> = all.map(|(name, _)| name).collect();
            assert!(!names.is_empty(), "{end}");
            names
        };
        let is_zero = |weights: &Weights, name: &str| values(weights, name).iter().all(|&v| v == 0.0);
        for end in
            ["conv2.weight", "conv2.bias", "to_out.0.weight", "to_out.0.bias", "conv_out.weight", "conv_out.bias"]
        {
            for name in of(end) {
                assert!(is_zero(&zeroed, name) && !is_zero(&plain, name), "{name}");
            }
        }
        for end in
            ["conv1.weight", "conv_in.weight", "time_emb_proj.weight", "time_embedding.linear_2.weight", "to_v.weight"]
        {
            for name in of(end) {
                assert_eq!(values(&zeroed, name), values(&plain, name), "{name}");
            }
        }
        let same = init().with_zeroed_ends(false).unwrap();
        assert!(plain.iter().all(|(name, _)| values(&plain, name) == values(&same, name)));
        // An MLP's blocks and output likewise, but not its time embedding.
        let model = ModelConfig { kind: NetworkKind::Mlp, ..ModelConfig::default() };
        let mlp = Weights::init(&MlpConfig::new(&model, 1, 1, 2, None), 0, &Device::Cpu).unwrap();
        let mlp = mlp.with_zeroed_ends(true).unwrap();
        assert!(is_zero(&mlp, "output.weight") && is_zero(&mlp, "blocks.0.linear_2.weight"));
        assert!(!is_zero(&mlp, "time_embedding.linear_2.weight") && !is_zero(&mlp, "blocks.0.linear_1.weight"));
    }

    #[test]
    fn a_network_beyond_all_memory_is_refused() {
        let huge = UNetConfig { block_out_channels: vec![32, 64, 60_000], ..config() };
        let message = Weights::init(&huge, 0, &Device::Cpu).unwrap_err().to_string();
        assert!(message.contains("too large"), "{message}");
    }

    #[test]
    fn the_seed_decides_the_weights() {
        let draw = |seed| values(&Weights::init(&config(), seed, &Device::Cpu).unwrap(), "conv_in.weight");
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn training_a_copy_leaves_the_original_alone() {
        let original = Weights::init(&config(), 0, &Device::Cpu).unwrap();
        let before = values(&original, "conv_in.bias");
        let (first, _) = original.trainable().unwrap();
        // Also a copy of something that is trained itself.
        let (second, vars) = first.trainable().unwrap();
        for (_, var) in &vars {
            var.set(&var.zeros_like().unwrap()).unwrap();
        }
        assert!(values(&second, "conv_in.bias").iter().all(|&v| v == 0.0));
        assert_eq!(values(&first, "conv_in.bias"), before);
        assert_eq!(values(&original, "conv_in.bias"), before);
        let names: Vec<_> = vars.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.is_sorted() && names.len() == original.len());
    }
}
