//! Runs to the trash and back.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::UsageError;
use crate::data::{shown, shown_path};
use crate::run::catalogue::Summary;
use crate::run::trash::{TRASH, in_trash};
use crate::run::{self, FoundRun, RunError, is_trained_in, trash as trashed};
use crate::speak;

#[derive(Debug, clap::Args)]
pub struct TrashArgs {
    /// Run folders, beginnings of names in runs/, or `latest`.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// Beginnings of names in the trash, or run folders in it; none: says what is in it.
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
}

/// Moves runs to the trash beside them, after a question on a terminal. All of them, or none that comes after one that
/// can't be moved.
///
/// # Errors
/// No such run; one that trains; no terminal to ask on, and no `--yes`; a folder that can't be moved.
pub fn trash(args: &TrashArgs) -> Result<()> {
    let dirs: Vec<PathBuf> = args.runs.iter().map(|run| run::find(run)).collect::<Result<_, _>>()?;
    if let Some(trained) = dirs.iter().find(|dir| is_trained_in(dir)) {
        return Err(RunError::InUse(trained.clone()).into());
    }
    for (dir, named) in dirs.iter().zip(&args.runs) {
        if !args.yes && !confirmed(dir, named)? {
            speak::remark(format_args!("{} stays", shown_path(dir)));
            continue;
        }
        let to = trashed::trash(dir)?;
        let restore = to.file_name().unwrap_or_default().to_string_lossy();
        let back = match dir.parent() {
            Some(parent) if parent == Path::new("runs") => restore.into_owned(),
            _ => to.display().to_string(),
        };
        speak::print(&format!(
            "moved {} to {}: `difflab runs restore {}` brings it back\n",
            shown_path(dir),
            shown_path(&to),
            shown(&back)
        ))?;
    }
    Ok(())
}

/// Asks on the terminal.
fn confirmed(dir: &Path, named: &str) -> Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let message = format!("there is no terminal to ask on: `difflab runs trash {named} --yes` doesn't ask");
        return Err(UsageError::new(message).into());
    }
    let summary = Summary::of(dir);
    let known = |steps: Option<u64>| steps.map_or("–".to_string(), |steps| steps.to_string());
    speak::remark(format_args!(
        "move {} ({}, step {}/{}, {}) to the trash? [y/N]",
        shown_path(dir),
        if summary.dataset.is_empty() { "unknown data" } else { &summary.dataset },
        known(summary.step),
        known(summary.steps),
        summary.state.word()
    ));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Brings runs back from the trash.
///
/// # Errors
/// No such run in the trash; something else in its place; a folder that can't be moved.
pub fn restore(args: &RestoreArgs) -> Result<()> {
    let there = in_trash(Path::new("runs"))?;
    if args.runs.is_empty() {
        let names: String = there.iter().map(|run| format!("{}\n", shown(&run.name))).collect();
        let text = if names.is_empty() { format!("nothing is in runs/{TRASH}/\n") } else { names };
        return Ok(speak::print(&text)?);
    }
    let dirs: Vec<PathBuf> = args.runs.iter().map(|run| find(run, &there)).collect::<Result<_, _>>()?;
    for dir in dirs {
        let to = trashed::restore(&dir)?;
        speak::print(&format!("{} is back\n", shown_path(&to)))?;
    }
    Ok(())
}

/// A run in the trash, by its path or the beginning of its name.
fn find(run: &str, there: &[FoundRun]) -> Result<PathBuf, UsageError> {
    let path = Path::new(run);
    if path.is_dir() {
        let in_a_trash = path.parent().is_some_and(|parent| parent.ends_with(TRASH));
        let refuse = || UsageError::new(format!("{run} does not lie in a folder {TRASH}/"));
        return in_a_trash.then(|| path.to_path_buf()).ok_or_else(refuse);
    }
    let whole = there.iter().filter(|known| known.name == run);
    let begins = there.iter().filter(|known| known.name.starts_with(run));
    let found: Vec<&FoundRun> = whole.take(1).collect();
    let found = if found.is_empty() { begins.collect() } else { found };
    let names =
        |runs: &mut dyn Iterator<Item = &FoundRun>| runs.map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ");
    match found[..] {
        [one] => Ok(one.path.clone()),
        [] if there.is_empty() => {
            Err(UsageError::new(format!("no run \"{run}\" in the trash: nothing is in runs/{TRASH}/")))
        }
        [] => Err(UsageError::new(format!("no run \"{run}\" in the trash; there are: {}", names(&mut there.iter())))),
        _ => {
            let could = names(&mut found.iter().copied());
            Err(UsageError::new(format!("\"{run}\" could be any of {could}\n  write more of the name")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_in_the_trash_is_found_by_the_beginning_of_its_name() {
        let run = |name: &str| FoundRun { name: name.into(), path: Path::new("runs/.trash").join(name) };
        let there = [run("2026-a"), run("2026-a-2"), run("2026-b")];
        assert_eq!(find("2026-b", &there).unwrap(), Path::new("runs/.trash/2026-b"));
        assert_eq!(find("2026-a", &there).unwrap(), Path::new("runs/.trash/2026-a"), "the whole name");
        let said = |name: &str, there: &[FoundRun]| find(name, there).unwrap_err().to_string();
        assert!(said("2026", &there).contains("2026-a, 2026-a-2, 2026-b\n  write more"));
        assert!(said("x", &there).contains("there are: 2026-a"));
        assert!(said("x", &[]).contains("nothing is in runs/.trash/"));
        let dir = tempfile::tempdir().unwrap();
        assert!(said(dir.path().to_str().unwrap(), &there).contains("does not lie in a folder .trash/"));
    }
}
