//! A run that has to end by itself keeps the last finite weights, and says what applies.

use anyhow::{Error, anyhow};

use super::outbox::EventOutbox;
use super::protocol::Event;
use super::worker::Worker;
use crate::run::checkpoint;
use crate::train::{TrainError, tenth};

impl Worker {
    /// Training has ended with `error`. A step changes nothing before it is known to be good, so that the weights
    /// in memory are those after the last step that was: they are saved.
    pub(super) fn end_of_training(&mut self, error: Error, outbox: &mut EventOutbox) -> Error {
        // Nothing of it is kept.
        if self.on_trial {
            return error;
        }
        let run = self.parts.run.path().to_path_buf();
        let step = self.steps_done();
        let spoiled = match error.downcast_ref() {
            Some(TrainError::NotFinite { step, loss, .. }) if !loss.is_finite() => {
                Some(format!("the loss is not finite at step {step}"))
            }
            // Nothing finite is left in memory.
            Some(TrainError::WeightNotFinite { .. }) => return told(error, &self.what_remains()),
            _ => None,
        };
        let spoils = spoiled.is_some();
        // The regular checkpoint of this very step holds the same weights: it is marked as spoiled then.
        let is_saved = self.saved.as_ref().is_some_and(|(saved, _)| *saved == step);
        if step == 0 || is_saved && !spoils {
            return told(error, &self.what_remains());
        }
        let older = checkpoint::newest_unspoiled_before(&run, step);
        self.finish_history(outbox);
        let saved = match self.write_checkpoint(spoiled) {
            Ok(dir) => {
                outbox.send(Event::Note { step, message: format!("the last finite weights are in {}", dir.display()) });
                self.note("checkpoint", &dir.display().to_string(), outbox);
                Ok(())
            }
            // Spoiled weights are not worth another place.
            Err(why) if spoils => Err(why),
            Err(_) => self.rescue(outbox),
        };
        let run = self.parts.run.path().display().to_string();
        let what = match (saved, spoils, older) {
            (Err(why), ..) => format!("they could not be saved: {why:#}\n  {}", self.what_remains()),
            (Ok(()), false, _) => format!("they are saved (step {step}); --resume {run} continues from them"),
            (Ok(()), true, Some(older)) => format!(
                "they are saved (step {step}), but already damaged; --resume {run} continues from step {older}, before that"
            ),
            (Ok(()), true, None) => format!(
                "they are saved (step {step}), but already damaged, and there is no earlier checkpoint: start again \
                 with difflab {run}/config.toml --run ANOTHER_FOLDER --set train.learning_rate={:e}",
                tenth(self.parts.config.train.learning_rate)
            ),
        };
        told(error, &what)
    }
}

/// The error with a further sentence.
fn told(error: Error, what: &str) -> Error {
    anyhow!("{error:#}\n  {what}")
}
