//! The settings of one scheduler, read so that no key falls through.

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::classes::{CLASSES, Class, FOREIGN, Fate, Preset, SchedulerKey};
use crate::nn::json::{number, shown};

/// A scheduler's settings, seen through the table of its class: what the file leaves out is the class's default, and
/// a key that neither was asked for nor has its default is refused by [`Settings::finish`].
pub struct Settings<'a> {
    class: &'static Class,
    given: &'a Map<String, Value>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Settings<'a> {
    /// `given`: the object of `scheduler_config.json`.
    pub fn new(class: &'static Class, given: &'a Map<String, Value>) -> Self {
        Self { class, given, asked: RefCell::default() }
    }

    pub fn class(&self) -> &'static Class {
        self.class
    }

    /// Does the class have this key?
    pub fn knows(&self, key: &str) -> bool {
        self.class.key(key).is_some()
    }

    /// The key's own value, where the file gives one, and its default. None: the class has no such key.
    fn ask(&self, name: &str) -> Result<Option<(Option<&'a Value>, Preset)>> {
        let Some(key) = self.class.key(name) else { return Ok(None) };
        self.asked.borrow_mut().insert(key.name);
        let value = match self.given.get(name) {
            // Python's None is a value of those keys alone that have it for their default.
            Some(Value::Null) if key.default != Preset::Nothing => bail!("{name} = null is no value of it"),
            value => value.filter(|value| !value.is_null()),
        };
        Ok(Some((value, key.default)))
    }

    /// A word; `lacking` where the class has no such key.
    ///
    /// # Errors
    /// This and the others: when the value has another type; the message names the key.
    pub fn text(&self, key: &str, lacking: &'static str) -> Result<&'a str> {
        Ok(match self.ask(key)? {
            None => lacking,
            Some((None, Preset::Word(word))) => word,
            Some((None, _)) => lacking,
            Some((Some(value), _)) => value.as_str().with_context(|| format!("{key} = {} is no text", shown(value)))?,
        })
    }

    /// A number, which may be infinite.
    ///
    /// # Errors
    /// As [`Settings::text`].
    pub fn number(&self, key: &str, lacking: f64) -> Result<f64> {
        Ok(match self.ask(key)? {
            None => lacking,
            Some((None, Preset::Number(number))) => number,
            Some((None, _)) => lacking,
            Some((Some(value), _)) => {
                number(value).with_context(|| format!("{key} = {} is no number", shown(value)))?
            }
        })
    }

    /// A finite number.
    ///
    /// # Errors
    /// As [`Settings::text`].
    pub fn finite(&self, key: &str, lacking: f64) -> Result<f64> {
        let value = self.number(key, lacking)?;
        ensure!(value.is_finite(), "{key} = {value} is no finite number");
        Ok(value)
    }

    /// A whole number within `least..=most`.
    ///
    /// # Errors
    /// As [`Settings::text`], and outside of the bounds.
    pub fn whole(&self, key: &str, lacking: usize, least: usize, most: usize) -> Result<usize> {
        let value = self.number(key, lacking as f64)?;
        ensure!(
            value.fract() == 0.0 && (least as f64..=most as f64).contains(&value),
            "{key} = {value} is not possible: whole numbers from {least} to {most} are"
        );
        Ok(value as usize)
    }

    /// true or false; false where the class has no such key.
    ///
    /// # Errors
    /// As [`Settings::text`].
    pub fn flag(&self, key: &str) -> Result<bool> {
        Ok(match self.ask(key)? {
            None => false,
            Some((None, default)) => default == Preset::Flag(true),
            Some((Some(value), _)) => {
                value.as_bool().with_context(|| format!("{key} = {} is neither true nor false", shown(value)))?
            }
        })
    }

    /// A list of finite numbers; None where there is none.
    ///
    /// # Errors
    /// As [`Settings::text`].
    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let Some((Some(value), _)) = self.ask(key)? else { return Ok(None) };
        let list = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
        list.map(Some).with_context(|| format!("{key} is no list of finite numbers"))
    }

    /// A word among `possible`, which come with what they mean here.
    ///
    /// # Errors
    /// As [`Settings::text`]; for any other word the message lists these.
    pub fn choice<T: Copy>(&self, key: &str, lacking: &'static str, possible: &[(&str, T)]) -> Result<T> {
        let word = self.text(key, lacking)?;
        let found = possible.iter().find(|(name, _)| *name == word).map(|(_, meaning)| *meaning);
        found.with_context(|| {
            let names: Vec<&str> = possible.iter().map(|(name, _)| *name).collect();
            format!("{key} = {word:?} is not supported with {}; supported: {}", self.class.name, names.join(", "))
        })
    }

    /// Refuses what was not obeyed, and says what has no meaning for the class.
    ///
    /// # Errors
    /// When a key whose default alone can be followed, or one that was never asked for, has another value; the
    /// message names all of them.
    pub fn finish(self) -> Result<Vec<String>> {
        let asked = self.asked.take();
        let other = |key: &&SchedulerKey| self.given.get(key.name).is_some_and(|value| !is_default(value, key.default));
        let not_followed = |key: &&SchedulerKey| match key.fate {
            Fate::DefaultOnly => true,
            Fate::Obeyed(_) => !asked.contains(key.name),
            Fate::NoPart(_) => false,
        };
        let refused: Vec<String> = self
            .class
            .keys()
            .filter(not_followed)
            .filter(other)
            .map(|key| format!("{} = {}", key.name, shown(&self.given[key.name])))
            .collect();
        let defaults: Vec<String> = self
            .class
            .keys()
            .filter(not_followed)
            .filter(other)
            .map(|key| format!("{} = {}", key.name, preset(key.default)))
            .collect();
        ensure!(
            refused.is_empty(),
            "{} is not supported with {}; {} is",
            refused.join(", "),
            self.class.name,
            defaults.join(", ")
        );
        let unknown = self.given.keys().filter(|key| !key.starts_with('_') && !self.knows(key));
        Ok(unknown.map(|key| ignored(self.class, key)).collect())
    }
}

