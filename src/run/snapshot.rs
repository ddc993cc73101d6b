//! Snapshots: what the run can draw at one step, in a folder of its own.
//!
//! `snapshots/step-00001500/` holds `grid.png`, `samples.safetensors`, `trajectory.gif` and
//! `snapshot.json`. It is written under another name and renamed when complete, so a folder by this
//! name is never half a snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use candle_core::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::durable::{make_folder, sync_folder, sync_tree};
use super::recording::{Recording, columns_for, sheet_words};
use super::samples_file::write_samples;
use crate::config::{Config, SampleConfig, SamplerName, TimestepSpacing};
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::nn::Net;
use crate::nn::autoencoder::LatentSpace;
use crate::picture::{self, FilmTiming};
use crate::process::interrupt;
use crate::process::partial::Partial;
use crate::sampling::{self, Guidance, SamplerSettings, Trajectory};

/// Frames of the film; more would only make the file larger.
const FILM_FRAMES: usize = 41;
const GRID_WIDTH: usize = 1120;
const FILM_WIDTH: usize = 640;

/// What to draw, and with what.
pub struct SnapshotRequest<'a> {
    pub run_dir: &'a Path,
    /// Training step of the weights.
    pub step: u64,
    /// With the EMA weights, recording no gradients.
    pub net: &'a Net,
    pub config: &'a Config,
    pub parameterization: &'a Parameterization,
    /// Height, width, channels of a picture.
    pub image_shape: (usize, usize, usize),
    /// In which it diffuses, if not in pixels.
    pub latents: Option<&'a LatentSpace>,
    /// Names of the data's classes; empty when unlabelled.
    pub class_names: &'a [String],
    /// How to sample, and how many. The guidance scale is not used by an unconditional network.
    pub sample: &'a SampleConfig,
    /// One class for all, or `None`: each class in turn.
    pub class: Option<usize>,
    /// The starting noise is the same for every snapshot with this seed, so that snapshots of
    /// different steps can be compared image by image.
    pub seed: u64,
    /// One of this step that shows the very same stays alone: a run that was killed comes by its steps again.
    pub keep_the_same: bool,
    pub workers: &'a Arc<Workers>,
}

/// The contents of `snapshot.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotFacts {
    pub step: u64,
    pub seed: u64,
    pub sampler: SamplerName,
    /// Steps of a trajectory.
    pub steps: usize,
    pub eta: f64,
    pub spacing: TimestepSpacing,
    pub clip_sample: bool,
    /// w in (1 + w)·ε_cond − w·ε_uncond; `null` for an unconditional network.
    pub guidance_scale: Option<f64>,
    /// The same in the other convention: s = 1 + w.
    pub guidance_scale_s: Option<f64>,
    /// Every key of `[sample]` as it was used, which may be otherwise than in the run's config; older
    /// snapshots lack it.
    pub sample: Option<SampleConfig>,
    /// Class of each sample, in the order of `samples`; empty when unconditional.
    pub classes: Vec<usize>,
    pub class_names: Vec<String>,
    /// Number, channels, height, width of `samples`.
    pub shape: [usize; 4],
    /// Always true: snapshots show the averaged weights.
    pub ema: bool,
    /// SHA-256 of the run's `config.toml`.
    pub config_sha256: String,
    /// Version of difflab that wrote this.
    pub difflab: String,
}

/// The class of each of `num` samples: `class` for all, or the classes in turn.
pub fn classes_in_turn(num: usize, num_classes: usize, class: Option<usize>) -> Vec<usize> {
    (0..num).map(|i| class.unwrap_or(i % num_classes.max(1))).collect()
}

/// The steps that the run has whole snapshots of.
pub fn steps_of(run_dir: &Path) -> Vec<u64> {
    let entries = fs::read_dir(run_dir.join("snapshots")).into_iter().flatten().flatten();
    let facts =
        |path: PathBuf| serde_json::from_slice::<SnapshotFacts>(&fs::read(path.join("snapshot.json")).ok()?).ok();
    let whole = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    whole.filter_map(|entry| facts(entry.path())).map(|facts| facts.step).collect()
}

