//! `difflab [CONFIG]`: opens the lab, on the screen or headless.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;

use super::usage::{LENGTHS, refuse_both, set_in_full};
use super::{device, ranks, source};
use crate::cli::UsageError;
use crate::config::{self, Config};
use crate::headless::{self, Log};
use crate::lab::{Audience, LabPlan, Outcome, PlannedStage, RunChoice};
use crate::process::shell_word;
use crate::run::{self, OwnStage, own_stage};
use crate::sampling::check_config_stability;
use crate::speak;
use crate::tui::terminal::abilities;
use crate::tui::{self, ImageProtocol, TuiOptions};

/// The shipped config that opens when none is named.
const DEFAULT_CONFIG: &str = "mnist";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The experiment: a .toml file, the name of a shipped config, or your own data (a folder of pictures or a file of
    /// images), for which difflab makes a config [default: mnist].
    #[arg(value_name = "CONFIG")]
    config: Option<String>,
    /// Train without a screen: a progress bar on a terminal, JSON lines on a pipe.
    #[arg(long)]
    no_tui: bool,
    /// How to report progress without a screen (implies --no-tui) [default: text on a terminal, json on a pipe].
    #[arg(long, value_name = "FORMAT")]
    log: Option<LogFormat>,
    /// Set any config key, e.g. --set train.batch_size=64; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = set_in_full)]
    set: Vec<String>,
    /// Training steps of the whole run (train.steps).
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// The same in passes through the training images (train.epochs), such as 10 or 0.5.
    #[arg(long, value_name = "E", conflicts_with = "steps")]
    epochs: Option<f64>,
    /// Seed of every random number (seed).
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// cpu, cuda:0 or metal.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Training threads, of each process where several train [default: one per physical core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Where the run folder goes [default: runs/<date>-<name>-<short id>].
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Continue from a run's newest good checkpoint: a folder, the beginning of its name in runs/, or `latest`.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["run", "seed", "config"])]
    resume: Option<String>,
    /// Continue with the current data, even if the run was trained on other data.
    #[arg(long, requires = "resume")]
    accept_data: bool,
    /// How to draw pictures.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    images: ImageProtocol,
    /// Explain every config key, and exit.
    #[arg(long)]
    help_config: bool,
}

impl Args {
    /// Does it train nothing?
    pub fn only_explains(&self) -> bool {
        self.help_config
    }
}

/// How progress is told without a screen.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    Json,
    Text,
}

/// Opens the lab and returns when it is left; `after_step` as in [`LabPlan`].
///
/// # Errors
/// Bad usage, config or data, and runs that fail.
pub fn run(args: Args, after_step: Option<fn(u64)>) -> Result<Outcome> {
    if args.help_config {
        speak::print(&format!("{}\n", config::help().trim_end()))?;
        return Ok(Outcome::Done);
    }
    if let Some(outcome) = followed(&args, Stage::Own)? {
        return Ok(outcome);
    }
    let plan = LabPlan { after_step, ..plan(&args, Stage::Own)? };
    show(with_its_autoencoder(plan)?, args.no_tui, args.log, args.images)
}

/// The same for the config's autoencoder.
///
/// # Errors
/// As [`run`].
pub fn run_autoencoder(args: Args) -> Result<Outcome> {
    if args.help_config {
        return run(args, None);
    }
    if let Some(outcome) = followed(&args, Stage::Autoencoder)? {
        return Ok(outcome);
    }
    let plan = plan(&args, Stage::Autoencoder)?;
    show(plan, args.no_tui, args.log, args.images)
}

/// On all ranks of a job but rank 0: what rank 0 does, done with it. A run that goes on only rank 0 has to see.
fn followed(args: &Args, stage: Stage) -> Result<Option<Outcome>> {
    let own = || -> Result<Option<Config>> {
        match &args.resume {
            Some(_) => Ok(None),
            None => Ok(Some(new_config(args, stage)?.0)),
        }
    };
    ranks::follow_rank_0(args.threads, own)
}

/// The plan of a new run that diffuses in the latents of its own autoencoder, which is trained first, or on, where it isn't
/// trained yet.
fn with_its_autoencoder(plan: LabPlan) -> Result<LabPlan> {
    let RunChoice::New { dir } = &plan.run else { return Ok(plan) };
    if !plan.config.has_own_autoencoder() {
        return Ok(plan);
    }
    let config = plan.config.autoencoder_run();
    let stage = |number, what, next| Some(PlannedStage { number, of: 2, what, next });
    let (run, config) = match own_stage(&config, dir.as_deref())? {
        OwnStage::Trained(_) => return Ok(plan),
        OwnStage::InTraining(run) => {
            let message = format!(
                "the autoencoder of {} is being trained in {} at the moment: wait until that is done, or look on with \
                 difflab watch {}",
                plan.config.name,
                run.display(),
                shell_word(&run.display().to_string())
            );
            return Err(UsageError::new(message).into());
        }
        OwnStage::Begun { run, step } => {
            speak::remark(format_args!("difflab: going on with the autoencoder in {} at step {step}", run.display()));
            let config = run::resumed_config(&run, &[], plan.accept_data)?;
            (RunChoice::Resume(run), config)
        }
        OwnStage::Missing => {
            let beside = dir.as_ref().map(|dir| beside_run(dir)).transpose()?;
            (RunChoice::New { dir: beside }, config)
        }
    };
    let warnings = config.validate()?;
    let then = LabPlan { stage: stage(2, "diffusion in its latents", None), ..plan.clone() };
    let next = Some(plan.config.name.clone());
    let (chosen, then) = (Vec::new(), Some(Box::new(then)));
    Ok(LabPlan { config, run, warnings, chosen, stage: stage(1, "autoencoder", next), then, ..plan })
}

