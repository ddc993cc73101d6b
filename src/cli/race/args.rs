//! The flags.

use std::path::PathBuf;

use super::sides::Sides;
use crate::cli::eval::Metric;

/// Train two or more runs in turns, step for step, and say which is better.
///
/// `difflab race mnist --vs --set diffusion.schedule=linear` trains mnist as it is against mnist with the linear schedule.
/// Where the configs allow it, all sides see the same images, timesteps and noise at every step and begin with the same
/// weights, so that a difference is the change's and not luck: difflab says when that holds. Each side has a run folder
/// of its own. The same command again goes on where it stopped. On a terminal a screen draws all sides over one another
/// while they train; the table comes when it is left.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The experiment: a .toml file, the name of a shipped config, your own data; or a run (a folder, the beginning of
    /// its name in runs/, or `latest`), of which every side is then a fork.
    #[arg(value_name = "CONFIG|RUN")]
    pub subject: String,
    #[command(flatten)]
    pub sides: Sides,
    /// Where the forks of a run begin: the step of a kept checkpoint [default: the newest good one].
    #[arg(long, value_name = "STEP")]
    pub at: Option<u64>,
    /// Training steps of each side (train.steps); of forks, the parent's included.
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Seed of every random number, of all sides (seed).
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The folder of the race [default: runs/race-<name of the config, or of the run>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Measure each side at its end, as difflab eval does: vlb, nll, fid, pr, accuracy, diversity, energy_distance.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_enum)]
    pub eval: Vec<Metric>,
    /// How many samples to measure by [default: 1000].
    #[arg(long, value_name = "N", requires = "eval", value_parser = clap::value_parser!(u64).range(1..))]
    pub num: Option<u64>,
    /// cpu, cuda:0 or metal.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
    /// Training threads, which all sides share [default: one per physical core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Train without a screen, with a progress bar a side.
    #[arg(long)]
    pub no_tui: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = RaceFormat::Table)]
    pub format: RaceFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RaceFormat {
    Table,
    Md,
    Json,
}
