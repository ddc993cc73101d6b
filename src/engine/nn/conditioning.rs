//! What a network is told beside its input: the time, and the class where it knows classes.

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;

use super::embedding::{ClassEmbedding, TimeEmbedding, TimeFeatures};
use super::pass::{Pass, Told};
use crate::kernels;

/// Both embeddings, into the same D numbers.
pub(super) struct Conditioning {
    pub time_features: TimeFeatures,
    pub time_embedding: TimeEmbedding,
    /// `None`: unconditional.
    pub class_embedding: Option<ClassEmbedding>,
}

impl Conditioning {
    /// The embedding for every block.
    pub fn told(&self, t: &Tensor, class_labels: Option<&Tensor>, pass: &mut Pass) -> Result<Told> {
        let all = self.embed(t, class_labels, pass)?;
        let other = match pass.retimed {
            Some((block, t)) => Some((block, self.embed(t, class_labels, &mut Pass::default())?)),
            None => None,
        };
        Ok(Told { all, other })
    }

    /// The embedding of time and class behind the SiLU that every block begins with, `[N, D]`: taken once for all
    /// of them.
    fn embed(&self, t: &Tensor, class_labels: Option<&Tensor>, pass: &mut Pass) -> Result<Tensor> {
        let features = self.time_features.forward(t)?;
        pass.show(|| "time_proj".into(), &features);
        let mut embedding = self.time_embedding.forward(&features)?;
        pass.show(|| "time_embedding".into(), &embedding);
        match (&self.class_embedding, class_labels) {
            (Some(table), Some(labels)) => {
                ensure!(labels.dims() == t.dims(), "{:?} class labels for {:?} times", labels.dims(), t.dims());
                embedding = (embedding + table.forward(labels)?)?;
            }
            (None, None) => {}
            (Some(_), None) => bail!("this network is class-conditional: it needs a class label for each sample"),
            (None, Some(_)) => bail!("this network is unconditional: it takes no class labels"),
        }
        Ok(kernels::silu(&embedding)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::{Config, ModelConfig, NetworkKind, TimeScaleShift};
    use crate::nn::{Net, NetConfig, Weights};

    /// A network of either kind, conditioned on the noise or not, with weights that can learn.
    fn net(kind: NetworkKind, noise_conditioning: bool) -> (NetConfig, Weights, Vec<(String, candle_core::Var)>) {
        let model = ModelConfig {
            kind,
            block_out_channels: vec![8, 16],
            hidden_width: 16,
            resnet_time_scale_shift: TimeScaleShift::ScaleShift,
            class_conditional: true,
            noise_conditioning,
            ..ModelConfig::default()
        };
        let config = Config { model, ..Config::default() };
        let config = match kind {
            NetworkKind::Mlp => NetConfig::new(&config, 1, 1, 2, Some(3)),
            _ => NetConfig::new(&config, 8, 8, 1, Some(3)),
        };
        let weights = Weights::init(&config, 5, &Device::Cpu).unwrap().with_zeroed_time(!noise_conditioning).unwrap();
        let (weights, variables) = weights.trainable().unwrap();
        (config, weights, variables)
    }

    fn x(config: &NetConfig) -> Tensor {
        let (height, width, channels) = config.sample_shape().unwrap();
        let values: Vec<f32> = (0..2 * height * width * channels).map(|i| (i as f32).sin()).collect();
        Tensor::from_vec(values, (2, height, width, channels), &Device::Cpu).unwrap()
    }

    fn times(t: f32) -> Tensor {
        Tensor::new(&[t, t + 1.0], &Device::Cpu).unwrap()
    }

    fn labels() -> Tensor {
        Tensor::new(&[0u32, 2], &Device::Cpu).unwrap()
    }

    fn differ(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn a_network_without_noise_conditioning_answers_the_same_at_every_time() {
        for kind in [NetworkKind::Unet, NetworkKind::Mlp] {
            for told in [true, false] {
                let (config, weights, _) = net(kind, told);
                let net = Net::new(&config, &weights).unwrap();
                let x = x(&config);
                let whole = |t| net.forward(&x, &times(t), Some(&labels())).unwrap();
                let block = |t| net.block_output(&x, &times(3.0), Some(&labels()), 0, &times(t)).unwrap();
                for change in [differ(&whole(3.0), &whole(700.0)), differ(&block(3.0), &block(700.0))] {
                    assert_eq!(change > 1e-4, told, "{kind:?}: {change}");
                    assert!(told || change == 0.0, "{kind:?}: {change}");
                }
                // The class is told all the same.
                let others = Tensor::new(&[1u32, 1], &Device::Cpu).unwrap();
                assert!(differ(&whole(3.0), &net.forward(&x, &times(3.0), Some(&others)).unwrap()) > 1e-4);
            }
        }
    }

    #[test]
    fn the_layer_that_reads_the_time_has_a_gradient_only_where_there_is_something_to_read() {
        for kind in [NetworkKind::Unet, NetworkKind::Mlp] {
            for told in [true, false] {
                let (config, weights, variables) = net(kind, told);
                let net = Net::new(&config, &weights).unwrap();
                let out = net.forward(&x(&config), &times(30.0), Some(&labels())).unwrap();
                let gradients = out.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                let norm = |name: &str| {
                    let (_, variable) = variables.iter().find(|(known, _)| known == name).unwrap();
                    gradients.get(variable).unwrap().sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()
                };
                assert_eq!(norm("time_embedding.linear_1.weight") > 0.0, told, "{kind:?}");
                for learns in ["time_embedding.linear_1.bias", "time_embedding.linear_2.weight"] {
                    assert!(norm(learns) > 0.0, "{kind:?} {learns}: a constant is learned");
                }
            }
        }
    }

    #[test]
    fn whoever_passes_the_time_to_these_weights_gets_the_same_answer() {
        // What diffusers makes of the folder: the same network, and t.
        let (config, weights, _) = net(NetworkKind::Unet, false);
        let NetConfig::UNet(blind) = &config else { panic!() };
        let telling = NetConfig::UNet(crate::nn::UNetConfig { noise_conditioning: true, ..blind.clone() });
        let (x, labels) = (x(&config), labels());
        let answer =
            |config: &NetConfig, t| Net::new(config, &weights).unwrap().forward(&x, &times(t), Some(&labels)).unwrap();
        assert_eq!(differ(&answer(&telling, 3.0), &answer(&telling, 700.0)), 0.0);
        assert_eq!(differ(&answer(&telling, 3.0), &answer(&config, 3.0)), 0.0);
    }
}
