//! The text of a station's file: where something stands in it, and which of its keys nothing reads.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::station_error::StationError;
use super::toml_words::in_words;

/// A file's text, and what messages call the file.
pub struct StationText<'a> {
    pub text: &'a str,
    pub source: &'a str,
}

impl StationText<'_> {
    /// "my.toml:5".
    pub fn at(&self, span: Range<usize>) -> String {
        let line = self.text.bytes().take(span.start).filter(|&byte| byte == b'\n').count() + 1;
        format!("{}:{line}", self.source)
    }

    /// What TOML's reader has to say.
    pub fn not_toml(&self, error: &toml::de::Error) -> StationError {
        StationError::new(format!("{}: {}", self.at(error.span().unwrap_or(0..0)), in_words(error.message())))
    }

    /// The tables of a list `[[name]]`, each with its place; none where there is no such list.
    ///
    /// # Errors
    /// When it is no list of tables.
    pub fn tables<'t, 'i>(
        &self,
        table: &'t DeTable<'i>,
        name: &str,
    ) -> Result<Vec<(String, &'t DeTable<'i>)>, StationError> {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { return Ok(Vec::new()) };
        let DeValue::Array(items) = value.get_ref() else {
            let at = self.at(key.span());
            return Err(StationError::new(format!("{at}: `{name}` is a list; write [[{name}]]")));
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            let place = self.at(item.span());
            let DeValue::Table(table) = item.get_ref() else {
                return Err(StationError::new(format!("{place}: `{name}` is a list of tables; write [[{name}]]")));
            };
            tables.push((place, table));
        }
        Ok(tables)
    }

    /// Refuses a key that nothing reads: one of the `known` that is not `allowed` here, or one that there is nowhere.
    ///
    /// # Errors
    /// With the keys that are allowed, or the nearest of them.
    pub fn check_key(
        &self,
        name: &Spanned<Cow<'_, str>>,
        allowed: &[&str],
        known: &[&str],
        of: &str,
    ) -> Result<(), StationError> {
        let key: &str = name.get_ref();
        if allowed.contains(&key) {
            return Ok(());
        }
        let at = self.at(name.span());
        Err(StationError::new(match known.contains(&key) {
            true => format!("{at}: {of} has no key `{key}`; it takes {}", allowed.join(", ")),
            false => {
                let nearest = nearest(key, allowed.iter().copied());
                format!("{at}: unknown key `{key}`; did you mean `{nearest}`?")
            }
        }))
    }
}

/// Refuses what can't be an id; `place` begins the message.
///
/// # Errors
/// With what an id is.
pub fn check_id(id: &str, place: &str) -> Result<(), StationError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    match !id.is_empty() && id.chars().all(fits) {
        true => Ok(()),
        false => Err(StationError::new(format!(
            "{place}: \"{}\" can't be an id: ids are small letters, digits, hyphens and underscores",
            id.escape_debug()
        ))),
    }
}

/// The key's text, unless it is blank.
pub fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.trim().is_empty())
}

/// With single spaces and no line's end.
pub fn on_one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which of the `known` was meant.
pub fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    known
        .max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)))
        .unwrap_or_default()
}
