//! A trainer that shares its work with those of other ranks.
//!
//! Each rank has the whole network, and computes its shards of each batch; the gradients are exchanged, and each takes the
//! same step of the optimizer. Rank 0 decides what comes next; the others [`follow`](Trainer::follow).

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::TrainError;
use super::next_deed::{NextDeed, RunEnd};
use super::state::TrainerState;
use super::trainer::Trainer;

impl Trainer {
    /// Has rank 0's state, and its number of shards, on every rank. All ranks call it, before the first step.
    ///
    /// # Errors
    /// When the connection to the others has ended; when there are fewer shards, or images in a batch, than ranks.
    pub fn begin_together(&mut self) -> Result<()> {
        let ranks = self.ranks().clone();
        if ranks.is_alone() {
            return Ok(());
        }
        let mine = match ranks.leads() {
            true => bytes_of(&self.state()?, self.shards())?,
            false => Vec::new(),
        };
        let given = ranks.broadcast(mine)?;
        if !ranks.leads() {
            let (state, shards) = state_of(&given)?;
            self.set_shards(shards);
            self.restore(&state)?;
        }
        self.check_ranks()
    }

    /// Has each rank something to do?
    ///
    /// # Errors
    /// When there are fewer shards, or images in a batch, than ranks.
    pub fn check_ranks(&self) -> Result<()> {
        let (shards, batch, ranks) = (self.shards(), self.config().train.batch_size, self.ranks().size());
        let cut = match shards.min(batch) {
            least if least >= ranks => return Ok(()),
            least => least,
        };
        let problem = format!(
            "{ranks} processes train together, and a step has only {cut} shards of its images for them (train.shards = \
             {shards}, train.batch_size = {batch})\n  start at most {cut} processes, or a new run with more shards or images"
        );
        Err(TrainError::TooManyRanks(problem).into())
    }

    /// Does what rank 0 decides, until the run has ended.
    ///
    /// # Errors
    /// What ends the whole job. That training diverged is no error here: rank 0 has found the same, and decides.
    pub fn follow(&mut self) -> Result<RunEnd> {
        loop {
            match NextDeed::of(&self.ranks().broadcast(Vec::new())?)? {
                NextDeed::Step { learning_rate_scale } => {
                    self.set_learning_rate_scale(learning_rate_scale);
                    match self.take_step() {
                        // Found by every rank at once.
                        Err(error) if !error.is::<TrainError>() => return Err(error),
                        _ => {}
                    }
                }
                NextDeed::HeldOut => drop(self.compute_held_out_errors()?),
                NextDeed::End(end) => return Ok(end),
            }
        }
    }

    /// Tells those who follow that the run has ended.
    ///
    /// # Errors
    /// When the connection to them has ended.
    pub fn end_for_all(&self, end: RunEnd) -> Result<()> {
        self.lead(NextDeed::End(end))
    }

    /// Tells those who follow what comes next.
    pub(super) fn lead(&self, order: NextDeed) -> Result<()> {
        if !self.ranks().is_alone() {
            self.ranks().broadcast(order.bytes())?;
        }
        Ok(())
    }
}

const KINDS: [&str; 4] = ["weights", "ema", "moments", "sampler"];
const STEP: &str = "step";
const SINCE: &str = "moments_since";
const SCALE: &str = "learning_rate_scale";
const SHARDS: &str = "shards";

/// A state as one safetensors file, with its numbers in the header, as text: the shortest that reads back as the same bits.
fn bytes_of(state: &TrainerState, shards: usize) -> Result<Vec<u8>> {
    let kinds = [&state.weights, &state.ema, &state.moments, &state.timestep_sampler];
    let named = KINDS.iter().zip(kinds).flat_map(|(kind, tensors)| {
        tensors.iter().map(move |(name, tensor)| (format!("{kind} {name}"), tensor.clone()))
    });
    let numbers = [
        (STEP, state.step.to_string()),
        (SINCE, state.moments_since.to_string()),
        (SCALE, state.learning_rate_scale.to_string()),
        (SHARDS, shards.to_string()),
    ];
    let numbers = numbers.into_iter().map(|(name, number)| (name.to_string(), number)).collect();
    safetensors::serialize(named, Some(numbers)).context("encoding the state of the training")
}

fn state_of(bytes: &[u8]) -> Result<(TrainerState, usize)> {
    const WHAT: &str = "reading the state of the training from rank 0";
    let (_, header) = safetensors::SafeTensors::read_metadata(bytes).context(WHAT)?;
    let numbers = header.metadata().clone().unwrap_or_default();
    let number = |name: &str| numbers.get(name).map(String::as_str).unwrap_or_default();
    let all = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).context(WHAT)?;
    let of = |kind: &str| -> Vec<(String, Tensor)> {
        let own = |(name, tensor): (&String, &Tensor)| {
            let name = name.strip_prefix(kind)?.strip_prefix(' ')?;
            Some((name.to_string(), tensor.clone()))
        };
        all.iter().filter_map(own).collect()
    };
    let [weights, ema, moments, timestep_sampler] = KINDS.map(of);
    let state = TrainerState {
        step: number(STEP).parse().context(WHAT)?,
        learning_rate_scale: number(SCALE).parse().context(WHAT)?,
        weights,
        ema,
        moments,
        moments_since: number(SINCE).parse().context(WHAT)?,
        timestep_sampler,
    };
    Ok((state, number(SHARDS).parse().context(WHAT)?))
}

#[cfg(test)]
#[path = "ranked_tests.rs"]
mod tests;
