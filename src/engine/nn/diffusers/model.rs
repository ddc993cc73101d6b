//! From a network's settings back to the `[model]` section of an experiment.

use anyhow::{Result, ensure};

use crate::config::{ModelConfig, VarianceType};
use crate::nn::{DownBlockType, SampleSize, UNetConfig, UpBlockType};

/// The `[model]` section under which [`UNetConfig::new`] makes this very network.
///
/// # Errors
/// When no section does; the message names the keys that can't be said.
pub fn model_config(unet: &UNetConfig, variance_type: VarianceType) -> Result<ModelConfig> {
    let number = |value: Option<usize>| value.unwrap_or(0);
    let model = ModelConfig {
        block_out_channels: unet.block_out_channels.clone(),
        layers_per_block: unet.layers_per_block,
        attention_levels: (0..unet.down_block_types.len())
            .filter(|&level| unet.down_block_types[level] == DownBlockType::AttnDownBlock2D)
            .collect(),
        mid_attention: unet.add_attention,
        attention_head_dim: number(unet.attention_head_dim),
        norm_num_groups: unet.norm_num_groups,
        norm_eps: unet.norm_eps,
        attn_norm_num_groups: number(unet.attn_norm_num_groups),
        mid_attention_norm: unet.attn_norm_num_groups.is_some()
            || unet.resnet_time_scale_shift == crate::config::TimeScaleShift::Default,
        resnet_time_scale_shift: unet.resnet_time_scale_shift,
        dropout: unet.dropout,
        class_conditional: unet.num_class_embeds.is_some(),
        mid_block: unet.mid_block_type.is_some(),
        mid_block_scale_factor: unet.mid_block_scale_factor,
        downsample_padding: unet.downsample_padding,
        time_embedding_dim: number(unet.time_embedding_dim),
        flip_sin_to_cos: unet.flip_sin_to_cos,
        freq_shift: unet.freq_shift,
        center_input_sample: unet.center_input_sample,
        noise_conditioning: unet.noise_conditioning,
        ..ModelConfig::default()
    };
    let mirrored = unet
        .up_block_types
        .iter()
        .rev()
        .zip(&unet.down_block_types)
        .all(|(up, down)| (*up == UpBlockType::AttnUpBlock2D) == (*down == DownBlockType::AttnDownBlock2D));
    ensure!(mirrored, "up_block_types has its attention on other levels than down_block_types, which is not supported");
    // What decides the network must come back as it was: whatever is forgotten above is noticed here.
    let made =
        UNetConfig::new(&model, 8, 8, unet.in_channels, unet.num_class_embeds.map(|rows| rows.saturating_sub(1)));
    // A learned variance has outputs of its own.
    let outputs = if variance_type == VarianceType::LearnedRange { 2 } else { 1 } * unet.in_channels;
    ensure!(
        unet.out_channels == outputs,
        "out_channels = {} is not supported; with in_channels = {} and variance_type = {} it must be {outputs}",
        unet.out_channels,
        unet.in_channels,
        variance_type.name()
    );
    let same = UNetConfig {
        out_channels: made.out_channels,
        class_name: made.class_name.clone(),
        diffusers_version: made.diffusers_version.clone(),
        sample_size: made.sample_size,
        act_fn: made.act_fn.clone(),
        num_train_timesteps: None,
        unknown: Default::default(),
        ..unet.clone()
    };
    let (made, same) = (serde_json::to_value(&made)?, serde_json::to_value(&same)?);
    let differ: Vec<String> = same
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| made.get(key.as_str()) != Some(value))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    ensure!(differ.is_empty(), "a network with {} is not supported", differ.join(", "));
    Ok(model)
}

/// Height and width that the folder names.
pub fn image_size(unet: &UNetConfig) -> Option<(usize, usize)> {
    match unet.sample_size? {
        SampleSize::Square(size) => Some((size, size)),
        SampleSize::Rectangle([height, width]) => Some((height, width)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_golden_network_comes_back_from_its_section() {
        for name in ["uncond_default", "cond_scale_shift", "bare_scale_shift", "ddpm_cifar10_family"] {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens").join(name);
            let unet = UNetConfig::from_json(&fs::read_to_string(dir.join("unet/config.json")).unwrap()).unwrap();
            let model = model_config(&unet, VarianceType::FixedSmall).unwrap();
            let (height, width) = image_size(&unet).unwrap();
            let classes = unet.num_class_embeds.map(|rows| rows - 1);
            // Two names of one function.
            let unet = UNetConfig { act_fn: "silu".into(), ..unet };
            assert_eq!(UNetConfig::new(&model, height, width, unet.in_channels, classes), unet, "{name}");
        }
    }

    #[test]
    fn networks_that_no_section_describes_are_refused_by_the_name_of_the_key() {
        let refusal = |unet: UNetConfig| model_config(&unet, VarianceType::FixedSmall).unwrap_err().to_string();
        let unet = UNetConfig { out_channels: 6, ..UNetConfig::default() };
        assert!(refusal(unet).contains("out_channels = 6"));
        let mut lopsided = UNetConfig::default();
        lopsided.up_block_types[0] = UpBlockType::UpBlock2D;
        assert!(refusal(lopsided).contains("up_block_types"));
    }
}
