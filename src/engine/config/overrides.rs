//! `--set KEY=VALUE`: dotted keys, TOML values, and plain words where text is wanted.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::assignments::in_full;
use super::keys::{self, ValueKind};
use super::load::check_table;
use super::{Config, ConfigError, TrainConfig, length};

impl Config {
    /// This config with `KEY=VALUE` overrides, later ones winning. A value is TOML; quotes around text
    /// and brackets around a list may be left out: `data.dataset=emoji-32`,
    /// `model.block_out_channels=16,32,64`. A key without its section, or its initials, means the only one of that name.
    ///
    /// # Errors
    /// As for a config file; the message quotes the override. A bare key that several sections have:
    /// [`ConfigError::Ambiguous`]. Steps and epochs both: [`ConfigError::TwoLengths`].
    pub fn with_overrides(self, overrides: &[String]) -> Result<Self, ConfigError> {
        let full = overrides.iter().map(|given| with_section(given)).collect::<Result<Vec<_>, _>>()?;
        length::refuse_both(&full)?;
        full.iter().try_fold(self, |config, given| config.with_override(given))
    }

    fn with_override(self, given: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: &str| ConfigError::Override {
            given: given.into(),
            problem: problem.into(),
            example: "train.batch_size=64",
        };
        let (path, value) = given.split_once('=').ok_or_else(|| refuse("there is no `=`"))?;
        let (path, value) = (path.trim(), value.trim());
        if path.is_empty() {
            return Err(refuse("there is no key before the `=`"));
        }
        if path.split('.').next() == Some(keys::PARENT) {
            return Err(refuse("[parent] says where a fork comes from: `difflab fork` writes it, and nobody sets it"));
        }
        if keys::sections().iter().any(|(section, _)| section == path) {
            return Err(refuse(&format!("`{path}` is a section; name one of its keys, `{path}.…`")));
        }
        let at = format!("--set {given}");
        let Some(key) = keys::find(path) else {
            let nearest = keys::nearest(path).into();
            return Err(ConfigError::UnknownKey { at, key: path.into(), nearest });
        };

        let line = format!("{path} = {}", as_toml(value, &key.kind));
        let at = |_| at.clone();
        let change = DeTable::parse(&line).map_err(|error| refuse(error.message()))?;
        check_table(change.get_ref(), "", &at)?;

        let before = match path {
            // Steps asked for take the place of the file's epochs; epochs are counted in steps later anyway.
            length::STEPS => Self { train: TrainConfig { epochs: 0.0, ..self.train }, ..self },
            _ => self,
        };
        let text = before.to_toml();
        let mut table = DeTable::parse(&text).map_err(|error| refuse(error.message()))?;
        merge(table.get_mut(), change.into_inner());
        serde::Deserialize::deserialize(toml::Deserializer::from(table)).map_err(|_| ConfigError::WrongType {
            at: at(0..0),
            key: path.into(),
            expected: "a number in range".into(),
            found: value.into(),
        })
    }
}

/// The override with its key in full; what no key is stays as it is, to be refused.
fn with_section(given: &str) -> Result<String, ConfigError> {
    in_full(given, None).map_err(|error| match error {
        ConfigError::Ambiguous { given, name, keys } => {
            ConfigError::Ambiguous { given: format!("--set {given}"), name, keys }
        }
        other => other,
    })
}

/// The value as TOML: as given where it is TOML of the wanted kind, else with the quotes or brackets
/// that the shell's user left out.
fn as_toml(value: &str, kind: &ValueKind) -> String {
    let parsed = DeValue::parse(value).map(Spanned::into_inner);
    match (kind, &parsed) {
        (ValueKind::Text | ValueKind::Choice(_), Ok(DeValue::String(_))) => value.into(),
        (ValueKind::Text | ValueKind::Choice(_), _) => quote(value),
        (ValueKind::IntegerList | ValueKind::FloatList, Ok(DeValue::Array(_))) => value.into(),
        (ValueKind::IntegerList | ValueKind::FloatList, _) if DeValue::parse(&format!("[{value}]")).is_ok() => {
            format!("[{value}]")
        }
        (_, Ok(_)) => value.into(),
        (_, Err(_)) => quote(value),
    }
}

