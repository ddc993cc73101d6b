//! Opening a lab: the worker thread and the channels to it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::latest::latest_wins;
use super::opening::open;
use super::outbox::Outbox;
use super::plan::{Ending, LabPlan};
use super::protocol::{Command, Event, Phase, PreviewFrame};
use super::rescue::what_remains;
use crate::bench::peak_resident_mib;

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
    /// The newest preview frame; older unread ones are replaced.
    pub previews: Receiver<PreviewFrame>,
    worker: JoinHandle<Result<Ending>>,
}

impl Lab {
    /// Starts the worker and returns at once; everything that can take time or fail happens there,
    /// and is reported as events.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn spawn(plan: LabPlan) -> Result<Self> {
        let (commands, commands_in) = bounded(COMMANDS);
        let (events_out, events) = bounded(EVENTS);
        let (frames_out, previews) = latest_wins();
        let worker = thread::Builder::new()
            .name(WORKER_THREAD.into())
            .spawn(move || {
                let mut outbox = Outbox::new(events_out);
                let result = work(plan, commands_in, frames_out, &mut outbox);
                let ended = match &result {
                    Ok(_) => {
                        if let Some(mib) = peak_resident_mib() {
                            outbox.send(Event::PeakMemory { mib });
                        }
                        Ok(())
                    }
                    Err(error) => {
                        let message = format!("{error:#}");
                        outbox.send(Event::Phase(Phase::Failed(message.clone())));
                        Err(message)
                    }
                };
                outbox.send(Event::Ended(ended));
                outbox.drain(PATIENCE);
                result
            })
            .context("starting the training thread")?;
        Ok(Self { commands, events, previews, worker })
    }

    /// Waits for the worker to end. A worker that was not told to quit saves and ends as well, since
    /// nobody can tell it anything any more.
    ///
    /// # Errors
    /// Why the run failed, with the typed cause in its chain.
    pub fn join(self) -> Result<Ending> {
        let Self { commands, events, previews, worker } = self;
        drop((commands, events, previews));
        worker.join().unwrap_or_else(|panic| Err(panic_error(panic.as_ref())))
    }
}

/// The whole life of the worker. A panic anywhere in it becomes an error.
fn work(
    plan: LabPlan,
    commands: Receiver<Command>,
    frames: super::latest::LatestSender<PreviewFrame>,
    outbox: &mut Outbox,
) -> Result<Ending> {
    let mut worker = guarded(|| open(plan, commands, frames, outbox))?;
    let mut result = guarded(|| worker.run(outbox));
    if let Err(error) = &mut result {
        if error.is::<Panicked>() {
            let remains = what_remains(worker.run_dir());
            *error = anyhow!("{error:#}\n  {remains}");
        }
        worker.record_failure(error);
    }
    result
}

/// A mistake of ours that ended the thread.
#[derive(Debug, thiserror::Error)]
#[error("the training thread panicked: {0}\n  this is a mistake in difflab")]
struct Panicked(String);

fn guarded<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic leaves half done is not used again: the worker ends.
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| Err(panic_error(panic.as_ref())))
}

fn panic_error(panic: &(dyn Any + Send)) -> anyhow::Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| text.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into());
    Panicked(text).into()
}
