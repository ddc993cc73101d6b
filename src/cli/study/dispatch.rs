//! Which study a word means.

use anyhow::Result;
use clap::Subcommand;

use super::{combinations, epochs, guidance, steps};
use crate::lab::Outcome;
use crate::process::interrupt::{BrokenOff, Interrupted};
use crate::ranks::world;

/// Make the tables and pictures of docs/study.md from your own run.
///
/// Each study writes a Markdown table, a plot and the samples into a folder. It keeps its measurements there as well,
/// so a study that was stopped continues where it left off.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    study: Study,
}

#[derive(Debug, Subcommand)]
enum Study {
    Combinations(combinations::Args),
    Steps(steps::Args),
    Guidance(guidance::Args),
    Epochs(epochs::Args),
}

/// Trains what a study is to be made of, where that was asked for. It listens to signals as any training does, so
/// nobody else may yet.
///
/// # Errors
/// Those of a training.
pub fn train_first(args: &Args) -> Result<Option<Outcome>> {
    match &args.study {
        Study::Epochs(args) => epochs::train_first(args),
        _ => Ok(None),
    }
}

/// Runs the study.
///
/// # Errors
/// A usage error for what this run can't show; else what went wrong while sampling or writing.
pub fn run(args: Args) -> Result<()> {
    // What rank 0 has trained first is there for all.
    world().barrier()?;
    let studied = match args.study {
        Study::Combinations(args) => combinations::run(args),
        Study::Steps(args) => steps::run(args),
        Study::Guidance(args) => guidance::run(args),
        Study::Epochs(args) => epochs::run(args),
    };
    studied.map_err(|error| match Interrupted::caused(&error) {
        true => {
            error.context(BrokenOff("interrupted; what was measured is kept, and the same command continues".into()))
        }
        false => error,
    })
}
