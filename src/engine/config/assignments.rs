//! A line of settings as a person types it while a run goes on: `path=flow sampler=euler`.
//!
//! It is read like one `--set` after the other, and a key may leave its section out.

use super::keys::{self, Key, ValueKind};
use super::{Config, ConfigError};

impl Config {
    /// This config with the settings of `line`: `KEY=VALUE`, one or several with spaces between them. A key
    /// without its section means the only key of that name; of several, the one whose words have the value.
    ///
    /// # Errors
    /// As [`Config::with_overrides`]; and for a bare key that several sections have.
    pub fn with_assignments(self, line: &str) -> Result<Self, ConfigError> {
        let full: Vec<String> =
            assignments(line).into_iter().map(|given| in_full(given, None)).collect::<Result<_, _>>()?;
        self.with_overrides(&full)
    }

    /// The same, where a bare key that several sections have is the one of `section`, if that has it.
    ///
    /// # Errors
    /// As [`Config::with_assignments`].
    pub fn with_assignments_of(self, line: &str, section: &str) -> Result<Self, ConfigError> {
        let full: Vec<String> =
            assignments(line).into_iter().map(|given| in_full(given, Some(section))).collect::<Result<_, _>>()?;
        self.with_overrides(&full).map_err(|error| match error {
            ConfigError::UnknownKey { at, key, .. } => {
                let nearest = keys::nearest_of(&key, Some(section)).into();
                ConfigError::UnknownKey { at, key, nearest }
            }
            other => other,
        })
    }
}

/// The settings of a line. One begins where a word is followed by `=`, outside of quotes and brackets; so
/// values may hold spaces.
pub fn assignments(line: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = words(line).into_iter().filter(|&at| begins(&line[at..])).collect();
    if starts.first().is_none_or(|first| !line[..*first].trim().is_empty()) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([line.len()]);
    starts.iter().zip(ends).map(|(&start, end)| line[start..end].trim()).collect()
}

/// Byte offsets at which words begin, outside of quotes and brackets; the line's end is one where a space
/// stands before it.
pub fn words(line: &str) -> Vec<usize> {
    let (mut starts, mut depth, mut quote) = (Vec::new(), 0usize, None);
    let (mut before, mut escaped, mut apart) = ('=', false, true);
    for (at, c) in line.char_indices() {
        if apart && !c.is_whitespace() && depth == 0 && quote.is_none() {
            starts.push(at);
        }
        // Quotes and brackets count where a value can begin; elsewhere they are text, as in a file's name.
        let begins_value = matches!(before, '=' | '[' | ',');
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if begins_value && matches!(c, '"' | '\'') => quote = Some(c),
            None if begins_value && c == '[' => depth += 1,
            None if c == ']' => depth = depth.saturating_sub(1),
            None => {}
        }
        apart = c.is_whitespace();
        if !apart {
            before = c;
        }
    }
    if apart && depth == 0 && quote.is_none() && !line.is_empty() {
        starts.push(line.len());
    }
    starts
}

/// The values of a list that a person types: what commas part outside of quotes and brackets, without spaces around it.
pub fn words_between_commas(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// The keys that a name can mean: the one of this dotted path, else those of this name in any section, else those with
/// these initials, as `lr` for `learning_rate`. The first stage's keys, which are called like others, need their section.
pub fn named(name: &str) -> Vec<&'static Key> {
    if let Some(key) = keys::find(name) {
        return vec![key];
    }
    let those = |is_meant: &dyn Fn(&Key) -> bool| -> Vec<&'static Key> {
        let (stage, others): (Vec<_>, Vec<_>) =
            keys::keys().iter().filter(|key| is_meant(key)).partition(|key| key.section() == "autoencoder");
        if others.is_empty() { stage } else { others }
    };
    let by_name = those(&|key| key.name() == name);
    if by_name.is_empty() { those(&|key| key.has_initials(name)) } else { by_name }
}

/// The key that `name` means where it is to be `value`: the only one of that name, or of several the only one
/// that has this word.
pub fn meant(name: &str, value: &str) -> Option<&'static Key> {
    let found = named(name);
    if let [key] = found[..] {
        return Some(key);
    }
    let word = value.trim().trim_matches(['"', '\'']);
    let has =
        |key: &&'static Key| matches!(&key.kind, ValueKind::Choice(words) if words.iter().any(|known| known == word));
    match found.into_iter().filter(has).collect::<Vec<_>>()[..] {
        [key] => Some(key),
        _ => None,
    }
}

/// Does a text begin with a key and `=`?
fn begins(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    rest.len() < text.len() && rest.trim_start().starts_with('=')
}

/// `KEY=VALUE` with its key in full where that is clear; anything else as it is, for [`Config::with_overrides`] to refuse.
pub fn key_in_full(given: &str) -> String {
    in_full(given, None).unwrap_or_else(|_| given.into())
}

