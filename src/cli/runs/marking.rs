//! Tags and notes of runs.

use anyhow::Result;

use crate::cli::UsageError;
use crate::data::{shown, shown_path};
use crate::run::notes::{self, Notes};
use crate::run::{self};
use crate::speak;

#[derive(Debug, clap::Args)]
pub struct TagArgs {
    /// A run folder, the beginning of its name in runs/, or `latest`.
    run: String,
    /// Tags: `good` or `+good` adds, `-old` removes; none: says what there is.
    #[arg(value_name = "TAG", allow_hyphen_values = true)]
    tags: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct NoteArgs {
    /// A run folder, the beginning of its name in runs/, or `latest`.
    run: String,
    /// The note; none: says what there is.
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    text: Vec<String>,
}

/// A change of one tag.
enum TagChange {
    Add(String),
    Remove(String),
}

/// Changes a run's tags, and says them.
///
/// # Errors
/// No such run; words that can't be tags; a file that can't be read or written.
pub fn tag(args: &TagArgs) -> Result<()> {
    // Behind the run's name every word is a tag to clap.
    if let Some(flag) = args.tags.iter().find(|word| word.starts_with("--")) {
        let message = format!("{flag}: behind the run come tags only, as in `difflab runs tag {} good -old`", args.run);
        return Err(UsageError::new(message).into());
    }
    let dir = run::find(&args.run)?;
    let changes: Vec<TagChange> = args.tags.iter().map(|word| change(word)).collect::<Result<_, _>>()?;
    let notes = Notes::change(&dir, |notes| {
        for change in &changes {
            match change {
                TagChange::Add(tag) => _ = notes.tags.insert(tag.clone()),
                TagChange::Remove(tag) => _ = notes.tags.remove(tag),
            }
        }
    })?;
    let tags: Vec<&str> = notes.tags.iter().map(String::as_str).collect();
    let tags = if tags.is_empty() { "no tags".into() } else { tags.join(" ") };
    Ok(speak::print(&format!("{}: {}\n", shown_path(&dir), shown(&tags)))?)
}

fn change(word: &str) -> Result<TagChange, UsageError> {
    let tag = |text: &str| notes::tag(text).map_err(|why| UsageError::new(format!("{word}: {why}")));
    match word.strip_prefix('-') {
        Some(old) => tag(old).map(TagChange::Remove),
        None => tag(word.strip_prefix('+').unwrap_or(word)).map(TagChange::Add),
    }
}

/// Writes a note on a run, or says the one that there is.
///
/// # Errors
/// No such run; a note that is too long; a file that can't be read or written.
pub fn note(args: &NoteArgs) -> Result<()> {
    let dir = run::find(&args.run)?;
    let notes = match args.text.is_empty() {
        true => Notes::of(&dir)?,
        false => {
            let line = notes::note(&args.text.join(" ")).map_err(UsageError::new)?;
            Notes::change(&dir, |notes| notes.note = line)?
        }
    };
    let note = if notes.note.is_empty() { "no note" } else { &notes.note };
    Ok(speak::print(&format!("{}: {}\n", shown_path(&dir), shown(note)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hyphen_removes_and_what_is_no_tag_is_refused() {
        assert!(matches!(change("good"), Ok(TagChange::Add(tag)) if tag == "good"));
        assert!(matches!(change("+good"), Ok(TagChange::Add(tag)) if tag == "good"));
        assert!(matches!(change("-old"), Ok(TagChange::Remove(tag)) if tag == "old"));
        for bad in ["", "+", "-", "two words", "a,b"] {
            assert!(change(bad).is_err(), "{bad}");
        }
    }
}
