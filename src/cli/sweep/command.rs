//! Trains what is missing, and measures.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow};
use candle_core::Device;

use super::args::{Args, SweepFormat};
use super::grid::{Cell, NO_EXPERIMENT, cells, idle_keys, length_of};
use super::report::{CellResults, SeedResults, Sweep};
use crate::cli::experiments::{
    Begun, Experiment, HeldExperiment, Measurements, Results, carry_out, check_first_stages, checked, folder_name,
    held_out_errors, is_divergence, make_room, refuse_unmeasurable, train, why_gone,
};
use crate::cli::usage::{LENGTHS, refuse_both};
use crate::cli::{UsageError, device, interruption, source};
use crate::config::Config;
use crate::kernels::Workers;
use crate::lab::{Audience, LabPlan, Outcome, RunChoice};
use crate::process::interrupt::{self, Interrupted};
use crate::run;
use crate::speak;
use crate::tui::experiment::{Carried, ExperimentFacts, ExperimentLink, ExperimentView};

/// One run of the sweep.
struct Run {
    cell: usize,
    seed: u64,
    /// "learning_rate=0.001,seed=0".
    name: String,
    dir: PathBuf,
    /// All its keys; or why there is no such experiment.
    config: Result<(Config, Vec<String>), String>,
}

/// What became of a run.
enum Became {
    Done,
    Failed(String),
    /// Saved, and to go on with.
    Interrupted,
}

/// Runs the sweep, or goes on with it.
///
/// # Errors
/// Bad usage, a folder of another sweep, and runs that failed otherwise than by diverging (after the table).
pub fn run(args: Args) -> Result<Outcome> {
    let device = device::open(&args.device)?;
    refuse_both("--steps", args.steps.is_some(), &LENGTHS, &args.set)?;
    refuse_both("--steps", args.steps.is_some(), &LENGTHS, &args.grid)?;
    let mut overrides = args.set.clone();
    overrides.extend(args.steps.map(|steps| format!("train.steps={steps}")));
    let (base, chosen) = source::config_of(&args.config, &overrides)?;
    let base = Config { parent: None, ..base };
    let cells = cells(&base, &args.grid, args.seeds, &device)?;
    let out =
        args.out.clone().unwrap_or_else(|| Path::new("runs").join(folder_name(&[format!("sweep-{}", base.name)])));
    let mut runs = runs_of(&cells, &base, args.seeds, &out);
    if let Some(why) = runs.iter().find_map(|run| run.config.as_ref().err())
        && runs.iter().all(|run| run.config.is_err())
    {
        return Err(UsageError::new(format!("no combination of the grid is an experiment: {why}")).into());
    }
    let configs = runs.iter().filter_map(|run| Some((run.dir.as_path(), &run.config.as_ref().ok()?.0)));
    refuse_unmeasurable(&args.eval, configs.clone().map(|(_, config)| config))?;
    check_first_stages(configs)?;
    let experiment = Experiment { kind: "sweep", dir: &out, base: &base, from: None, sides: &[] };
    let held = experiment.begin(runs.iter().map(|run| run.dir.as_path()))?;
    idle_keys(&base, &cells, !args.eval.is_empty()).iter().for_each(speak::warn);
    chosen.iter().for_each(|line| speak::remark(format_args!("  {line}")));
    speak::remark(format_args!(
        "a sweep of {} combinations × {} seeds of {}{}, in {}",
        cells.len(),
        args.seeds,
        base.name,
        length_of(&base, cells.iter()).map_or(String::new(), |length| format!(", {length} each")),
        out.display()
    ));
    let facts = ExperimentFacts { kind: "sweep", title: "sweep".into(), dir: out.clone(), luck: None };
    let work = |screen: Option<&ExperimentLink>| train_all(&runs, &held, (&device, args.threads), screen);
    let (mut failed, next) = match carry_out(args.no_tui, (facts, ExperimentView::Listed, &held), work)? {
        ControlFlow::Continue(failed) => failed,
        ControlFlow::Break(outcome) => return Ok(outcome),
    };
    let out = held.dir();
    for (run, failed) in runs.iter_mut().zip(&mut failed) {
        run.dir = held.run(&run.dir);
        *failed = failed.take().or_else(|| why_gone(&run.dir));
    }
    let cells = {
        let _signals = interruption::obey();
        let measured = measure(&args, &out, &runs, &failed)?;
        results(&cells, &runs, (&failed, measured), args.threads)?
    };
    let sweep = Sweep { base, cells };
    sweep.write(&out)?;
    let printed = match args.format {
        SweepFormat::Table => sweep.text(),
        SweepFormat::Md => sweep.markdown(),
        SweepFormat::Json => serde_json::to_string_pretty(&sweep.json())? + "\n",
    };
    speak::print(&printed)?;
    drop(held);
    let others = failed.iter().flatten().filter(|why| !is_divergence(why) && !why.starts_with(NO_EXPERIMENT)).count();
    match others {
        0 => next.begin(),
        n => Err(anyhow!("{n} of {} runs failed: see above; the same command tries them again", runs.len())),
    }
}

