//! The values of all keys of a run's config.toml, read quickly: a list of thousands of runs reads as many.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::value::KeyValue;
use crate::config::{CONFIG_VERSION, Config, ConfigError, keys};
use crate::run::error::RunError;
use crate::run::whole_config::{ALWAYS, lacking};

/// The run that a fork comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parent {
    /// Its folder, when it was forked.
    pub run: String,
    /// The step of the checkpoint that the fork begins with.
    pub step: u64,
}

/// The value of every key, in the order of [`keys`], and where a fork comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigValues {
    values: Vec<KeyValue>,
    pub parent: Option<Parent>,
}

impl ConfigValues {
    /// Of the text of a config.toml; `source` is what messages call it. Keys left out have their defaults.
    ///
    /// # Errors
    /// As [`Config::from_toml`].
    pub fn read(text: &str, source: &str) -> Result<Self, ConfigError> {
        match Self::quick(text) {
            Some(values) => Ok(values),
            None => Ok(Self::of(&Config::from_toml(text, source)?, parent(text))),
        }
    }

    /// The same of a run's own file, which has all keys that difflab has always written.
    ///
    /// # Errors
    /// What keeps it from being read, in words.
    pub fn of_run(path: &Path, text: &str) -> Result<Self, String> {
        if let Some((values, seen)) = Self::quick_with_seen(text)
            && ALWAYS.iter().all(|path| place_of(path).is_some_and(|place| seen[place]))
        {
            return Ok(values);
        }
        let source = path.display().to_string();
        let config = Config::from_toml(text, &source).map_err(|error| error.to_string())?;
        match text.parse().map(|table| lacking(&table)) {
            Ok(lacks) if !lacks.is_empty() => Err(RunError::NotWhole { path: path.to_path_buf(), lacks }.to_string()),
            _ => Ok(Self::of(&config, parent(text))),
        }
    }

    /// Of a config that was read as a whole.
    pub fn of(config: &Config, parent: Option<Parent>) -> Self {
        // What this program writes it mostly reads quickly itself.
        let read = Self::quick(&config.to_toml()).unwrap_or_else(|| {
            let (mut values, all) = (defaults().to_vec(), config.values());
            for (value, key) in values.iter_mut().zip(keys()) {
                if let Some(found) = all.get(&key.path) {
                    *value = KeyValue::of(found);
                }
            }
            Self { values, parent: None }
        });
        Self { parent: parent.or(read.parent), ..read }
    }

    /// The value of a key by its place in [`keys`].
    pub fn at(&self, index: usize) -> &KeyValue {
        &self.values[index]
    }

    /// The value of a key by its dotted path; `None` where no key has it.
    pub fn get(&self, path: &str) -> Option<&KeyValue> {
        Some(&self.values[place_of(path)?])
    }

    /// The word of a key; empty where it holds none.
    pub fn word(&self, path: &str) -> &str {
        match self.get(path) {
            Some(KeyValue::Word(word)) => word,
            _ => "",
        }
    }

    /// The number of a key; 0 where it holds none.
    pub fn number(&self, path: &str) -> f64 {
        match self.get(path) {
            Some(KeyValue::Number(number)) => *number,
            _ => 0.0,
        }
    }

    /// The network in a few words: "unet 16-32-64", "unet 64 in latents", "mlp 3x128".
    pub fn network(&self) -> String {
        let place = if self.word("data.latents").is_empty() { "" } else { " in latents" };
        let kind = self.word("model.kind");
        let widths = if kind == "autoencoder" { "autoencoder.block_out_channels" } else { "model.block_out_channels" };
        match (kind, self.get(widths)) {
            ("mlp", _) => format!("mlp {}x{}", self.number("model.hidden_layers"), self.number("model.hidden_width")),
            (_, Some(KeyValue::List(widths))) => {
                let widths: Vec<String> = widths.iter().map(f64::to_string).collect();
                format!("{kind} {}{place}", widths.join("-"))
            }
            _ => kind.to_string(),
        }
    }

