//! From text to a [`Config`]: syntax, unknown keys, wrong types, each with file, line and key.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Key, ValueKind};
use super::{CONFIG_VERSION, Config, ConfigError, length, shipped};
use crate::process::plain_file;

impl Config {
    /// Reads a shipped config by its name, or a TOML file by its path, and applies overrides such as
    /// `train.batch_size=64` in order. The values aren't judged yet: see [`Config::validate`].
    ///
    /// # Errors
    /// No such config; an unreadable file; broken TOML; an unknown key (the nearest is named); a wrong
    /// type; a format version newer than [`CONFIG_VERSION`].
    pub fn load(name_or_path: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        if let Some((name, text)) = shipped().iter().find(|(name, _)| *name == name_or_path) {
            return Self::from_toml(text, &format!("{name}.toml (shipped)"))?.with_overrides(overrides);
        }
        let path = Path::new(name_or_path);
        if path.is_dir() {
            let inside = path.join("config.toml");
            let reason = if inside.is_file() {
                format!("it is a folder; give the file inside it, {}", inside.display())
            } else {
                "it is a folder, and a .toml file is needed".into()
            };
            return Err(ConfigError::Unreadable { path: name_or_path.into(), reason });
        }
        match plain_file::read_text(path) {
            Ok(text) => Self::from_toml(&text, name_or_path)?.with_overrides(overrides),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_found(name_or_path)),
            Err(error) => Err(ConfigError::Unreadable { path: name_or_path.into(), reason: error.to_string() }),
        }
    }

    /// Reads TOML text. `source` is what the messages call it: a file name. Keys left out take their
    /// defaults.
    pub fn from_toml(text: &str, source: &str) -> Result<Self, ConfigError> {
        let at = |span: Range<usize>| format!("{source}:{}", line_of(text, span.start));
        // Windows editors like to begin files with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let syntax = |error: toml::de::Error| ConfigError::Syntax {
            at: at(error.span().unwrap_or(0..0)),
            reason: error.message().trim().replace('\n', " "),
        };
        let table = DeTable::parse(text).map_err(syntax)?;
        if let Some(version) = table.get_ref().get("version") {
            refuse_newer(version, &at)?;
        }
        check_table(table.get_ref(), "", &at)?;
        refuse_two_lengths(table.get_ref(), &at)?;
        // What is left can only be a number out of range; serde says which.
        toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            ConfigError::WrongType {
                at: at(span.clone()),
                key: key_at(table.get_ref(), &span, "").unwrap_or_default(),
                expected: "a number in range".into(),
                found: text.get(span).unwrap_or_default().into(),
            }
        })
    }

    /// Every key with its value, as TOML that reads back equal.
    pub fn to_toml(&self) -> String {
        // Plain structs of numbers, text and lists, scalars before tables: nothing in them that the
        // serializer could refuse.
        toml::to_string(self).unwrap_or_default()
    }
}

/// Refuses keys that the schema lacks, and values of the wrong type. `at` names a place in the text.
pub(super) fn check_table(
    table: &DeTable<'_>,
    prefix: &str,
    at: &dyn Fn(Range<usize>) -> String,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let path = format!("{prefix}{}", name.get_ref());
        let is_section = prefix.is_empty() && keys::is_section(&path);
        match (is_section, value.get_ref()) {
            (true, DeValue::Table(inner)) => check_table(inner, &format!("{path}."), at)?,
            (true, other) => {
                return Err(ConfigError::WrongType {
                    at: at(value.span()),
                    expected: format!("a section, as in [{path}]"),
                    key: path,
                    found: found(other),
                });
            }
            (false, value_found) => {
                let Some(key) = keys::find_in_file(&path) else {
                    let nearest = keys::nearest(&path).into();
                    return Err(ConfigError::UnknownKey { at: at(name.span()), key: path, nearest });
                };
                if !fits(key, value_found) {
                    return Err(ConfigError::WrongType {
                        at: at(value.span()),
                        key: path,
                        expected: key.kind.describe(),
                        found: found(value_found),
                    });
                }
            }
        }
    }
    Ok(())
}

