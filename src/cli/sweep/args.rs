//! The flags.

use std::path::PathBuf;

use crate::cli::eval::Metric;
use crate::cli::usage::set_in_full;

/// Train every combination of some keys' values, one run after the other, and compare them.
///
/// Each run has its own folder. The same command again goes on where it stopped: finished runs are kept, a half one
/// continues, and a longer --grid, or more --seeds, adds what is missing. A run that diverges is said in the table, and
/// stops no other. On a terminal the list of the runs opens, as difflab runs shows it, and fills while they train. At the end,
/// and when that is left: a table with means and standard errors over the seeds, on standard output and in sweep.md,
/// and the curves in sweep.png.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The experiment: a .toml file, the name of a shipped config, or your own data.
    #[arg(value_name = "CONFIG")]
    pub config: String,
    /// Values to try of a key, e.g. --grid train.learning_rate=1e-3,3e-3 (lists in brackets); several are combined.
    #[arg(long, value_name = "KEY=V,V", required = true)]
    pub grid: Vec<String>,
    /// Runs of each combination, with the seeds N, N+1 … from the config's on.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub seeds: u64,
    /// Training steps of each run (train.steps).
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Set a config key in all runs, e.g. --set train.batch_size=64; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = set_in_full)]
    pub set: Vec<String>,
    /// The folder of the sweep [default: runs/sweep-<name of the config>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Measure each run at its end, as difflab eval does: vlb, nll, fid, pr, accuracy, diversity, energy_distance.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_enum)]
    pub eval: Vec<Metric>,
    /// How many samples to measure by [default: 1000].
    #[arg(long, value_name = "N", requires = "eval", value_parser = clap::value_parser!(u64).range(1..))]
    pub num: Option<u64>,
    /// cpu, cuda:0 or metal.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
    /// Training threads [default: one per physical core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Train without a screen, with a progress bar.
    #[arg(long)]
    pub no_tui: bool,
    /// How to print the table.
    #[arg(long, value_enum, default_value_t = SweepFormat::Table)]
    pub format: SweepFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SweepFormat {
    Table,
    Md,
    Json,
}
