//! A diffusers folder as a run: sampled, evaluated and trained further like any other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;

use super::import_autoencoder;
use super::import_options::{ImportOptions, Imported};
use super::import_writing::{ImportedNetwork, imported_name};
use super::{RunError, check_free};
use crate::config::{Config, DataConfig, PreviewConfig, SampleConfig, TrainConfig};
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::nn::autoencoder::{LatentSpace, holds_autoencoder, is_autoencoder_folder, open_autoencoder};
use crate::nn::diffusers::{self, LoadedUNet, Scheduling};
use crate::nn::{NetConfig, SampleSize, Weights};
use crate::process::shell_word;

/// Makes the run folder `target` from a folder of diffusers with a `UNet2DModel`, or with an autoencoder alone. The network becomes the
/// checkpoint of step 0 (weights and their average alike, the optimizer fresh), the scheduler's settings
/// the run's own. What it was trained on the folder does not say: `data` waits to be set by whoever
/// trains it further.
///
/// # Errors
/// [`RunError`] when `target` has something in it, or the folder holds what has no counterpart here; another error
/// when writing failed. Then nothing is made.
pub fn import(dir: &Path, target: &Path, options: ImportOptions) -> Result<Imported> {
    check_free(target).map_err(|error| match error {
        RunError::NotEmpty { path, .. } => RunError::NoPlaceForImport(path),
        other => other,
    })?;
    if is_autoencoder_folder(dir) {
        let (imported, loaded) = import_autoencoder::read(dir, target, options).map_err(RunError::NotImportable)?;
        import_autoencoder::write(target, &imported.config, &loaded, dir)?;
        return Ok(imported);
    }
    let (imported, loaded) = read(dir, target, options).map_err(RunError::NotImportable)?;
    write(target, &imported, &loaded, dir)?;
    Ok(imported)
}

/// What will be written: all that may be wrong with the folder.
fn read(dir: &Path, target: &Path, options: ImportOptions) -> Result<(Imported, LoadedUNet)> {
    let mut loaded = diffusers::open_unet(dir)?;
    let mut notes = std::mem::take(&mut loaded.warnings);
    if let Some(broken) = diffusers::not_finite(&loaded.weights)? {
        notes.push(format!("the weights are broken, and samples will be NaN: {broken}"));
    }
    let in_latents = holds_autoencoder(dir);
    if let Some(whole) = whole_pipeline(dir).filter(|_| !in_latents) {
        let as_a_whole = format!(
            "beside it lies an autoencoder: a network that draws latents is imported with its decoder as difflab import {}",
            shell_word(&whole.display().to_string())
        );
        ensure!(draws_pictures(&loaded), "in_channels = {}, and {as_a_whole} RUN", loaded.config.in_channels);
        notes.push(format!("it is taken for a network that draws pixels; {as_a_whole} RUN"));
    }
    prepare(&mut loaded, options, in_latents, &mut notes)?;
    let latents = match in_latents {
        true => Some(latents(dir, &loaded, &mut notes)?),
        false => None,
    };
    let scheduling = scheduling(dir, &mut notes)?;
    let mut config = config(dir, target, &loaded, scheduling)?;
    if let Some(latents) = &latents {
        let (height, width, channels) = latents.image_shape();
        config.data.image_size = if height == width { height } else { 0 };
        config.data.channels = channels;
        config.data.latents = std::path::absolute(dir).unwrap_or_else(|_| dir.into()).display().to_string();
    }
    Parameterization::from_config(&config.diffusion).context("the scheduler's settings")?;
    // The data are still to be named; the rest must stand as it is.
    // That its strides are equal says something of other spacings than leading only, and nobody has set it.
    let sample = SampleConfig { equal_strides: false, ..config.sample.clone() };
    let known = Config { data: DataConfig::default(), sample, ..config.clone() };
    match known.validate() {
        Ok(warnings) => notes.extend(warnings),
        Err(error) => notes.push(format!("it can be sampled, but not trained further as it is: {error}")),
    }
    let parameters = loaded.weights.iter().map(|(_, tensor)| tensor.elem_count()).sum();
    Ok((Imported { config, parameters, notes, latents }, loaded))
}

/// The autoencoder beside the network, with its own scaling: that is what the network was trained on.
fn latents(dir: &Path, loaded: &LoadedUNet, notes: &mut Vec<String>) -> Result<LatentSpace> {
    let found = open_autoencoder(dir)?;
    notes.extend(found.warnings);
    let (h, w) = diffusers::image_size(&loaded.config).unwrap_or_default();
    let (l, factor) = (loaded.config.in_channels, found.config.factor());
    ensure!(
        l == found.config.latent_channels(),
        "the network draws latents of {l} channels, and those of the autoencoder have {}",
        found.config.latent_channels()
    );
    let shape = (h * factor, w * factor, found.config.channels());
    notes.push(format!("it draws {w}×{h} latents with {l} channels, which the {} decodes", found.config.class_name()));
    LatentSpace::new(&found.config, &found.weights, shape, Arc::new(Workers::new(0)?))
}

/// The pipeline that the network's folder `dir` lies in, if an autoencoder lies there as well.
fn whole_pipeline(dir: &Path) -> Option<PathBuf> {
    let around = dir.canonicalize().ok()?.parent()?.to_path_buf();
    let is_network = dir.join("config.json").is_file() && !dir.join("unet").exists();
    let written = dir.parent().filter(|written| written.canonicalize().is_ok_and(|written| written == around));
    let whole = written.map_or_else(|| around.clone(), Path::to_path_buf);
    (is_network && around.join("unet/config.json").is_file() && holds_autoencoder(&around)).then_some(whole)
}