    /// Of a text in the form that this program writes: one key a line, each once. `None` for any other, and for
    /// anything that is wrong with it: the whole reader says what.
    fn quick(text: &str) -> Option<Self> {
        Self::quick_with_seen(text).map(|(values, _)| values)
    }

    /// The same with which keys the text has.
    fn quick_with_seen(text: &str) -> Option<(Self, Vec<bool>)> {
        let (mut values, mut seen) = (defaults().to_vec(), vec![false; keys().len()]);
        let (mut section, mut sections) = ("", Vec::new());
        let mut parent: Option<Parent> = None;
        let mut path = String::new();
        // Keys come in the order of the schema.
        let mut next = 0;
        for line in text.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                section = name.strip_suffix(']')?;
                let known =
                    section == PARENT || keys().iter().any(|key| !section.is_empty() && key.section() == section);
                if !known || sections.contains(&section) {
                    return None;
                }
                sections.push(section);
                if section == PARENT {
                    parent = Some(Parent::default());
                }
                continue;
            }
            let (name, value) = line.split_once(" = ")?;
            if let Some(parent) = parent.as_mut().filter(|_| section == PARENT) {
                read_parent(name, value, parent)?;
                continue;
            }
            path.clear();
            if !section.is_empty() {
                path.push_str(section);
                path.push('.');
            }
            path.push_str(name);
            let place = match keys().get(next).is_some_and(|key| key.path == path) {
                true => next,
                false => place_of(&path)?,
            };
            next = place + 1;
            if std::mem::replace(&mut seen[place], true) {
                return None;
            }
            values[place] = KeyValue::read(value, &keys()[place])?;
        }
        let read = Self { values, parent };
        // A newer format has to be called so, and two lengths of a training are one too many.
        let known = read.number("version") <= f64::from(CONFIG_VERSION) && read.number("train.epochs") == 0.0;
        known.then_some((read, seen))
    }
}

/// The section that a fork has.
const PARENT: &str = "parent";

/// Takes in a line of `[parent]`; what it says besides is for others. `None` for what isn't in our own form.
fn read_parent(name: &str, value: &str, parent: &mut Parent) -> Option<()> {
    match name {
        "step" => parent.step = value.parse().ok()?,
        "run" => {
            let run = value.strip_prefix('"')?.strip_suffix('"')?;
            parent.run = (!run.contains(['"', '\\'])).then(|| run.to_string())?;
        }
        _ if value.starts_with("\"\"\"") || value.starts_with("'''") => return None,
        _ => {}
    }
    Some(())
}

/// Where a fork comes from, of a text in any form.
fn parent(text: &str) -> Option<Parent> {
    let table: toml::Table = text.parse().ok()?;
    let parent = table.get(PARENT)?.as_table()?;
    Some(Parent {
        run: parent.get("run")?.as_str()?.to_string(),
        step: parent.get("step").and_then(toml::Value::as_integer).map_or(0, |step| step.max(0) as u64),
    })
}

/// The place in [`keys`] of a dotted path.
pub fn place_of(path: &str) -> Option<usize> {
    static PLACES: OnceLock<HashMap<&'static str, usize>> = OnceLock::new();
    let places = PLACES.get_or_init(|| keys().iter().enumerate().map(|(i, key)| (key.path.as_str(), i)).collect());
    places.get(path).copied()
}

