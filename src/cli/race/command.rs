//! Trains in turns, and compares.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow};
use candle_core::Device;

use super::args::{Args, RaceFormat};
use super::report::{Race, Side};
use crate::cli::experiments::{
    Begun, Experiment, Measurements, Results, carry_out, check_first_stages, checked, folder_name, held_out_errors,
    is_divergence, labels, make_room, refuse_unmeasurable, train, why_gone,
};
use crate::cli::usage::{LENGTHS, refuse_both};
use crate::cli::{UsageError, device, interruption, source};
use crate::config::{self, Config};
use crate::kernels::Workers;
use crate::lab::{Audience, LabPlan, Outcome, Racing, RunChoice, decide};
use crate::process::interrupt::Interrupted;
use crate::ranks::Alone;
use crate::run::{self, Fork, ForkPoint};
use crate::speak;
use crate::train::SharedDraws;
use crate::tui::experiment::{Carried, ExperimentFacts, ExperimentLink, ExperimentView, Luck};

/// More than this are a slip of the finger, and memory.
const MOST_SIDES: usize = 16;

/// Where all sides begin.
enum Start {
    /// With fresh weights, drawn from the config's seed.
    Anew,
    /// With another run's.
    Fork(Box<ForkPoint>),
}

/// A side before it trains.
struct Entrant {
    /// "a: learning_rate=0.003".
    name: String,
    /// "a: train.learning_rate=0.003", with whole keys: by it the race is known again.
    side: String,
    dir: PathBuf,
    config: Config,
    warnings: Vec<String>,
}

/// Runs the race, or goes on with it.
///
/// # Errors
/// Bad usage, a folder of another race, and runs that failed otherwise than by diverging (after the table).
pub fn run(args: Args) -> Result<Outcome> {
    let device = device::open(&args.device)?;
    if args.sides.0.len() > MOST_SIDES {
        let count = args.sides.0.len();
        return Err(UsageError::new(format!("--vs: {count} sides, and {MOST_SIDES} are the most")).into());
    }
    for sets in &args.sides.0 {
        refuse_both("--steps", args.steps.is_some(), &LENGTHS, sets)?;
        refuse_both("--seed", args.seed.is_some(), &["seed"], sets)?;
    }
    let mut common: Vec<String> = args.steps.map(|steps| format!("train.steps={steps}")).into_iter().collect();
    common.extend(args.seed.map(|seed| format!("seed={seed}")));
    let (start, base) = start(&args, &common)?;
    let out = args.out.clone().unwrap_or_else(|| {
        let of = match &start {
            Start::Anew => base.name.clone(),
            // Races of several runs of one experiment don't share a folder.
            Start::Fork(from) => from.run.file_name().map_or(base.name.clone(), |name| name.to_string_lossy().into()),
        };
        Path::new("runs").join(folder_name(&[format!("race-{of}")]))
    });
    let mut entrants = entrants(&args.sides.0, &base, &start, &common, &out, &device)?;
    let from = match &start {
        Start::Anew => None,
        Start::Fork(from) => Some(format!("{} at step {}", from.run.display(), from.step)),
    };
    let sides: Vec<String> = entrants.iter().map(|entrant| entrant.side.clone()).collect();
    refuse_unmeasurable(&args.eval, entrants.iter().map(|entrant| &entrant.config))?;
    if matches!(start, Start::Anew) {
        check_first_stages(entrants.iter().map(|entrant| (entrant.dir.as_path(), &entrant.config)))?;
    }
    let experiment = Experiment { kind: "race", dir: &out, base: &base, from: from.clone(), sides: &sides };
    let held = experiment.begin(entrants.iter().map(|entrant| entrant.dir.as_path()))?;
    let configs: Vec<&Config> = entrants.iter().map(|entrant| &entrant.config).collect();
    let mut draws = SharedDraws::of(&configs);
    if from.is_some() {
        // Theirs are the parent's, whatever the seed.
        draws.begin_alike();
    }
    let begin = from.map_or(String::new(), |from| format!(", forks of {from}"));
    speak::remark(format_args!("a race of {} runs in {}{begin}", entrants.len(), out.display()));
    entrants.iter().for_each(|entrant| speak::remark(format_args!("  {}", entrant.name)));
    speak::remark(format_args!("{}", draws.words()));

    let mut failed: Vec<Option<String>> = vec![None; entrants.len()];
    let mut plans: Vec<(usize, String, LabPlan)> = Vec::new();
    for (place, entrant) in entrants.iter().enumerate() {
        let (config, choice, warnings) = match Begun::of(&entrant.dir, &entrant.config)? {
            Begun::Whole => {
                speak::remark(format_args!("{}: is there already", entrant.name));
                continue;
            }
            Begun::Diverged { why } => {
                failed[place] = Some(why);
                continue;
            }
            Begun::Half { .. } => {
                let dir = entrant.dir.clone();
                (run::resumed_config(&dir, &[], false)?, RunChoice::Resume(dir), Vec::new())
            }
            Begun::No => {
                make_room(&entrant.dir)?;
                let dir = Some(entrant.dir.clone());
                let choice = match &start {
                    Start::Anew => RunChoice::New { dir },
                    Start::Fork(from) => RunChoice::Fork { from: from.clone(), dir },
                };
                (entrant.config.clone(), choice, entrant.warnings.clone())
            }
        };
        let plan = LabPlan {
            config,
            run: choice,
            device: device.clone(),
            threads: args.threads,
            accept_data: false,
            audience: Audience::Nobody,
            warnings,
            chosen: Vec::new(),
            after_step: None,
            racing: None,
            stage: None,
            then: None,
        };
        plans.push((place, entrant.name.clone(), plan));
    }
    let facts = ExperimentFacts {
        kind: "race",
        title: format!("race of {}", entrants.len()),
        dir: out.clone(),
        luck: Some(Luck { is_same: draws.are_paired(), brief: draws.brief(), words: draws.words() }),
    };
    let sides = entrants.iter().map(|entrant| (entrant.dir.clone(), entrant.config.clone()));
    let view = ExperimentView::Compared(sides.collect());
    let already = failed.iter().flatten().count();
    let work = |screen: Option<&ExperimentLink>| train_in_turns(plans, args.threads, already, screen);
    let carried = carry_out(args.no_tui, (facts, view, &held), work)?;
    let (trained, next) = match carried {
        ControlFlow::Continue(trained) => trained,
        ControlFlow::Break(outcome) => return Ok(outcome),
    };
    trained.words.iter().for_each(speak::remark);
    for (place, why) in trained.failed {
        failed[place] = why;
    }
    let out = held.dir();
    for (entrant, failed) in entrants.iter_mut().zip(&mut failed) {
        entrant.dir = held.run(&entrant.dir);
        *failed = failed.take().or_else(|| why_gone(&entrant.dir));
    }
    let race = {
        let _signals = interruption::obey();
        results(&args, &out, &entrants, &failed, draws)?
    };
    race.write(&out)?;
    let printed = match args.format {
        RaceFormat::Table => race.text(),
        RaceFormat::Md => race.markdown(),
        RaceFormat::Json => serde_json::to_string_pretty(&race.json())? + "\n",
    };
    speak::print(&printed)?;
    drop(held);
    match failed.iter().flatten().find(|why| !is_divergence(why)) {
        None => next.begin(),
        Some(why) => Err(anyhow!("a side failed: {why}\n  the same command tries it again")),
    }
}

