//! What ranks tell each other in a step: losses and gradients.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::backward::Share;
use crate::kernels::{Workers, optimizer, tree_sum};
use crate::ranks::{Collective, Node, Sum, Tree, bytes_of, doubles_of, share};

/// The losses of a batch's samples, in their order, and whether a rank was asked to stop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepLosses {
    pub errors: Vec<f64>,
    pub terms: Vec<f64>,
    pub asked_to_stop: bool,
}

impl StepLosses {
    /// Those of one rank's shares.
    pub fn of(shares: &[(Node, Share)], asked_to_stop: bool) -> Self {
        Self {
            errors: shares.iter().flat_map(|(_, share)| share.errors.iter().copied()).collect(),
            terms: shares.iter().flat_map(|(_, share)| share.terms.iter().copied()).collect(),
            asked_to_stop,
        }
    }

    /// Those of all ranks.
    ///
    /// # Errors
    /// When the connection to the others has ended.
    pub fn gathered(self, ranks: &dyn Collective) -> Result<Self> {
        let mut bytes = vec![u8::from(self.asked_to_stop)];
        bytes.extend(bytes_of(self.errors.into_iter().chain(self.terms)));
        let mut all = Self::default();
        for given in ranks.all_gather(bytes)? {
            let (asked, numbers) = given.split_first().context("a rank has said nothing")?;
            let numbers = doubles_of(numbers);
            let (errors, terms) = numbers.split_at(numbers.len() / 2);
            all.asked_to_stop |= *asked != 0;
            all.errors.extend(errors);
            all.terms.extend(terms);
        }
        Ok(all)
    }
}

/// What each rank gives, in the order of the ranks.
///
/// # Errors
/// When the connection to the others has ended.
pub fn gathered(ranks: &dyn Collective, mine: &[f64]) -> Result<Vec<Vec<f64>>> {
    let given = ranks.all_gather(bytes_of(mine.iter().copied()))?;
    Ok(given.iter().map(|bytes| doubles_of(bytes)).collect())
}

/// The gradient of every parameter summed over the nodes of all ranks, and its norm: on every rank the same, and bit for bit
/// what one process comes to that has all nodes. `nodes`: this rank's gradients in the order of the parameters.
///
/// Each rank adds up one part of the parameters: it is given that part of all nodes, adds by the tree, and gives the sum to
/// all. Each rank has the shards that [`share`] gives it of the tree's. That is the volume of a ring, 2·(P − 1)/P of the gradient, where a rank has one node; and no sum is left to MPI,
/// whose order changes.
///
/// # Errors
/// When gradients are not f32 on a CPU, or the connection to the others has ended.
pub fn sum_and_norm(
    ranks: &dyn Collective,
    tree: Tree,
    nodes: &[(Node, Vec<&Tensor>)],
    workers: &Workers,
) -> Result<(Vec<Tensor>, f64)> {
    let like = &nodes.first().context("a rank without a shard")?.1;
    let (size, rank) = (ranks.size(), ranks.rank());
    let numbers: usize = like.iter().map(|tensor| tensor.elem_count()).sum();
    let part = |rank| share(numbers, size, rank);
    let covers: Vec<Vec<Node>> = (0..size).map(|rank| tree.cover(share(tree.shards(), size, rank))).collect();

    let own = covers[rank].iter().map(|node| summed(node, nodes, workers)).collect::<Result<Vec<_>>>()?;
    let mut given = Vec::with_capacity(numbers * own.len());
    for other in 0..size {
        for node in &own {
            tree_sum::append(&node.iter().collect::<Vec<_>>(), part(other), &mut given)?;
        }
    }
    let length = part(rank).len();
    let to = (0..size).map(|other| own.len() * part(other).len()).collect();
    let from = covers.iter().map(|nodes| nodes.len() * length).collect();
    let taken = ranks.all_to_all(given, to, from)?;

    let parts = covers.concat();
    let order = tree.root().sum_of(&parts).context("the ranks' shards are not the whole batch")?;
    let sum = match length {
        0 => Vec::new(),
        _ => {
            let taken = Tensor::from_vec(taken, (parts.len(), length), &Device::Cpu)?;
            let taken = (0..parts.len()).map(|i| taken.get(i)).collect::<candle_core::Result<Vec<_>>>()?;
            let taken: Vec<Vec<&Tensor>> = taken.iter().map(|tensor| vec![tensor]).collect();
            let (sums, _) = optimizer::sum_and_norm(workers, &taken, &order)?;
            sums.first().context("a sum of nothing")?.to_vec1()?
        }
    };
    let all = ranks.all_gather_floats(sum, (0..size).map(|rank| part(rank).len()).collect())?;
    let sums = tree_sum::cut_up(&all, like)?;
    // Measured as one process measures them.
    Ok(optimizer::sum_and_norm(workers, &[sums.iter().collect()], &[Sum::Take(0)])?)
}

/// A node's gradients, summed of those that this rank's workers have come to.
fn summed(node: &Node, nodes: &[(Node, Vec<&Tensor>)], workers: &Workers) -> Result<Vec<Tensor>> {
    let below: Vec<&(Node, Vec<&Tensor>)> = nodes.iter().filter(|(part, _)| part.lies_in(node)).collect();
    if let [(_, gradients)] = below[..] {
        return Ok(gradients.iter().map(|&tensor| tensor.clone()).collect());
    }
    let parts: Vec<Node> = below.iter().map(|(part, _)| *part).collect();
    let order = node.sum_of(&parts).context("the workers' shards are not the rank's")?;
    let gradients: Vec<Vec<&Tensor>> = below.into_iter().map(|(_, gradients)| gradients.clone()).collect();
    Ok(optimizer::sum_and_norm(workers, &gradients, &order)?.0)
}
