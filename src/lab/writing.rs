//! Writing that never ends the training: what cannot be written is kept, and tried again.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::outbox::EventOutbox;
use super::plan::Audience;
use super::preview::PreviewPicture;
use super::protocol::{Event, Phase};
use super::worker::{Mode, Worker};
use crate::process::Whereabouts;
use crate::run::tensorboard::LiveEvents;
use crate::run::{WriteFailure, write_preview};

/// How often the worker looks whether its folder is still where it was.
const LOOK: Duration = Duration::from_secs(1);
/// Lines that may wait in memory, in bytes: some 20,000 steps. With more, training waits.
const MOST_WAITING: usize = 4 << 20;
/// How long a run without a screen waits for room when nothing is left but to save it.
const LAST_WAIT: Duration = Duration::from_secs(120);
/// Pictures that may wait.
const MOST_PICTURES: usize = 32;

impl Worker {
    /// Notes in events.jsonl what happened.
    pub(super) fn note(&mut self, kind: &str, what: &str, outbox: &mut EventOutbox) {
        let step = self.steps_done();
        self.parts.journal.event(step, kind, what);
        self.write_lines(outbox);
    }

    /// Writes TensorBoard's events that wait, where there are any; training never waits for them.
    pub(super) fn write_events(&mut self, outbox: &mut EventOutbox) {
        if self.writing.trouble.is_on() || self.writing.minor.is_on() {
            return;
        }
        self.try_to_write_events(outbox);
    }

    /// `false` where they could not be written: they wait on.
    fn try_to_write_events(&mut self, outbox: &mut EventOutbox) -> bool {
        let Some(events) = &mut self.parts.events else { return true };
        match events.flush() {
            Ok(()) => {
                if let Some(lost) = events.lost() {
                    self.warn(lost, outbox);
                }
                true
            }
            Err(error) => {
                self.failed_beside("TensorBoard's events", WriteFailure::of(&error), outbox);
                false
            }
        }
    }

    /// The run ends: what waits is written now, or is said to be missing.
    pub(super) fn end_events(&mut self, outbox: &mut EventOutbox) {
        if !self.try_to_write_events(outbox) {
            let message = "TensorBoard's newest events were not written; `difflab export-logs` writes them all";
            self.warn(message.into(), outbox);
        }
    }

    /// Says a warning, and notes it.
    pub(super) fn warn(&mut self, message: String, outbox: &mut EventOutbox) {
        self.note("warning", &message, outbox);
        outbox.send(Event::Warning { step: self.steps_done(), message });
    }

    /// Writes the lines that wait; where writing fails at present, they wait on.
    pub(super) fn write_lines(&mut self, outbox: &mut EventOutbox) {
        if self.writing.trouble.is_on() {
            return;
        }
        if let Err(error) = self.parts.journal.flush() {
            self.failed("metrics and events", WriteFailure::of(&error), outbox);
        }
        self.see_what_others_cut_off(outbox);
    }

    /// Something that a run cannot go on without could not be written.
    pub(super) fn failed(&mut self, what: &str, failure: WriteFailure, outbox: &mut EventOutbox) {
        let now = Instant::now();
        let (still, remedy) = (if self.writing.trouble.is_on() { "still " } else { "" }, failure.remedy);
        let (run, cause) = (self.parts.run.path().display().to_string(), failure.cause.clone());
        if self.writing.trouble.failed(failure, now) {
            let message = format!(
                "{what} {still}cannot be written in {run}: {cause}; {remedy}. What is not written is kept in memory \
                 and tried again"
            );
            let step = self.steps_done();
            self.parts.journal.event(step, "warning", &message);
            outbox.send(Event::Warning { step, message });
        }
    }

    /// Something could not be written that training does not depend on.
    pub(super) fn failed_beside(&mut self, what: &str, failure: WriteFailure, outbox: &mut EventOutbox) {
        let (cause, remedy) = (failure.cause.clone(), failure.remedy);
        if self.writing.minor.failed(failure, Instant::now()) {
            self.warn(format!("{what} cannot be written: {cause}; {remedy}. It is kept and tried again"), outbox);
        }
    }

    /// Once a loop: sees whether the folder is still there, and tries again what is due.
    ///
    /// # Errors
    /// Never for what waiting can mend; when a weight is not finite.
    pub(super) fn keep_writing(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        let now = Instant::now();
        if now.duration_since(self.writing.looked) >= LOOK {
            self.look_around(outbox);
        }
        if self.writing.trouble.is_due(now) || self.writing.checkpoint_owed && !self.writing.trouble.is_on() {
            self.write_what_is_owed(outbox)?;
        }
        let beside = self.writing.card_owed && !self.writing.minor.is_on();
        if (beside || self.writing.minor.is_due(now)) && !self.writing.trouble.is_on() {
            self.write_what_is_beside(outbox);
        }
        match (self.mode, self.must_wait()) {
            (Mode::Training, Some(reason)) => self.wait(reason, outbox),
            (Mode::Waiting, None) => {
                self.mode = Mode::Training;
                outbox.send(Event::Phase(Phase::Training));
            }
            _ => {}
        }
        Ok(())
    }

