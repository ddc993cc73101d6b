//! How much arithmetic an autoencoder is: encoding and decoding a picture once.

use anyhow::Result;

use super::AutoencoderConfig;
use crate::nn::{Parameter, ParameterKind, parameters};

/// Floating-point operations of a picture, forward, and forward and backward; counted as
/// [`Flops`](crate::nn::Flops) says.
///
/// # Errors
/// When the architecture is impossible, or its factor does not divide the size.
pub fn operations(config: &AutoencoderConfig, height: usize, width: usize) -> Result<(u64, u64)> {
    config.latent_shape(height, width)?;
    let all = parameters(config)?;
    let levels = levels(config, &all);
    let (mut forward, mut training) = (0, 0);
    for (parameter, level) in all.iter().zip(levels) {
        if !matches!(parameter.kind, ParameterKind::Conv | ParameterKind::Linear) {
            continue;
        }
        let positions = ((height >> level) * (width >> level)) as u64;
        let product = 2 * parameter.count() as u64 * positions;
        forward += product;
        // The pictures themselves need no gradient.
        let reads_data = ["encoder.conv_in.weight", "encoder.layers.0.weight"].contains(&parameter.name.as_str());
        training += if reads_data { 2 } else { 3 } * product;
        if parameter.name.ends_with(".to_q.weight") {
            let product = 2 * positions * positions * parameter.shape[1] as u64;
            forward += 2 * product;
            training += 7 * product;
        }
    }
    Ok((forward, training))
}

/// How often the outputs of each parameter's layer are halved.
fn levels(config: &AutoencoderConfig, all: &[Parameter]) -> Vec<usize> {
    let last = config.factor().trailing_zeros() as usize;
    match config {
        AutoencoderConfig::Kl(_) => all.iter().map(|parameter| kl_level(&parameter.name, last)).collect(),
        AutoencoderConfig::Tiny(_) => {
            // Layers without a bias change the size: those of the encoder halve it, those of the decoder double it.
            let of = |name: &str| -> (bool, usize) {
                let mut parts = name.split('.');
                (parts.next() == Some("encoder"), parts.nth(1).and_then(|k| k.parse().ok()).unwrap_or(0))
            };
            let has_bias = |encoder: bool, k: usize| {
                all.iter().any(|p| of(&p.name) == (encoder, k) && (p.name.ends_with("bias") || p.name.contains("conv")))
            };
            let changes: Vec<(bool, usize)> =
                all.iter().map(|p| of(&p.name)).filter(|&(encoder, k)| !has_bias(encoder, k)).collect();
            let level = |parameter: &Parameter| {
                let (encoder, k) = of(&parameter.name);
                let before = changes.iter().filter(|&&(side, at)| side == encoder && at <= k).count();
                if encoder { before } else { last - before }
            };
            all.iter().map(level).collect()
        }
    }
}

fn kl_level(name: &str, last: usize) -> usize {
    let block = |prefix: &str| -> Option<usize> { name.strip_prefix(prefix)?.split('.').next()?.parse().ok() };
    if let Some(level) = block("encoder.down_blocks.") {
        return if name.contains("downsamplers") { level + 1 } else { level };
    }
    if let Some(block) = block("decoder.up_blocks.") {
        let level = last - block;
        return if name.contains("upsamplers") { level - 1 } else { level };
    }
    let at_full_size = ["encoder.conv_in.", "decoder.conv_norm_out.", "decoder.conv_out."];
    if at_full_size.iter().any(|prefix| name.starts_with(prefix)) { 0 } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::autoencoder::{KlConfig, TinyConfig};

    #[test]
    fn each_convolution_counts_where_its_outputs_are() {
        // One level more than none: conv_in 9·1·4 at 16×16, block 2·(3·9·16) at full size, and so on, by hand.
        let tiny = TinyConfig {
            num_encoder_blocks: vec![0, 0],
            num_decoder_blocks: vec![0, 0],
            ..TinyConfig::new(1, 3, 2, 4, 1)
        };
        let (forward, training) = operations(&AutoencoderConfig::Tiny(tiny), 16, 16).unwrap();
        let (full, half) = (256, 64);
        let encoder = 9 * (4 * full + 4 * 4 * half + 4 * 3 * half);
        let decoder = 9 * (3 * 4 * half + 4 * 4 * full + 4 * full);
        assert_eq!(forward, 2 * (encoder + decoder));
        assert_eq!(training, 3 * forward - 2 * 9 * 4 * full);

        let kl = KlConfig {
            norm_num_groups: 1,
            mid_block_add_attention: false,
            use_quant_conv: false,
            use_post_quant_conv: false,
            ..KlConfig::new(1, 3, vec![4, 8])
        };
        let (forward, _) = operations(&AutoencoderConfig::Kl(kl), 16, 16).unwrap();
        let block = |a: u64, b: u64| 9 * (a * b + b * b) + if a == b { 0 } else { a * b };
        let encoder = 9 * 4 * full + block(4, 4) * full + 9 * 16 * half + block(4, 8) * half;
        let encoder = encoder + 2 * block(8, 8) * half + 9 * 8 * 6 * half;
        let decoder = 9 * 3 * 8 * half + 2 * block(8, 8) * half + 2 * block(8, 8) * half + 9 * 64 * full;
        let decoder = decoder + (block(8, 4) + block(4, 4)) * full + 9 * 4 * full;
        assert_eq!(forward, 2 * (encoder + decoder));
    }
}
