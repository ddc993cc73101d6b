//! Opening a lab: the worker thread and the channels to it.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::begin::begin;
use super::film_channel::{FilmSender, film_channel};
use super::followers::release;
use super::outbox::EventOutbox;
use super::panics::{Panicked, guarded, panic_error};
use super::plan::{Ending, LabPlan, RunChoice};
use super::protocol::{Command, Event, Phase, PreviewFrame};
use super::rescue::what_remains;
use super::standing::Standing;
use crate::process::interrupt::Interrupted;
use crate::process::peak_resident_mib;
use crate::train::RunEnd;

/// Commands that may wait; a consumer that sends more is going wrong.
const COMMANDS: usize = 64;
/// Events that may wait; beyond, steps are thinned out (metrics.jsonl has them all).
const EVENTS: usize = 1024;
/// How long the last events may wait for a consumer that does not look.
const PATIENCE: Duration = Duration::from_secs(2);

/// The name of the thread that owns the trainer.
pub const WORKER_THREAD: &str = "difflab-worker";

/// A lab: a worker thread that trains, and the channels to it.
pub struct Lab {
    pub commands: Sender<Command>,
    pub events: Receiver<Event>,
    /// Frames of previews, film by film; see `film_channel` for what is left out when nobody reads.
    pub previews: Receiver<PreviewFrame>,
    /// What can be known without waiting for events.
    pub standing: Standing,
    worker: JoinHandle<Result<Ending>>,
}

impl Lab {
    /// Starts the worker and returns at once; everything that can take time or fail happens there,
    /// and is reported as events.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn spawn(plan: LabPlan) -> Result<Self> {
        Self::start(plan, false)
    }

    /// As [`Self::spawn`], for a new run that shall show first that it can be trained: after its first step it waits
    /// for [`Command::Keep`]. If it fails or is told to quit before, it leaves no folder.
    ///
    /// # Errors
    /// As [`Self::spawn`].
    pub fn on_trial(plan: LabPlan) -> Result<Self> {
        Self::start(plan, true)
    }

    fn start(plan: LabPlan, on_trial: bool) -> Result<Self> {
        let (commands, commands_in) = bounded(COMMANDS);
        let (events_out, events) = bounded(EVENTS);
        let (frames_out, previews) = film_channel();
        let standing = Standing::default();
        if let RunChoice::Resume(path) = &plan.run {
            standing.begun(path);
        }
        let told = standing.clone();
        let worker = thread::Builder::new()
            .name(WORKER_THREAD.into())
            .spawn(move || {
                let mut outbox = EventOutbox::new(events_out.clone());
                let result = work(plan, on_trial, commands_in, frames_out, (&events_out, &mut outbox), &told);
                let ended = match &result {
                    Ok(_) => {
                        if let Some(mib) = peak_resident_mib() {
                            outbox.send(Event::PeakMemory { mib });
                        }
                        Ok(())
                    }
                    Err(error) if Interrupted::caused(error) => Err(error.to_string()),
                    Err(error) => {
                        let message = format!("{error:#}");
                        outbox.send(Event::Phase(Phase::Failed(message.clone())));
                        Err(message)
                    }
                };
                told.ended(result.as_ref().map(drop).or_else(fine_if_interrupted));
                outbox.send(Event::Ended(ended));
                outbox.drain(PATIENCE);
                result
            })
            .context("starting the training thread")?;
        Ok(Self { commands, events, previews, standing, worker })
    }

    /// Waits for the worker to end. A worker that was not told to quit saves and ends as well, since
    /// nobody can tell it anything any more.
    ///
    /// # Errors
    /// Why the run failed, with the typed cause in its chain; [`Interrupted`] when it was stopped before its
    /// first step, and left nothing.
    pub fn join(self) -> Result<Ending> {
        let Self { commands, events, previews, worker, .. } = self;
        drop((commands, events, previews));
        worker.join().unwrap_or_else(|panic| Err(panic_error(panic.as_ref())))
    }
}

/// The whole life of the worker. A panic anywhere in it becomes an error.
fn work(
    plan: LabPlan,
    on_trial: bool,
    commands: Receiver<Command>,
    frames: FilmSender,
    (events, outbox): (&Sender<Event>, &mut EventOutbox),
    standing: &Standing,
) -> Result<Ending> {
    let (mut worker, opened) = begin(plan, &commands, frames, events, standing)?;
    if on_trial {
        worker.begin_trial();
    }
    drop(commands);
    *outbox = opened;
    let mut result = guarded(|| worker.run(outbox));
    if let Err(error) = &mut result
        && !Interrupted::caused(error)
    {
        worker.end_in_failure(error, |worker, error| {
            if error.is::<Panicked>() {
                let remains = what_remains(worker.run_dir());
                *error = anyhow!("{error:#}\n  {remains}");
            }
        });
    }
    let end = match &result {
        Ok(ending) if standing.asked_to_stop() && !ending.finished => RunEnd::Interrupted,
        Ok(_) => RunEnd::Done,
        Err(_) => RunEnd::Failed,
    };
    // They wait for it. Where they don't any more, the job is ending.
    let _ = release(&worker.parts.trainer, end);
    result
}

/// A run that was stopped before it began has failed at nothing.
fn fine_if_interrupted(error: &anyhow::Error) -> Result<(), String> {
    if Interrupted::caused(error) { Ok(()) } else { Err(format!("{error:#}")) }
}