/// Where the autoencoder of the run in `dir` is trained: beside it, under its name with "-autoencoder".
fn beside_run(dir: &Path) -> Result<PathBuf> {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push("-autoencoder");
    let beside = dir.with_file_name(name);
    run::check_free(&beside)?;
    Ok(beside)
}

/// Which of a config's trainings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Own,
    Autoencoder,
}

/// Opens the lab on `plan`: on the screen where there is one, unless `no_tui` or a `log` is asked for.
///
/// # Errors
/// Data, configs and folders that cannot be used, and runs that fail.
pub fn show(mut plan: LabPlan, no_tui: bool, log: Option<LogFormat>, images: ImageProtocol) -> Result<Outcome> {
    ranks::check_device(&plan.device)?;
    plan.threads = ranks::threads(plan.threads);
    if let Some(then) = &mut plan.then {
        then.threads = plan.threads;
    }
    let no_tui = match ranks::are_several() {
        true if !no_tui && log.is_none() => {
            speak::remark(
                "difflab: several processes train without a screen (--no-tui): difflab watch latest shows the run elsewhere",
            );
            true
        }
        several => no_tui || several,
    };
    let on_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !no_tui && log.is_none() {
        let why_not = match on_terminal {
            true => abilities::no_screen(),
            false => Some("no terminal to draw on".into()),
        };
        let Some(why_not) = why_not else {
            return tui::run(plan, TuiOptions { images, ..TuiOptions::default() });
        };
        speak::remark(format_args!("difflab: {why_not}: training without a screen (--no-tui)"));
    }
    let log = match log {
        Some(LogFormat::Json) => Log::Json,
        Some(LogFormat::Text) => Log::Text,
        None if io::stdout().is_terminal() => Log::Text,
        None => Log::Json,
    };
    loop {
        plan.audience = Audience::Nobody;
        let then = plan.then.clone();
        match (headless::watch(plan, log)?, then) {
            (Outcome::Done, Some(next)) => plan = *next,
            (outcome, _) => {
                ranks::let_others_go(outcome)?;
                return Ok(outcome);
            }
        }
    }
}

/// Trains without a screen, telling the progress in text: `config` in the new folder `run`, or on with the run that is
/// there. `sets` are `KEY=VALUE`.
///
/// # Errors
/// As [`run`].
pub fn train(config: &str, folder: &Path, sets: Vec<String>, threads: usize) -> Result<Outcome> {
    let begun = folder.is_dir();
    let args = Args {
        config: (!begun).then(|| config.into()),
        no_tui: true,
        log: Some(LogFormat::Text),
        set: sets,
        steps: None,
        epochs: None,
        seed: None,
        device: "cpu".into(),
        threads,
        run: (!begun).then(|| folder.into()),
        resume: begun.then(|| folder.display().to_string()),
        accept_data: false,
        images: ImageProtocol::Auto,
        help_config: false,
    };
    run(args, None)
}

/// What was asked for beside the config's own, as `KEY=VALUE`.
fn overrides(args: &Args) -> Result<Vec<String>> {
    refuse_both("--steps", args.steps.is_some(), &LENGTHS[..1], &args.set)?;
    refuse_both("--epochs", args.epochs.is_some(), &LENGTHS[1..], &args.set)?;
    refuse_both("--seed", args.seed.is_some(), &["seed"], &args.set)?;
    let mut overrides = args.set.clone();
    overrides.extend(args.steps.map(|steps| format!("train.steps={steps}")));
    overrides.extend(args.epochs.map(|epochs| format!("train.epochs={epochs}")));
    overrides.extend(args.seed.map(|seed| format!("seed={seed}")));
    Ok(overrides)
}

/// The config of a new run, and what was chosen in it.
fn new_config(args: &Args, stage: Stage) -> Result<(Config, Vec<String>)> {
    let overrides = overrides(args)?;
    let word = args.config.as_deref().unwrap_or(DEFAULT_CONFIG);
    let (mut config, chosen) = source::config_of(word, &overrides)?;
    if stage == Stage::Autoencoder {
        // What was asked for goes before what the first stage brings.
        config = config.autoencoder_run().with_overrides(&overrides)?.still_of_an_autoencoder();
    }
    Ok((config, chosen))
}

fn plan(args: &Args, stage: Stage) -> Result<LabPlan> {
    let device = device::open(&args.device)?;
    let (config, run, chosen) = match &args.resume {
        Some(run) => {
            let overrides = overrides(args)?;
            let path = run::find(run)?;
            let config = run::resumed_config(&path, &overrides, args.accept_data)?;
            (config, RunChoice::Resume(path), Vec::new())
        }
        None => {
            let (config, chosen) = new_config(args, stage)?;
            if let Some(dir) = &args.run {
                run::check_free(dir)?;
            }
            (config, RunChoice::New { dir: args.run.clone() }, chosen)
        }
    };
    // Before the screen opens, and before the data are loaded.
    chosen.iter().for_each(|line| speak::remark(format_args!("  {line}")));
    let mut warnings = config.validate()?;
    warnings.extend(config.idle_among(args.set.iter().filter_map(|set| set.split('=').next()).map(str::trim)));
    // What a run that goes on is made of can't change any more.
    if args.resume.is_none() {
        warnings.extend(check_config_stability(&config));
    }
    Ok(LabPlan {
        config,
        run,
        device,
        threads: args.threads,
        accept_data: args.accept_data,
        audience: Audience::Screen,
        warnings,
        chosen,
        after_step: None,
        racing: None,
        stage: None,
        then: None,
    })
}
