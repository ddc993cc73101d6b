//! `notes.toml`: what a person says of a run. The only file in a run folder that others than the run's owner write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;

use super::durable::write_replacing;
use super::error::RunError;
use crate::process::plain_file;

/// The file in the run folder.
pub const NOTES: &str = "notes.toml";

/// Its table of words on steps.
const BOOKMARKS: &str = "bookmarks";

/// Letters that a note may have.
const LONGEST_NOTE: usize = 2000;
const LONGEST_TAG: usize = 40;
const LONGEST_BOOKMARK: usize = 80;

/// A run's note, tags and bookmarks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Notes {
    /// Empty: none.
    pub note: String,
    pub tags: BTreeSet<String>,
    /// Words on steps.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bookmarks: BTreeMap<u64, String>,
}

impl Notes {
    /// Of the run in `dir`; none where nobody has written any.
    ///
    /// # Errors
    /// [`RunError`] when notes.toml is there and cannot be read.
    pub fn of(dir: &Path) -> Result<Self, RunError> {
        Ok(Self::from(&read(dir)?))
    }

    /// Changes the notes of the run in `dir`; returns them. What else is in the file stays. Of several who change them at
    /// once, one waits for the other.
    ///
    /// # Errors
    /// [`RunError`] when they can't be read or written: nothing was changed then.
    pub fn change(dir: &Path, change: impl FnOnce(&mut Self)) -> Result<Self, RunError> {
        // A folder can be locked on unix; held until the end. Elsewhere, and where there are no locks, the last one wins.
        let folder = File::open(dir).ok();
        let _locked = folder.as_ref().map(File::lock);
        let mut table = read(dir)?;
        let before = Self::from(&table);
        let mut notes = before.clone();
        change(&mut notes);
        if notes == before {
            return Ok(notes);
        }
        match notes.note.is_empty() {
            true => _ = table.remove("note"),
            false => _ = table.insert("note".into(), notes.note.clone().into()),
        }
        match notes.tags.is_empty() {
            true => _ = table.remove("tags"),
            false => _ = table.insert("tags".into(), notes.tags.iter().cloned().collect::<Vec<_>>().into()),
        }
        match notes.bookmarks.is_empty() {
            true => _ = table.remove(BOOKMARKS),
            false => {
                let bookmarks = notes.bookmarks.iter().map(|(step, word)| (step.to_string(), word.clone().into()));
                table.insert(BOOKMARKS.into(), toml::Value::Table(bookmarks.collect()));
            }
        }
        write_replacing(&dir.join(NOTES), table.to_string().as_bytes())
            .map_err(|error| RunError::not_writable(dir, error))?;
        Ok(notes)
    }

    fn from(table: &toml::Table) -> Self {
        let text = |value: &toml::Value| value.as_str().map(str::to_string);
        let bookmarks = table.get(BOOKMARKS).and_then(toml::Value::as_table);
        let bookmark = |(step, word): (&String, &toml::Value)| Some((step.parse().ok()?, text(word)?));
        let tags = table.get("tags").and_then(toml::Value::as_array);
        Self {
            note: table.get("note").and_then(text).unwrap_or_default(),
            tags: tags.into_iter().flatten().filter_map(text).collect(),
            bookmarks: bookmarks.into_iter().flatten().filter_map(bookmark).collect(),
        }
    }
}

fn read(dir: &Path) -> Result<toml::Table, RunError> {
    let path = dir.join(NOTES);
    let text = match plain_file::read_text(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(toml::Table::new()),
        Err(error) => return Err(RunError::not_readable(&path, error)),
    };
    text.parse().map_err(|error: toml::de::Error| RunError::BrokenNotes {
        path,
        reason: error.message().trim().replace('\n', " "),
    })
}

/// A tag as it is kept.
///
/// # Errors
/// What a tag can't be, in a sentence.
pub fn tag(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_alphanumeric() || "_-./+".contains(c);
    let begins = text.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    match text {
        "" => Err("a tag has at least one letter".into()),
        _ if !begins || !text.chars().all(fits) => Err(format!(
            "\"{text}\" can't be a tag: tags are letters, digits and . _ - / +, the first a letter or a digit"
        )),
        _ if text.chars().count() > LONGEST_TAG => Err(format!("a tag has at most {LONGEST_TAG} letters")),
        _ => Ok(text.to_string()),
    }
}

/// A bookmark's word as it is kept: in one line.
///
/// # Errors
/// One that is too long.
pub fn bookmark(text: &str) -> Result<String, String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        ..=LONGEST_BOOKMARK => Ok(line),
        n => Err(format!("a bookmark has at most {LONGEST_BOOKMARK} letters, and this has {n}")),
    }
}

/// A note as it is kept: in one line.
///
/// # Errors
/// A note that is too long.
pub fn note(text: &str) -> Result<String, String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        ..=LONGEST_NOTE => Ok(line),
        n => Err(format!("a note has at most {LONGEST_NOTE} letters, and this has {n}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_note_are_kept_and_what_others_wrote_stays() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Notes::of(dir.path()).unwrap(), Notes::default());
        let tags = |notes: &Notes| notes.tags.iter().cloned().collect::<Vec<_>>().join(" ");
        Notes::change(dir.path(), |notes| notes.tags.extend(["good".into(), "baseline".into()])).unwrap();
        let path = dir.path().join(NOTES);
        let text = std::fs::read_to_string(&path).unwrap() + "color = 3\n";
        std::fs::write(&path, text).unwrap();
        let changed = Notes::change(dir.path(), |notes| {
            notes.tags.remove("baseline");
            notes.note = "w = \"0.5\"\nü".into();
        });
        let read = Notes::of(dir.path()).unwrap();
        assert_eq!(changed.unwrap(), read);
        assert_eq!((tags(&read).as_str(), read.note.as_str()), ("good", "w = \"0.5\"\nü"));
        assert!(std::fs::read_to_string(&path).unwrap().contains("color = 3"));
        let none = Notes::change(dir.path(), |notes| *notes = Notes::default()).unwrap();
        assert_eq!(none, Notes::of(dir.path()).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "color = 3\n");
    }

    #[test]
    fn a_file_that_does_not_read_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(NOTES), "tags = [\n").unwrap();
        let said = Notes::change(dir.path(), |notes| notes.note = "x".into()).unwrap_err().to_string();
        assert!(said.contains("notes.toml") && said.contains("mend it, or remove it"), "{said}");
        assert_eq!(std::fs::read_to_string(dir.path().join(NOTES)).unwrap(), "tags = [\n");
    }

    #[cfg(unix)]
    #[test]
    fn of_many_who_change_them_at_once_none_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let dir = dir.path();
                scope.spawn(move || {
                    for i in 0..5 {
                        Notes::change(dir, |notes| _ = notes.tags.insert(format!("t{writer}-{i}"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(Notes::of(dir.path()).unwrap().tags.len(), 40);
    }

    #[test]
    fn tags_are_words_and_notes_are_lines() {
        for good in ["good", "lr-3e-3", "2026", "a/b", "größer", "v1.2"] {
            assert_eq!(tag(good).as_deref(), Ok(good));
        }
        for bad in ["", "-old", "two words", "a,b", "a:b", "\"", "(", &"x".repeat(41), "\u{1b}"] {
            assert!(tag(bad).is_err(), "{bad}");
        }
        assert_eq!(note("  two\n lines ").as_deref(), Ok("two lines"));
        assert!(note(&"x".repeat(2001)).is_err());
    }
}
