//! One seed after the other, and the row at the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Args, SpeedrunFormat};
use super::binary::Binary;
use super::board::{Board, Measure};
use super::judging::JudgedRun;
use super::pace::steps_in;
use super::row::{BoardRow, SeedResult};
use super::training::Training;
use crate::bench::Machine;
use crate::cli::UsageError;
use crate::config::Config;
use crate::data;
use crate::kernels::Workers;
use crate::lab::{Decided, decide};
use crate::process::partial::Partial;
use crate::ranks::Alone;
use crate::speak;

/// Checkpoints that are kept: all of them.
const ALL: &str = "train.keep_checkpoints=1000000";
/// Keys that the speedrun chooses itself.
const OWN: [(&str, &str); 2] = [
    ("seed", "--seeds chooses them"),
    ("train.keep_checkpoints", "all are kept until they are judged, and none after that"),
];
/// Processes that run or wait, on average: with more than so many a machine is not at rest.
const AT_REST: f64 = 0.5;

/// Runs the subcommand.
///
/// # Errors
/// A usage error for what can't be timed; else what went wrong in a training or with the judge.
pub fn run(args: &Args) -> Result<()> {
    let config = Config::load(&args.config, &args.set)?;
    config.validate()?.iter().for_each(speak::warn);
    for (key, why) in OWN {
        if sets(args, key) {
            return Err(UsageError::new(format!("--set {key}: {why}; leave it out")).into());
        }
    }
    for idle in config.idle_training_keys().iter().filter(|idle| sets(args, idle.path)) {
        speak::warn(idle.words(&format!("--set {}", idle.path)));
    }
    if config.diffuses_latents() {
        let problem = format!(
            "data.latents = {:?}: the clock runs from nothing to good samples, and the time that an autoencoder is trained for \
             would not be on it; time a config in pixels",
            config.data.latents
        );
        return Err(UsageError::new(problem).into());
    }
    let board = Board::of(&config, &data::load(&config.data)?, args)?;
    let program = std::env::current_exe().context("finding the program itself")?;
    let workers = Arc::new(Workers::new(args.threads)?);
    if let Some(load) = load().filter(|load| *load > AT_REST) {
        speak::warn(format_args!(
            "other programs work on this machine ({load:.1} of them lately): times of the board are those of one at rest"
        ));
    }

    let folder =
        tempfile::Builder::new().prefix("difflab-speedrun-").tempdir().context("making a folder to train in")?;
    let _half_written = Partial::at(folder.path());
    let training = Training { program: &program, config: &args.config, set: &args.set, threads: args.threads };
    let checkpoint_every = match sets(args, "train.checkpoint_every") {
        true => config.train.checkpoint_every,
        false => {
            speak::remark("speedrun: counting the steps of a second");
            let steps = steps_in(&training, folder.path(), board.every)?;
            clear(folder.path(), "pace");
            steps
        }
    };
    let own = [ALL.into(), format!("train.checkpoint_every={checkpoint_every}")];
    let timed =
        Timed { training, own, config: &config, board: &board, workers, folder: folder.path(), curve: args.curve };
    let seeds = (0..args.seeds).map(|seed| timed.seed(seed)).collect::<Result<Vec<_>>>()?;

    let row = BoardRow {
        date: jiff::Zoned::now().strftime("%Y-%m-%d").to_string(),
        binary: Binary::of(&program).with_context(|| format!("reading {}", program.display()))?,
        machine: Machine::new(&Device::Cpu, timed.workers.threads()),
        cores: num_cpus::get_physical(),
        config: args.config.clone(),
        set: args.set.iter().cloned().chain(found(&config)?).collect(),
        judged_by: match board.measure {
            Measure::Reading(of) => format!("read by {}", of.words()),
            Measure::Distance => "their energy distance to held-out points in that of as many real points".into(),
        },
        batch_size: config.train.batch_size,
        board: board.clone(),
        checkpoint_every,
        seeds,
    };
    match args.format {
        SpeedrunFormat::Table => speak::print(&row.table())?,
        SpeedrunFormat::Json => speak::print(&(serde_json::to_string(&row.json())? + "\n"))?,
    }
    Ok(())
}

