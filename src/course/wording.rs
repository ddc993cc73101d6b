//! The words of a station's file: nothing in them may steer a terminal, and each formula has both its dollars.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::station_error::StationError;
use super::station_text::StationText;

/// Keys whose strings no reader sees as text.
const NO_TEXT: [&str; 2] = ["set", "config"];

/// Refuses control characters, and dollars without their partners.
///
/// # Errors
/// [`StationError`], with the line.
pub fn check_words(file: &StationText, table: &DeTable) -> Result<(), StationError> {
    table.iter().try_for_each(|(key, value)| of_value(file, key.get_ref(), value))
}

fn of_value(file: &StationText, key: &str, value: &Spanned<DeValue>) -> Result<(), StationError> {
    match value.get_ref() {
        DeValue::Table(table) => check_words(file, table),
        DeValue::Array(items) => items.iter().try_for_each(|item| of_value(file, key, item)),
        DeValue::String(words) => match wrong(key, words) {
            Some(why) => Err(StationError::new(format!("{}: `{key}` {why}", file.at(value.span())))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What is wrong with the words of a key.
fn wrong(key: &str, words: &str) -> Option<String> {
    let steers = |c: &char| c.is_control() && !"\n\r\t".contains(*c);
    if let Some(c) = words.chars().find(steers) {
        return Some(format!("holds the control character {}; leave it out", c.escape_unicode()));
    }
    let whole = |paragraph: &str| {
        let pieces: Vec<&str> = paragraph.split("$$").collect();
        pieces.len() % 2 == 1 && pieces.iter().all(|piece| piece.matches('$').count() % 2 == 0)
    };
    let words = words.replace('\r', "");
    match NO_TEXT.contains(&key) || words.split("\n\n").all(whole) {
        true => None,
        false => Some("has a dollar without its partner: a formula stands between two, within one paragraph".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::course::Station;

    const HEAD: &str = "id = \"a\"\nconfig = \"mnist-quick\"\n[[task]]\nkind = \"snr_one\"\n";

    fn said(title: &str, text: &str) -> String {
        let read = Station::read(&format!("title = \"{title}\"\ntext = \"{text}\"\n{HEAD}"), "my.toml", Path::new(""));
        read.map_or_else(|error| error.to_string(), |station| station.title)
    }

    #[test]
    fn nothing_steers_the_terminal_and_dollars_come_in_pairs() {
        assert_eq!(said(r"One\n two", r"$x$ and $$y$$\n\n$z$."), "One two");
        assert!(said(r"\u001b[31mRed", "x").contains(r"my.toml:1: `title` holds the control character \u{1b}"));
        for text in ["$x", "$$x", "$$x$", "$$x $ y$$", r"$x\n\ny$"] {
            assert!(said("A", text).contains("my.toml:2: `text` has a dollar without its partner"), "{text}");
        }
        let hint = format!("title = \"A\"\ntext = \"B\"\n{HEAD}hint = \"\"\"one\n\ntwo $\"\"\"\n");
        let refused = Station::read(&hint, "my.toml", Path::new("")).unwrap_err().to_string();
        assert!(refused.starts_with("my.toml:7: `hint` has a dollar"), "{refused}");
    }
}