fn fits(key: &Key, value: &DeValue<'_>) -> bool {
    let whole = |value: &DeValue<'_>| value.as_integer().is_some_and(|n| !n.as_str().starts_with('-'));
    let number = |value: &DeValue<'_>| value.is_integer() || value.is_float();
    match &key.kind {
        ValueKind::Integer => whole(value),
        ValueKind::Float => number(value),
        ValueKind::Bool => value.is_bool(),
        ValueKind::Text => value.is_str(),
        ValueKind::IntegerList => value.as_array().is_some_and(|list| list.iter().all(|item| whole(item.get_ref()))),
        ValueKind::FloatList => value.as_array().is_some_and(|list| list.iter().all(|item| number(item.get_ref()))),
        ValueKind::Choice(words) => value.as_str().is_some_and(|word| words.iter().any(|known| known == word)),
    }
}

/// The value as the user wrote it, with its type: `"64" (text)`.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("\"{text}\" (text)"),
        DeValue::Integer(number) => number.as_str().to_string(),
        DeValue::Float(number) => number.as_str().to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(value) => format!("{value} (a date)"),
        DeValue::Array(list) => {
            format!("a list of {}", list.iter().map(|v| found(v.get_ref())).collect::<Vec<_>>().join(", "))
        }
        DeValue::Table(_) => "a section".into(),
    }
}

fn refuse_newer(version: &Spanned<DeValue<'_>>, at: &dyn Fn(Range<usize>) -> String) -> Result<(), ConfigError> {
    let number = version.get_ref().as_integer().and_then(|n| n.as_str().parse::<i64>().ok());
    match number {
        Some(found) if found > i64::from(CONFIG_VERSION) => {
            Err(ConfigError::Newer { at: at(version.span()), found, newest: CONFIG_VERSION })
        }
        _ => Ok(()),
    }
}

/// Steps and epochs both say how long to train.
fn refuse_two_lengths(table: &DeTable<'_>, at: &dyn Fn(Range<usize>) -> String) -> Result<(), ConfigError> {
    let value = |dotted: &str| {
        let (section, name) = dotted.split_once('.')?;
        match table.get(section)?.get_ref() {
            DeValue::Table(section) => section.get(name),
            _ => None,
        }
    };
    match (value(length::STEPS), value(length::EPOCHS)) {
        (Some(_), Some(epochs)) if length::is_set(&found(epochs.get_ref())) => {
            Err(ConfigError::TwoLengths { at: at(epochs.span()) })
        }
        _ => Ok(()),
    }
}

/// The dotted key whose value lies at `span`.
fn key_at(table: &DeTable<'_>, span: &Range<usize>, prefix: &str) -> Option<String> {
    table.iter().find_map(|(name, value)| {
        let path = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => key_at(inner, span, &format!("{path}.")),
            _ => (value.span().start <= span.start && span.end <= value.span().end).then_some(path),
        }
    })
}

/// Line of a byte position, from 1.
fn line_of(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1
}

/// Is this written as the path of a file or folder, so that no name can have been meant?
pub fn is_a_path(word: &str) -> bool {
    word.contains(['/', std::path::MAIN_SEPARATOR]) || word.starts_with('~')
}

