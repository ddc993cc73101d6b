//! The program with a training step that panics: the binary of the tests, run again as the program. The shipped one
//! has no switch for that.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the program is given, a line each.
const WORDS: &str = "DIFFLAB_TEST_WORDS";

/// Runs what is below, and lets it write through.
const ARGUMENTS: [&str; 3] = ["--exact", "panicking::the_program_that_panics", "--nocapture"];

/// The step that panics.
pub const STEP: u64 = 7;

/// What to start for the program with `words`: the file, its arguments, and a variable of its environment.
pub fn program(words: &[&str]) -> (PathBuf, [&'static str; 3], (&'static str, String)) {
    (std::env::current_exe().unwrap(), ARGUMENTS, (WORDS, words.join("\n")))
}

/// No test of its own: it does nothing unless the tests that need such a program start it.
#[test]
fn the_program_that_panics() {
    let Ok(words) = std::env::var(WORDS) else { return };
    let words = std::iter::once("difflab").chain(words.lines()).map(OsString::from);
    let after_step: fn(u64) = |step| assert!(step != STEP, "step {step} was to panic");
    std::process::exit(difflab::cli::program(words.collect::<Vec<_>>(), Some(after_step)).into());
}
