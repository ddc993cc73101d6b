//! `--through-training`: one noise, sampled with what the run had learned at every step that was kept.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use image::RgbImage;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::Args;
use super::edit::Edit;
use super::ignored::ignored;
use super::plan::{SamplePlan, set_as_asked};
use super::shell::at_the_shell;
use crate::cli::UsageError;
use crate::cli::output::OutputFile;
use crate::cli::over_ranks;
use crate::config::KeepHistory;
use crate::picture::{self, FilmTiming, PictureTable, is_points};
use crate::run::{self, LoadedModel, NotFinite, Recording, WayTime};
use crate::sampling;
use crate::speak;
use crate::thousands::thousands;

/// Pictures of a column of the strip: the noise, the finished sample, and what lies between.
const ROWS: usize = 11;
/// Widths of strip and film, about, and the largest pixels.
const STRIP: usize = 1200;
const FILM: usize = 480;
const LARGEST: usize = 8;
/// Sides of scatter plots.
const SIDES: (usize, usize) = (60, 320);
/// Samples of a film unless told otherwise: one of each class, but no more than ten; without classes so many.
const CLASSES: usize = 10;
const UNCONDITIONAL: usize = 9;
/// Each step is a factor of 1.5 to 2 more training than the one before, and is seen as long.
const TIMING: FilmTiming = FilmTiming { frame_ms: 700, hold_ms: 3000 };