fn runs_of(cells: &[Cell], base: &Config, seeds: u64, out: &Path) -> Vec<Run> {
    let of_cell = |(number, cell): (usize, &Cell)| {
        let own_seed = cell.sets.iter().any(|set| set.starts_with("seed="));
        (0..seeds)
            .map(|nth| {
                let seed = base.seed.wrapping_add(nth);
                let mut labels = cell.labels.clone();
                let mut sets = vec![];
                if !own_seed {
                    labels.push(format!("seed={seed}"));
                    sets.push(format!("seed={seed}"));
                }
                sets.extend(cell.sets.iter().cloned());
                let dir = out.join(folder_name(&labels));
                let config = checked(base, &sets).map_err(|error| format!("{NO_EXPERIMENT}{error}"));
                Run { cell: number, seed, name: labels.join(","), dir, config }
            })
            .collect::<Vec<_>>()
    };
    cells.iter().enumerate().flat_map(of_cell).collect()
}

/// Trains one after the other; why each failed, if it did.
fn train_all(
    runs: &[Run],
    held: &HeldExperiment,
    on: (&Device, usize),
    screen: Option<&ExperimentLink>,
) -> Result<Carried<Vec<Option<String>>>> {
    let mut failed = Vec::new();
    for (nth, run) in runs.iter().enumerate() {
        // Each lies beside the others, also where the folder was renamed or deleted meanwhile.
        held.put_back()?;
        let count = format!("run {} of {}", nth + 1, runs.len());
        let already = failed.iter().flatten().count();
        match train_one((run, &held.run(&run.dir)), (&count, already), on, screen)? {
            Became::Done => failed.push(None),
            Became::Failed(why) => {
                speak::warn(format_args!("{}: {why}", run.name));
                failed.push(Some(why));
            }
            Became::Interrupted => return Ok(Err(format!(" in {count}"))),
        }
    }
    Ok(Ok(failed))
}

/// Trains a run to its end in `dir`, from wherever it is; `already` have failed before.
fn train_one(
    (run, dir): (&Run, &Path),
    (count, already): (&str, usize),
    (device, threads): (&Device, usize),
    screen: Option<&ExperimentLink>,
) -> Result<Became> {
    interrupt::check()?;
    let (config, warnings) = match &run.config {
        Ok(known) => known.clone(),
        Err(why) => return Ok(Became::Failed(why.clone())),
    };
    let begun = Begun::of(dir, &config)?;
    let (config, choice, warnings) = match begun {
        Begun::Whole => {
            speak::remark(format_args!("{count}: {}: is there already", run.name));
            return Ok(Became::Done);
        }
        Begun::Diverged { why } => return Ok(Became::Failed(why)),
        Begun::Half { .. } => (run::resumed_config(dir, &[], false)?, RunChoice::Resume(dir.to_path_buf()), Vec::new()),
        Begun::No => {
            make_room(dir)?;
            (config, RunChoice::New { dir: Some(dir.to_path_buf()) }, warnings)
        }
    };
    speak::remark(format_args!("{count}: {}", run.name));
    let plan = LabPlan {
        config,
        run: choice,
        device: device.clone(),
        threads,
        accept_data: false,
        audience: Audience::Nobody,
        warnings,
        chosen: Vec::new(),
        after_step: None,
        racing: None,
        stage: None,
        then: None,
    };
    let mut together = train(vec![(run.name.clone(), plan)], (count, already), screen)?;
    if together.interrupted {
        return Ok(Became::Interrupted);
    }
    match together.ended.pop() {
        Some(Err(error)) if Interrupted::caused(&error) => Ok(Became::Interrupted),
        Some(Err(error)) => Ok(Became::Failed(format!("{error:#}").lines().next().unwrap_or_default().into())),
        _ => Ok(Became::Done),
    }
}

type Measured = Vec<Vec<crate::cli::eval::EvalResult>>;

fn measure(args: &Args, out: &Path, runs: &[Run], failed: &[Option<String>]) -> Result<Measured> {
    if args.eval.is_empty() {
        return Ok(vec![Vec::new(); runs.len()]);
    }
    let mut measurements = Measurements::new(out, &args.eval, args.num, args.threads)?;
    let of = |(run, failed): (&Run, &Option<String>)| match failed {
        None => measurements.of(&run.dir),
        Some(_) => Ok(Vec::new()),
    };
    runs.iter().zip(failed).map(of).collect()
}

fn results(
    cells: &[Cell],
    runs: &[Run],
    (failed, measured): (&[Option<String>], Measured),
    threads: usize,
) -> Result<Vec<CellResults>> {
    let workers = Arc::new(Workers::new(threads)?);
    let mut all: Vec<CellResults> =
        cells.iter().map(|cell| CellResults { cell: cell.clone(), config: None, seeds: Vec::new() }).collect();
    for ((run, failed), measured) in runs.iter().zip(failed).zip(measured) {
        let mut losses = match run.dir.is_dir() {
            true => Results::of(&run.dir)?,
            false => Results::default(),
        };
        if failed.is_none() && losses.lacks_held_out() {
            losses.end_with(&held_out_errors(&run.dir, &workers)?);
        }
        let cell = &mut all[run.cell];
        cell.config = cell.config.take().or_else(|| run.config.as_ref().ok().map(|(config, _)| config.clone()));
        cell.seeds.push(SeedResults { seed: run.seed, losses, measured, failed: failed.clone() });
    }
    Ok(all)
}
