//! The opening of a run on a thread of its own, so that it can be broken off at any time: until it has made the
//! run folder, it leaves nothing behind.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use crossbeam_channel::{Receiver, Sender, after, bounded, never, select};

use super::film_channel::FilmSender;
use super::opening::open;
use super::outbox::EventOutbox;
use super::panics::guarded;
use super::plan::{LabPlan, RunChoice};
use super::protocol::{Command, Event};
use super::standing::Standing;
use super::worker::Worker;
use crate::process::interrupt::{BrokenOff, Interrupted, Token};

/// The name of the thread that opens a run.
const OPENING_THREAD: &str = "difflab-opening";
/// How long an opening that was broken off has to notice it, before it is left alone.
const GRACE: Duration = Duration::from_millis(1500);
/// How long one that has begun to write its folder has to come to its end: a disk of the network may be gone.
const COMMITTED: Duration = Duration::from_secs(10);

/// Opens the run; a command to quit, or consumers that are gone, break it off.
///
/// # Errors
/// What [`open`] reports, and [`Interrupted`] in the chain when it was broken off.
pub fn begin(
    plan: LabPlan,
    commands: &Receiver<Command>,
    frames: FilmSender,
    events: &Sender<Event>,
    standing: &Standing,
) -> Result<(Worker, EventOutbox)> {
    let words = broken_off(&plan.run);
    let token = Token::default();
    let (send, opened) = bounded(1);
    let opening = {
        let (commands, events, token, standing) = (commands.clone(), events.clone(), token.clone(), standing.clone());
        move || {
            let mut outbox = EventOutbox::new(events);
            let worker = token.scope(|| guarded(|| open(plan, commands, frames, &token, &standing, &mut outbox)));
            // Nobody waits any more when it was left alone.
            let _ = send.send(worker.map(|worker| (worker, outbox)));
        }
    };
    std::thread::Builder::new().name(OPENING_THREAD.into()).spawn(opening).context("starting the opening thread")?;

    let mut commands = commands.clone();
    let mut early = VecDeque::new();
    let mut enough = never();
    let told = loop {
        select! {
            recv(opened) -> opened => break opened.map_err(|_| anyhow!("the opening thread ended without a word"))?,
            recv(enough) -> _ => break Err(Interrupted.into()),
            recv(commands) -> command => {
                if command.is_err() {
                    commands = never();
                }
                let command = command.unwrap_or(Command::Quit { save: true });
                // What has committed itself is done in a moment, and quits then.
                if matches!(command, Command::Quit { .. } | Command::Leave) {
                    enough = after(if token.cancel() { GRACE } else { COMMITTED });
                }
                early.push_back(command);
            }
        }
    };
    match told {
        Ok((mut worker, outbox)) => {
            worker.early = early;
            Ok((worker, outbox))
        }
        Err(error) if Interrupted::caused(&error) => Err(error.context(BrokenOff(words))),
        Err(error) => Err(error),
    }
}

/// What breaking off the opening of `run` means.
fn broken_off(run: &RunChoice) -> String {
    match run {
        RunChoice::New { .. } | RunChoice::Fork { .. } => {
            "stopped before the first step: no run folder was made".into()
        }
        RunChoice::Resume(path) => {
            format!("stopped before the first step: the run in {} is as it was", path.display())
        }
    }
}
