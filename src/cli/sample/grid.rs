//! From `--grid KEY=V,V` to the settings of a table's cells.

use anyhow::Result;

use super::args::Args;
use crate::cli::UsageError;
use crate::cli::experiments::labels;
use crate::config::{Config, ConfigError, words_between_commas};
use crate::speak;
use crate::thousands::thousands;

/// More pictures than this are a slip of the finger.
const MOST_CELLS: u64 = 400;
/// What is no key of [sample] and can be compared all the same.
const WEIGHTS: &str = "weights";

/// One key with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Axis {
    /// As it is shown: "sampler".
    name: String,
    values: Vec<Setting>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    /// As it is shown: "ddim".
    label: String,
    /// "sample.sampler=\"ddim\""; `None` where it is no key of the config.
    set: Option<String>,
    raw: bool,
}

/// What one picture of the table is drawn with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellSettings {
    /// As for `--set`.
    pub sets: Vec<String>,
    /// The raw weights, in place of the averaged ones.
    pub raw: bool,
    /// "sampler=unipc guidance_scale=3".
    pub label: String,
}

/// The cells of a table, and what its rows and columns are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The keys of the rows, and the one of the columns.
    pub down: String,
    pub across: String,
    pub rows: Vec<String>,
    pub columns: Vec<String>,
    /// Row by row.
    pub cells: Vec<Vec<CellSettings>>,
}

impl Grid {
    /// What `--grid` asks of a run with this config, beside the other flags.
    ///
    /// # Errors
    /// A usage error for keys and values that can't be, and for what is chosen twice.
    pub fn of(args: &Args, config: &Config) -> Result<Self> {
        let mut axes: Vec<Axis> = Vec::new();
        for given in &args.grid {
            let axis = axis(given, args, config)?;
            if axes.iter().any(|other| other.name == axis.name) {
                return usage(format!("--grid {} is given twice: write all its values behind one", axis.name));
            }
            axes.push(axis);
        }
        let count = axes.iter().fold(1u64, |cells, axis| cells.saturating_mul(axis.values.len() as u64));
        if count > MOST_CELLS {
            let count = thousands(count);
            return usage(format!("--grid: {count} pictures, and {MOST_CELLS} are the most: choose fewer values"));
        }
        let Some((across, down)) = axes.split_last() else { return usage("--grid: there is no key".into()) };
        let combine = |rows: Vec<Vec<Setting>>, axis: &Axis| -> Vec<Vec<Setting>> {
            let with = |row: &Vec<Setting>, value: &Setting| [&row[..], std::slice::from_ref(value)].concat();
            rows.iter().flat_map(|row| axis.values.iter().map(move |value| with(row, value))).collect()
        };
        let rows = down.iter().fold(vec![Vec::new()], combine);
        let label =
            |settings: &[Setting]| settings.iter().map(|one| one.label.as_str()).collect::<Vec<_>>().join(" · ");
        let cell = |row: &[Setting], column: &Setting| {
            // In the order of the keys.
            let all: Vec<&Setting> = row.iter().chain([column]).collect();
            CellSettings {
                sets: all.iter().filter_map(|one| one.set.clone()).collect(),
                raw: all.iter().any(|one| one.raw),
                label: axes
                    .iter()
                    .zip(all)
                    .map(|(axis, one)| format!("{}={}", axis.name, one.label))
                    .collect::<Vec<_>>()
                    .join(" "),
            }
        };
        Ok(Self {
            down: down.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join(" · "),
            across: across.name.clone(),
            columns: across.values.iter().map(|value| value.label.clone()).collect(),
            cells: rows.iter().map(|row| across.values.iter().map(|column| cell(row, column)).collect()).collect(),
            rows: rows.iter().map(|row| label(row)).collect(),
        })
    }
}

fn axis(given: &str, args: &Args, config: &Config) -> Result<Axis> {
    let Some((key, values)) = given.split_once('=') else {
        return usage(format!("--grid {given}: there is no `=`; write it as in --grid guidance_scale=0,1,3"));
    };
    let (key, words) = (key.trim(), words_between_commas(values));
    if words.is_empty() {
        return usage(format!("--grid {given}: there is no value behind the `=`"));
    }
    if key == WEIGHTS {
        return weights(given, &words);
    }
    // A key's own name is meant in [sample].
    let path = if key.contains('.') { key.to_string() } else { format!("sample.{key}") };
    if path == "sample.num" {
        return usage("--grid num: every picture of the table shows as many samples: say how many with --num".into());
    }
    if key == "seed" {
        return usage(
            "--grid seed: every picture of the table begins with the same noise, so that only the settings differ: choose \
             it with --seed"
                .into(),
        );
    }
    let flags = args.flags_of_keys();
    let also = flags.iter().find(|(_, known)| *known == path).map(|(flag, _)| (*flag).to_string());
    let also = also.or_else(|| args.set_keys().contains(&path.as_str()).then(|| format!("--set {path}")));
    if let Some(flag) = also {
        return usage(format!("--grid {key} and {flag} both choose it: leave one of them out"));
    }
    let mut values: Vec<Setting> = Vec::new();
    for word in words {
        let set = config.clone().with_overrides(&[format!("{path}={word}")]);
        let set = set.map_err(|error| refused(&error, given, key))?;
        // As the config writes it: 1 and 1.0 are one value, and one picture.
        let Some(value) = set.values().get(&path).map(|value| format!("{path}={value}")) else { continue };
        let label = labels(std::slice::from_ref(&value), std::slice::from_ref(&value)).concat();
        let label = label.split_once('=').map_or(label.clone(), |(_, value)| value.to_string());
        match values.iter().any(|other| other.label == label) {
            true => speak::warn(format_args!("--grid {given}: {label} is there twice, and drawn once")),
            false => values.push(Setting { label, set: Some(value), raw: false }),
        }
    }
    Ok(Axis { name: path.strip_prefix("sample.").unwrap_or(&path).to_string(), values })
}