/// Samples and writes the snapshot; returns its folder. A second snapshot of one step gets the suffix
/// `-2`, and so on; with `keep_the_same` only one that differs does, and else the folder is the one that is there.
///
/// # Errors
/// A class that doesn't exist, a sampler that can't run with these settings, a disk that can't be written,
/// `Interrupted`; nothing is left behind then.
pub fn write(request: &SnapshotRequest) -> Result<PathBuf> {
    ensure!(request.sample.num > 0, "a snapshot needs at least one sample (sample.num is 0)");
    let classes = request.net.num_classes().map(|n| classes_in_turn(request.sample.num, n, request.class));
    let recording = record(request, classes.as_deref())?;
    let facts = facts(request, classes.unwrap_or_default())?;

    let parent = request.run_dir.join("snapshots");
    make_folder(&parent).with_context(|| format!("creating {}", parent.display()))?;
    let partial = partial_folder(request.run_dir, request.step);
    let _half_written = Partial::at(&partial);
    let result = fill(&partial, &recording, &facts).and_then(|()| {
        let same = request.keep_the_same.then(|| the_same(&parent, &partial, &facts)).flatten();
        same.map_or_else(|| rename_free(&partial, &parent, request.step), Ok)
    });
    if partial.exists() {
        // Best effort: what matters is what is returned.
        let _ = fs::remove_dir_all(&partial);
    }
    result
}

/// Where the snapshot of `step` is written before it has its name.
pub fn partial_folder(run_dir: &Path, step: u64) -> PathBuf {
    run_dir.join("snapshots").join(format!(".step-{step:08}-{}.partial", std::process::id()))
}

fn record(request: &SnapshotRequest, classes: Option<&[usize]>) -> Result<Recording> {
    let (h, w, c) = request.latents.map_or(request.image_shape, LatentSpace::shape);
    let guidance_scale = if classes.is_some() { request.sample.guidance_scale } else { 0.0 };
    let guidance = Guidance::from_config(request.sample, guidance_scale, request.class_names);
    let denoiser = sampling::network_denoiser(
        request.net,
        request.parameterization,
        classes,
        guidance.map_err(|problem| anyhow!(problem))?,
        request.workers.clone(),
    )?;
    let noise = sampling::starting_noise(request.sample.num, h, w, c, request.seed, &Device::Cpu)?;
    let settings = SamplerSettings::from(request.sample);
    let schedule = request.parameterization.schedule.clone();
    let trajectory = Trajectory::new(denoiser, schedule, &settings, noise, request.seed)?.in_latents(request.latents);
    Recording::of(trajectory, FILM_FRAMES, |_| {})
}

fn facts(request: &SnapshotRequest, classes: Vec<usize>) -> Result<SnapshotFacts> {
    let (h, w, c) = request.image_shape;
    let sample = request.sample;
    let guidance_scale = (!classes.is_empty()).then_some(sample.guidance_scale);
    let config_file = request.run_dir.join("config.toml");
    // A run without its file (a test, a run in memory) is known by the text the file would have.
    let config_text = fs::read(&config_file).unwrap_or_else(|_| request.config.to_toml().into_bytes());
    Ok(SnapshotFacts {
        step: request.step,
        seed: request.seed,
        sampler: sample.sampler,
        steps: if sample.timesteps.is_empty() { sample.steps } else { sample.timesteps.len() },
        eta: sample.eta,
        spacing: sample.spacing,
        clip_sample: sample.clip_sample,
        guidance_scale,
        guidance_scale_s: guidance_scale.map(|w| 1.0 + w),
        sample: Some(sample.clone()),
        classes,
        class_names: request.class_names.to_vec(),
        shape: [sample.num, c, h, w],
        ema: true,
        config_sha256: Sha256::digest(&config_text).iter().map(|b| format!("{b:02x}")).collect(),
        difflab: env!("CARGO_PKG_VERSION").to_string(),
    })
}

