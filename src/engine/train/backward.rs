//! Forward and backward through the network, by all workers: a batch in, losses and gradients out.

use std::ops::Range;

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::batch::Batch;
use super::cut::Cut;
use super::gradients::add_to;
use super::losses::Losses;
use super::objective::{Objective, share_of_mean};
use crate::kernels::{Workers, record};
use crate::nn::Net;
use crate::random::{Stream, generator};
use crate::ranks::{Node, Tree};

/// Losses and gradients of some shards of a batch.
pub struct Share {
    /// The squared error of each sample.
    pub errors: Vec<f64>,
    /// What is optimized of each, before the correction for how its timestep was drawn.
    pub terms: Vec<f64>,
    pub gradients: GradStore,
}

/// What passes need.
pub struct Passes<'a> {
    pub net: &'a Net,
    pub parameters: &'a [(String, Var)],
    pub objective: &'a Objective,
    pub cut: &'a Cut,
    pub workers: &'a Workers,
    /// Seed and step that the masks of dropout are drawn by; `None`: without.
    pub dropout: Option<(u64, u64)>,
}

impl Passes<'_> {
    /// Splits this rank's shards of the batch over the workers. Each runs its own forward and backward, one after the
    /// other, and adds those that belong together by the tree: the memory is that of one slice, and of a gradient a level.
    ///
    /// # Errors
    /// When candle fails, or a parameter got no gradient.
    pub fn of(&self, batch: &Batch) -> Result<Vec<(Node, Share)>> {
        let tree = self.cut.tree(batch.len());
        let tasks = self.cut.tasks(tree);
        let run = |i: usize| -> Result<Vec<(Node, Share)>> {
            let nodes = tree.cover(tasks[i].clone());
            nodes.into_iter().map(|node| Ok((node, self.node(batch, tree, node)?))).collect()
        };
        let done = self.workers.run(tasks.len(), run).into_iter().collect::<Result<Vec<_>>>()?;
        Ok(done.into_iter().flatten().collect())
    }

    /// The left half, then the right, and their sum.
    fn node(&self, batch: &Batch, tree: Tree, node: Node) -> Result<Share> {
        let Some((left, right)) = node.halves() else {
            return self.shard(batch, node.shards().start, self.cut.samples(tree, &node.shards(), batch.len()));
        };
        let mut sum = self.node(batch, tree, left)?;
        let more = self.node(batch, tree, right)?;
        add_to(self.parameters, &sum.gradients, &more.gradients)?;
        sum.errors.extend(more.errors);
        sum.terms.extend(more.terms);
        Ok(sum)
    }

    /// A shard by itself, a slice after the other, the slices' gradients added up in order.
    fn shard(&self, batch: &Batch, shard: usize, samples: Range<usize>) -> Result<Share> {
        // Shards must not repeat each other's masks: 2^16 shards a step are plenty.
        let masks = |(seed, step): (u64, u64)| generator(seed, Stream::Dropout, (step << 16) | shard as u64);
        let mut rng = self.dropout.map(masks);
        let (mut errors, mut terms) = (Vec::new(), Vec::new());
        let mut sum: Option<GradStore> = None;
        for slice in self.cut.slices(samples) {
            let slice = batch.narrow(slice)?;
            let (losses, tape) = record(|| self.objective.asked(self.net, &slice, rng.as_mut()));
            let Losses { error, term } = losses?;
            let gradients = tape.backward(&share_of_mean(&term, &slice, batch.len())?)?;
            let read = to_f64(&error)?;
            // Often both are one tensor; a GPU is waited for once then.
            if term.id() == error.id() {
                terms.extend_from_slice(&read);
            } else {
                terms.extend(to_f64(&term)?);
            }
            errors.extend(read);
            match &sum {
                Some(sum) => add_to(self.parameters, sum, &gradients)?,
                None => sum = Some(gradients),
            }
        }
        Ok(Share { errors, terms, gradients: sum.context("a shard without samples")? })
    }
}

/// The numbers of an f32 vector.
pub fn to_f64(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.to_vec1::<f32>()?.into_iter().map(f64::from).collect())
}