/// What every seed is trained and judged with.
struct Timed<'a> {
    training: Training<'a>,
    /// Keys that are set besides the user's.
    own: [String; 2],
    config: &'a Config,
    board: &'a Board,
    workers: Arc<Workers>,
    folder: &'a Path,
    curve: bool,
}

impl Timed<'_> {
    /// Trains one seed, judges it, and removes it.
    fn seed(&self, seed: u64) -> Result<SeedResult> {
        let (name, board) = (format!("seed-{seed}"), self.board);
        let clock = bar("{msg} {bar:30} {pos}/{len} s", board.limit.ceil() as u64, format!("seed {seed}: training"))?;
        if clock.is_hidden() {
            speak::remark(format_args!("seed {seed}: training, for {} s at most", board.limit));
        }
        let under_way = self.training.begin(self.folder, &name, seed, &self.own)?;
        let run = under_way.run.clone();
        let watched =
            under_way.watch(Duration::from_secs_f64(board.limit), |seconds| clock.set_position(seconds as u64));
        clock.finish_and_clear();
        let (checkpoints, stood) = watched?;
        let Some(last) = checkpoints.last().copied().filter(|_| checkpoints.len() >= 2) else {
            bail!(
                "seed {seed} has {} after {} s, and it takes two to reach a target: allow more with --limit, or set \
                 train.checkpoint_every lower",
                if checkpoints.is_empty() { "no checkpoint" } else { "one checkpoint" },
                board.limit
            )
        };

        let spinner = bar("{spinner} {msg}", 0, format!("seed {seed}: judging"))?;
        let tell = |at: usize| {
            spinner.set_message(format!("seed {seed}: judging checkpoint {} of {}", at + 1, checkpoints.len()));
        };
        let mut judged = JudgedRun::new(&run, seed, board, &checkpoints, self.config, &self.workers)?;
        // Read in full, they answer the rest by themselves.
        let curve = if self.curve { Some(judged.curve(tell)?) } else { None };
        let reached = board.targets.iter().map(|target| judged.first(*target, tell)).collect::<Result<Vec<_>>>()?;
        spinner.finish_and_clear();
        clear(self.folder, &name);

        let images_per_second = last.step as f64 * self.config.train.batch_size as f64 / last.seconds;
        let words = board.targets.iter().zip(&reached).map(|(target, reached)| {
            let target = board.target_words(*target);
            reached.map_or(format!("{target} not reached"), |saved| format!("{target} after {:.1} s", saved.seconds))
        });
        let words: Vec<String> = words.collect();
        speak::remark(format_args!("seed {seed}: {}; {images_per_second:.0} images/s", words.join(", ")));
        Ok(SeedResult { seed, checkpoints, images_per_second, reached, curve, stood_still: stood.as_secs_f64() })
    }
}

/// What `auto` stands for on this machine, as `--set` would say it: rows of different machines differ by it.
fn found(config: &Config) -> Result<Vec<String>> {
    let decided = decide(&mut config.clone(), &Device::Cpu, &Alone)?;
    let sets = decided.into_iter().flat_map(|Decided { keys, precision, .. }| {
        keys.into_iter().map(move |key| format!("{key}={}", precision.name()))
    });
    Ok(sets.collect())
}

/// Is a key among `--set`?
fn sets(args: &Args, key: &str) -> bool {
    args.set.iter().any(|set| set.split('=').next().is_some_and(|set| set.trim() == key))
}

/// Removes a run; what stays goes with its folder.
fn clear(folder: &Path, name: &str) {
    let _ = std::fs::remove_dir_all(folder.join(name));
}

/// A line on a terminal that shows how far it is.
fn bar(template: &str, length: u64, message: String) -> Result<ProgressBar> {
    let bar = ProgressBar::new(length).with_style(ProgressStyle::with_template(template)?).with_message(message);
    bar.tick();
    Ok(bar)
}

/// How many processes ran or waited in the last minute, where the system tells.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}