/// Writes the four files into the new folder `dir`.
fn fill(dir: &Path, recording: &Recording, facts: &SnapshotFacts) -> Result<()> {
    if dir.exists() {
        // Left by an earlier process with this id that was killed half-way.
        fs::remove_dir_all(dir).with_context(|| format!("removing {}", dir.display()))?;
    }
    interrupt::check()?;
    fs::create_dir(dir).with_context(|| format!("creating {}", dir.display()))?;
    let columns = columns_for(facts.shape[0], &facts.classes);
    let grid = dir.join("grid.png");
    let [n, c, h, w] = facts.shape;
    picture::save_png(&recording.grid(columns, GRID_WIDTH)?, &grid, sheet_words(n, (h, w, c)).as_deref())?;
    write_samples(&dir.join("samples.safetensors"), &recording.samples)?;
    interrupt::check()?;
    let film = recording.film(picture::square_columns(facts.shape[0]), FILM_WIDTH);
    picture::save_film(&film, &dir.join("trajectory.gif"), FilmTiming::default())?;
    interrupt::check()?;
    let json = dir.join("snapshot.json");
    fs::write(&json, serde_json::to_string_pretty(facts)? + "\n").with_context(|| format!("writing {}", json.display()))
}

/// The whole snapshot in `parent` that was made as the one in `partial` was, and has the same samples.
fn the_same(parent: &Path, partial: &Path, facts: &SnapshotFacts) -> Option<PathBuf> {
    let samples = |dir: &Path| fs::read(dir.join("samples.safetensors")).ok();
    let drawn = samples(partial)?;
    let whole =
        fs::read_dir(parent).ok()?.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let mut same: Vec<PathBuf> = whole
        .map(|entry| entry.path())
        .filter(|dir| {
            let read = fs::read(dir.join("snapshot.json")).ok();
            let read: Option<SnapshotFacts> = read.and_then(|text| serde_json::from_slice(&text).ok());
            // A run that goes on may have more steps in its config, and be of another version.
            let as_now = read.map(|read| SnapshotFacts {
                config_sha256: facts.config_sha256.clone(),
                difflab: facts.difflab.clone(),
                ..read
            });
            as_now.as_ref() == Some(facts) && samples(dir).as_ref() == Some(&drawn)
        })
        .collect();
    same.sort();
    same.into_iter().next()
}

