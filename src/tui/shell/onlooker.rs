//! What is looked at beside the run on the screen: the list of runs, and another run.

use std::path::Path;

use anyhow::Result;
use crossbeam_channel::{Receiver, never};

use super::outbox::CommandQueue;
use super::runs_thread::RunsThread;
use crate::lab::{Command, Event, PreviewFrame, Watcher};
use crate::tui::archive::Archive;
use crate::tui::browser::{RunsNews, RunsRequest};

/// The threads that look on, and what they tell.
pub struct Onlooker {
    list: Option<RunsThread>,
    watched: Option<CommandQueue>,
    /// Runs that are looked into for the screen of the one that is looked at.
    pub archive: Archive,
    pub runs: Receiver<RunsNews>,
    pub events: Receiver<Event>,
    pub previews: Receiver<PreviewFrame>,
}

impl Default for Onlooker {
    fn default() -> Self {
        Self {
            list: None,
            watched: None,
            archive: Archive::default(),
            runs: never(),
            events: never(),
            previews: never(),
        }
    }
}

impl Onlooker {
    /// Begins to read the runs in `place`, or goes on with it.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn list(&mut self, place: &Path) -> Result<()> {
        if self.list.is_none() {
            let (list, runs) = RunsThread::begin(place)?;
            (self.list, self.runs) = (Some(list), runs);
        }
        self.list_is_seen(true);
        Ok(())
    }

    /// While nobody sees the list, nothing is read for it.
    pub fn list_is_seen(&self, is_seen: bool) {
        if let Some(list) = &self.list {
            list.set_seen(is_seen);
        }
    }

    pub fn ask(&self, request: RunsRequest) {
        if let Some(list) = &self.list {
            list.ask(request);
        }
    }

    /// Begins to follow the run in `dir`, in the place of the one that was followed.
    ///
    /// # Errors
    /// As [`Watcher::open`].
    pub fn look_at(&mut self, dir: &Path) -> Result<()> {
        self.look_away();
        let Watcher { commands, events, previews, .. } = Watcher::open(dir)?;
        (self.watched, self.events, self.previews) = (Some(CommandQueue::new(commands)), events, previews);
        Ok(())
    }

    /// Its threads end by themselves.
    pub fn look_away(&mut self) {
        self.archive = Archive::default();
        (self.watched, self.events, self.previews) = (None, never(), never());
    }

    pub fn send(&mut self, command: Command) {
        if let Some(watched) = &mut self.watched {
            watched.push(command);
        }
    }

    pub fn flush(&mut self) {
        if let Some(watched) = &mut self.watched {
            watched.flush();
        }
    }
}
