//! `difflab fork`: a new run from what another had at a checkpoint.

use std::path::PathBuf;

use anyhow::Result;

use super::lab::{self, LogFormat};
use super::usage::{LENGTHS, refuse_both, set_in_full};
use super::{device, ranks};
use crate::lab::{Audience, LabPlan, Outcome, RunChoice};
use crate::run::{self, Fork, ForkPoint};
use crate::sampling::check_config_stability;
use crate::speak;
use crate::tui::ImageProtocol;

/// Start a new run from another's weights, optimizer and averages at a kept checkpoint, with some keys changed.
///
/// The other run is only read. The fork's steps go on from the checkpoint's, so that its curves can be laid over its
/// parent's; config.toml names parent, step and changes. Without changes it continues bit for bit as its parent would.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run to fork: a folder, the beginning of its name in runs/, or `latest`.
    run: String,
    /// The step to begin from: a checkpoint, or one that the run's history has kept (the averaged weights alone: the
    /// optimizer begins anew) [default: the newest good checkpoint].
    #[arg(long, visible_aliases = ["checkpoint", "step"], value_name = "STEP")]
    at: Option<u64>,
    /// Change a config key, e.g. --set train.learning_rate=0.0003; may be repeated. Keys that the weights can't follow
    /// are refused.
    #[arg(long, value_name = "KEY=VALUE", value_parser = set_in_full)]
    set: Vec<String>,
    /// Training steps of the whole run, the parent's included (train.steps).
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Where the fork's run folder goes [default: runs/<date>-<name>-<short id>].
    #[arg(long = "run", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Train without a screen: a progress bar on a terminal, JSON lines on a pipe.
    #[arg(long)]
    no_tui: bool,
    /// How to report progress without a screen (implies --no-tui) [default: text on a terminal, json on a pipe].
    #[arg(long, value_name = "FORMAT")]
    log: Option<LogFormat>,
    /// cpu, cuda:0 or metal.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Training threads [default: one per physical core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Fork with the current data, even if the parent was trained on other data.
    #[arg(long)]
    accept_data: bool,
    /// How to draw pictures.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    images: ImageProtocol,
}

/// Forks, and trains as the lab does.
///
/// # Errors
/// Runs without such a checkpoint, changes that the weights can't follow, and runs that fail.
pub fn run(args: Args) -> Result<Outcome> {
    // What is forked only rank 0 has to see.
    if let Some(outcome) = ranks::follow_rank_0(args.threads, || Ok(None))? {
        return Ok(outcome);
    }
    let device = device::open(&args.device)?;
    refuse_both("--steps", args.steps.is_some(), &LENGTHS, &args.set)?;
    let mut overrides = args.set.clone();
    overrides.extend(args.steps.map(|steps| format!("train.steps={steps}")));
    let from = ForkPoint::find(&run::find(&args.run)?, args.at)?;
    let Fork { config, changes, mut warnings } = from.fork(&overrides)?;
    if let Some(dir) = &args.dir {
        run::check_free(dir)?;
    }
    warnings.extend(config.validate()?);
    warnings.extend(config.idle_among(args.set.iter().filter_map(|set| set.split('=').next()).map(str::trim)));
    warnings.extend(check_config_stability(&config));
    let unchanged = if changes.is_empty() { ", with nothing changed" } else { "" };
    speak::remark(format_args!("a fork of {} at step {}{unchanged}", from.run.display(), from.step));
    changes.iter().for_each(|line| speak::remark(format_args!("  {line}")));
    let plan = LabPlan {
        config,
        run: RunChoice::Fork { from: Box::new(from), dir: args.dir },
        device,
        threads: args.threads,
        accept_data: args.accept_data,
        audience: Audience::Screen,
        warnings,
        // On the screen they are said once more.
        chosen: changes,
        after_step: None,
        racing: None,
        stage: None,
        then: None,
    };
    lab::show(plan, args.no_tui, args.log, args.images)
}
