//! What a learner has done is kept on a thread of its own: the disk may be slow, and the screen never waits.

use std::path::Path;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, never, unbounded};

use crate::course::{CourseProgress, progress_file};
use crate::tui::effect::Learned;

/// Keeps the course's progress. Its thread begins with the first task that is done; when this is dropped all is kept.
pub struct ProgressKeeper {
    at_work: Option<AtWork>,
    /// What could not be kept, and why.
    pub troubles: Receiver<String>,
}

struct AtWork {
    learned: Sender<Learned>,
    thread: JoinHandle<()>,
}

impl Default for ProgressKeeper {
    fn default() -> Self {
        Self { at_work: None, troubles: never() }
    }
}

impl ProgressKeeper {
    pub fn keep(&mut self, learned: Learned) {
        if self.at_work.is_none() {
            let (tell, troubles) = unbounded();
            self.troubles = troubles;
            let Some(file) = progress_file() else {
                _ = tell.send("this system names no folder for a user's data: what is done is not kept".into());
                return;
            };
            let (learned, done) = unbounded();
            let spawned = std::thread::Builder::new().name("difflab-course".into());
            match spawned.spawn({
                let tell = tell.clone();
                move || write(&file, &done, &tell)
            }) {
                Ok(thread) => self.at_work = Some(AtWork { learned, thread }),
                Err(error) => _ = tell.send(format!("no thread to keep the course's progress with: {error}")),
            }
        }
        if let Some(at_work) = &self.at_work {
            // It listens until this is dropped.
            _ = at_work.learned.send(learned);
        }
    }
}

impl Drop for ProgressKeeper {
    fn drop(&mut self) {
        if let Some(AtWork { learned, thread }) = self.at_work.take() {
            drop(learned);
            // It can't panic, and if it did, there would be nobody to tell.
            _ = thread.join();
        }
    }
}

fn write(file: &Path, done: &Receiver<Learned>, tell: &Sender<String>) {
    for Learned { seed, station, task } in done {
        match CourseProgress::learn(file, seed, &station, &task) {
            Ok(None) => {}
            Ok(Some(damage)) => _ = tell.send(damage),
            Err(error) => _ = tell.send(format!("what is done is not kept: {error:#}")),
        }
    }
}
