//! One run takes another's place: the old one stands aside, saved, while the new one is on trial.

use anyhow::{Error, Result};

use super::outbox::EventOutbox;
use super::protocol::{Event, Phase};
use super::worker::{Mode, Worker};

impl Worker {
    /// Saves, and stands still until it is told to go on. Where it cannot be saved it goes on at once, and says so.
    ///
    /// # Errors
    /// When a weight is not finite.
    pub(super) fn stand_aside(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        // Of a run that nothing was trained of nothing is kept, as when it is quit.
        if !self.is_untouched() && !self.save_checkpoint(outbox)? {
            self.cannot_save(outbox);
            return Ok(());
        }
        self.aside |= self.mode == Mode::Training;
        self.switch(Mode::Training, Mode::Paused, Phase::Paused, "pause", outbox);
        outbox.send(Event::StandsAside { step: self.steps_done() });
        Ok(())
    }

    /// No other run takes its place: on as before.
    pub(super) fn go_on(&mut self, outbox: &mut EventOutbox) {
        if std::mem::take(&mut self.aside) {
            self.switch(Mode::Paused, Mode::Training, Phase::Training, "unpause", outbox);
        }
    }

    /// From now on this run waits after its first step, and leaves nothing behind unless it is told to stay.
    pub(super) fn begin_trial(&mut self) {
        self.on_trial = true;
        self.mode = Mode::OneStep;
    }

    /// The trial is over, and the run stays.
    pub(super) fn keep(&mut self, outbox: &mut EventOutbox) {
        if std::mem::take(&mut self.on_trial) && matches!(self.mode, Mode::OneStep | Mode::Paused) {
            self.mode = Mode::Training;
            outbox.send(Event::Phase(Phase::Training));
        }
    }

    /// A run on trial has failed: nothing of it stays. Otherwise the error is noted in its folder, told with what
    /// remains there by `remains`.
    pub(super) fn end_in_failure(&mut self, error: &mut Error, remains: impl FnOnce(&Self, &mut Error)) {
        if self.on_trial {
            self.discard();
        } else {
            remains(self, error);
            self.record_failure(error);
        }
    }

    /// Removes the run's folder, which nobody will miss.
    pub(super) fn discard(&mut self) {
        // One that is being written would make the folder again.
        let _ = self.snapshots.wait(|| true);
        self.snapshots.abandon();
        self.abandon_history();
        self.parts.run.discard();
    }
}
