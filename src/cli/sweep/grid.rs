//! From `--grid KEY=V,V` to the cells.

use anyhow::Result;
use candle_core::Device;

use crate::cli::UsageError;
use crate::cli::experiments::labels;
use crate::config::{Config, ConfigError, IdleKey, named, words_between_commas};
use crate::lab::decide;
use crate::ranks::Alone;
use crate::speak;
use crate::thousands::thousands;

/// More runs than this are a slip of the finger.
const MOST_RUNS: u64 = 10_000;

/// One combination of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// "train.learning_rate=0.001", a key each; values as a config writes them.
    pub sets: Vec<String>,
    /// The same with short keys.
    pub labels: Vec<String>,
}

impl Cell {
    /// The values alone: "0.001 linear".
    pub fn short(&self) -> String {
        let values = self.labels.iter().map(|label| label.split_once('=').map_or("", |(_, value)| value));
        values.collect::<Vec<_>>().join(" ")
    }

    /// The short keys.
    pub fn keys(&self) -> Vec<&str> {
        self.labels.iter().map(|label| label.split_once('=').map_or("", |(key, _)| key)).collect()
    }
}

/// The cells of the grids, the last key changing first; of a precision, `auto` is what it stands for on `device`.
///
/// # Errors
/// Values that no config takes, a key twice, or too many runs.
pub fn cells(base: &Config, grids: &[String], seeds: u64, device: &Device) -> Result<Vec<Cell>> {
    let usage = |problem: String| -> anyhow::Error { UsageError::new(problem).into() };
    let mut read: Vec<Grid> = Vec::new();
    for grid in grids {
        let (key, values) = grid.split_once('=').ok_or_else(|| {
            usage(format!("--grid {grid}: there is no `=`; write it as in --grid train.learning_rate=1e-3,3e-3"))
        })?;
        let key = match named(key.trim())[..] {
            [key] => key.path.as_str(),
            _ => key.trim(),
        };
        if read.iter().any(|grid| grid.key == key) {
            return Err(usage(format!("--grid {key} is given twice: write all its values behind one")));
        }
        if key == "seed" && seeds > 1 {
            return Err(usage("--grid seed=… and --seeds both choose seeds: leave one of them out".into()));
        }
        let with = |value| base.clone().with_overrides(&[format!("{key}={value}")]);
        let configs = words_between_commas(values).into_iter().map(with).collect::<Result<Vec<_>, _>>();
        let configs = configs.map_err(|error| grid_error(error, grid))?;
        if configs.is_empty() {
            return Err(usage(format!("--grid {grid}: there is no value behind the `=`")));
        }
        read.push(Grid { given: grid, key, configs });
    }
    let axes = read.into_iter().map(|grid| grid.axis(device)).collect::<Result<Vec<_>>>()?;
    let runs = axes.iter().fold(seeds, |runs, axis| runs.saturating_mul(axis.len() as u64));
    if runs > MOST_RUNS {
        let (runs, most) = (thousands(runs), thousands(MOST_RUNS));
        return Err(usage(format!("--grid and --seeds: {runs} runs, and {most} are the most: choose fewer values")));
    }
    let combine = |so_far: Vec<Vec<String>>, axis: &Vec<String>| -> Vec<Vec<String>> {
        let with = |sets: &Vec<String>, set: &String| [&sets[..], std::slice::from_ref(set)].concat();
        so_far.iter().flat_map(|sets| axis.iter().map(move |set| with(sets, set))).collect()
    };
    let all: Vec<String> = axes.iter().flatten().cloned().chain(["seed=0".into()]).collect();
    let cells = axes.iter().fold(vec![Vec::new()], combine);
    Ok(cells.into_iter().map(|sets| Cell { labels: labels(&sets, &all), sets }).collect())
}

/// One `--grid` that was read.
struct Grid<'a> {
    given: &'a str,
    key: &'a str,
    /// With each value.
    configs: Vec<Config>,
}