fn weights(given: &str, words: &[&str]) -> Result<Axis> {
    let mut values: Vec<Setting> = Vec::new();
    for &word in words {
        if !["raw", "ema"].contains(&word) {
            return usage(format!("--grid {given}: weights are \"raw\" or \"ema\" (averaged), not {word:?}"));
        }
        match values.iter().any(|other| other.label == word) {
            true => speak::warn(format_args!("--grid {given}: {word} is there twice, and drawn once")),
            false => values.push(Setting { label: word.into(), set: None, raw: word == "raw" }),
        }
    }
    Ok(Axis { name: WEIGHTS.into(), values })
}

/// The error in the words of the flag.
fn refused(error: &ConfigError, given: &str, key: &str) -> anyhow::Error {
    if matches!(error, ConfigError::UnknownKey { .. }) && strsim::normalized_damerau_levenshtein(key, WEIGHTS) >= 0.7 {
        return UsageError::new(format!("--grid {given}: there is no key `{key}`: did you mean `{WEIGHTS}`?")).into();
    }
    // Another section's key, by its own name.
    if let ConfigError::UnknownKey { nearest, .. } = error
        && !key.contains('.')
        && nearest.rsplit('.').next() == Some(key)
    {
        let message = format!(
            "--grid {given}: `{nearest}` is no key of sampling, of which the table compares keys; `difflab sweep` trains \
             with several values of any key"
        );
        return UsageError::new(message).into();
    }
    UsageError::new(format!("--grid {given}: {}", error.to_string().replace("--set ", ""))).into()
}

fn usage<T>(problem: String) -> Result<T> {
    Err(UsageError::new(problem).into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn of(flags: &[&str]) -> Result<Grid> {
        let line = Line::try_parse_from([&["sample", "run"], flags].concat())?;
        Grid::of(&line.args, &Config::default())
    }

    #[test]
    fn the_last_key_goes_across_and_the_others_down() {
        let grid = of(&["--grid", "sampler=ddim,unipc", "--grid", "guidance_scale=0,1, 3.0"]).unwrap();
        assert_eq!((grid.down.as_str(), grid.across.as_str()), ("sampler", "guidance_scale"));
        assert_eq!((grid.rows.join(" "), grid.columns.join(" ")), ("ddim unipc".into(), "0 1 3".into()));
        assert_eq!(grid.cells[1][2].sets, ["sample.sampler=\"unipc\"", "sample.guidance_scale=3.0"]);
        assert_eq!(grid.cells[1][2].label, "sampler=unipc guidance_scale=3");
        let one = of(&["--grid", "sample.steps=10,50,10"]).unwrap();
        assert_eq!((one.rows.len(), one.rows[0].as_str(), one.columns.join(" ")), (1, "", "10 50".into()));
        let three = of(&["--grid", "eta=0,1", "--grid", "steps=5,9", "--grid", "weights=raw,ema"]).unwrap();
        assert_eq!(three.rows, ["0 · 5", "0 · 9", "1 · 5", "1 · 9"]);
        assert_eq!(three.down, "eta · steps");
        assert!(three.cells[3][0].raw && !three.cells[3][1].raw);
        let lists = of(&["--grid", "guidance_interval=[0,1],[0.2,0.7]"]).unwrap();
        assert_eq!(lists.columns, ["[0.0, 1.0]", "[0.2, 0.7]"]);
    }

    #[test]
    fn what_cannot_be_is_refused_in_the_words_of_the_flag() {
        let message = |flags: &[&str]| of(flags).unwrap_err().to_string();
        let said = message(&["--grid", "sampeler=ddim"]);
        assert!(said.contains("--grid sampeler=ddim") && said.contains("`sample.sampler`"), "{said}");
        assert!(!said.contains("--set"), "{said}");
        assert!(message(&["--grid", "sampler=ddimm,ddpm"]).contains("\"ddim\""));
        assert!(message(&["--grid", "weigths=raw"]).contains("did you mean `weights`"));
        assert!(message(&["--grid", "weights=raw,mean"]).contains("\"mean\""));
        assert!(message(&["--grid", "steps"]).contains("no `=`"));
        assert!(message(&["--grid", "steps= ,"]).contains("no value"));
        assert!(message(&["--grid", "steps=5", "--grid", "sample.steps=6"]).contains("twice"));
        assert!(message(&["--grid", "num=5,6"]).contains("--num"));
        assert!(message(&["--grid", "steps=5,6", "--steps", "7"]).contains("--steps both choose it"));
        assert!(message(&["--grid", "eta=0,1", "--set", "sample.eta=0.5"]).contains("--set sample.eta both"));
        let many = (1..=30).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let (steps, orders) = (format!("steps={many}"), format!("steps_offset={many}"));
        let said = message(&["--grid", &steps, "--grid", &orders]);
        assert_eq!(said, "--grid: 900 pictures, and 400 are the most: choose fewer values");
        let said = message(&["--grid", "seed=1,2"]);
        assert!(said.contains("--seed") && !said.contains("unknown"), "{said}");
        let said = message(&["--grid", "learning_rate=1,2"]);
        assert!(said.contains("`train.learning_rate` is no key of sampling") && said.contains("sweep"), "{said}");
    }
}
