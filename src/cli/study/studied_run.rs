//! A run under study: samples drawn from it and judged.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::Device;

use super::judging::{JudgedPoint, Judging};
use super::ledger::Ledger;
use super::repeated::Repeated;
use crate::cli::sampling_precision::{agreed, net_in};
use crate::cli::{UsageError, over_ranks, ranks};
use crate::config::Precision;
use crate::kernels::Workers;
use crate::picture;
use crate::process::partial::Partial;
use crate::ranks::world;
use crate::run::{self, LoadedModel, NotFinite, Recording, io_words};
use crate::sampling::{self, SamplerSettings, Trajectory};
use crate::speak;

/// What every study of a run can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    pub run: String,
    /// Samples of each seed, cycling through the classes.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub num: u64,
    /// Seed of the noise, the first one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Measure with so many seeds, one after the other from --seed: the tables have means and their standard errors.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub seeds: u64,
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

/// Samples shown of each point.
const SHOWN: usize = 10;

/// A checkpoint, ready to be sampled and judged.
pub struct StudiedRun {
    pub model: LoadedModel,
    /// That the network multiplies in.
    precision: Precision,
    /// None: no judge reads its samples, or they are of no class asked for.
    judging: Option<Judging>,
    workers: Arc<Workers>,
    num: usize,
    seed: u64,
    seeds: u64,
}

impl StudiedRun {
    /// Opens the newest good checkpoint of the run, or that of a step.
    ///
    /// # Errors
    /// When the run or the checkpoint cannot be used, or the data are not those that it was trained on.
    pub fn open(options: &Options, checkpoint: Option<u64>) -> Result<Self> {
        let dir = run::find(&options.run)?;
        run::check_draws(&dir, "a study compares samples, and none can be drawn")?;
        let mut model = over_ranks::open(&dir, checkpoint)?;
        let precision = agreed(model.config.sample.precision, model.config.model.kind)?;
        model.config.sample.precision = precision.into();
        for warning in &model.warnings {
            speak::warn(warning);
        }
        let num = options.num as usize;
        let judging = Judging::of(&model, &dir, options.accept_data, num)?;
        let workers = Arc::new(Workers::over(world(), ranks::threads(options.threads))?);
        Ok(Self { model, precision, judging, workers, num, seed: options.seed, seeds: options.seeds })
    }

    /// What tells this subject's measurements from those of others: the checkpoint by its checksums.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn key(&self) -> Result<String> {
        Ok(format!("{} num {}", self.model.digest()?, self.num))
    }

    /// Measures with each seed what is not in the ledger yet, under `key`; `row` becomes a picture of the first samples of
    /// the first seed.
    ///
    /// # Errors
    /// As [`Self::measure`].
    pub fn repeat(
        &self,
        ledger: &mut Ledger,
        key: &str,
        settings: &SamplerSettings,
        guidance_scale: f64,
        row: &Path,
    ) -> Result<Repeated> {
        let seeds = (0..self.seeds).map(|i| self.seed.wrapping_add(i));
        let points = seeds.map(|seed| {
            let key = format!("{key} {settings:?} w {guidance_scale} seed {seed} judged");
            ledger.get_or(&key, || self.measure(settings, guidance_scale, seed, (seed == self.seed).then_some(row)))
        });
        Ok(Repeated(points.collect::<Result<_>>()?))
    }

    /// Real images in the samples' place; `None` where too few were held out.
    ///
    /// # Errors
    /// When candle fails.
    pub fn floor(&self) -> Result<Option<Repeated>> {
        let Some(judging) = &self.judging else { return Ok(None) };
        let draws = judging.floor(self.num, self.seeds as usize)?;
        Ok((!draws.is_empty()).then_some(Repeated(draws)))
    }

    /// Draws the samples of one seed and judges them; `row` becomes a picture of the first few. Samples with NaN or
    /// infinite values are not judged and not shown.
    ///
    /// # Errors
    /// When sampling fails, or the picture cannot be written.
    fn measure(
        &self,
        settings: &SamplerSettings,
        guidance_scale: f64,
        seed: u64,
        row: Option<&Path>,
    ) -> Result<JudgedPoint> {
        let classes = self.model.net.num_classes().map(|n| run::classes_in_turn(self.num, n, None));
        let denoiser = sampling::network_denoiser(
            &net_in(&self.model, self.precision)?,
            &self.model.parameterization,
            classes.as_deref(),
            guidance_scale,
            self.workers.clone(),
        )?;
        let (h, w, c) = self.model.sample_shape;
        let noise = sampling::starting_noise(self.num, h, w, c, seed, &Device::Cpu)?;
        let schedule = self.model.parameterization.schedule.clone();
        let trajectory =
            Trajectory::new(denoiser, schedule, settings, noise, seed)?.in_latents(self.model.latents.as_ref());
        let none = |calls, seconds| JudgedPoint {
            num: self.num,
            right: None,
            fid: None,
            precision: None,
            recall: None,
            calls,
            seconds,
            not_finite: None,
        };
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
                return Ok(JudgedPoint { not_finite, ..none(calls, seconds) });
            }
            Err(error) => return Err(error),
        };
        let judged = match (&self.judging, &classes) {
            (Some(judging), Some(classes)) => judging.judge(&samples, classes, calls, seconds)?,
            _ => none(calls, seconds),
        };
        let Some(row) = row.filter(|_| world().leads()) else { return Ok(judged) };
        let shown = SHOWN.min(self.num);
        let pixels = samples.narrow(0, 0, shown)?.flatten_all()?.to_vec1::<f32>()?;
        if let Some(parent) = row.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("making the folder {}", parent.display()))?;
        }
        let _half_written = Partial::at(row);
        let samples = picture::grid(&pixels, shown, h, w, c, shown, (56 / h.max(1)).max(1), 2);
        picture::save_png(&samples, row, Some(&format!("a row of {shown} samples")))?;
        Ok(judged)
    }

    /// "Run `mnist`, EMA weights of step 1500; 200 samples of each of 5 seeds (0 to 4)."
    pub fn caption(&self) -> String {
        format!(
            "Run `{}`, EMA weights of step {}; {}{}.",
            self.model.config.name,
            self.model.step,
            samples_of(self.num as u64, self.seed, self.seeds),
            self.read_by()
        )
    }

    /// ", read by the bundled judge of digits"; empty where none reads them.
    pub fn read_by(&self) -> String {
        self.judging.as_ref().map_or(String::new(), |judging| format!(", read by {}", judging.of_what().words()))
    }
}

/// "200 samples of each of 5 seeds (0 to 4)".
pub fn samples_of(num: u64, seed: u64, seeds: u64) -> String {
    match seeds {
        1 => format!("{num} samples, seed {seed}"),
        _ => format!("{num} samples of each of {seeds} seeds ({seed} to {})", seed.wrapping_add(seeds - 1)),
    }
}

/// Makes the folder that a study writes to: of several ranks the first does.
///
/// # Errors
/// A usage error when it cannot be made, or nothing can be written in it.
pub fn make_out(out: &Path) -> Result<()> {
    if !world().leads() {
        return Ok(());
    }
    let refused = |what: &str, error: std::io::Error| {
        let (reason, cure) = (io_words::reason(&error), io_words::cure(&error));
        UsageError::new(format!("--out {}: cannot {what}: {reason}\n  {cure}", out.display()))
    };
    std::fs::create_dir_all(out).map_err(|error| refused("make the folder", error))?;
    tempfile::tempfile_in(out).map_err(|error| refused("write in it", error))?;
    Ok(())
}
