//! The flags.

use crate::cli::usage::set_in_full;

/// Measure how long training takes from nothing to good samples on this machine: a row of docs/speedrun.md.
///
/// Trains the config anew for each seed, without a screen, with everything that a user gets: previews, held-out loss,
/// checkpoints about once a second. The clock runs from the start of the process until a checkpoint is on disk. When a
/// training is over, the bundled judge reads samples of its checkpoints; points in the plane are compared with real ones.
/// The time to a target is that of the first checkpoint that reaches it and whose successor does so too. Takes minutes;
/// leave the machine alone meanwhile.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The experiment: a .toml file or the name of a shipped config.
    #[arg(value_name = "CONFIG", default_value = "mnist")]
    pub config: String,
    /// Trainings, with the seeds 0 to N − 1; the board takes five.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub seeds: u64,
    /// Seconds of each training [default: 60 for digits, 120 for clothes, 20 for points].
    #[arg(long, value_name = "SECONDS")]
    pub limit: Option<f64>,
    /// About so many seconds lie between two checkpoints [default: 1; for points 0.25].
    #[arg(long, value_name = "SECONDS")]
    pub every: Option<f64>,
    /// Samples of each checkpoint, equally many of each class [default: 200, or 2000 points].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub num: Option<u64>,
    /// Other targets than the board's: shares of samples that read as asked, or multiples of the distance between real
    /// points; e.g. --target 0.9,0.95.
    #[arg(long, value_name = "X", value_delimiter = ',')]
    pub target: Vec<f64>,
    /// Set a config key, e.g. --set train.batch_size=64; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = set_in_full)]
    pub set: Vec<String>,
    /// Training threads, and those of the judge [default: one per physical core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Judge every checkpoint in full, and show how samples become better second by second.
    #[arg(long)]
    pub curve: bool,
    /// How to print the row.
    #[arg(long, value_enum, default_value_t = SpeedrunFormat::Table)]
    pub format: SpeedrunFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SpeedrunFormat {
    Table,
    Json,
}