    /// Training stands still until there is room again.
    pub(super) fn wait(&mut self, reason: String, outbox: &mut EventOutbox) {
        self.mode = Mode::Waiting;
        self.parts.journal.event(self.parts.trainer.steps_done(), "waiting", &reason);
        outbox.send(Event::Phase(Phase::Waiting(reason)));
    }

    /// Why no further step can be taken, if so.
    fn must_wait(&self) -> Option<String> {
        let failure = self.writing.trouble.failure()?;
        let lasts = self.writing.trouble.lasts(Instant::now()) >= self.writing.patience;
        // Once it waits it waits until everything is written.
        let must = lasts || self.parts.journal.waiting() > MOST_WAITING || self.mode == Mode::Waiting;
        let run = self.parts.run.path().display();
        must.then(|| format!("nothing can be written in {run}: {}; {}", failure.cause, failure.remedy))
    }

    /// Lines, then the checkpoint that was due.
    fn write_what_is_owed(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        let all_is_there = self.look_around(outbox);
        if let Err(error) = self.parts.journal.flush() {
            self.failed("metrics and events", WriteFailure::of(&error), outbox);
            return Ok(());
        }
        if self.writing.checkpoint_owed && !self.save_checkpoint(outbox)? {
            return Ok(());
        }
        if all_is_there {
            self.written(outbox);
        }
        Ok(())
    }

    /// There is room again.
    pub(super) fn written(&mut self, outbox: &mut EventOutbox) {
        if let Some(lasted) = self.writing.trouble.over(Instant::now()) {
            let message = format!("writing works again: what waited for {:.0} s is written", lasted.as_secs_f64());
            self.note("written", &message, outbox);
            outbox.send(Event::Note { step: self.steps_done(), message });
        }
        self.turn_to_what_is_beside(outbox);
    }

    /// What waited is written, elsewhere than where it could not be: whoever says where says that too.
    pub(super) fn written_elsewhere(&mut self, outbox: &mut EventOutbox) {
        self.writing.trouble.over(Instant::now());
        self.turn_to_what_is_beside(outbox);
    }

    fn turn_to_what_is_beside(&mut self, outbox: &mut EventOutbox) {
        // It is tried at the next turn.
        self.writing.minor.hurry(Instant::now());
        if !self.writing.pictures.is_empty() && !self.writing.trouble.is_on() {
            self.write_what_is_beside(outbox);
        }
    }

    fn write_what_is_beside(&mut self, outbox: &mut EventOutbox) {
        if self.writing.card_owed && !self.write_card(outbox) {
            return;
        }
        while let Some(picture) = self.writing.pictures.pop_front() {
            if let Err(error) = self.write_picture(&picture, outbox) {
                self.writing.pictures.push_front(picture);
                return self.failed_beside("the preview", WriteFailure::of(&error), outbox);
            }
        }
        if !self.begin_waiting_snapshot(outbox) || !self.begin_history(outbox) || !self.try_to_write_events(outbox) {
            return;
        }
        self.writing.minor.over(Instant::now());
    }

    /// Keeps a preview's picture in the run folder.
    pub(super) fn save_picture(&mut self, picture: PreviewPicture, outbox: &mut EventOutbox) {
        let result = match self.writing.trouble.is_on() || self.writing.minor.is_on() {
            true => Err(None),
            false => self.write_picture(&picture, outbox).map_err(Some),
        };
        if let Err(error) = result {
            self.writing.pictures.push_back(picture);
            if self.writing.pictures.len() > MOST_PICTURES
                && let Some(lost) = self.writing.pictures.pop_front()
            {
                let what = format!("the picture of step {} was never written: too many wait", lost.step);
                self.note("preview_lost", &what, outbox);
            }
            if let Some(error) = error {
                self.failed_beside("the preview", WriteFailure::of(&error), outbox);
            }
        }
    }

    fn write_picture(&mut self, picture: &PreviewPicture, outbox: &mut EventOutbox) -> io::Result<()> {
        let file = write_preview(self.parts.run.path(), picture.step, &picture.png)?;
        if let Some(events) = &mut self.parts.events {
            events.picture(picture.step, &picture.png, false);
        }
        self.write_events(outbox);
        self.note("preview", &file.display().to_string(), outbox);
        outbox.send(Event::PreviewSaved { step: picture.step, file });
        Ok(())
    }

    /// Has a run without a screen that has nothing left to train failed to be saved for long?
    pub(super) fn waits_in_vain(&self) -> bool {
        self.parts.audience == Audience::Nobody
            && self.steps_done() >= self.parts.config.train.steps
            && self.writing.trouble.lasts(Instant::now()) >= LAST_WAIT.min(self.writing.patience)
    }