impl Grid<'_> {
    /// Its values as a config writes them, so that 1e-3 and 0.001 are one value, and one folder. Says what was written twice, and what `auto`
    /// stands for.
    fn axis(self, device: &Device) -> Result<Vec<String>> {
        let Self { given, key, configs } = self;
        // Each value, and whether it was written as `auto`.
        let mut axis: Vec<(String, bool)> = Vec::new();
        for mut config in configs {
            // Of another key's `auto` nothing is said here.
            let auto = decide(&mut config, device, &Alone)?.filter(|decided| decided.keys.contains(&key));
            if let Some(decided) = &auto {
                let found = decided.precision.name();
                speak::remark(format_args!("  --grid {key}: auto is {found} here"));
            }
            let Some(value) = config.values().get(key).map(toml::Value::to_string) else { continue };
            let set = format!("{key}={value}");
            match axis.iter().find(|(known, _)| *known == set) {
                None => axis.push((set, auto.is_some())),
                Some((_, by_auto)) if *by_auto != auto.is_some() => {
                    speak::remark(format_args!("  --grid {key}: {set} and auto are the same, trained once"));
                }
                Some(_) => speak::warn(format_args!("--grid {given}: {set} is there twice, and trained once")),
            }
        }
        Ok(axis.into_iter().map(|(set, _)| set).collect())
    }
}

/// How long each run of the sweep trains: "300 steps"; `None` where the grid says it.
pub fn length_of<'a>(base: &Config, mut cells: impl Iterator<Item = &'a Cell>) -> Option<String> {
    let by_grid = |set: &String| set.starts_with("train.steps=") || set.starts_with("train.epochs=");
    if cells.any(|cell| cell.sets.iter().any(by_grid)) {
        return None;
    }
    let count = |n: String| if n == "1" { (n, "") } else { (n, "s") };
    Some(match base.train.epochs > 0.0 {
        true => {
            let (n, s) = count(base.train.epochs.to_string());
            format!("{n} epoch{s}")
        }
        false => {
            let (n, s) = count(base.train.steps.to_string());
            format!("{n} step{s}")
        }
    })
}

/// What a run has for a result whose config can't be, before the reason.
pub const NO_EXPERIMENT: &str = "no experiment: ";

/// The keys of the grid whose values make no difference here, or not everywhere: a sentence each. `measured`: samples are
/// drawn and judged too.
pub fn idle_keys(base: &Config, cells: &[Cell], measured: bool) -> Vec<String> {
    let configs: Vec<Config> = cells.iter().filter_map(|cell| base.clone().with_overrides(&cell.sets).ok()).collect();
    let keys = cells.first().map(|cell| cell.sets.iter().filter_map(|set| set.split('=').next())).into_iter().flatten();
    let said = |key: &str| {
        let idle = |config: &Config| -> Option<IdleKey> {
            let of_sampling = config.sample.idle_keys(&config.diffusion, true);
            config.idle_training_keys().into_iter().chain(of_sampling).find(|idle| idle.path == key)
        };
        let found: Vec<IdleKey> = configs.iter().filter_map(idle).collect();
        let words = found.first()?.words(&format!("--grid {key}"));
        let (some, all) = (found.len(), configs.len());
        Some(if some == all { words } else { words.replacen("here", &format!("in {some} of {all} combinations"), 1) })
    };
    let unseen = |key: &str| {
        let of_sampling = key.starts_with("sample.") || key.starts_with("preview.");
        (of_sampling && !measured).then(|| {
            format!("--grid {key} changes no loss, and nothing else is compared: ask for samples, as with --eval fid")
        })
    };
    keys.filter_map(|key| said(key).or_else(|| unseen(key))).collect()
}

