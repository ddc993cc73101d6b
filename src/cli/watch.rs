//! `difflab watch`: a run that is trained elsewhere, or by nobody, on the screen.

use std::io::{self, IsTerminal};

use anyhow::Result;

use super::UsageError;
use crate::lab::Outcome;
use crate::run;
use crate::tui::terminal::abilities;
use crate::tui::{self, ImageProtocol, TuiOptions};

/// Look at a run: all panels, from its files, live where another process trains it.
///
/// Nothing in the run is written, and the process that trains it is not disturbed: g draws samples here, from the run's
/// newest checkpoint, at low priority. R lists the other runs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder, the beginning of a name in runs/, or `latest`.
    run: String,
    /// How to draw pictures.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    images: ImageProtocol,
}

/// Shows the run until the person leaves.
///
/// # Errors
/// When there is no such run, or no terminal to draw on.
pub fn run(args: &Args) -> Result<Outcome> {
    let dir = run::find(&args.run)?;
    if let Some(why_not) = no_screen() {
        let dir = dir.display();
        let message = format!(
            "watch draws on a terminal, and {why_not}. Without one, `tail -f {dir}/metrics.jsonl` follows the run, and \
             `difflab runs --format json` says how each run stands"
        );
        return Err(UsageError::new(message).into());
    }
    // What can't be shown is said before the screen opens.
    run::config_of(&dir)?;
    tui::watch(&dir, TuiOptions { images: args.images, ..TuiOptions::default() })
}

/// Why nothing can be drawn here, if so.
pub fn no_screen() -> Option<String> {
    match io::stdin().is_terminal() && io::stdout().is_terminal() {
        true => abilities::no_screen().map(|why| why.to_string()),
        false => Some("there is none to draw on".into()),
    }
}
