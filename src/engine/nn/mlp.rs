//! A residual multilayer perceptron: the denoiser of points in the plane.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;

use super::conditioning::Conditioning;
use super::embedding::{ClassEmbedding, TimeEmbedding, TimeFeatures};
use super::layers::Linear;
use super::pass::Pass;
use super::scope::Scope;
use super::{MlpConfig, Weights};
use crate::config::TimeScaleShift;
use crate::kernels;

/// Width of the sinusoidal features of t.
const TIME_FEATURES: usize = 64;

/// An MLP with residual blocks (He et al. 2016), told the time as a U-Net is: sinusoidal features, two
/// layers, and in every block either added or as scale and shift (FiLM, Perez et al. 2018).
///
/// A clone is cheap and shares the weights, as of a [`super::UNet`].
#[derive(Clone)]
pub struct Mlp {
    parts: Arc<Parts>,
}

struct Parts {
    config: MlpConfig,
    conditioning: Conditioning,
    input: Linear,
    blocks: Vec<Block>,
    output: Linear,
}

/// h + linear_2(silu(linear_1(silu(h)) told the time)).
struct Block {
    linear_1: Linear,
    time: Linear,
    linear_2: Linear,
}

impl Mlp {
    /// # Errors
    /// When a setting is impossible, or a tensor is missing or has another shape; the message names it.
    pub fn new(config: &MlpConfig, weights: &Weights) -> Result<Self> {
        Self::build(config, Scope::root(weights))
    }

