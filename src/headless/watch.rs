//! Following a lab without a screen, until it ends.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use indicatif::ProgressDrawTarget;

use super::bar::Bar;
use super::json::JsonLines;
use super::text::Text;
use crate::lab::{Event, Lab, LabPlan, Outcome};
use crate::process::signals::Interest;
use crate::speak::Unwritten;

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
            Log::Text if io::stderr().is_terminal() => Self::Bar(Bar::new(ProgressDrawTarget::stderr())),
            Log::Text if io::stdout().is_terminal() => Self::Bar(Bar::new(ProgressDrawTarget::stdout())),
            Log::Text => Self::Text(Text::new(io::stdout())),
        }
    }

    fn event(&mut self, event: &Event) {
        match self {
            Self::Json(lines) => lines.event(event),
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