/// Renames `partial` to the first free name for this step.
fn rename_free(partial: &Path, parent: &Path, step: u64) -> Result<PathBuf> {
    let name = |i: u32| parent.join(if i == 1 { format!("step-{step:08}") } else { format!("step-{step:08}-{i}") });
    let free = (1..).map(name).find(|p| !p.exists()).context("no free name for the snapshot")?;
    sync_tree(partial).with_context(|| format!("writing {}", partial.display()))?;
    fs::rename(partial, &free).with_context(|| format!("renaming the snapshot to {}", free.display()))?;
    sync_folder(parent).with_context(|| format!("writing {}", free.display()))?;
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{NetConfig, Weights};

    struct Lab {
        dir: tempfile::TempDir,
        config: Config,
        net: Net,
        parameterization: Parameterization,
        workers: Arc<Workers>,
        names: Vec<String>,
    }

    /// A network that has learned nothing: enough to write a snapshot with.
    fn lab(conditional: bool) -> Lab {
        let mut config = Config::default();
        config.model.block_out_channels = vec![8, 8];
        config.model.norm_num_groups = 4;
        config.model.mid_attention = false;
        config.model.class_conditional = conditional;
        (config.sample.steps, config.sample.num, config.sample.guidance_scale) = (4, 6, 1.5);
        let classes = conditional.then_some(3);
        let net_config = NetConfig::new(&config, 8, 8, 1, classes);
        let weights = Weights::init(&net_config, 0, &Device::Cpu).unwrap();
        Lab {
            dir: tempfile::tempdir().unwrap(),
            net: Net::new(&net_config, &weights.detached()).unwrap(),
            parameterization: Parameterization::from_config(&config.diffusion).unwrap(),
            workers: Arc::new(Workers::new(2).unwrap()),
            names: (0..classes.unwrap_or(0)).map(|i| i.to_string()).collect(),
            config,
        }
    }

    impl Lab {
        fn request(&self) -> SnapshotRequest<'_> {
            SnapshotRequest {
                run_dir: self.dir.path(),
                step: 1500,
                net: &self.net,
                config: &self.config,
                parameterization: &self.parameterization,
                image_shape: (8, 8, 1),
                latents: None,
                class_names: &self.names,
                sample: &self.config.sample,
                class: None,
                seed: 7,
                keep_the_same: false,
                workers: &self.workers,
            }
        }

        fn folders(&self) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(self.dir.path().join("snapshots"))
                .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
                .unwrap_or_default();
            names.sort();
            names
        }
    }

    fn facts_in(dir: &Path) -> SnapshotFacts {
        serde_json::from_slice(&fs::read(dir.join("snapshot.json")).unwrap()).unwrap()
    }

    #[test]
    fn a_snapshot_has_its_four_files_and_says_how_it_was_made() {
        let lab = lab(true);
        fs::write(lab.dir.path().join("config.toml"), "abc").unwrap();
        let dir = write(&lab.request()).unwrap();
        assert!(dir.ends_with("snapshots/step-00001500"));
        let facts = facts_in(&dir);
        assert_eq!((facts.step, facts.seed, facts.steps), (1500, 7, 4));
        assert_eq!((facts.guidance_scale, facts.guidance_scale_s), (Some(1.5), Some(2.5)));
        assert_eq!(facts.sample.as_ref(), Some(&lab.config.sample));
        assert_eq!(facts.classes, [0, 1, 2, 0, 1, 2]);
        // The SHA-256 of "abc", from the standard.
        assert_eq!(facts.config_sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let tensors = candle_core::safetensors::load(dir.join("samples.safetensors"), &Device::Cpu).unwrap();
        assert_eq!(tensors["samples"].dims(), [6, 1, 8, 8]);
        assert!(image::open(dir.join("grid.png")).unwrap().width() > 100);
        assert!(fs::read(dir.join("trajectory.gif")).unwrap().starts_with(b"GIF89a"));
    }

    #[test]
    fn the_same_seed_draws_the_same_samples_and_a_second_snapshot_keeps_the_first() {
        let lab = lab(true);
        let first = write(&lab.request()).unwrap();
        let second = write(&lab.request()).unwrap();
        assert_eq!(lab.folders(), ["step-00001500", "step-00001500-2"]);
        let samples = |dir: &Path| fs::read(dir.join("samples.safetensors")).unwrap();
        assert_eq!(samples(&first), samples(&second));
    }

    #[test]
    fn one_that_comes_by_its_step_again_is_not_kept_twice_unless_it_differs() {
        let lab = lab(true);
        let first = write(&lab.request()).unwrap();
        fs::write(lab.dir.path().join("config.toml"), "with more steps").unwrap();
        let again = || SnapshotRequest { keep_the_same: true, ..lab.request() };
        assert_eq!(write(&again()).unwrap(), first);
        assert_eq!(lab.folders(), ["step-00001500"], "nothing is left beside it");
        write(&SnapshotRequest { seed: 8, ..again() }).unwrap();
        assert_eq!(lab.folders(), ["step-00001500", "step-00001500-2"]);
        // One that is not whole is none.
        fs::remove_file(first.join("snapshot.json")).unwrap();
        write(&again()).unwrap();
        assert_eq!(lab.folders().len(), 3);
    }

    #[test]
    fn an_unconditional_snapshot_has_no_classes_and_no_guidance() {
        let lab = lab(false);
        let facts = facts_in(&write(&lab.request()).unwrap());
        assert_eq!((facts.classes, facts.guidance_scale), (vec![], None));
    }

    #[test]
    fn a_failed_snapshot_leaves_nothing_behind() {
        let lab = lab(true);
        assert!(write(&SnapshotRequest { class: Some(9), ..lab.request() }).is_err());
        let none = SampleConfig { num: 0, ..lab.config.sample.clone() };
        assert!(write(&SnapshotRequest { sample: &none, ..lab.request() }).is_err());
        assert!(lab.folders().is_empty());
        // A file where the folder should go.
        fs::write(lab.dir.path().join("snapshots"), "in the way").unwrap();
        assert!(write(&lab.request()).is_err());
    }
}