/// The error in the words of the flag.
fn grid_error(error: ConfigError, grid: &str) -> anyhow::Error {
    UsageError::new(format!("--grid {grid}: {}", error.to_string().replace("--set ", ""))).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{NetworkKind, Precision, PrecisionChoice};
    use crate::kernels::precision::taken;

    fn of(grids: &[&str], seeds: u64) -> Result<Vec<Cell>> {
        let grids: Vec<String> = grids.iter().map(|grid| grid.to_string()).collect();
        cells(&Config::default(), &grids, seeds, &Device::Cpu)
    }

    #[test]
    fn a_key_of_the_grid_may_be_short() {
        let cells = cells(&Config::default(), &["lr=1e-3,3e-3".into()], 1, &Device::Cpu).unwrap();
        assert_eq!(cells[1].sets, ["train.learning_rate=0.003"]);
        assert_eq!(cells[1].labels, ["learning_rate=0.003"]);
    }

    #[test]
    fn every_value_meets_every_other_and_one_value_is_one_cell_however_it_is_written() {
        let cells = of(&["train.learning_rate=1e-3, 0.003,0.001", "diffusion.schedule=linear,cosine"], 3).unwrap();
        let shorts: Vec<String> = cells.iter().map(Cell::short).collect();
        assert_eq!(shorts, ["0.001 linear", "0.001 cosine", "0.003 linear", "0.003 cosine"]);
        assert_eq!(cells[0].labels, ["learning_rate=0.001", "schedule=linear"]);
        assert_eq!(cells[0].keys(), ["learning_rate", "schedule"]);
        assert_eq!(cells[0].sets[1], "diffusion.schedule=\"linear\"");
        let lists = of(&["model.block_out_channels=[8,16],[16,32]"], 1).unwrap();
        assert_eq!(lists[1].sets, ["model.block_out_channels=[16, 32]"]);
    }

    #[test]
    fn what_auto_stands_for_is_trained_once() {
        let precisions: Vec<_> = of(&["train.precision=auto,f32,bf16"], 1).unwrap().iter().map(Cell::short).collect();
        let found = taken(PrecisionChoice::Auto, NetworkKind::Unet, &Device::Cpu);
        let want = if found == Precision::Bf16 { ["bf16", "f32"] } else { ["f32", "bf16"] };
        assert_eq!(precisions, want);
    }

    #[test]
    fn keys_that_make_no_difference_are_named() {
        let said = |grids: &[&str], set: &str, measured| {
            let base = Config::default().with_overrides(&[set.to_string()]).unwrap();
            let grids: Vec<String> = grids.iter().map(|grid| grid.to_string()).collect();
            idle_keys(&base, &cells(&base, &grids, 1, &Device::Cpu).unwrap(), measured).join("\n")
        };
        let widths = ["model.block_out_channels=[8],[16]", "train.learning_rate=1e-3,3e-3"];
        assert_eq!(
            said(&widths, "model.kind=mlp", false),
            "--grid model.block_out_channels has no effect here: it is for kind unet"
        );
        assert_eq!(said(&widths, "model.kind=unet", false), "");
        let schedules = ["diffusion.schedule=cosine,linear", "diffusion.cosine_s=0.01,0.02"];
        assert!(said(&schedules, "seed=0", false).contains("cosine_s has no effect in 2 of 4 combinations: it is for"));
        assert!(said(&["sample.steps=5,10"], "seed=0", false).contains("changes no loss"));
        assert_eq!(said(&["sample.steps=5,10"], "seed=0", true), "");
        assert!(said(&["sample.eta=0,1"], "sample.sampler=ddpm", true).contains("sample.eta has no effect here"));
    }

    #[test]
    fn the_length_of_each_run_is_said_in_its_unit_or_not_at_all() {
        let length = |sets: &[&str], grid: &str| {
            let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
            let base = Config::default().with_overrides(&sets).unwrap();
            length_of(&base, cells(&base, &[grid.to_string()], 1, &Device::Cpu).unwrap().iter())
        };
        assert_eq!(length(&["train.steps=300"], "seed=1,2").as_deref(), Some("300 steps"));
        assert_eq!(length(&["train.epochs=1"], "seed=1,2").as_deref(), Some("1 epoch"));
        assert_eq!(length(&["train.steps=300"], "train.steps=1,2"), None);
    }

    #[test]
    fn a_grid_that_cannot_be_is_refused_with_the_flag() {
        let message = |grids: &[&str], seeds| of(grids, seeds).unwrap_err().to_string();
        assert!(message(&["train.learning_rte=1"], 1).contains("train.learning_rate"));
        assert!(message(&["train.batch_size=8,many"], 1).contains("--grid train.batch_size=8,many"));
        assert!(message(&["seed=1,2"], 2).contains("--seeds"));
        assert!(message(&["train.steps=1", "train.steps=2"], 1).contains("twice"));
        assert!(message(&["train.steps"], 1).contains("no `=`"));
        assert!(message(&["name="], 1).contains("no value"));
        assert!(of(&["seed=1,2,3"], 1).is_ok());
        assert!(of(&["train.steps=1,2,3", "seed=1,2,3,4"], 1000).is_err());
    }
}