fn not_found(name: &str) -> ConfigError {
    if is_a_path(name) {
        return ConfigError::Unreadable { path: name.into(), reason: "there is no such file".into() };
    }
    let names = shipped().iter().map(|(name, _)| *name);
    let nearest = names.clone().max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    ConfigError::NotFound {
        name: name.into(),
        nearest: nearest.unwrap_or_default().into(),
        shipped: names.collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::ParentConfig;

    fn refuse(text: &str) -> String {
        Config::from_toml(text, "my.toml").unwrap_err().to_string()
    }

    #[test]
    fn keys_left_out_take_their_defaults() {
        let config = Config::from_toml("[train]\nbatch_size = 7\n", "x").unwrap();
        assert_eq!(config.train.batch_size, 7);
        assert_eq!(
            Config { train: crate::config::TrainConfig { batch_size: 64, ..config.train.clone() }, ..config },
            Config::default()
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_line_and_nearest_key() {
        let message = refuse("name = \"a\"\n\n[train]\nlearning_rte = 0.1\n");
        assert!(message.starts_with("my.toml:4: unknown key `train.learning_rte`"), "{message}");
        assert!(message.contains("`train.learning_rate`"), "{message}");
        let message = refuse("[trian]\nbatch_size = 1\n");
        assert!(message.starts_with("my.toml:1: unknown key `trian`"), "{message}");
        assert!(message.contains("did you mean `train`"), "{message}");
    }

    #[test]
    fn a_wrong_type_is_refused_with_line_key_and_what_was_found() {
        let message = refuse("[train]\n\nbatch_size = \"64\"");
        assert_eq!(message, "my.toml:3: `train.batch_size` must be a whole number (0 or more), not \"64\" (text)");
        assert!(refuse("[train]\nbatch_size = -1").contains("not -1"));
        assert!(refuse("[train]\nbatch_size = 1.5").contains("not 1.5"));
        assert!(refuse("train = 3").contains("a section, as in [train]"));
        assert!(refuse("[seed]\nx = 3").contains("not a section"));
        assert!(refuse("[model]\nblock_out_channels = [8, \"x\"]").contains("list of whole numbers"));
        assert!(refuse("[diffusion]\nschedule = \"cosinus\"").contains("\"cosine\""));
        let message = refuse("version = 1\nseed = 99999999999999999999999");
        assert!(message.starts_with("my.toml:2: `seed` must be a number in range"), "{message}");
    }

    #[test]
    fn a_fork_says_where_it_comes_from_and_no_other_config_has_that_section() {
        let parent = ParentConfig { run: "/runs/a".into(), step: 40, ..ParentConfig::default() };
        let fork = Config { parent: Some(parent), ..Config::default() };
        assert_eq!(Config::from_toml(&fork.to_toml(), "x").unwrap(), fork);
        // Other settings leave it as it is.
        assert_eq!(fork.clone().with_overrides(&["seed=3".into()]).unwrap().parent, fork.parent);
        assert!(!Config::default().to_toml().contains("parent"), "older readers go on reading other runs");
        assert!(refuse("[parent]\nstp = 3").contains("unknown key `parent.stp`"));
        assert!(refuse("[parent]\nstep = \"3\"").contains("whole number"));
    }

    #[test]
    fn broken_toml_names_the_line() {
        let message = refuse("[train]\nsteps = = 3\n");
        assert!(message.starts_with("my.toml:2: not valid TOML"), "{message}");
    }

    #[test]
    fn a_newer_format_is_refused_before_its_unknown_keys() {
        let message = refuse("version = 2\nhologram = true\n");
        assert!(message.contains("format version 2") && message.contains("up to version 1"), "{message}");
    }

    #[test]
    fn unknown_names_and_unreadable_paths_say_what_there_is() {
        let message = Config::load("mnits", &[]).unwrap_err().to_string();
        assert!(message.contains("`mnist`") && message.contains("fashion"), "{message}");
        for path in ["configs/mnits.toml", "nofolder/", "~nobody/x"] {
            let message = Config::load(path, &[]).unwrap_err().to_string();
            assert_eq!(message, format!("cannot read the config {path}: there is no such file"));
        }
        let folder = tempfile::tempdir().unwrap();
        let message = Config::load(folder.path().to_str().unwrap(), &[]).unwrap_err().to_string();
        assert!(message.contains("it is a folder"), "{message}");
        let binary = folder.path().join("a.toml");
        std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
        assert!(matches!(Config::load(binary.to_str().unwrap(), &[]), Err(ConfigError::Unreadable { .. })));
    }

    #[test]
    fn large_seeds_survive_the_round_trip() {
        let config = Config { seed: u64::MAX, ..Config::default() };
        assert_eq!(Config::from_toml(&config.to_toml(), "x").unwrap(), config);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal(
            seed: u64, steps: u64, batch: usize, rate in 0.0..1.0f64, flip: bool,
            name in "\\PC*", path: String, widths in proptest::collection::vec(0usize..1000, 0..5),
        ) {
            let mut config = Config { seed, name, ..Config::default() };
            config.train.steps = steps;
            config.train.batch_size = batch;
            config.train.learning_rate = rate;
            config.data.horizontal_flip = flip;
            config.data.path = path;
            config.model.block_out_channels = widths;
            prop_assert_eq!(Config::from_toml(&config.to_toml(), "x").unwrap(), config);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = Config::from_toml(&text, "x");
        }
    }
}
