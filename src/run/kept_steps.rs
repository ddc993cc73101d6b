//! The steps of a run whose averaged weights can be had: its checkpoints, and its history.

use std::path::Path;

use super::checkpoint::{all, newest_good};
use super::history;
use super::loaded_model::LoadedModel;
use crate::nn::Net;

/// A step whose weights can be had with [`LoadedModel::open`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptStep {
    pub step: u64,
    /// With all that training goes on from, and in full precision: a checkpoint. Otherwise the history alone has it.
    pub is_checkpoint: bool,
}

/// All such steps of the run in `run`, oldest first, by names alone: cheap enough to ask again as a run trains.
pub fn kept_steps(run: &Path) -> Vec<KeptStep> {
    let of = |is_checkpoint: bool| move |step: u64| KeptStep { step, is_checkpoint };
    let checkpoints = all(run).into_iter().map(|(step, _)| step).map(of(true));
    let mut steps: Vec<KeptStep> = checkpoints.chain(history::steps(run).into_iter().map(of(false))).collect();
    // Of a step that is in both the checkpoint counts.
    steps.sort_by_key(|kept| (kept.step, !kept.is_checkpoint));
    steps.dedup_by_key(|kept| kept.step);
    steps
}

/// The steps that show how a run has learned, at logarithmic distances: its history, and after it the newest good
/// checkpoint, which is what it can do now.
pub fn steps_of_learning(run: &Path) -> Vec<u64> {
    let mut steps = history::steps(run);
    if let Ok((newest, ..)) = newest_good(run) {
        steps.retain(|step| *step < newest);
        steps.push(newest);
    }
    steps
}

/// The network with the averaged weights of a kept step; records no gradients. For screens, which have the rest.
///
/// # Errors
/// As [`LoadedModel::open`].
pub fn averaged_network(run: &Path, step: u64) -> anyhow::Result<Net> {
    Ok(LoadedModel::open(run, Some(step))?.net)
}