/// What came of those that trained.
#[derive(Default)]
struct Trained {
    /// Why each of them failed, if it did, with its place.
    failed: Vec<(usize, Option<String>)>,
    /// "1,200 steps, 38,400 images in 21.0 s: 1,828 images/s in all".
    words: Option<String>,
}

/// Trains those that are not whole; `already` have failed before.
fn train_in_turns(
    plans: Vec<(usize, String, LabPlan)>,
    threads: usize,
    already: usize,
    screen: Option<&ExperimentLink>,
) -> Result<Carried<Trained>> {
    if plans.is_empty() {
        return Ok(Ok(Trained::default()));
    }
    // Only those that train wait for each other.
    let parts = Racing::of(plans.len(), threads)?;
    let places: Vec<usize> = plans.iter().map(|(place, ..)| *place).collect();
    let plans = plans.into_iter().zip(parts);
    let plans = plans.map(|((_, name, plan), part)| (name, LabPlan { racing: Some(part), ..plan }));
    let together = train(plans.collect(), ("", already), screen)?;
    if together.interrupted || together.ended.iter().any(|ended| ended.as_ref().is_err_and(Interrupted::caused)) {
        return Ok(Err(String::new()));
    }
    let words = Some(together.words());
    let why = |error: anyhow::Error| format!("{error:#}").lines().next().unwrap_or_default().to_string();
    let failed = places.into_iter().zip(together.ended.into_iter().map(|ended| ended.err().map(why))).collect();
    Ok(Ok(Trained { failed, words }))
}

