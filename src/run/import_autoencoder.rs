//! An autoencoder's folder of diffusers as a run: measured, exported and trained further like any other.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::import_options::{ImportOptions, Imported};
use super::import_writing::{ImportedNetwork, imported_name};
use super::verbatim::verbatim;
use crate::config::{AutoencoderKind, AutoencoderStage, Config, DataConfig, TrainConfig};
use crate::nn::autoencoder::{AutoencoderConfig, LoadedAutoencoder, autoencoder_config, open_autoencoder};
use crate::nn::{NetConfig, diffusers, parameters};

/// Pictures of a folder that doesn't say how large they are, and whose user doesn't, either.
const SIZE_UNKNOWN: &str = "an AutoencoderTiny's config.json doesn't say how large its images are: say their height and \
                            width with --image-size N";

/// What will be written, and the network: all that may be wrong with the folder.
pub(super) fn read(dir: &Path, target: &Path, options: ImportOptions) -> Result<(Imported, LoadedAutoencoder)> {
    ensure!(!options.no_null_class, "--no-null-class: an autoencoder has no classes");
    // Before its weights, which may be large.
    let net = autoencoder_config(dir)?;
    let channels = net.channels();
    ensure!(matches!(channels, 1 | 3), "in_channels = {channels}: only grey (1) and RGB (3) images are known here");
    let Some(size) = options.image_size.or(net.sample_shape().map(|(height, ..)| height)) else {
        bail!("{SIZE_UNKNOWN}");
    };
    net.latent_shape(size, size)?;
    let mut loaded = open_autoencoder(dir)?;
    if let AutoencoderConfig::Kl(kl) = &mut loaded.config {
        kl.sample_size = size;
    }
    let mut notes = std::mem::take(&mut loaded.warnings);
    if let Some(broken) = diffusers::not_finite(&loaded.weights)? {
        notes.push(format!("the weights are broken, and reconstructions will be NaN: {broken}"));
    }
    let config = config(dir, target, &loaded.config, size);
    let known = Config { data: DataConfig::default(), ..config.clone() };
    match (trains_as_it_is(&config, &loaded.config, size), known.validate()) {
        (true, Ok(warnings)) => notes.extend(warnings),
        (true, Err(error)) => {
            notes.push(format!("it can be measured and exported, but not trained further as it is: {error}"));
        }
        (false, _) => notes.push(
            "it can be measured and exported, but not trained further: its levels are laid out otherwise than [autoencoder] \
             can say"
                .into(),
        ),
    }
    let (scale, shift) = loaded.config.scaling();
    if scale != 1.0 || shift != 0.0 {
        notes.push(format!(
            "its latents are scaled for diffusion (scaling_factor = {scale}, shift_factor = {shift}); an export of it, once it has \
             data, measures them anew"
        ));
    }
    let parameters = loaded.weights.iter().map(|(_, tensor)| tensor.elem_count()).sum();
    Ok((Imported { config, parameters, notes, latents: None }, loaded))
}

/// Writes the run.
///
/// # Errors
/// When writing failed; then nothing is made.
pub(super) fn write(target: &Path, config: &Config, loaded: &LoadedAutoencoder, from: &Path) -> Result<()> {
    let network = ImportedNetwork {
        config,
        net: NetConfig::Autoencoder(loaded.config.clone()),
        weights: &loaded.weights,
        classes: Vec::new(),
        latents: None,
        from,
        card: card(config, from),
    };
    network.write(target)
}

fn config(dir: &Path, target: &Path, net: &AutoencoderConfig, size: usize) -> Config {
    let stage = Config { autoencoder: stage(net), ..Config::default() }.autoencoder_run();
    Config {
        name: imported_name(dir, target),
        data: DataConfig {
            dataset: "images".into(),
            image_size: size,
            channels: net.channels(),
            ..DataConfig::default()
        },
        // A trained network is trained on with smaller steps.
        train: TrainConfig { learning_rate: 1e-4, ..stage.train.clone() },
        ..stage
    }
}

/// `[autoencoder]` as the folder says it, as far as there are keys for it.
fn stage(net: &AutoencoderConfig) -> AutoencoderStage {
    let own = AutoencoderStage { learning_rate: 1e-4, ..AutoencoderStage::default() };
    match net {
        AutoencoderConfig::Kl(kl) => AutoencoderStage {
            kind: AutoencoderKind::Kl,
            block_out_channels: kl.block_out_channels.clone(),
            layers_per_block: kl.layers_per_block,
            latent_channels: kl.latent_channels,
            norm_num_groups: kl.norm_num_groups,
            mid_attention: kl.mid_block_add_attention,
            ..own
        },
        AutoencoderConfig::Tiny(tiny) => AutoencoderStage {
            kind: AutoencoderKind::Tiny,
            block_out_channels: tiny.encoder_block_out_channels.clone(),
            layers_per_block: tiny.num_encoder_blocks.last().copied().unwrap_or(1),
            latent_channels: tiny.latent_channels,
            ..own
        },
    }
}

/// Would a run with this config have just these parameters?
fn trains_as_it_is(config: &Config, net: &AutoencoderConfig, size: usize) -> bool {
    let of = |net: &AutoencoderConfig| {
        let all = parameters(net).ok()?;
        let mut all: Vec<_> = all.into_iter().map(|parameter| (parameter.name, parameter.shape)).collect();
        all.sort();
        Some(all)
    };
    of(net).is_some() && of(net) == of(&AutoencoderConfig::new(&config.autoencoder, size, size, net.channels()))
}

fn card(config: &Config, from: &Path) -> String {
    format!(
        "# {}\n\nAn autoencoder, imported from the diffusers folder `{}`. `config.toml` holds what its files say.\n\n```sh\n\
         difflab eval RUN --set data.path=IMAGES          # RUN: this folder; how well it gives images back\n\
         difflab --resume RUN --set data.path=IMAGES       # train further, on a folder of images\n\
         difflab export RUN DIR                            # for diffusers again\n```\n",
        verbatim(&config.name),
        from.display()
    )
}
