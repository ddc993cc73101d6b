//! Following a lab without a screen, until it ends.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use crossbeam_channel::select;
use indicatif::ProgressDrawTarget;

use super::bar::Bar;
use super::json::JsonLines;
use super::signals::first_signal;
use super::text::Text;
use crate::lab::{Command, Event, Lab, LabPlan, Outcome};
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
/// Why the run failed, with the typed cause in the chain; or that its log could not be written.
pub fn watch(plan: LabPlan, log: Log) -> Result<Outcome> {
    let signal = first_signal()?;
    let mut reporter = Reporter::new(log, plan.config.train.log_every);
    let lab = Lab::spawn(plan)?;
    let mut outcome = Outcome::Done;
    loop {
        select! {
            recv(lab.events) -> event => match event {
                Ok(event) => {
                    reporter.event(&event);
                    if matches!(event, Event::Ended(_)) {
                        break;
                    }
                }
                Err(_) => break,
            },
            recv(signal) -> message => if message.is_ok() {
                outcome = Outcome::Interrupted;
                // A worker that has just ended by itself needs no telling.
                let _ = lab.commands.send(Command::Quit { save: true });
            },
        }
    }
    let ending = lab.join()?;
    if let Some(failure) = reporter.failure() {
        return Err(failure).context("the run is as it should be, but not all of its log could be written");
    }
    // The last step was already done and saved when the signal came: nothing was interrupted.
    Ok(if ending.finished { Outcome::Done } else { outcome })
}