/// What races, and the config that all sides have in common.
fn start(args: &Args, common: &[String]) -> Result<(Start, Config)> {
    let word = &args.subject;
    let is_config = config::shipped().iter().any(|(name, _)| name == word) || Path::new(word).is_file();
    let run = match is_config {
        true => None,
        false => run::find(word).ok(),
    };
    match run {
        Some(dir) => {
            let from = ForkPoint::find(&dir, args.at)?;
            from.warnings.iter().for_each(speak::warn);
            let base = from.before.clone().with_overrides(common)?;
            Ok((Start::Fork(Box::new(from)), Config { parent: None, ..base }))
        }
        None if args.at.is_some() => Err(UsageError::new("--at is for forks of a run, and this is a config").into()),
        None => {
            let (base, chosen) = source::config_of(word, common)?;
            chosen.iter().for_each(|line| speak::remark(format_args!("  {line}")));
            Ok((Start::Anew, Config { parent: None, ..base }))
        }
    }
}

/// The sides, each with a letter, so that two that set the same are told apart.
fn entrants(
    sides: &[Vec<String>],
    base: &Config,
    start: &Start,
    common: &[String],
    out: &Path,
    device: &Device,
) -> Result<Vec<Entrant>> {
    let mut known: Vec<Vec<String>> = Vec::new();
    let mut found: Vec<String> = Vec::new();
    let mut plain = base.clone();
    decide(&mut plain, device, &Alone)?;
    for sets in sides {
        // As the config writes them, and `auto` as what it stands for: it may be what another side names.
        let mut config = base.clone().with_overrides(sets)?;
        let auto = decide(&mut config, device, &Alone)?;
        let asked = |key: &&str| sets.iter().any(|set| set.split('=').next().is_some_and(|name| name.trim() == *key));
        let said = auto.filter(|decided| decided.keys.iter().any(asked)).map(|decided| decided.to_string());
        if let Some(decided) = said.filter(|decided| !found.contains(decided)) {
            speak::remark(&decided);
            found.push(decided);
        }
        let sets = plain.changes(&config).into_iter().map(|(key, value)| format!("{key}={value}"));
        known.push(sets.collect());
    }
    if known.windows(2).all(|pair| pair[0] == pair[1]) {
        let problem = "all sides are the same: --vs parts them, as in --set train.learning_rate=0.001 --vs --set \
                       train.learning_rate=0.003";
        return Err(UsageError::new(problem).into());
    }
    let letter = |nth: usize| char::from(b'a' + nth as u8);
    for (nth, sets) in known.iter().enumerate() {
        if let Some(first) = known[..nth].iter().position(|before| before == sets) {
            speak::warn(format_args!("side {} is the same as side {}", letter(nth), letter(first)));
        }
    }
    let all: Vec<String> = known.iter().flatten().cloned().collect();
    let of_side = |(nth, (sets, given)): (usize, (&Vec<String>, &Vec<String>))| {
        let letter = letter(nth);
        let side = format!("{letter}: {}", if sets.is_empty() { "as it is".into() } else { sets.join(", ") });
        let labels = labels(sets, &all);
        let words = if labels.is_empty() { "as it is".into() } else { labels.join(", ") };
        let folder = if labels.is_empty() { vec!["as-it-is".into()] } else { labels };
        let dir = out.join(format!("{letter}-{}", folder_name(&folder)));
        let (config, mut warnings) = match start {
            Start::Anew => checked(base, given)?,
            Start::Fork(from) => {
                let Fork { config, mut warnings, .. } = from.fork(&[common, &given[..]].concat())?;
                warnings.extend(config.validate()?);
                (config, warnings)
            }
        };
        warnings.extend(config.idle_among(sets.iter().filter_map(|set| set.split('=').next())));
        Ok(Entrant { name: format!("{letter}: {words}"), side, dir, config, warnings })
    };
    known.iter().zip(sides).enumerate().map(of_side).collect()
}

fn results(
    args: &Args,
    out: &Path,
    entrants: &[Entrant],
    failed: &[Option<String>],
    draws: SharedDraws,
) -> Result<Race> {
    let mut measurements = Measurements::new(out, &args.eval, args.num, args.threads)?;
    let workers = Arc::new(Workers::new(args.threads)?);
    let mut sides = Vec::new();
    for (entrant, failed) in entrants.iter().zip(failed) {
        let (dir, well) = (&entrant.dir, failed.is_none());
        let mut losses = if dir.is_dir() { Results::of(dir)? } else { Results::default() };
        let held_out = if well { held_out_errors(dir, &workers)? } else { Vec::new() };
        losses.end_with(&held_out);
        sides.push(Side {
            name: entrant.name.clone(),
            config: entrant.config.clone(),
            losses,
            held_out,
            measured: if well { measurements.of(dir)? } else { Vec::new() },
            failed: failed.clone(),
        });
    }
    Ok(Race { sides, draws })
}