fn defaults() -> &'static [KeyValue] {
    static DEFAULTS: OnceLock<Vec<KeyValue>> = OnceLock::new();
    DEFAULTS.get_or_init(|| {
        let value = |text: &str| {
            let table: toml::Table = format!("x = {text}").parse().ok()?;
            table.get("x").map(KeyValue::of)
        };
        // Each default is TOML; a test reads them all.
        keys().iter().map(|key| value(&key.default).unwrap_or(KeyValue::Word(Arc::default()))).collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn defaults_are_the_schemas() {
        assert_eq!(ConfigValues::read("", "x").unwrap(), ConfigValues::of(&Config::default(), None));
        assert!(!defaults().contains(&KeyValue::Word("x".into())));
        let values = ConfigValues::read("[train]\nbatch_size = 7\n", "x").unwrap();
        assert_eq!((values.number("train.batch_size"), values.word("diffusion.schedule")), (7.0, "cosine"));
    }

    #[test]
    fn a_runs_own_file_is_never_made_of_defaults() {
        let of_run = |text: &str| ConfigValues::of_run(Path::new("r/config.toml"), text);
        let whole = Config::default().to_toml();
        assert_eq!(of_run(&whole).unwrap(), ConfigValues::of(&Config::default(), None));
        assert_eq!(of_run(&format!("# mine\n{}", whole.replace(" = ", "="))).unwrap(), of_run(&whole).unwrap());
        assert!(of_run("").unwrap_err().contains("lacks version, data.dataset and train.steps"));
        assert!(of_run("version = 1\n[train]\nsteps = 5\n").unwrap_err().contains("lacks data.dataset"));
        assert!(of_run("sed = 3\n").unwrap_err().contains("unknown key `sed`"));
    }

    #[test]
    fn our_own_files_are_read_quickly_with_where_a_fork_comes_from() {
        let text = Config::default().to_toml();
        assert!(ConfigValues::quick(&text).is_some());
        let fork = text + "\n[parent]\nrun = \"runs/a\"\nid = \"1f\"\nstep = 40\nchanges = \"a=\\\"b\\\"\"\n";
        let read = ConfigValues::quick(&fork).unwrap();
        assert_eq!(read.parent, Some(Parent { run: "runs/a".into(), step: 40 }));
    }

    #[test]
    fn what_is_wrong_is_left_to_the_whole_reader() {
        for text in [
            "version = 99\n",
            "sed = 1\n",
            "seed = 1\nseed = 2\n",
            "[train]\nsteps = 5\n[data]\n[train]\n",
            "[train]\nsteps = 5\nepochs = 2.0\n",
            "[diffusion]\nschedule = \"cosinus\"\n",
            "[train\n",
        ] {
            assert_eq!(ConfigValues::quick(text), None, "{text}");
            let whole = Config::from_toml(text, "x").map(|_| ()).unwrap_err().to_string();
            assert_eq!(ConfigValues::read(text, "x").unwrap_err().to_string(), whole);
        }
    }

    proptest! {
        #[test]
        fn both_readers_say_the_same(
            seed in 0..i64::MAX as u64, rate in 0.0..1.0f64, flip: bool, name in "\\PC*", path: String,
            widths in proptest::collection::vec(0usize..1000, 0..5),
        ) {
            let mut config = Config { seed, name, ..Config::default() };
            config.train.learning_rate = rate;
            config.data.horizontal_flip = flip;
            config.data.path = path;
            config.model.block_out_channels = widths;
            let read = ConfigValues::read(&config.to_toml(), "x").unwrap();
            for (path, value) in config.values() {
                prop_assert_eq!(read.get(&path), Some(&KeyValue::of(&value)), "{}", path);
            }
        }

        #[test]
        fn a_line_changed_anyhow_is_read_as_the_whole_reader_reads_it(line in 0usize..200, put in "[ -~]{0,20}") {
            let text = Config::default().to_toml();
            let mut lines: Vec<&str> = text.lines().collect();
            let at = line % lines.len();
            lines[at] = &put;
            let text = lines.join("\n");
            if let Some(quick) = ConfigValues::quick(&text) {
                let whole = Config::from_toml(&text, "x");
                prop_assert!(whole.is_ok(), "{:?}: {:?}", put, whole);
                prop_assert_eq!(ConfigValues::of(&whole.unwrap(), None), quick);
            }
        }
    }
}