/// A sentence on a key that the class does not have.
fn ignored(class: &Class, key: &str) -> String {
    let of_others = FOREIGN.contains(&key) || CLASSES.iter().any(|other| other.key(key).is_some());
    let nearest = class
        .keys()
        .map(|known| (strsim::damerau_levenshtein(key, known.name), known.name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 5);
    match nearest {
        _ if of_others => format!("{key} is no setting of {}: it is ignored, as diffusers ignores it", class.name),
        Some((_, name)) => {
            format!("{} has no setting {key:?}: it is ignored, as by diffusers. Did you mean {name}?", class.name)
        }
        None => format!("{} has no setting {key:?}: it is ignored, as by diffusers", class.name),
    }
}

/// Is this the default, as Python compares?
fn is_default(value: &Value, default: Preset) -> bool {
    match default {
        Preset::Number(expected) => number(value) == Some(expected),
        Preset::Flag(expected) => value.as_bool() == Some(expected),
        Preset::Word(expected) => value.as_str() == Some(expected),
        Preset::Nothing => value.is_null(),
        Preset::Empty => value.as_array().is_some_and(Vec::is_empty),
    }
}

/// The default as a file says it.
pub fn preset(default: Preset) -> String {
    match default {
        Preset::Number(number) if number == f64::NEG_INFINITY => "-Infinity".into(),
        Preset::Number(number) => format!("{number}"),
        Preset::Flag(flag) => format!("{flag}"),
        Preset::Word(word) => format!("{word:?}"),
        Preset::Nothing => "null".into(),
        Preset::Empty => "[]".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with<T>(given: Value, ask: impl FnOnce(&Settings) -> Result<T>) -> Result<Vec<String>> {
        let class = Class::named("DPMSolverMultistepScheduler").unwrap();
        let settings = Settings::new(class, given.as_object().unwrap());
        ask(&settings)?;
        settings.finish()
    }

    #[test]
    fn what_nobody_asks_for_is_refused_unless_it_has_its_default() {
        assert!(with(json!({"solver_order": 2, "beta_end": 0.02}), |_| Ok(())).unwrap().is_empty());
        let message = with(json!({"solver_order": 3, "beta_end": 0.5}), |s| s.number("beta_end", 0.0)).unwrap_err();
        let message = message.to_string();
        assert!(message.contains("solver_order = 3") && message.contains("solver_order = 2 is"), "{message}");
        assert!(!message.contains("beta_end"), "{message}");
        assert!(with(json!({"use_flow_sigmas": true}), |_| Ok(())).is_err());
        assert!(with(json!({"flow_shift": 3.0}), |_| Ok(())).is_ok(), "it has no part");
    }

    #[test]
    fn keys_that_the_class_does_not_have_are_named_with_the_nearest_that_it_has() {
        let notes = with(json!({"solver_ordr": 3, "clip_sample": true, "_id": 1, "zzz": 0}), |_| Ok(())).unwrap();
        assert_eq!(notes.len(), 3, "{notes:?}");
        let of = |key: &str| notes.iter().find(|note| note.contains(key)).unwrap();
        assert!(of("solver_ordr").contains("solver_order?"));
        assert!(of("clip_sample").contains("DPMSolverMultistepScheduler") && !of("clip_sample").contains('?'));
        assert!(!of("zzz").contains('?'));
    }

    #[test]
    fn null_is_a_value_of_those_keys_alone_whose_default_it_is() {
        let null = |key: &str| with(json!({key: null}), |s| s.numbers("trained_betas").and(s.flag("thresholding")));
        assert!(null("trained_betas").is_ok());
        assert!(null("thresholding").unwrap_err().to_string().contains("thresholding = null"));
        assert!(null("use_flow_sigmas").unwrap_err().to_string().contains("use_flow_sigmas = null"));
    }
}
