//! `difflab card`: what is to be settled before a model is given away, and what of it is open.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::data::shown;
use crate::process::plain_file;
use crate::run::{self, OPEN, Release, RunError, card_of_run, own_card, with_release, write_replacing};
use crate::speak;

/// Show a run's model card as far as it concerns its release: what is known, and what is open.
///
/// Six parts: intended use and misuse, provenance of the data, sector-specific cautions, intellectual property, likeness
/// and consent, prompt and conditioning abuse. Answers are known of bundled data; those of your own data stand in a
/// `data-card.toml` beside them, of which a run keeps a copy, which can be edited as well.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    run: String,
    /// How to print it.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the run's data-card.toml with all questions, for an editor: what is known as answers, what is open as comments.
    #[arg(long, conflicts_with = "write")]
    fill_in: bool,
    /// Put it into the run's README.md, in the place of what stands there.
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For reading.
    Text,
    /// As in README.md.
    Md,
    /// For programs.
    Json,
}

/// Runs the subcommand.
///
/// # Errors
/// No such run, a data card that can't be read, a README.md that can't be written.
pub fn run(args: Args) -> Result<()> {
    let dir = run::find(&args.run)?;
    let config = run::config_of(&dir)?;
    let card = card_of_run(&dir, &config.data)?;
    let release = Release::of(&config, &run::kept_class_names(&dir), &card);
    speak::print(&match args.format {
        Format::Text => text(&dir, &release),
        Format::Md => release.markdown(),
        Format::Json => format!("{:#}\n", json(&release)),
    })?;
    if args.fill_in {
        let path = own_card(&dir);
        let text = card.to_toml();
        if let Some(kept) = kept_aside(&path, &text)? {
            speak::remark(format_args!("what stood there is kept in {}", kept.display()));
        }
        let written = write_replacing(&path, text.as_bytes());
        written.map_err(|error| RunError::not_writable(&dir, error)).context("writing the data card")?;
        speak::remark(format_args!("wrote {}", path.display()));
    }
    if args.write {
        let path = dir.join("README.md");
        let readme = plain_file::read_text(&path).unwrap_or_else(|_| format!("# {}\n", config.name));
        let written = write_replacing(&path, with_release(&readme, &release).as_bytes());
        written.map_err(|error| RunError::not_writable(&dir, error)).context("writing the model card")?;
        speak::remark(format_args!("wrote {}", path.display()));
    }
    Ok(())
}

/// A card that a person has written in is put aside before another is written; returns where.
fn kept_aside(path: &Path, text: &str) -> Result<Option<PathBuf>> {
    match fs::read(path) {
        Ok(before) if before != text.as_bytes() => {
            let mut names = (1..1000).map(|nth| path.with_file_name(format!("data-card.before-{nth}.toml")));
            let aside = names.find(|name| !name.exists()).context("too many cards are put aside already")?;
            fs::copy(path, &aside).with_context(|| format!("keeping {} as {}", path.display(), aside.display()))?;
            Ok(Some(aside))
        }
        _ => Ok(None),
    }
}

/// Columns of the terminal that are written on, and of the keys.
const WIDTH: usize = 100;
const KEYS: usize = 14;

fn text(run: &Path, release: &Release) -> String {
    let open = release.open();
    let mut text = format!(
        "{}: {} of {} answers are open\n",
        shown(&run.display().to_string()),
        open.len(),
        release.entries().count()
    );
    if !release.sources.is_empty() {
        text += &indented(&format!("answers come from {}", release.sources.join(", and ")), 2, 2);
    }
    for (number, part) in (1..).zip(&release.parts) {
        text += &format!("\n{number}  {}\n", part.title);
        for entry in &part.entries {
            let answer = match &entry.answer {
                Some(answer) => answer.clone(),
                None => format!("{OPEN}: {}", entry.key.asks),
            };
            let name = format!("{:<KEYS$}", entry.key.name);
            text += &indented(&format!("{name}{answer}"), 3, 3 + KEYS);
        }
        for says in &part.says {
            text += &indented(&says.text, 3, 3);
        }
    }
    let place = own_card(run).display().to_string();
    text += &match open.first() {
        None => "\nNothing is open.\n".into(),
        Some(first) => format!(
            "\nOpen: {}.\nWrite the answers into {place}, one a line: {first} = \"…\"\n(--fill-in makes that file with all \
             questions), then put them into its README.md by --write.\n",
            open.join(", ")
        ),
    };
    text
}

/// A paragraph with its first line `first` columns in and the others `rest`.
fn indented(text: &str, first: usize, rest: usize) -> String {
    let (mut out, mut column) = (" ".repeat(first), first);
    // Blanks between a key and its answer stay.
    for (i, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if i > 0 && column + 1 + length > WIDTH {
            out = out.trim_end().to_string() + "\n" + &" ".repeat(rest);
            column = rest;
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += length;
    }
    out + "\n"
}

fn json(release: &Release) -> Value {
    let parts: Vec<Value> = release
        .parts
        .iter()
        .map(|part| {
            let answers: serde_json::Map<String, Value> =
                part.entries.iter().map(|entry| (entry.key.name.into(), json!(entry.answer))).collect();
            json!({ "title": part.title, "answers": answers, "says": part.says.iter().map(|says| &says.text).collect::<Vec<_>>() })
        })
        .collect();
    json!({ "parts": parts, "open": release.open(), "sources": release.sources })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::data::DataCard;

    #[test]
    fn the_text_names_each_open_key_with_its_question_and_where_the_answer_goes() {
        let config = Config::default();
        let release = Release::of(&config, &[], &DataCard::bundled(&config.data));
        let text = text(Path::new("runs/a"), &release);
        assert!(text.starts_with("runs/a: 2 of 10 answers are open\n"), "{text}");
        assert!(text.contains("consent       to be filled in: what have these people agreed to?"), "{text}");
        assert!(text.contains("Open: contact, consent.") && text.contains("runs/a/data-card.toml"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(json(&release)["open"], json!(["contact", "consent"]));
        assert!(json(&release)["parts"][4]["answers"]["consent"].is_null());
    }
}