    /// Follows a folder that was renamed, and makes one again that was deleted. `false` where the folder or a file of
    /// it is not there and cannot be written.
    pub(super) fn look_around(&mut self, outbox: &mut EventOutbox) -> bool {
        self.writing.looked = Instant::now();
        let before = self.parts.run.path().to_path_buf();
        let config_is_there = match self.parts.run.look() {
            Whereabouts::There => self.put_config_back(outbox),
            Whereabouts::Renamed(dir) => {
                self.parts.journal.moved_to(&dir);
                if let Some(events) = &mut self.parts.events {
                    events.moved_to(&dir);
                }
                let message =
                    format!("the run folder {} is now {}: the run continues there", before.display(), dir.display());
                self.moved(message, outbox);
                true
            }
            Whereabouts::Gone => {
                if let Err(error) = self.parts.run.make_anew(&self.parts.config) {
                    let failure = WriteFailure::within(&error.into()).unwrap_or_else(|| WriteFailure {
                        cause: "something else is in its place".into(),
                        remedy: "move that away",
                    });
                    self.failed("the run folder, which was deleted,", failure, outbox);
                    return false;
                }
                // What was in it is gone: the state of now is all there is.
                self.saved = None;
                self.checkpoint = None;
                (self.writing.checkpoint_owed, self.writing.card_owed) = (true, true);
                let message = format!(
                    "the run folder {} was deleted: difflab has rewritten it in {}, with all its metrics and a current checkpoint; \
                     older checkpoints, pictures and the history are gone",
                    before.display(),
                    self.parts.run.path().display()
                );
                self.moved(message, outbox);
                true
            }
        };
        let files_are_there = self.put_files_back(outbox);
        if files_are_there {
            self.put_events_back(outbox);
        }
        self.see_what_others_cut_off(outbox);
        config_is_there && files_are_there
    }

    /// Lines that another program has cut off a file are lost: that is said once.
    pub(super) fn see_what_others_cut_off(&mut self, outbox: &mut EventOutbox) {
        for lost in self.parts.journal.cut_by_others() {
            self.warn(lost, outbox);
        }
    }

    fn moved(&mut self, message: String, outbox: &mut EventOutbox) {
        let step = self.steps_done();
        self.standing.begun(self.parts.run.path());
        self.parts.journal.event(step, "moved", &message);
        outbox.send(Event::FolderMoved { step, dir: self.parts.run.path().to_path_buf(), message });
    }

    /// Without its config a folder is no run: where that was deleted it is written anew.
    fn put_config_back(&mut self, outbox: &mut EventOutbox) -> bool {
        match self.parts.run.put_back(&self.parts.config) {
            Ok(missing) if missing.is_empty() => true,
            Ok(missing) => {
                (self.writing.checkpoint_owed, self.writing.card_owed) = (true, true);
                self.warn(were_missing(&missing), outbox);
                true
            }
            Err(error) => {
                if let Some(failure) = WriteFailure::within(&error.into()) {
                    self.failed("config.toml, which cannot be read there,", failure, outbox);
                }
                false
            }
        }
    }

    /// An event file that was deleted is written anew from the lines.
    fn put_events_back(&mut self, outbox: &mut EventOutbox) {
        if self.parts.events.as_ref().is_none_or(LiveEvents::in_place) || self.parts.journal.waiting() > 0 {
            return;
        }
        let (events, problem) = LiveEvents::open(self.parts.run.path(), self.steps_done());
        self.parts.events = Some(events);
        let written = "TensorBoard's event file was missing: the events until now have been written from metrics.jsonl";
        self.warn(problem.unwrap_or_else(|| written.into()), outbox);
    }

    /// Files of lines that were deleted or replaced are written anew, whole.
    fn put_files_back(&mut self, outbox: &mut EventOutbox) -> bool {
        let missing = self.parts.journal.missing();
        if missing.is_empty() {
            return true;
        }
        let dir = self.parts.run.path().to_path_buf();
        match self.parts.journal.rewrite_missing(&dir) {
            Ok(()) => {
                let message = format!("{} in full", were_missing(&missing));
                self.note("warning", &message, outbox);
                true
            }
            Err(error) => {
                self.failed("metrics and events", WriteFailure::of(&error), outbox);
                false
            }
        }
    }
}

/// "run.json was missing and has been rewritten"; of several, "were" and "have".
fn were_missing(files: &[&str]) -> String {
    let (were, have) = if files.len() == 1 { ("was", "has") } else { ("were", "have") };
    format!("{} {were} missing and {have} been rewritten", files.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_was_and_several_were() {
        assert_eq!(were_missing(&["run.json"]), "run.json was missing and has been rewritten");
        let both = were_missing(&["config.toml", "run.json"]);
        assert_eq!(both, "config.toml, run.json were missing and have been rewritten");
    }
}
