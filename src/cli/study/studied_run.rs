//! A run under study: samples drawn from it and judged.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cli::UsageError;
use crate::data::{self, DataIdentity};
use crate::eval::{Judge, Moments, Reference, cache_folder, cache_key, cached_moments, class_accuracy};
use crate::kernels::Workers;
use crate::picture;
use crate::process::interrupt::Interrupted;
use crate::process::partial::Partial;
use crate::process::plain_file;
use crate::run::checkpoint::CheckpointFacts;
use crate::run::{self, LoadedModel, NotFinite, Recording, RunError, io_words};
use crate::sampling::{self, SamplerSettings, Trajectory};
use crate::speak;

/// What every study of a run can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    pub run: String,
    /// Samples per measurement, cycling through the classes.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub num: u64,
    /// Seed of the noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The folder for tables, plots and samples.
    #[arg(long, value_name = "DIR", default_value = "study")]
    pub out: PathBuf,
    /// Judge by the current data, even if the run was trained on other data.
    #[arg(long)]
    pub accept_data: bool,
    /// Processor threads; 0: one per physical core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

/// One point of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedPoint {
    /// Share of the samples that the bundled judge reads as the class asked for, 0 to 1. None: the run
    /// makes no digits of a class asked for.
    pub accuracy: Option<f64>,
    /// Fréchet distance between the judge's features of the samples and of the training images. None: the
    /// judge can't read the samples, or there are too few of them, or the data can't be read.
    pub fid: Option<f64>,
    /// Network calls of a trajectory.
    pub calls: usize,
    /// Wall time of all samples together, in seconds.
    pub seconds: f64,
    /// Why there is nothing to judge or to show: the samples hold NaN or infinite values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_finite: Option<String>,
}

/// Samples shown of each point.
const SHOWN: usize = 10;

/// A checkpoint, ready to be sampled and judged.
pub struct StudiedRun {
    pub model: LoadedModel,
    /// None: its samples are no digits of a class asked for.
    judge: Option<Judge>,
    /// The training images as the judge sees them.
    reference: Option<Reference>,
    workers: Arc<Workers>,
    num: usize,
    seed: u64,
}

impl StudiedRun {
    /// Opens the newest good checkpoint of the run, or that of a step.
    ///
    /// # Errors
    /// When the run or the checkpoint cannot be used, or the data are not those that it was trained on.
    pub fn open(options: &Options, checkpoint: Option<u64>) -> Result<Self> {
        let dir = run::find(&options.run)?;
        let model = LoadedModel::open(&dir, checkpoint)?;
        for warning in &model.warnings {
            speak::warn(warning);
        }
        let digits = (0..Judge::CLASSES).map(|digit| digit.to_string());
        let readable = model.image_shape == (Judge::SIZE, Judge::SIZE, 1)
            && model.net.num_classes() == Some(Judge::CLASSES)
            && model.classes.iter().cloned().eq(digits);
        let judge = readable.then(Judge::load).transpose()?;
        let reference = match judge.as_ref().map(|judge| reference(judge, &model, &dir, options.accept_data)) {
            Some(Err(error)) if error.is::<RunError>() || Interrupted::caused(&error) => return Err(error),
            Some(read) => read.inspect_err(|error| speak::warn(format_args!("no Fréchet distance: {error:#}"))).ok(),
            None => None,
        };
        let workers = Arc::new(Workers::new(options.threads)?);
        Ok(Self { model, judge, reference, workers, num: options.num as usize, seed: options.seed })
    }

    /// What tells this subject's measurements from those of others: the checkpoint by its checksums.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn key(&self) -> Result<String> {
        let path = self.model.checkpoint.join("difflab/checksums.sha256");
        let checksums = plain_file::read_text(&path).with_context(|| format!("reading {}", path.display()))?;
        let hash: String =
            Sha256::digest(checksums.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{hash} num {} seed {}", self.num, self.seed))
    }

