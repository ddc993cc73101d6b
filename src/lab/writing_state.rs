//! What could not be written yet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::preview::PreviewPicture;
use super::trouble::Trouble;
use crate::run::checkpoint::Verified;

/// What could not be written yet, and when it is tried again.
pub(super) struct Writing {
    /// Of lines, checkpoints, and the folder itself: without them a run cannot go on later.
    pub trouble: Trouble,
    /// Of pictures, snapshots and the model card: training never waits for them.
    pub minor: Trouble,
    /// A checkpoint is due; which step it will be of is seen when there is room.
    pub checkpoint_owed: bool,
    pub card_owed: bool,
    pub pictures: VecDeque<PreviewPicture>,
    /// Why pruning failed the last time, so that it is said once.
    pub not_pruned: Option<String>,
    pub verified: Verified,
    /// When the folder was looked for last.
    pub looked: Instant,
    pub patience: Duration,
}

impl Writing {
    /// Nothing is owed; training goes on for `patience` when something is.
    pub fn new(patience: Duration) -> Self {
        Self {
            trouble: Trouble::default(),
            minor: Trouble::default(),
            checkpoint_owed: false,
            card_owed: false,
            pictures: VecDeque::new(),
            not_pruned: None,
            verified: Verified::default(),
            looked: Instant::now(),
            patience,
        }
    }
}
