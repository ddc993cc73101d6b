//! Gradients: summed over the workers' shares, measured, and looked through for NaN.

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use crate::kernels::{Workers, device, optimizer};
use crate::ranks::{Node, Sum, Tree};

/// The gradients of the nodes of a [`Tree`] that together are the whole batch.
pub type Nodes<'a> = [(Node, &'a GradStore)];

/// The gradient of every parameter, in their order, summed over the nodes by the tree, and the norm √ Σ ‖g‖² over all
/// of them. The result depends on how many shards the tree has, never on who computed them, nor on which was ready first.
///
/// # Errors
/// When a parameter has no gradient: some operation on its way to the loss has none.
pub fn sum_and_norm(
    parameters: &[(String, Var)],
    tree: &Tree,
    nodes: &Nodes,
    workers: &Workers,
) -> Result<(Vec<Tensor>, f64)> {
    let shares: Vec<Vec<&Tensor>> =
        nodes.iter().map(|(_, gradients)| in_order(parameters, gradients)).collect::<Result<_>>()?;
    let parts: Vec<Node> = nodes.iter().map(|(node, _)| *node).collect();
    let order = tree.root().sum_of(&parts).context("the shares are not the whole batch")?;
    if shares.iter().flatten().all(|gradient| gradient.device().is_cpu()) {
        return Ok(optimizer::sum_and_norm(workers, &shares, &order)?);
    }
    by_tensors(&shares, &order)
}

/// Adds the gradients in `more` to those in `sum`, in place, for every parameter on a CPU.
///
/// # Errors
/// As [`sum_and_norm`].
pub fn add_to(parameters: &[(String, Var)], sum: &GradStore, more: &GradStore) -> Result<()> {
    let pairs = in_order(parameters, sum)?.into_iter().zip(in_order(parameters, more)?);
    Ok(pairs.into_iter().try_for_each(|(sum, more)| optimizer::add_to(sum, more))?)
}

/// The gradient of every parameter, in their order.
///
/// # Errors
/// As [`sum_and_norm`].
pub fn in_order<'a>(parameters: &[(String, Var)], share: &'a GradStore) -> Result<Vec<&'a Tensor>> {
    parameters
        .iter()
        .map(|(name, parameter)| {
            share
                .get(parameter)
                .with_context(|| format!("the parameter {name} got no gradient: an operation without one?"))
        })
        .collect()
}

/// The same with whole tensors, on any device.
fn by_tensors(shares: &[Vec<&Tensor>], order: &[Sum]) -> Result<(Vec<Tensor>, f64)> {
    let parameters = shares.first().context("a batch without shares")?.len();
    let sum_of = |parameter: usize| -> Result<Tensor> {
        let mut stack: Vec<Tensor> = Vec::new();
        for step in order {
            match step {
                Sum::Take(share) => stack.push(shares[*share][parameter].clone()),
                Sum::Add => {
                    let (upper, lower) = (stack.pop(), stack.pop());
                    stack.push((lower.context("nothing to add to")? + upper.context("nothing to add")?)?);
                }
            }
        }
        Ok(stack.pop().context("a sum of nothing")?.contiguous()?)
    };
    let sums = (0..parameters).map(sum_of).collect::<Result<Vec<_>>>()?;
    let all: Vec<&Tensor> = sums.iter().collect();
    if device::takes(&all) {
        let norm = device::sum_of_squares(&sums)?.sqrt();
        return Ok((sums, norm));
    }
    // Read from the device once, not parameter by parameter.
    let squares = sums.iter().map(|sum| sum.sqr()?.sum_all()).collect::<candle_core::Result<Vec<_>>>()?;
    let squares = Tensor::stack(&squares, 0)?.to_vec1::<f32>()?;
    Ok((sums, squares.into_iter().map(f64::from).sum::<f64>().sqrt()))
}

/// The name of the first tensor with a NaN or an infinity.
pub fn first_not_finite<'a>(named: impl IntoIterator<Item = (&'a str, &'a Tensor)>) -> Result<Option<String>> {
    for (name, tensor) in named {
        if !tensor.flatten_all()?.to_vec1::<f32>()?.iter().all(|x| x.is_finite()) {
            return Ok(Some(name.to_string()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_first_tensor_that_is_not_finite_is_named() {
        let good = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        let bad = Tensor::new(&[1f32, f32::INFINITY], &Device::Cpu).unwrap();
        assert_eq!(first_not_finite([("a", &good)]).unwrap(), None);
        assert_eq!(first_not_finite([("a", &good), ("b", &bad)]).unwrap(), Some("b".into()));
    }

    #[test]
    fn shares_are_summed_the_norm_is_that_of_all_together_and_both_ways_agree() {
        let a = Var::from_vec(vec![1f32, 1.0], 2, &Device::Cpu).unwrap();
        let b = Var::from_vec(vec![1f32], 1, &Device::Cpu).unwrap();
        let share = |k: f64| {
            let loss = (a.as_tensor() * k).unwrap().sum_all().unwrap() + (b.as_tensor() * 2.0).unwrap().sum_all();
            loss.unwrap().backward().unwrap()
        };
        let named = [("a".to_string(), a.clone()), ("b".to_string(), b.clone())];
        let shares = [share(1.0), share(-4.0)];
        let tree = Tree::new(2);
        let nodes: Vec<(Node, &GradStore)> =
            (0..2).map(|shard| (tree.cover(shard..shard + 1)[0], &shares[shard])).collect();
        let (sums, norm) = sum_and_norm(&named, &tree, &nodes, &Workers::new(2).unwrap()).unwrap();
        assert_eq!(sums[0].to_vec1::<f32>().unwrap(), [-3.0, -3.0]);
        assert_eq!(sums[1].to_vec1::<f32>().unwrap(), [4.0]);
        assert!((norm - 34f64.sqrt()).abs() < 1e-6, "{norm}");
        let tensors: Vec<Vec<&Tensor>> = shares.iter().map(|share| in_order(&named, share).unwrap()).collect();
        let order = [Sum::Take(0), Sum::Take(1), Sum::Add];
        let (again, norm_again) = by_tensors(&tensors, &order).unwrap();
        assert_eq!(again[0].to_vec1::<f32>().unwrap(), sums[0].to_vec1::<f32>().unwrap());
        assert!((norm - norm_again).abs() < 1e-6);
    }

    #[test]
    fn a_missing_gradient_is_named() {
        let used = Var::from_vec(vec![2f32], 1, &Device::Cpu).unwrap();
        let unused = Var::from_vec(vec![2f32], 1, &Device::Cpu).unwrap();
        let share = (used.as_tensor() * 2.0).unwrap().backward().unwrap();
        let named = [("conv_out.bias".to_string(), unused)];
        let tree = Tree::new(1);
        let nodes = [(tree.cover(0..1)[0], &share)];
        let error = sum_and_norm(&named, &tree, &nodes, &Workers::new(1).unwrap()).unwrap_err().to_string();
        assert!(error.contains("conv_out.bias"), "{error}");
    }
}
