//! A run that is looked at: a thread that follows its files, and the channels to it.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::looking::look_on;
use crate::lab::film_channel::film_channel;
use crate::lab::protocol::{Command, Event, PreviewFrame};

/// Commands that may wait, and events.
const COMMANDS: usize = 64;
const EVENTS: usize = 1024;

/// A run that is looked at, with the channels that a lab has. Of the commands it obeys those that ask for samples.
/// Dropped, it ends by itself.
pub struct Watcher {
    pub dir: PathBuf,
    pub commands: Sender<Command>,
    pub events: Receiver<Event>,
    pub previews: Receiver<PreviewFrame>,
}

impl Watcher {
    /// Begins to follow the run in `dir` and returns at once; what cannot be read is reported as events.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn open(dir: &Path) -> Result<Self> {
        let (commands, commands_in) = bounded(COMMANDS);
        let (events_out, events) = bounded(EVENTS);
        let (frames, previews) = film_channel();
        let run = dir.to_path_buf();
        thread::Builder::new()
            .name("difflab-watcher".into())
            .spawn(move || look_on(&run, &commands_in, &events_out, frames))
            .context("starting the thread that follows a run")?;
        Ok(Self { dir: dir.to_path_buf(), commands, events, previews })
    }
}
