//! What the worker keeps of the run's history, and what it says where that fails.

use anyhow::Result;

use super::keeping::{Frozen, Written};
use super::outbox::EventOutbox;
use super::protocol::Event;
use super::worker::Worker;
use crate::run::{WriteFailure, history};

impl Worker {
    /// After a step: its averaged weights are kept, if it is one of those that are.
    ///
    /// # Errors
    /// When the weights cannot be copied.
    pub(super) fn keep_history(&mut self, outbox: &mut EventOutbox) -> Result<()> {
        let step = self.steps_done();
        if !self.keeping.on || !history::is_kept(step) {
            return Ok(());
        }
        let parts = &self.parts;
        let lost = self.keeping.order(Frozen {
            step,
            net: parts.trainer.net_config().clone(),
            weights: parts.trainer.ema_weights(),
            config: parts.config.clone(),
            data: parts.progress.data.clone(),
            latents: parts.facts.latents.as_ref().map(|latents| latents.sha256().to_string()),
            run: parts.run.identity().clone(),
        })?;
        if let Some(lost) = lost {
            self.history_lost(lost, "too many steps wait to be written", outbox);
        }
        if !self.writing.trouble.is_on() && !self.writing.minor.is_on() {
            self.begin_history(outbox);
        }
        Ok(())
    }

    /// Begins to write what waits; `false` where no thread starts.
    pub(super) fn begin_history(&mut self, outbox: &mut EventOutbox) -> bool {
        match self.keeping.begin(self.parts.run.path()) {
            Ok(()) => true,
            Err(error) => {
                self.failed_beside("the history (no thread starts for it)", WriteFailure::of(&error), outbox);
                false
            }
        }
    }

    /// Reports what has been written, and begins what waits.
    pub(super) fn collect_history(&mut self, outbox: &mut EventOutbox) {
        if let Some(written) = self.keeping.done(false) {
            self.report_history(written, outbox);
            if !self.writing.trouble.is_on() && !self.writing.minor.is_on() {
                self.begin_history(outbox);
            }
        }
    }

    /// Waits until what waits is written, which takes moments: a checkpoint then never has a later step than the history
    /// before it. What cannot be written at present holds nothing up.
    pub(super) fn finish_history(&mut self, outbox: &mut EventOutbox) {
        while let Some(written) = self.keeping.done(true) {
            self.report_history(written, outbox);
            if !self.writing.trouble.is_on() && !self.writing.minor.is_on() {
                self.begin_history(outbox);
            }
        }
    }

    /// The run ends: what could not be written by now never is.
    pub(super) fn end_history(&mut self, outbox: &mut EventOutbox) {
        // Once more: there may be room again.
        self.begin_history(outbox);
        self.finish_history(outbox);
        for lost in self.keeping.abandon() {
            self.history_lost(lost, "the run ended before it could be written", outbox);
        }
    }

    /// Nothing of the run stays: nothing may be written any more.
    pub(super) fn abandon_history(&mut self) {
        self.keeping.on = false;
        self.keeping.abandon();
        let _ = self.keeping.done(true);
    }

    fn report_history(&mut self, written: Written, outbox: &mut EventOutbox) {
        let mut failed = Vec::new();
        for (frozen, result) in written {
            let Err(error) = result else { continue };
            match WriteFailure::within(&error) {
                Some(failure) => failed.push((frozen, failure)),
                None => self.history_lost(frozen.step, &format!("{error:#}"), outbox),
            }
        }
        if let Some((frozen, failure)) = failed.first() {
            let what = format!("the history's weights of step {}", frozen.step);
            self.failed_beside(&what, failure.clone(), outbox);
        }
        self.keeping.put_back(failed.into_iter().map(|(frozen, _)| frozen).collect());
    }

    fn history_lost(&mut self, step: u64, why: &str, outbox: &mut EventOutbox) {
        let message = format!("the history has no weights of step {step}: {why}");
        self.parts.journal.event(step, "history_lost", &message);
        self.write_lines(outbox);
        outbox.send(Event::Warning { step, message });
    }
}