fn draws_pictures(loaded: &LoadedUNet) -> bool {
    matches!(loaded.config.in_channels, 1 | 3)
}

/// Completes the network's settings by what the options say.
fn prepare(loaded: &mut LoadedUNet, options: ImportOptions, in_latents: bool, notes: &mut Vec<String>) -> Result<()> {
    let channels = loaded.config.in_channels;
    ensure!(
        in_latents || draws_pictures(loaded),
        "in_channels = {channels}: only grey (1) and RGB (3) images are known here"
    );
    if let Some(size) = options.image_size {
        loaded.config.sample_size = Some(SampleSize::Square(size));
    }
    let Some((height, width)) = diffusers::image_size(&loaded.config) else {
        anyhow::bail!(
            "unet/config.json has no sample_size: say the height and width of the images with --image-size N"
        );
    };
    loaded.weights = loaded.weights.clone().with_zeroed_time(!loaded.config.noise_conditioning)?;
    let unit = loaded.config.size_multiple();
    ensure!(
        height > 0 && width > 0 && height.is_multiple_of(unit) && width.is_multiple_of(unit),
        "images of {width}×{height} pixels don't fit {} levels: width and height must be multiples of {unit}",
        loaded.config.block_out_channels.len()
    );
    let Some(rows) = loaded.config.num_class_embeds else {
        ensure!(!options.no_null_class, "--no-null-class: this network has no classes");
        return Ok(());
    };
    if options.no_null_class {
        loaded.weights = with_null_class(&loaded.weights)?;
        loaded.config.num_class_embeds = Some(rows + 1);
        notes.push(format!(
            "all {rows} rows of the class table are classes; the null class added behind them is their mean and \
             untrained: guidance needs training first"
        ));
    } else {
        ensure!(
            rows > 1,
            "num_class_embeds = 1: the one row is a class, not the null class; import with --no-null-class"
        );
        notes.push(format!(
            "the class table has {rows} rows: the last is taken for the null class of guidance, the others for {} \
             classes. If all of them are classes, import with --no-null-class",
            rows - 1
        ));
    }
    Ok(())
}

/// The weights with one row more in the class table: the mean of the others.
fn with_null_class(weights: &Weights) -> Result<Weights> {
    const TABLE: &str = "class_embedding.weight";
    let table = weights.get(TABLE).context("there is no class table")?;
    let table = Tensor::cat(&[table.clone(), table.mean_keepdim(0)?], 0)?;
    let tensors = weights
        .iter()
        .map(|(name, tensor)| (name.to_string(), if name == TABLE { table.clone() } else { tensor.clone() }));
    Ok(Weights::from_map(tensors.collect()))
}

fn scheduling(dir: &Path, notes: &mut Vec<String>) -> Result<Scheduling> {
    let read = diffusers::read_scheduler(dir)?;
    notes.extend(read.notes);
    let place = || read.path.as_ref().map_or("without settings".into(), |path| format!("in {}", path.display()));
    let scheduling = diffusers::scheduling(&read.class, &read.settings).with_context(place)?;
    notes.extend(scheduling.notes.iter().cloned());
    Ok(scheduling)
}

fn config(dir: &Path, target: &Path, loaded: &LoadedUNet, scheduling: Scheduling) -> Result<Config> {
    let unet = &loaded.config;
    let (height, width) = diffusers::image_size(unet).unwrap_or_default();
    let timesteps = scheduling.diffusion.timesteps;
    let preview = PreviewConfig::default();
    let train = TrainConfig::default();
    Ok(Config {
        name: imported_name(dir, target),
        data: DataConfig {
            dataset: "images".into(),
            image_size: if height == width { height } else { 0 },
            channels: unet.in_channels,
            ..DataConfig::default()
        },
        model: diffusers::model_config(unet, scheduling.diffusion.variance_type).context("in unet/config.json")?,
        preview: PreviewConfig { steps: preview.steps.min(timesteps), ..preview },
        // A trained network is trained on with smaller steps.
        train: TrainConfig { learning_rate: 1e-4, timestep_bins: train.timestep_bins.min(timesteps), ..train },
        diffusion: scheduling.diffusion,
        sample: scheduling.sample,
        ..Config::default()
    })
}

fn write(target: &Path, imported: &Imported, loaded: &LoadedUNet, from: &Path) -> Result<()> {
    let config = &imported.config;
    let classes = loaded.config.num_class_embeds.map_or(0, |rows| rows - 1);
    let network = ImportedNetwork {
        config,
        net: NetConfig::UNet(loaded.config.clone()),
        weights: &loaded.weights,
        classes: (0..classes).map(|class| class.to_string()).collect(),
        latents: imported.latents.as_ref(),
        from,
        card: card(config, &from.display().to_string()),
    };
    network.write(target)
}

fn card(config: &Config, from: &str) -> String {
    format!(
        "# {}\n\nImported from the diffusers folder `{from}`. `config.toml` holds what its files say.\n\n```sh\n\
         difflab sample RUN --num 16 --out grid.png        # RUN: this folder\n\
         difflab --resume RUN --set data.path=IMAGES       # train further, on a folder of images\n\
         difflab --resume RUN --set data.dataset=mnist     # or on bundled data\n```\n",
        config.name
    )
}
