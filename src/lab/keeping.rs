//! The run's history is written beside the training, on a thread of its own with frozen copies of the averaged weights:
//! training stands still only while they are copied.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Result;
use candle_core::Device;

use super::outbox::EventOutbox;
use super::protocol::Event;
use super::worker::Worker;
use crate::config::Config;
use crate::data::DataIdentity;
use crate::nn::{NetConfig, Weights};
use crate::run::history;
use crate::run::{Identity, WriteFailure};

/// Steps that may wait to be written; each keeps a copy of the weights.
const MOST_WAITING: usize = 8;

/// The averaged weights of one step, on their way to the disk.
struct Frozen {
    step: u64,
    net: NetConfig,
    weights: Weights,
    config: Config,
    data: Option<Arc<DataIdentity>>,
    run: Identity,
}

/// What came of each step that a thread was to write.
type Written = Vec<(Arc<Frozen>, Result<()>)>;

/// The steps being written, if any, and those that wait: for their turn, or for room on the disk.
#[derive(Default)]
pub(super) struct Keeping {
    /// Does this run keep a history?
    pub on: bool,
    under_way: Option<JoinHandle<Written>>,
    waiting: VecDeque<Arc<Frozen>>,
}

impl Keeping {
    /// Begins to write all that wait, in the run folder `run`.
    fn begin(&mut self, run: &Path) -> io::Result<()> {
        if self.under_way.is_some() || self.waiting.is_empty() {
            return Ok(());
        }
        let (frozen, run): (Vec<Arc<Frozen>>, _) = (self.waiting.iter().cloned().collect(), run.to_path_buf());
        let write = move || -> Written { frozen.into_iter().map(|one| (one.clone(), write(&one, &run))).collect() };
        self.under_way = Some(thread::Builder::new().name("difflab-history".into()).spawn(write)?);
        self.waiting.clear();
        Ok(())
    }

    /// What came of the steps being written, once all are done: at once with `wait`.
    fn done(&mut self, wait: bool) -> Option<Written> {
        let thread = self.under_way.take_if(|thread| wait || thread.is_finished())?;
        // Nothing in there panics on purpose; what was copied is lost then, and no more.
        Some(thread.join().unwrap_or_default())
    }
}

fn write(frozen: &Frozen, run: &Path) -> Result<()> {
    let about = (frozen.run.run.as_str(), &frozen.config, frozen.data.as_deref());
    history::write(run, frozen.step, &frozen.net, &frozen.weights, about)
}

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
        let averages = parts.trainer.ema_weights();
        let copies =
            averages.iter().map(|(name, tensor)| Ok((name.to_string(), tensor.to_device(&Device::Cpu)?.copy()?)));
        let frozen = Frozen {
            step,
            net: parts.trainer.net_config().clone(),
            weights: Weights::from_map(copies.collect::<Result<_>>()?),
            config: parts.config.clone(),
            data: parts.progress.data.clone(),
            run: parts.run.identity().clone(),
        };
        self.keeping.waiting.push_back(Arc::new(frozen));
        if self.keeping.waiting.len() > MOST_WAITING
            && let Some(lost) = self.keeping.waiting.pop_front()
        {
            self.history_lost(lost.step, "too many steps wait to be written", outbox);
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
        for lost in std::mem::take(&mut self.keeping.waiting) {
            self.history_lost(lost.step, "the run ended before it could be written", outbox);
        }
    }

    /// Nothing of the run stays: nothing may be written any more.
    pub(super) fn abandon_history(&mut self) {
        self.keeping.on = false;
        self.keeping.waiting.clear();
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
        for (frozen, _) in failed.into_iter().rev() {
            self.keeping.waiting.push_front(frozen);
        }
    }

    fn history_lost(&mut self, step: u64, why: &str, outbox: &mut EventOutbox) {
        let message = format!("the history has no weights of step {step}: {why}");
        self.parts.journal.event(step, "history_lost", &message);
        self.write_lines(outbox);
        outbox.send(Event::Warning { step, message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NetworkKind;

    fn frozen(step: u64) -> Arc<Frozen> {
        let mut config = Config::default();
        (config.model.kind, config.model.hidden_width) = (NetworkKind::Mlp, 4);
        let net = NetConfig::new(&config.model, 1, 1, 2, None);
        let weights = Weights::init(&net, 5, &Device::Cpu).unwrap();
        Arc::new(Frozen { step, net, weights, config, data: None, run: Identity::new(Path::new("run")) })
    }

    #[test]
    fn all_that_waits_is_written_in_one_go_and_what_fails_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeping = Keeping { on: true, waiting: [1, 2, 3].map(frozen).into(), ..Keeping::default() };
        keeping.begin(dir.path()).unwrap();
        let written = keeping.done(true).unwrap();
        assert!(written.iter().all(|(_, result)| result.is_ok()) && keeping.done(true).is_none());
        assert_eq!(history::steps(dir.path()), [1, 2, 3]);
        keeping.waiting.push_back(frozen(5));
        keeping.begin(&dir.path().join("gone")).unwrap();
        let (again, result) = keeping.done(true).unwrap().remove(0);
        assert_eq!(again.step, 5);
        assert!(WriteFailure::within(&result.unwrap_err()).unwrap().cause.contains("gone"));
        assert!(!dir.path().join("gone").exists(), "a folder that has gone is not made by half");
    }
}
