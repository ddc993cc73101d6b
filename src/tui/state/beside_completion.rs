//! What the end of a `:beside` line can become.

use super::beside_line::{STEP, WEIGHTS, after_the_word, bars, own_name, path, sample_keys};
use super::fuzzy::fuzzy;
use super::palette_row::Row;
use crate::config::{self, Config, Key, ValueKind};

/// What the end of the line is about; offsets are bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BesideReading<'a> {
    /// The beginning of a setting at `at`.
    Key { at: usize, typed: &'a str },
    /// A value of the setting `name`; what is typed of it begins at `at`.
    Value { at: usize, name: &'a str, typed: &'a str },
}

/// What the end of a line is about, if it is one of settings side by side.
pub fn reading(text: &str) -> Option<BesideReading<'_>> {
    let rest = after_the_word(text)?;
    let begin = text.len() - rest.len();
    let begin = begin + bars(rest).last().map_or(0, |bar| bar + 1);
    let part = &text[begin..];
    let key_at = |at: usize| BesideReading::Key { at, typed: &text[at..] };
    let Some(last) = config::assignments(part).pop().filter(|last| last.contains('=')) else {
        return Some(key_at(begin + part.len() - part.trim_start().len()));
    };
    // Its pieces are slices of the line.
    let at = last.as_ptr() as usize - text.as_ptr() as usize;
    let (name, _) = last.split_once('=').unwrap_or((last, ""));
    let value_at = at + name.len() + 1;
    let name = name.trim();
    let next = config::words(part).into_iter().next_back().map(|next| begin + next).filter(|next| *next > value_at);
    let over = next.filter(|next| {
        let value = text[value_at..*next].trim();
        let is_text = key_of(name).is_some_and(|key| key.kind == ValueKind::Text);
        !value.is_empty() && !value.ends_with(',') && !is_text
    });
    if let Some(next) = over {
        return Some(key_at(next));
    }
    // Of values between commas the last.
    let value = &text[value_at..];
    let from = if value.contains('[') { 0 } else { value.rfind(',').map_or(0, |comma| comma + 1) };
    let from = from + value[from..].len() - value[from..].trim_start().len();
    Some(BesideReading::Value { at: value_at + from, name, typed: value[from..].trim_end() })
}

fn key_of(name: &str) -> Option<&'static Key> {
    let name = own_name(name).ok()?;
    config::keys().iter().find(|key| key.path == path(&name))
}

/// What the line can become, and how badly each fits.
pub fn rows(reading: BesideReading, config: &Config) -> Vec<(u32, Row)> {
    match reading {
        BesideReading::Key { typed, .. } => {
            let values = config.values();
            let of_key = |key: &'static Key| {
                let value = values.get(&key.path).map(toml::Value::to_string).unwrap_or_default();
                let takes = match &key.kind {
                    ValueKind::Choice(words) => words.join(" "),
                    kind => kind.short(),
                };
                Row::Setting { name: key.name().into(), value, takes }
            };
            let more = [
                Row::Setting { name: WEIGHTS.into(), value: "ema".into(), takes: "ema raw".into() },
                Row::Setting { name: STEP.into(), value: "newest".into(), takes: "a step that is kept".into() },
            ];
            let cost = |row: Row| match &row {
                Row::Setting { name, .. } => Some((fuzzy(typed, name)?, row)),
                _ => None,
            };
            sample_keys().map(of_key).chain(more).filter_map(cost).collect()
        }
        BesideReading::Value { name, typed, .. } => {
            let words: Vec<String> = match (name, key_of(name).map(|key| &key.kind)) {
                (WEIGHTS, _) => vec!["ema".into(), "raw".into()],
                (_, Some(ValueKind::Choice(words))) => words.clone(),
                (_, Some(ValueKind::Bool)) => vec!["true".into(), "false".into()],
                _ => Vec::new(),
            };
            let typed = typed.trim_matches(['"', '\'']);
            words.into_iter().filter_map(|word| Some((fuzzy(typed, &word)?, Row::Word(word)))).collect()
        }
    }
}

/// The line with a row in place of what is typed at its end.
pub fn completed(text: &str, reading: BesideReading, row: &Row) -> Option<String> {
    match (row, reading) {
        (Row::Setting { name, .. }, BesideReading::Key { at, .. }) => {
            let before = &text[..at];
            let apart = if before.ends_with(char::is_whitespace) { "" } else { " " };
            Some(format!("{before}{apart}{name}="))
        }
        (Row::Word(word), BesideReading::Value { at, .. }) => Some(format!("{}{word}", &text[..at])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_the_line_is_completed() {
        let config = Config::default();
        let best = |text: &str| {
            let reading = reading(text).unwrap();
            let mut rows = rows(reading, &config);
            rows.sort_by_key(|(cost, _)| *cost);
            rows.first().and_then(|(_, row)| completed(text, reading, row))
        };
        assert_eq!(best("beside samp").unwrap(), "beside sampler=");
        assert_eq!(best("beside sampler=uni").unwrap(), "beside sampler=unipc");
        assert_eq!(best("beside sampler=ddim,uni").unwrap(), "beside sampler=ddim,unipc");
        assert_eq!(best("beside sampler=ddim |wei").unwrap(), "beside sampler=ddim | weights=");
        assert_eq!(best("beside sampler=ddim | weights=r").unwrap(), "beside sampler=ddim | weights=raw");
        assert_eq!(best("beside sampler=ddim gui").unwrap(), "beside sampler=ddim guidance_scale=");
        assert!(best("beside").unwrap().starts_with("beside ") && best("beside").unwrap().ends_with('='));
        assert_eq!(best("beside steps=5"), None);
        assert_eq!(reading("steps=5"), None);
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(text in "(beside)?[ a-z=|,\\[\\]\"'0-9.=éß]{0,40}") {
            if let Some(reading) = reading(&text) {
                for (_, row) in rows(reading, &Config::default()) {
                    let text = completed(&text, reading, &row).unwrap();
                    prop_assert!(after_the_word(&text).is_some());
                }
            }
        }
    }
}
