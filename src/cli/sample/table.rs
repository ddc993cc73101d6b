//! `--grid`: samples from one noise, drawn with several settings, in a table.

use std::time::Instant;

use anyhow::{Context, Result};
use image::RgbImage;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::Args;
use super::grid::{CellSettings, Grid};
use super::ignored::ignored;
use super::plan::{SamplePlan, set_as_asked};
use super::shell::at_the_shell;
use super::without_samples::without_samples;
use crate::cli::output::OutputFile;
use crate::cli::over_ranks;
use crate::picture::{self, PictureTable, is_points};
use crate::run::{self, LoadedModel, Recording};
use crate::sampling;
use crate::speak;

/// Width of all cells of a row, about.
const WIDTH: usize = 1200;
/// The largest pixels, and the sides of scatter plots.
const LARGEST: usize = 8;
const SIDES: (usize, usize) = (120, 320);
/// Samples in a picture unless told otherwise: one of each class, but no more than ten; without classes so many.
const CLASSES: usize = 10;
const UNCONDITIONAL: usize = 9;

/// One picture of the table: the network, and what will be sampled from it.
struct Planned {
    model: LoadedModel,
    plan: SamplePlan,
    settings: CellSettings,
}

/// Draws the table.
///
/// # Errors
/// A usage error for what can't be asked of this run, before anything is sampled; else what went wrong.
pub fn run(args: &Args) -> Result<()> {
    let out = args.out.as_deref().map(|path| OutputFile::new(path, "--out", &["png"])).transpose()?;
    let base = over_ranks::open(&run::find(&args.run)?, args.checkpoint)?;
    let grid = Grid::of(args, &base.config)?;
    let args = Args { num: usual_num(args, &base), ..args.clone() };
    let (planned, said) = plans(&args, &base, &grid)?;
    said.iter().for_each(speak::warn);

    let started = Instant::now();
    let count: usize = planned.iter().map(Vec::len).sum();
    let bar = if args.quiet { ProgressBar::hidden() } else { ProgressBar::new(count as u64) };
    bar.set_style(ProgressStyle::with_template("sampling {bar:30} {pos}/{len} settings · {eta} left")?);
    let mut recordings = Vec::with_capacity(planned.len());
    for row in &planned {
        let mut of_row = Vec::with_capacity(row.len());
        for one in row {
            of_row.push(one.sample()?);
            bar.inc(1);
        }
        recordings.push(of_row);
    }
    bar.finish_and_clear();
    let took = started.elapsed();

    // One window on points for all, which those that scatter far don't widen.
    let mut reach = f64::INFINITY;
    for recording in recordings.iter().flatten() {
        reach = reach.min(recording.reach()?);
    }
    let mut cells = Vec::with_capacity(planned.len());
    for (row, recordings) in planned.iter().zip(&recordings) {
        let pictures = row.iter().zip(recordings).map(|(one, recording)| one.draw(recording, row.len(), reach));
        cells.push(pictures.collect::<Result<Vec<_>>>()?);
    }

    let first = planned.first().and_then(|row| row.first()).context("a table without cells")?;
    let num = first.plan.num();
    let each = format!("{num} sample{} in each picture", if num == 1 { "" } else { "s" });
    let about = format!("{each}, from the same noise · seed {}", first.plan.seed);
    // Whether they are averaged is what the table is about then.
    let of_weights = grid.across == "weights" || grid.down.split(" · ").any(|key| key == "weights");
    let weights = if of_weights { format!("step {}", base.step) } else { base.weights_in_words() };
    let table = PictureTable {
        title: format!("{} · {weights}", base.config.name),
        remark: about.clone(),
        across: grid.across.clone(),
        down: grid.down.clone(),
        columns: grid.columns.clone(),
        rows: grid.rows.clone(),
        cells,
    }
    .to_image()?;
    if let Some(out) = out {
        out.write(|path, _| picture::save_png(&table, path, Some("a table of settings")))?;
        speak::remark(format_args!("wrote {}", out.path.display()));
    }
    if !args.quiet {
        picture::print_in_terminal(&table, at_the_shell(args.images))?;
        speak::print(&format!("{} · {about} · {weights} · {:.1} s\n", dimensions(&grid), took.as_secs_f64()))?;
    }
    Ok(())
}

/// "sampler (2) × guidance_scale (3)".
fn dimensions(grid: &Grid) -> String {
    let across = format!("{} ({})", grid.across, grid.columns.len());
    if grid.down.is_empty() { across } else { format!("{} ({}) × {across}", grid.down, grid.rows.len()) }
}

/// How many samples a picture shows; a file of noise says so itself.
fn usual_num(args: &Args, model: &LoadedModel) -> Option<usize> {
    if args.num.is_some() || args.noise.is_some() {
        return args.num;
    }
    Some(match model.net.num_classes() {
        _ if is_points(model.image_shape) => model.config.sample.num,
        _ if args.class.is_some() => UNCONDITIONAL,
        Some(classes) => classes.clamp(1, CLASSES),
        None => UNCONDITIONAL,
    })
}

/// All that will be sampled, checked, and what the user should know of it, each once.
fn plans(args: &Args, base: &LoadedModel, grid: &Grid) -> Result<(Vec<Vec<Planned>>, Vec<String>)> {
    let mut said: Vec<String> = Vec::new();
    let mut say = |words: String| {
        if !said.contains(&words) {
            said.push(words);
        }
    };
    let raw = grid.cells.iter().flatten().any(|cell| cell.raw).then(|| base.with_raw_weights()).transpose()?;
    let mut planned = Vec::with_capacity(grid.cells.len());
    for row in &grid.cells {
        let mut plans = Vec::with_capacity(row.len());
        for settings in row {
            let mut model = raw.as_ref().filter(|_| settings.raw).unwrap_or(base).clone();
            let own = model.config.sample.clone();
            let cell = Args { set: [&args.set[..], &settings.sets].concat(), ..args.clone() };
            let of_cell = || format!("--grid {}", settings.label);
            set_as_asked(&cell, &mut model).with_context(of_cell)?;
            let plan = SamplePlan::new(&cell, &model).with_context(of_cell)?;
            model.warnings.iter().cloned().for_each(&mut say);
            ignored(&cell, &plan, &model, &own)
                .into_iter()
                .for_each(|words| say(format!("{}: {words}", settings.label)));
            let shaky = sampling::check_stability(&model.parameterization, &plan.settings, plan.guidance.scale);
            shaky.into_iter().for_each(|words| say(format!("{}: {words}", settings.label)));
            plans.push(Planned { model, plan, settings: settings.clone() });
        }
        planned.push(plans);
    }
    Ok((planned, said))
}

impl Planned {
    fn sample(&self) -> Result<Recording> {
        let (plan, model) = (&self.plan, &self.model);
        let recording = plan.sample(model, 0, false);
        let cell = || format!("--grid {}", self.settings.label);
        recording.map_err(|error| without_samples(error, plan, model)).with_context(cell)
    }

    /// The samples in one picture, of which `beside` stand in a row.
    fn draw(&self, recording: &Recording, beside: usize, reach: f64) -> Result<RgbImage> {
        let plan = &self.plan;
        let columns = run::columns_for(plan.num(), plan.classes.as_deref().unwrap_or(&[]));
        let (_, width, _) = self.model.image_shape;
        let room = WIDTH / beside.max(1);
        let scale = (room / (columns * width).max(1)).clamp(1, LARGEST);
        let last = recording.way(columns, scale, (room.clamp(SIDES.0, SIDES.1), reach))?.pop();
        Ok(last.context("a sampling without an end")?.picture)
    }
}