    /// Draws the samples and judges them; `row` becomes a picture of the first few. Samples with NaN or infinite
    /// values are not judged and not shown.
    ///
    /// # Errors
    /// When sampling fails, or the picture cannot be written.
    pub fn measure(&self, settings: &SamplerSettings, guidance_scale: f64, row: &Path) -> Result<JudgedPoint> {
        let classes = self.model.net.num_classes().map(|n| run::classes_in_turn(self.num, n, None));
        let denoiser = sampling::network_denoiser(
            &self.model.net,
            &self.model.parameterization,
            classes.as_deref(),
            guidance_scale,
            self.workers.clone(),
        )?;
        let (h, w, c) = self.model.image_shape;
        let noise = sampling::starting_noise(self.num, h, w, c, self.seed, &Device::Cpu)?;
        let schedule = self.model.parameterization.schedule.clone();
        let trajectory = Trajectory::new(denoiser, schedule, settings, noise, self.seed)?;
        let started = Instant::now();
        let mut calls = 0;
        let recording = Recording::of(trajectory, 0, |frame| calls = frame.index);
        let seconds = started.elapsed().as_secs_f64();
        let samples = match recording {
            Ok(recording) => recording.samples,
            Err(error) if error.is::<NotFinite>() => {
                let not_finite = Some(match self.model.ill(classes.as_deref())? {
                    Some(ill) => format!("{error}: {ill}"),
                    None => error.to_string(),
                });
                return Ok(JudgedPoint { accuracy: None, fid: None, calls, seconds, not_finite });
            }
            Err(error) => return Err(error),
        };
        let accuracy = match (&self.judge, &classes) {
            (Some(judge), Some(classes)) => Some(class_accuracy(judge, &samples, classes)?.share()),
            _ => None,
        };
        let fid = match (&self.judge, &self.reference) {
            (Some(judge), Some(reference)) if self.num >= 2 => {
                Some(reference.distance(&Moments::of(&judge.read(&samples)?.features))?)
            }
            _ => None,
        };
        let shown = SHOWN.min(self.num);
        let pixels = samples.narrow(0, 0, shown)?.flatten_all()?.to_vec1::<f32>()?;
        if let Some(parent) = row.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("making the folder {}", parent.display()))?;
        }
        let _half_written = Partial::at(row);
        let samples = picture::grid(&pixels, shown, h, w, c, shown, (56 / h.max(1)).max(1), 2);
        picture::save_png(&samples, row, Some(&format!("a row of {shown} samples")))?;
        Ok(JudgedPoint { accuracy, fid, calls, seconds, not_finite: None })
    }

    /// "mnist · step 1500 · 200 samples a row · seed 0".
    pub fn caption(&self) -> String {
        format!(
            "Run `{}`, EMA weights of step {}; {} samples a row, seed {}.",
            self.model.config.name, self.model.step, self.num, self.seed
        )
    }
}

/// Images that the judge reads at once.
const BLOCK: usize = 1000;

/// What the judge sees in the training images of the run in `dir`; kept between evaluations.
fn reference(judge: &Judge, model: &LoadedModel, dir: &Path, accept_data: bool) -> Result<Reference> {
    let config = &model.config;
    let data = data::load(&config.data)?;
    let told = run::check_measured(
        &CheckpointFacts::of(&model.checkpoint)?,
        dir,
        config,
        &DataIdentity::of(&data),
        accept_data,
    )
    .map_err(|error| error.with_words_of_loading(&data.warnings))?;
    told.iter().for_each(speak::warn);
    let held_out = config.data.held_out.of(data.len());
    let (train, _) = data.split_held_out(held_out, config.seed)?;
    let key = cache_key(&[Judge::version().as_bytes(), train.pixels.bytes()]);
    let moments = cached_moments(cache_folder().as_deref(), &key, || {
        let mut moments = Moments::empty();
        let indices: Vec<usize> = (0..train.len()).collect();
        for block in indices.chunks(BLOCK) {
            let shape = (block.len(), train.height, train.width, train.channels);
            let images = Tensor::from_vec(train.gather(block, None), shape, &Device::Cpu)?;
            moments.add(&judge.read(&images)?.features);
        }
        Ok(moments)
    })?;
    Reference::new(&moments)
}

/// Makes the folder that a study writes to.
///
/// # Errors
/// A usage error when it cannot be made.
pub fn make_out(out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).map_err(|error| {
        UsageError::new(format!("--out {}: cannot make the folder: {}", out.display(), io_words::reason(&error))).into()
    })
}