/// Draws strip or film.
///
/// # Errors
/// A usage error for runs without a history and for what can't be asked of this one; else what went wrong.
pub fn run(args: &Args) -> Result<()> {
    let out = args.out.as_deref().map(|path| OutputFile::new(path, "--out", &["png", "gif"])).transpose()?;
    let is_film = out.as_ref().is_some_and(|out| out.kind == "gif");
    let dir = run::find(&args.run)?;
    let steps = run::steps_of_learning(&dir);
    let Some(&newest) = steps.last().filter(|_| steps.len() > 1) else { return Err(no_history(&dir)) };
    let mut model = over_ranks::open(&dir, Some(newest))?;
    let own = model.config.sample.clone();
    let args = Args { num: usual_num(args, &model, is_film), ..args.clone() };
    set_as_asked(&args, &mut model)?;
    model.warnings.iter().for_each(speak::warn);
    let plan = SamplePlan::new(&args, &model)?;
    ignored(&args, &plan, &model, &own).iter().for_each(speak::warn);
    plan.edit.iter().flat_map(Edit::remarks).for_each(speak::remark);
    let shaky = sampling::check_stability(&model.parameterization, &plan.settings, plan.guidance.scale);
    shaky.iter().for_each(speak::warn);
    if !is_film && plan.settings.sampler.is_adaptive() {
        let message = format!(
            "--through-training: the strip has a row for each timestep, and {} chooses its own anew at every step of \
             training: take another --sampler, or make a film (--out FILE.gif)",
            plan.settings.sampler.name()
        );
        return Err(UsageError::new(message).into());
    }

    let started = Instant::now();
    let bar = if args.quiet { ProgressBar::hidden() } else { ProgressBar::new(steps.len() as u64) };
    bar.set_style(ProgressStyle::with_template("sampling {bar:30} {pos}/{len} steps of training · {eta} left")?);
    let mut shown = Vec::with_capacity(steps.len());
    for step in steps {
        let recording = match step == newest {
            true => plan.sample_way(&model, if is_film { 0 } else { ROWS }),
            false => of_step(&dir, step, &args, &plan, is_film),
        };
        match recording {
            Ok(recording) => shown.push((step, recording)),
            Err(error) if left_out(&error) => {
                bar.suspend(|| speak::warn(format_args!("step {step} is left out: {error:#}")))
            }
            Err(error) => return Err(error.context(format!("sampling step {step}"))),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let took = started.elapsed();

    let calls = shown.last().map(|(_, recording)| recording.calls);
    let calls = calls.ok_or_else(|| anyhow!("--through-training: no step could be sampled: see above"))?;
    let words = [plan.settings_in_words(&model, calls), vec![format!("seed {}", plan.seed)]].concat().join(" · ");
    let drawing = Drawing { name: &model.config.name, words: &words, plan: &plan, shape: model.image_shape };
    let at_the_end = match &out {
        Some(film) if film.kind == "gif" => {
            let frames = drawing.film(&shown)?;
            film.write(|path, _| picture::save_film(&frames, path, TIMING))?;
            speak::remark(format_args!("wrote {} ({} steps of training)", film.path.display(), frames.len()));
            frames.into_iter().next_back().context("a film without frames")?
        }
        _ => {
            let strip = drawing.strip(&shown)?;
            if let Some(out) = &out {
                out.write(|path, _| picture::save_png(&strip, path, Some("a strip of training steps")))?;
                speak::remark(format_args!("wrote {}", out.path.display()));
            }
            strip
        }
    };
    if !args.quiet {
        picture::print_in_terminal(&at_the_end, at_the_shell(args.images))?;
        let (first, last) = (shown.first().map_or(0, |one| one.0), shown.last().map_or(0, |one| one.0));
        let (count, first, last) = (shown.len(), thousands(first), thousands(last));
        speak::print(&format!(
            "{count} steps of training, {first} to {last} · {words} · {:.1} s\n",
            took.as_secs_f64()
        ))?;
    }
    Ok(())
}

/// Samples with the weights of an earlier step.
fn of_step(dir: &Path, step: u64, args: &Args, plan: &SamplePlan, is_film: bool) -> Result<Recording> {
    let mut model = over_ranks::open(dir, Some(step))?;
    set_as_asked(args, &mut model)?;
    plan.sample_way(&model, if is_film { 0 } else { ROWS })
}

/// Is it one step's own fault, so that the others can be shown?
fn left_out(error: &anyhow::Error) -> bool {
    error.is::<NotFinite>() || error.downcast_ref::<run::RunError>().is_some()
}

fn no_history(dir: &Path) -> anyhow::Error {
    let setting = run::config_of(dir).map(|config| config.train.history).unwrap_or_default();
    let why = match setting {
        KeepHistory::Off => "its config says train.history = \"off\"",
        KeepHistory::On => "it has not come to the first steps that are kept, or its folder history/ was removed",
        KeepHistory::Auto => {
            "it is too short, its network too large (see train.history), or it comes from an older difflab or another place"
        }
    };
    UsageError::new(format!(
        "--through-training: {} has kept no earlier steps: {why}\n  a run keeps them with --set train.history=on",
        dir.display()
    ))
    .into()
}

/// How many samples; a file of noise says so itself.
fn usual_num(args: &Args, model: &LoadedModel, is_film: bool) -> Option<usize> {
    if args.num.is_some() || args.noise.is_some() {
        return args.num;
    }
    Some(match model.net.num_classes() {
        _ if is_points(model.image_shape) => model.config.sample.num,
        _ if !is_film => 1,
        _ if args.class.is_some() => UNCONDITIONAL,
        Some(classes) => classes.clamp(1, CLASSES),
        None => UNCONDITIONAL,
    })
}

/// What strip and film have in common.
struct Drawing<'a> {
    name: &'a str,
    /// How it was sampled.
    words: &'a str,
    plan: &'a SamplePlan,
    shape: (usize, usize, usize),
}

impl Drawing<'_> {
    /// Columns and scale of the samples in one picture that has so much room, and the side of a scatter plot.
    fn layout(&self, room: usize) -> (usize, usize, usize) {
        let columns = run::columns_for(self.plan.num(), self.plan.classes.as_deref().unwrap_or(&[]));
        let scale = (room / (columns * self.shape.1).max(1)).clamp(1, LARGEST);
        (columns, scale, room.clamp(SIDES.0, SIDES.1))
    }

    /// Training steps across, denoising steps down.
    fn strip(&self, shown: &[(u64, Recording)]) -> Result<RgbImage> {
        let (columns, scale, side) = self.layout(STRIP / shown.len().max(1));
        let (mut ways, reach) = (Vec::with_capacity(shown.len()), reach(shown)?);
        for (_, recording) in shown {
            ways.push(recording.way(columns, scale, (side, reach))?);
        }
        let times: Vec<WayTime> = ways.last().map(|way| way.iter().map(|one| one.when).collect()).unwrap_or_default();
        let cells = (0..times.len()).map(|row| {
            ways.iter().map(|way| way.get(row).map_or_else(|| RgbImage::new(1, 1), |one| one.picture.clone())).collect()
        });
        PictureTable {
            title: format!("{}: one noise through training", self.name),
            remark: self.words.into(),
            across: "training step; below it what the network takes the image for when asked about t".into(),
            down: "t".into(),
            columns: shown.iter().map(|(step, _)| thousands(step)).collect(),
            rows: times.iter().map(|time| row_name(*time)).collect(),
            cells: cells.collect(),
        }
        .to_image()
    }

    /// The finished samples, step after step.
    fn film(&self, shown: &[(u64, Recording)]) -> Result<Vec<RgbImage>> {
        let (columns, scale, side) = self.layout(FILM);
        let reach = reach(shown)?;
        let one = |(step, recording): &(u64, Recording)| {
            let last = recording.way(columns, scale, (side, reach))?.pop().context("a sampling without an end")?;
            let title = format!("{} · step {}", self.name, thousands(step));
            picture::captioned(&last.picture, &title, self.words, FILM as u32)
        };
        shown.iter().map(one).collect()
    }
}

/// The window on points that the newest step fills: one for all.
fn reach(shown: &[(u64, Recording)]) -> Result<f64> {
    shown.last().map_or(Ok(1.0), |(_, newest)| newest.reach())
}

fn row_name(time: WayTime) -> String {
    match time {
        WayTime::Noise => "noise".into(),
        WayTime::Asked(t) => thousands(t),
        WayTime::Sample => "sample".into(),
    }
}