    pub(super) fn build(config: &MlpConfig, scope: Scope) -> Result<Self> {
        config.validate().context("the MLP's configuration")?;
        let width = config.hidden_width;
        let (features_in, features_out) = config.features();
        let time_outputs = match config.time_scale_shift {
            TimeScaleShift::Default => width,
            TimeScaleShift::ScaleShift => 2 * width,
        };
        let block = |i| {
            let scope = scope.child(format!("blocks.{i}"));
            Ok(Block {
                linear_1: Linear::new(scope.child("linear_1"), width, width)?,
                time: Linear::new(scope.child("time"), width, time_outputs)?,
                linear_2: Linear::new(scope.child("linear_2"), width, width)?,
            })
        };
        let class_embedding =
            config.num_class_embeds.map(|rows| ClassEmbedding::new(scope.child("class_embedding"), rows, width));
        let parts = Parts {
            conditioning: Conditioning {
                time_features: TimeFeatures::of_width(TIME_FEATURES, config.noise_conditioning),
                time_embedding: TimeEmbedding::new(scope.child("time_embedding"), TIME_FEATURES, width)?,
                class_embedding: class_embedding.transpose()?,
            },
            input: Linear::new(scope.child("input"), features_in, width)?,
            blocks: (0..config.hidden_layers).map(block).collect::<Result<_>>()?,
            output: Linear::new(scope.child("output"), width, features_out)?,
            config: config.clone(),
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    pub fn config(&self) -> &MlpConfig {
        &self.parts.config
    }

    /// Classes that can be asked for, the null class not counted; `None`: unconditional.
    pub fn num_classes(&self) -> Option<usize> {
        self.parts.config.num_class_embeds.map(|rows| rows - 1)
    }

    /// Names of the blocks that are told the time, along the way.
    pub fn blocks(&self) -> Vec<String> {
        (0..self.parts.blocks.len()).map(|i| format!("blocks.{i}")).collect()
    }

    /// The network's output `[N, H, W, out_channels]` for `x` `[N, H, W, C]` at the times `t` `[N]` (f32,
    /// may be fractional), each sample of its class in `class_labels` `[N]` (u32; the last row of the
    /// table is the null class). Dropout is off.
    ///
    /// # Errors
    /// When a shape doesn't fit, a class is out of range, or labels are given to an unconditional network
    /// or not given to a conditional one.
    pub fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>) -> Result<Tensor> {
        self.pass(x, t, class_labels, Pass::default())
    }

    /// As [`Self::forward`], with all that a pass can carry. The observer is told of `time_proj`,
    /// `time_embedding`, `input`, `blocks.0` and so on.
    pub(super) fn pass(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>, pass: Pass) -> Result<Tensor> {
        self.parts.forward(x, t, class_labels, pass)
    }
}

impl Parts {
    fn forward(&self, x: &Tensor, t: &Tensor, class_labels: Option<&Tensor>, mut pass: Pass) -> Result<Tensor> {
        let (n, height, width, channels) = x.dims4().context("a batch of samples is [N, H, W, C]")?;
        let expected = self.config.sample_shape;
        ensure!(
            [height, width, channels] == expected,
            "samples of the shape {:?} for a network that takes {expected:?}",
            [height, width, channels]
        );
        ensure!(t.dims() == [n], "{n} samples need {n} times, not a tensor of shape {:?}", t.dims());
        let time = self.conditioning.told(t, class_labels, &mut pass)?;
        let (features_in, _) = self.config.features();
        let mut h = self.input.forward(&x.reshape((n, features_in))?)?;
        pass.show(|| "input".into(), &h);
        for (i, block) in self.blocks.iter().enumerate() {
            h = block.forward(&h, time.to(i), &self.config, &mut pass)?;
            pass.show(|| format!("blocks.{i}"), &h);
        }
        let output = self.output.forward(&kernels::silu(&h)?)?;
        Ok(output.reshape((n, height, width, self.config.out_channels))?)
    }
}

impl Block {
    /// `h` and `time` are `[N, hidden_width]`.
    fn forward(&self, h: &Tensor, time: &Tensor, config: &MlpConfig, pass: &mut Pass) -> Result<Tensor> {
        let inner = self.linear_1.forward(&kernels::silu(h)?)?;
        let time = self.time.forward(time)?;
        let told = match config.time_scale_shift {
            TimeScaleShift::Default => (inner + time)?,
            TimeScaleShift::ScaleShift => {
                let width = config.hidden_width;
                let scale = (time.narrow(1, 0, width)? + 1.0)?;
                ((inner * scale)? + time.narrow(1, width, width)?)?
            }
        };
        let told = pass.drop_out(kernels::silu(&told)?, config.dropout)?;
        Ok((h + self.linear_2.forward(&told)?)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::config::ModelConfig;
    use crate::nn::Net;
    use crate::nn::parameter_count;
    use crate::random::{Stream, generator};

    fn config(shift: TimeScaleShift, num_classes: Option<usize>) -> MlpConfig {
        let model = ModelConfig {
            hidden_width: 16,
            hidden_layers: 2,
            resnet_time_scale_shift: shift,
            class_conditional: num_classes.is_some(),
            dropout: 0.5,
            ..ModelConfig::default()
        };
        MlpConfig::new(&model, 1, 1, 2, num_classes)
    }

    fn mlp(config: &MlpConfig) -> Mlp {
        Mlp::new(config, &Weights::init(config, 0, &Device::Cpu).unwrap()).unwrap()
    }

    fn points(n: usize) -> Tensor {
        Tensor::from_vec((0..2 * n).map(|i| (i as f32).sin()).collect::<Vec<_>>(), (n, 1, 1, 2), &Device::Cpu).unwrap()
    }

    fn times(values: &[f32]) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap()
    }

    fn labels(values: &[u32]) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap()
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn every_point_has_an_answer_of_its_own_that_depends_on_time_and_class() {
        for shift in [TimeScaleShift::Default, TimeScaleShift::ScaleShift] {
            let mlp = mlp(&config(shift, Some(3)));
            let run = |n: usize, t: f32, class: u32| {
                mlp.forward(&points(n), &times(&vec![t; n]), Some(&labels(&vec![class; n]))).unwrap()
            };
            let output = run(5, 10.0, 1);
            assert_eq!(output.dims(), [5, 1, 1, 2]);
            assert!(largest_difference(&output.narrow(0, 0, 2).unwrap(), &run(2, 10.0, 1)) < 1e-6);
            assert!(largest_difference(&output, &run(5, 500.0, 1)) > 1e-3, "{shift:?}: t must matter");
            assert!(largest_difference(&output, &run(5, 10.0, 3)) > 1e-3, "{shift:?}: the class must matter");
        }
    }

    #[test]
    fn the_gradient_is_that_of_a_finite_difference() {
        let config = MlpConfig { dropout: 0.0, ..config(TimeScaleShift::ScaleShift, None) };
        let (weights, vars) = Weights::init(&config, 3, &Device::Cpu).unwrap().trainable().unwrap();
        let mlp = Mlp::new(&config, &weights).unwrap();
        let loss =
            || mlp.forward(&points(4), &times(&[3.0, 40.0, 500.0, 900.0]), None).unwrap().sqr().unwrap().sum_all();
        let gradients = loss().unwrap().backward().unwrap();
        for (name, var) in &vars {
            let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
            // Along the gradient itself, where the difference is largest.
            let norm = gradient.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
            let step = 2e-2f64 / f64::from(norm);
            let at = |sign: f64| {
                let original = var.as_tensor().copy().unwrap();
                var.set(&(&original + (gradient * (sign * step)).unwrap()).unwrap()).unwrap();
                let value = loss().unwrap().to_scalar::<f32>().unwrap();
                var.set(&original).unwrap();
                f64::from(value)
            };
            let slope = (at(1.0) - at(-1.0)) / (2.0 * 2e-2);
            assert!((slope / f64::from(norm) - 1.0).abs() < 0.03, "{name}: {slope} against {norm}");
        }
    }

    #[test]
    fn dropout_acts_in_training_only() {
        let mlp = Net::Mlp(mlp(&config(TimeScaleShift::Default, None)));
        let (x, t) = (points(8), times(&[5.0; 8]));
        let plain = mlp.forward(&x, &t, None).unwrap();
        let mut rng = generator(0, Stream::Dropout, 0);
        let dropped = mlp.forward_train(&x, &t, None, Some(&mut rng)).unwrap();
        assert!(largest_difference(&plain, &dropped) > 1e-3);
        assert_eq!(largest_difference(&plain, &mlp.forward_train(&x, &t, None, None).unwrap()), 0.0);
    }

    #[test]
    fn the_observer_sees_the_blocks_in_order() {
        let mlp = Net::Mlp(mlp(&config(TimeScaleShift::Default, None)));
        let mut seen = Vec::new();
        mlp.forward_observed(&points(1), &times(&[1.0]), None, &mut |name, _| seen.push(name.to_string())).unwrap();
        assert_eq!(seen, ["time_proj", "time_embedding", "input", "blocks.0", "blocks.1"]);
    }

    #[test]
    fn the_parameters_are_counted_and_inputs_that_do_not_fit_are_refused() {
        let config = config(TimeScaleShift::Default, None);
        let expected = (64 * 16 + 16) + (16 * 16 + 16) + (2 * 16 + 16) + 2 * 3 * (16 * 16 + 16) + (16 * 2 + 2);
        assert_eq!(parameter_count(&config).unwrap(), expected);
        let mlp = mlp(&config);
        let message =
            |x: &Tensor, t: &Tensor, classes: Option<&Tensor>| format!("{:#}", mlp.forward(x, t, classes).unwrap_err());
        let square = Tensor::zeros((1, 2, 2, 1), DType::F32, &Device::Cpu).unwrap();
        assert!(message(&square, &times(&[0.0]), None).contains("[1, 1, 2]"));
        assert!(message(&points(2), &times(&[0.0]), None).contains("2 samples need 2 times"));
        assert!(message(&points(1), &times(&[0.0]), Some(&labels(&[0]))).contains("unconditional"));
    }
}
