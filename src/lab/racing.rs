//! What the runs of a race share.

use std::sync::Arc;

use super::turns::{Turn, Turns};
use crate::kernels::Workers;

/// One run's part in a race: it trains in turns with the others, on the same workers.
#[derive(Clone)]
pub struct Racing {
    pub workers: Arc<Workers>,
    pub turns: Turns,
    /// Which of the runs it is, counted from 0.
    pub place: usize,
}

impl Racing {
    /// For each of `runs` runs, on so many threads; 0: one for each physical core.
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn of(runs: usize, threads: usize) -> anyhow::Result<Vec<Self>> {
        let (workers, turns) = (Arc::new(Workers::new(threads)?), Turns::new(runs));
        Ok((0..runs).map(|place| Self { workers: workers.clone(), turns: turns.clone(), place }).collect())
    }

    pub(super) fn turn(&self) -> Turn {
        self.turns.of(self.place)
    }
}

impl std::fmt::Debug for Racing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "run {} of a race on {} threads", self.place, self.workers.threads())
    }
}