fn quote(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

fn merge<'a>(table: &mut DeTable<'a>, change: DeTable<'a>) {
    for (name, value) in change {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(inner) => {
                if let Some(section) = table.get_mut(name.get_ref().as_ref())
                    && let DeValue::Table(section) = section.get_mut()
                {
                    merge(section, inner);
                }
            }
            value => {
                table.insert(name, Spanned::new(span, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::ScheduleName;

    fn set(overrides: &[&str]) -> Result<Config, ConfigError> {
        Config::default().with_overrides(&overrides.iter().map(|s| s.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn values_are_toml_and_later_ones_win() {
        let config =
            set(&["train.batch_size=8", "train.batch_size = 1_6", "train.learning_rate=3e-3", "seed=7"]).unwrap();
        assert_eq!((config.train.batch_size, config.train.learning_rate, config.seed), (16, 3e-3, 7));
        assert!(set(&["model.class_conditional=true"]).unwrap().model.class_conditional);
        assert_eq!(set(&["train.weight_decay=1"]).unwrap().train.weight_decay, 1.0);
    }

    #[test]
    fn quotes_and_brackets_may_be_left_out() {
        let config =
            set(&["diffusion.schedule=sigmoid", "data.path=/a b/c=d", "model.block_out_channels=16,32"]).unwrap();
        assert_eq!(config.diffusion.schedule, ScheduleName::Sigmoid);
        assert_eq!(config.data.path, "/a b/c=d");
        assert_eq!(config.model.block_out_channels, [16, 32]);
        assert_eq!(set(&["name=2024"]).unwrap().name, "2024");
        assert_eq!(set(&["model.attention_levels=2"]).unwrap().model.attention_levels, [2]);
        assert_eq!(set(&["model.block_out_channels=[8, 8]"]).unwrap().model.block_out_channels, [8, 8]);
        assert!(set(&["model.attention_levels="]).unwrap().model.attention_levels.is_empty());
    }

    #[test]
    fn a_bad_override_is_quoted_and_the_nearest_key_named() {
        let message = |given: &str| set(&[given]).unwrap_err().to_string();
        let text = message("train.batch_sise=64");
        assert!(text.contains("--set train.batch_sise=64") && text.contains("`train.batch_size`"), "{text}");
        assert!(message("train.batch_size").contains("there is no `=`"));
        assert!(message("=3").contains("no key"));
        assert!(message("train=3").contains("is a section"));
        assert!(message("parent.step=3").contains("nobody sets it") && message("parent=3").contains("nobody sets it"));
        assert!(message("train.batch_size=many").contains("must be a whole number"));
        assert!(message("train.batch_size=-1").contains("not -1"));
        assert!(message("diffusion.schedule=cosinus").contains("\"cosine\""));
        assert!(message("seed=99999999999999999999999").contains("in range"));
    }

    #[test]
    fn a_key_may_be_as_short_as_it_is_clear() {
        let config = set(&["lr=3e-3", "batch_size = 8", "schedule=linear", "path=flow"]).unwrap();
        assert_eq!((config.train.learning_rate, config.train.batch_size), (3e-3, 8));
        assert_eq!((config.diffusion.schedule, config.diffusion.path.name()), (ScheduleName::Linear, "flow"));
        let message = |given: &[&str]| set(given).unwrap_err().to_string();
        let several = message(&["steps=5"]);
        assert!(several.starts_with("--set steps=5: `steps` could be `train.steps`, `preview.steps` or"), "{several}");
        assert!(message(&["lr=fast"]).contains("`train.learning_rate` must be a number"));
        assert!(message(&["stepz=5"]).contains("did you mean `train.steps`"));
        // The two ways to say how long, however short.
        assert!(message(&["train.steps=5", "epochs=2"]).contains("each says how long"));
        assert_eq!(crate::config::key_in_full("lr=1"), "train.learning_rate=1");
        assert_eq!(crate::config::key_in_full("steps=1"), "steps=1");
    }

    #[test]
    fn a_line_break_cannot_smuggle_in_another_key() {
        assert!(set(&["seed=1\nname=\"x\""]).is_err());
        assert_eq!(set(&["name=a\nseed = 5"]).unwrap().seed, Config::default().seed);
    }

    proptest! {
        #[test]
        fn no_override_panics(key in "[a-z._]{0,20}", value: String) {
            let _ = set(&[&format!("{key}={value}")]);
            let _ = set(&[&format!("data.path={value}"), &format!("train.batch_size={value}")]);
        }

        #[test]
        fn text_arrives_as_it_was_given(value in "[a-z/ =.#\\[\\]]{0,20}") {
            let config = set(&[&format!("data.path={value}")]).unwrap();
            prop_assert_eq!(config.data.path, value.trim());
        }
    }
}