/// The setting with its key in full. Unknown keys are left as they are, for [`Config::with_overrides`] to
/// refuse.
pub(super) fn in_full(given: &str, section: Option<&str>) -> Result<String, ConfigError> {
    let Some((name, value)) = given.split_once('=') else { return Ok(given.into()) };
    let name = name.trim();
    if let Some(key) = meant(name, value) {
        return Ok(format!("{}={value}", key.path));
    }
    let of_section = |section: &str| keys::find(&format!("{section}.{name}"));
    if let Some(key) = section.and_then(of_section) {
        return Ok(format!("{}={value}", key.path));
    }
    let found: Vec<String> = named(name).iter().map(|key| format!("`{}`", key.path)).collect();
    match found.split_last() {
        Some((last, rest)) => {
            let keys = format!("{} or {last}", rest.join(", "));
            Err(ConfigError::Ambiguous { given: given.into(), name: name.into(), keys })
        }
        None => Ok(given.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{PathName, PredictionType, SamplerName, TimestepSpacing};

    fn set(line: &str) -> Result<Config, ConfigError> {
        Config::default().with_assignments(line)
    }

    #[test]
    fn several_settings_stand_in_one_line_with_or_without_their_sections() {
        let config = set("path=flow prediction_type = flow  sample.sampler=euler").unwrap();
        assert_eq!(config.diffusion.path, PathName::Flow);
        assert_eq!(config.diffusion.prediction_type, PredictionType::Flow);
        assert_eq!(config.sample.sampler, SamplerName::Euler);
        assert_eq!(set("spacing=karras").unwrap().sample.spacing, TimestepSpacing::Karras);
        assert_eq!(set(" seed = 7 ").unwrap().seed, 7);
        assert_eq!(set("lr=3e-4").unwrap().train.learning_rate, 3e-4);
    }

    #[test]
    fn values_with_spaces_quotes_and_equals_signs_stay_whole() {
        let config = set("guidance_interval=[0.2, 0.8] negative_class=3 name=\"a b=c\" rho=5").unwrap();
        assert_eq!(config.sample.guidance_interval, [0.2, 0.8]);
        assert_eq!((config.sample.negative_class.as_str(), config.name.as_str()), ("3", "a b=c"));
        assert_eq!(config.sample.rho, 5.0);
        assert_eq!(set("name=my run rho=5").unwrap().name, "my run");
        assert_eq!(set("block_out_channels=16, 32 seed=1").unwrap().model.block_out_channels, [16, 32]);
        assert_eq!(set("data.path=/it's[here seed=1").unwrap().data.path, "/it's[here");
    }

    #[test]
    fn a_bare_key_of_several_sections_is_refused_with_their_names() {
        let message = set("steps=5").unwrap_err().to_string();
        for key in ["`train.steps`", "`preview.steps`", "`sample.steps`"] {
            assert!(message.contains(key), "{message}");
        }
        let forked = Config::default().with_assignments_of("steps=5 lr=0.5", "train").unwrap();
        assert_eq!((forked.train.steps, forked.train.learning_rate), (5, 0.5));
        let unknown = Config::default().with_assignments_of("stepz=5", "train").unwrap_err().to_string();
        assert!(unknown.contains("did you mean `train.steps`"), "{unknown}");
        // No word of diffusion.path, so it could be a file.
        assert!(set("path=/tmp").unwrap_err().to_string().contains("`data.path` or `diffusion.path`"));
    }

    #[test]
    fn what_with_overrides_refuses_is_refused_in_its_words() {
        let message = |line: &str| set(line).unwrap_err().to_string();
        assert!(message("spacin=karras").contains("did you mean `sample.spacing`"));
        assert!(message("spacing=kar").contains("\"karras\""));
        assert!(message("karras").contains("there is no `=`"));
        assert!(message("").contains("there is no `=`"));
        assert!(message("=3").contains("no key"));
        assert!(message("x y=3 seed=1").contains("there is no `=`"));
    }

    #[test]
    fn commas_part_values_outside_of_quotes_and_brackets() {
        assert_eq!(words_between_commas("1e-3, 3e-3 ,,5"), ["1e-3", "3e-3", "5"]);
        assert_eq!(words_between_commas("[8, 16],[16,32]"), ["[8, 16]", "[16,32]"]);
        assert_eq!(words_between_commas("\"a,b\",c"), ["\"a,b\"", "c"]);
        assert!(words_between_commas(" , ").is_empty());
    }

    proptest! {
        #[test]
        fn no_line_panics(line: String, key in "[a-z._]{0,12}", value in "[ =\\[\\]\"',a-zé0-9]{0,12}") {
            let _ = set(&line);
            let _ = set(&format!("{key}={value} {line}"));
        }
    }
}
