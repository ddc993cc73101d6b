//! The run's history is written beside the training, on a thread of its own with frozen copies of the averaged weights:
//! training stands still only while they are copied.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Result;
use candle_core::{Device, Tensor};

use crate::config::Config;
use crate::data::Identified;
use crate::nn::{NetConfig, Weights};
use crate::run::Identity;
use crate::run::history;

/// Steps that may wait to be written; each keeps a copy of the weights.
const MOST_WAITING: usize = 8;

/// The averaged weights of one step, on their way to the disk.
pub(super) struct Frozen {
    pub step: u64,
    pub net: NetConfig,
    /// Copied when it is ordered.
    pub weights: Weights,
    pub config: Config,
    pub data: Option<Identified>,
    /// The sha256 of the autoencoder in whose latents it diffuses.
    pub latents: Option<String>,
    pub run: Identity,
}

/// What came of each step that a thread was to write.
pub(super) type Written = Vec<(Arc<Frozen>, Result<()>)>;

/// The steps being written, if any, and those that wait: for their turn, or for room on the disk.
#[derive(Default)]
pub(super) struct Keeping {
    /// Does this run keep a history?
    pub on: bool,
    under_way: Option<JoinHandle<Written>>,
    waiting: VecDeque<Arc<Frozen>>,
}

impl Keeping {
    /// Takes a step, with a copy of its weights. Returns one that had to make room for it.
    ///
    /// # Errors
    /// When the weights cannot be copied.
    pub fn order(&mut self, mut frozen: Frozen) -> Result<Option<u64>> {
        let copy = |(name, tensor): (&str, &Tensor)| Ok((name.to_string(), tensor.to_device(&Device::Cpu)?.copy()?));
        frozen.weights = Weights::from_map(frozen.weights.iter().map(copy).collect::<Result<_>>()?);
        self.waiting.push_back(Arc::new(frozen));
        let surplus = self.waiting.len() > MOST_WAITING;
        Ok(if surplus { self.waiting.pop_front().map(|lost| lost.step) } else { None })
    }

    /// Steps that could not be written wait for another try, before all others.
    pub fn put_back(&mut self, failed: Vec<Arc<Frozen>>) {
        failed.into_iter().rev().for_each(|frozen| self.waiting.push_front(frozen));
    }

    /// Lets go of those that wait; returns their steps.
    pub fn abandon(&mut self) -> Vec<u64> {
        self.waiting.drain(..).map(|frozen| frozen.step).collect()
    }

    /// Begins to write all that wait, in the run folder `run`.
    pub fn begin(&mut self, run: &Path) -> io::Result<()> {
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
    pub fn done(&mut self, wait: bool) -> Option<Written> {
        let thread = self.under_way.take_if(|thread| wait || thread.is_finished())?;
        // Nothing in there panics on purpose; what was copied is lost then, and no more.
        Some(thread.join().unwrap_or_default())
    }
}

fn write(frozen: &Frozen, run: &Path) -> Result<()> {
    let about =
        (frozen.run.run.as_str(), &frozen.config, frozen.data.as_ref().map(Identified::get), frozen.latents.as_deref());
    history::write(run, frozen.step, &frozen.net, &frozen.weights, about)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NetworkKind;
    use crate::run::WriteFailure;

    fn frozen(step: u64) -> Frozen {
        let mut config = Config::default();
        (config.model.kind, config.model.hidden_width) = (NetworkKind::Mlp, 4);
        let net = NetConfig::new(&config, 1, 1, 2, None);
        let weights = Weights::init(&net, 5, &Device::Cpu).unwrap();
        Frozen { step, net, weights, config, data: None, latents: None, run: Identity::new(Path::new("run")) }
    }

    #[test]
    fn all_that_waits_is_written_in_one_go_and_what_fails_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeping = Keeping::default();
        for step in [1, 2, 3] {
            assert_eq!(keeping.order(frozen(step)).unwrap(), None);
        }
        keeping.begin(dir.path()).unwrap();
        let written = keeping.done(true).unwrap();
        assert!(written.iter().all(|(_, result)| result.is_ok()) && keeping.done(true).is_none());
        assert_eq!(history::steps(dir.path()), [1, 2, 3]);
        keeping.order(frozen(5)).unwrap();
        keeping.begin(&dir.path().join("gone")).unwrap();
        let (again, result) = keeping.done(true).unwrap().remove(0);
        assert_eq!(again.step, 5);
        assert!(WriteFailure::within(&result.unwrap_err()).unwrap().cause.contains("gone"));
        assert!(!dir.path().join("gone").exists(), "a folder that has gone is not made by half");
        keeping.order(frozen(10)).unwrap();
        keeping.put_back(vec![again]);
        assert_eq!(keeping.abandon(), [5, 10]);
    }

    #[test]
    fn no_more_wait_than_there_is_memory_for_and_a_copy_is_what_was() {
        let mut keeping = Keeping::default();
        let lost: Vec<u64> = (1..=10).filter_map(|step| keeping.order(frozen(step)).unwrap()).collect();
        assert_eq!(lost, [1, 2]);
        let (kept, own) = (&keeping.waiting[0].weights, frozen(3).weights);
        let first =
            |weights: &Weights| weights.iter().next().unwrap().1.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(first(kept), first(&own));
    }
}
