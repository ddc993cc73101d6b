//! Following a lab without a screen, until it ends.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use indicatif::ProgressDrawTarget;

use super::bar::Bar;
use super::json::JsonLines;
use super::text::Text;
use crate::lab::{Event, Lab, LabPlan, Outcome, Phase};
use crate::process::signals::Interest;
use crate::speak::{self, Unwritten};

/// How the progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// JSON lines on standard output.
    Json,
    /// A bar on a terminal, plain lines elsewhere.
    Text,
}

enum Reporter {
    Json(JsonLines<io::Stdout>),
    Bar(Bar),
    Text(Text<io::Stdout>),
}

impl Reporter {
    fn new(log: Log, log_every: u64) -> Self {
        match log {
            Log::Json => Self::Json(JsonLines::new(io::stdout(), log_every)),
            // A bar needs a cursor that moves; without one nothing of it would be seen.
            Log::Text if console_is_dumb() => Self::Text(Text::new(io::stdout())),
            Log::Text if io::stderr().is_terminal() => {
                Self::Bar(Bar::new(ProgressDrawTarget::stderr(), speak::on_stderr))
            }
            Log::Text if io::stdout().is_terminal() => {
                Self::Bar(Bar::new(ProgressDrawTarget::stdout(), speak::on_stdout))
            }
            Log::Text => Self::Text(Text::new(io::stdout())),
        }
    }

    fn event(&mut self, event: &Event) {
        match self {
            Self::Json(lines) => {
                lines.event(event);
                // A person shall see what needs one, wherever the lines go.
                if let Some(words) = needs_a_person(event) {
                    speak::warn(words);
                }
            }
            Self::Bar(bar) => bar.event(event),
            Self::Text(text) => text.event(event),
        }
    }

    /// Why lines are missing, if any are. What a bar shows, its terminal has shown.
    fn failure(&mut self) -> Option<Unwritten> {
        match self {
            Self::Json(lines) => lines.failure(),
            Self::Bar(_) => None,
            Self::Text(text) => text.failure(),
        }
    }
}

/// Does the terminal move no cursor, or not say what it is?
fn console_is_dumb() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    term == "dumb" || term == "unknown" || term.is_empty() && cfg!(unix)
}

/// What somebody has to mend, or to know of before they look for the run.
fn needs_a_person(event: &Event) -> Option<&str> {
    match event {
        Event::Phase(Phase::Waiting(message))
        | Event::FolderMoved { message, .. }
        | Event::Warning { message, .. }
        | Event::SnapshotLost { message, .. } => Some(message),
        _ => None,
    }
}

/// Opens the lab, tells its events, and returns when it has ended. The first signal makes it save
/// and end.
///
/// # Errors
/// Why the run failed, with the typed cause in the chain; `Interrupted` when it was stopped before it began; or that its
/// log could not be written.
pub fn watch(plan: LabPlan, log: Log) -> Result<Outcome> {
    let mut reporter = Reporter::new(log, plan.config.train.log_every);
    let lab = Lab::spawn(plan)?;
    // The worker hears of signals without us: we may hang on an output that nobody reads.
    let _signals = lab.obey_signals(Interest::Stopping, |_| {}).context("listening for signals")?;
    let standing = lab.standing.clone();
    for event in &lab.events {
        reporter.event(&event);
        if matches!(event, Event::Ended(_)) {
            break;
        }
    }
    let ending = lab.join()?;
    if let Some(failure) = reporter.failure() {
        return Err(failure).context("the run is as it should be, but not all of its log could be written");
    }
    // When the last step was already done and saved as the signal came, nothing was interrupted.
    Ok(if standing.asked_to_stop() && !ending.finished { Outcome::Interrupted } else { Outcome::Done })
}
