//! A shell asks: what may this word become?

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;

use clap::Command;
use clap_complete::CompletionCandidate;
use clap_complete::engine::complete;
use clap_complete::env::Shells;

use super::values::completed;
use crate::speak::{self, Unwritten};

/// The environment variable by which a shell asks; its value is the shell's name.
pub const ASKED: &str = "DIFFLAB_COMPLETE";

/// Prints the candidates for the last of `words` (the program, `--`, and the line as it was typed up to the cursor), where a
/// shell asks; returns whether one did. No config, run or data is loaded for it. Of mistakes nothing is said: whoever types sees
/// no candidates.
///
/// # Errors
/// Standard output that can't be written.
pub fn answer(words: &[OsString], command: impl FnOnce() -> Command) -> Result<bool, Unwritten> {
    let Some(shell) = env::var_os(ASKED).filter(|shell| !shell.is_empty()) else { return Ok(false) };
    let Some(at) = words.iter().position(|word| word == "--") else { return Ok(false) };
    let line = words[at + 1..].to_vec();
    let candidates = candidates(&shell, completed(command()), line).unwrap_or_default();
    speak::print(&candidates)?;
    Ok(true)
}

/// A line each: the word, and behind a tabulator what it is.
fn candidates(shell: &OsStr, mut command: Command, line: Vec<OsString>) -> io::Result<String> {
    let here = env::current_dir().ok();
    let shells = Shells::builtins();
    let other = ["powershell", "elvish"].iter().find(|name| shell == **name);
    if let Some(shell) = other.and_then(|name| shells.completer(name)) {
        let mut text = Vec::new();
        shell.write_complete(&mut command, line, here.as_deref(), &mut text)?;
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    let last = line.len().saturating_sub(1);
    let nothing_typed = line.last().is_some_and(|word| word.is_empty());
    let mut offered = complete(&mut command, line, last, here.as_deref())?;
    let is_flag = |candidate: &CompletionCandidate| candidate.get_value().to_string_lossy().starts_with('-');
    // Forty flags would hide three runs; who wants them types a dash.
    if nothing_typed && offered.iter().any(|candidate| !is_flag(candidate)) {
        offered.retain(|candidate| !is_flag(candidate));
    }
    let mut text = String::new();
    for candidate in offered {
        text += &candidate.get_value().to_string_lossy();
        if let Some(help) = candidate.get_help() {
            text += &format!("\t{}", help.to_string().lines().next().unwrap_or_default());
        }
        text.push('\n');
    }
    Ok(text)
}
