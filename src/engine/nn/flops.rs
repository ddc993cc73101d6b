//! How much arithmetic a network is: floating-point operations of one image.

use anyhow::{Result, ensure};

use super::autoencoder::operations;
use super::{NetConfig, ParameterKind, UNetConfig, parameters};

/// Floating-point operations of one image; a multiplication and an addition are two.
///
/// Counted as PyTorch's `FlopCounterMode` counts: the products of convolutions (computed directly,
/// whatever faster algorithm runs), linear layers and attention; what is elementwise is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flops {
    /// One pass forward.
    pub forward: u64,
    /// Forward and backward.
    pub training: u64,
}

/// The arithmetic of one image of `height` × `width` pixels.
///
/// # Errors
/// When the architecture is impossible or not supported, or the size not a multiple of what its
/// levels need.
pub fn flops(config: &NetConfig, height: usize, width: usize) -> Result<Flops> {
    match config {
        NetConfig::UNet(config) => unet_flops(config, height, width),
        NetConfig::Mlp(_) => mlp_flops(config),
        NetConfig::Autoencoder(config) => {
            let (forward, training) = operations(config, height, width)?;
            Ok(Flops { forward, training })
        }
    }
}

/// Every weight is used once, forward, and twice more backward, save where the input needs no gradient.
fn mlp_flops(config: &NetConfig) -> Result<Flops> {
    let (mut forward, mut training) = (0, 0);
    for parameter in parameters(config)?.iter().filter(|p| p.kind == ParameterKind::Linear) {
        let product = 2 * parameter.count() as u64;
        forward += product;
        let reads_data = ["input.weight", "time_embedding.linear_1.weight"].contains(&parameter.name.as_str());
        training += if reads_data { 2 } else { 3 } * product;
    }
    Ok(Flops { forward, training })
}

fn unet_flops(config: &UNetConfig, height: usize, width: usize) -> Result<Flops> {
    let multiple = config.size_multiple();
    ensure!(
        height.is_multiple_of(multiple) && width.is_multiple_of(multiple),
        "images of {width} × {height} pixels: width and height must be multiples of {multiple}"
    );
    let (mut forward, mut training) = (0, 0);
    for parameter in parameters(config)? {
        if !matches!(parameter.kind, ParameterKind::Conv | ParameterKind::Linear) {
            continue;
        }
        let positions = match Place::of(&parameter.name, config.block_out_channels.len()) {
            Place::Level(level) => (height >> level) * (width >> level),
            Place::Vector => 1,
        } as u64;
        // Every weight is used once at every position of the output.
        let product = 2 * parameter.count() as u64 * positions;
        forward += product;
        // Backward are as many products again for the weight's gradient and, unless the input is the
        // image or the time itself, for the input's.
        let reads_data = ["conv_in.weight", "time_embedding.linear_1.weight"].contains(&parameter.name.as_str());
        training += if reads_data { 2 } else { 3 } * product;
        if parameter.name.ends_with(".to_q.weight") {
            // q kᵀ and its product with v forward; backward the scores once more, and four gradients.
            let inner = parameter.shape[1] as u64;
            let product = 2 * positions * positions * inner;
            forward += 2 * product;
            training += 7 * product;
        }
    }
    Ok(Flops { forward, training })
}

/// Where a layer's output lies.
enum Place {
    /// On the pixels of a level; 0 is full resolution.
    Level(usize),
    /// One vector an image.
    Vector,
}

impl Place {
    /// The place of the parameter with diffusers' name `name`, in a network of `levels` levels.
    fn of(name: &str, levels: usize) -> Self {
        let block = |prefix: &str| -> Option<usize> {
            let (index, _) = name.strip_prefix(prefix)?.split_once('.')?;
            index.parse().ok()
        };
        if name.contains("time_emb") {
            Self::Vector
        } else if let Some(level) = block("down_blocks.") {
            Self::Level(level + usize::from(name.contains(".downsamplers.")))
        } else if let Some(index) = block("up_blocks.") {
            Self::Level(levels - 1 - index - usize::from(name.contains(".upsamplers.")))
        } else if name.starts_with("mid_block.") {
            Self::Level(levels - 1)
        } else {
            Self::Level(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ModelConfig, NetworkKind, TimeScaleShift};

    fn model() -> ModelConfig {
        ModelConfig {
            block_out_channels: vec![32, 64, 64],
            layers_per_block: 2,
            attention_levels: vec![2],
            resnet_time_scale_shift: TimeScaleShift::Default,
            ..ModelConfig::default()
        }
    }

    #[test]
    fn the_reference_network_counts_what_pytorch_counts() {
        let config = UNetConfig::new(&model(), 28, 28, 1, None);
        assert_eq!(crate::nn::parameter_count(&config).unwrap(), 1_623_169);
        let flops = unet_flops(&config, 28, 28).unwrap();
        // FlopCounterMode of PyTorch on diffusers' UNet2DModel, 64 images.
        assert_eq!((64 * flops.forward, 64 * flops.training), (35_481_419_776, 106_532_847_616));
    }

    #[test]
    fn convolutions_grow_with_the_area_and_vectors_do_not() {
        let plain = ModelConfig { attention_levels: vec![], mid_attention: false, ..model() };
        let config = UNetConfig::new(&plain, 28, 28, 1, None);
        let (small, large) = (unet_flops(&config, 28, 28).unwrap(), unet_flops(&config, 56, 56).unwrap());
        let on_pixels = (large.forward - small.forward) / 3;
        let on_vectors = small.forward - on_pixels;
        let linear_layers = parameters(&config).unwrap().into_iter().filter(|p| p.kind == ParameterKind::Linear);
        assert_eq!(on_vectors, linear_layers.map(|p| 2 * p.count() as u64).sum::<u64>());
    }

    #[test]
    fn an_mlp_uses_every_weight_once() {
        let model = ModelConfig { kind: NetworkKind::Mlp, hidden_width: 10, hidden_layers: 1, ..model() };
        let config = Config { model, ..Config::default() };
        let flops = flops(&NetConfig::new(&config, 1, 1, 2, None), 1, 1).unwrap();
        // time 64·10 + 10·10, input 2·10, block 3·10·10, output 10·2.
        assert_eq!(flops.forward, 2 * (640 + 100 + 20 + 300 + 20));
        assert_eq!(flops.training, 3 * flops.forward - 2 * (640 + 20));
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let config = UNetConfig::new(&model(), 28, 28, 1, None);
        assert!(unet_flops(&config, 30, 28).unwrap_err().to_string().contains("multiples of 4"));
    }
}
