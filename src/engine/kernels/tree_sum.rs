//! Sums of tensors in a given order, and tensors as one row of numbers.

use std::ops::Range;

use candle_core::{Result, Tensor};

use super::storage::{tensor, with};
use crate::ranks::Sum;

/// Numbers that are taken through the whole order at a time: what lies on the stack stays in the cache.
const AT_ONCE: usize = 4096;

/// Writes the sum of `parts`, from their number `start` on, to `sum`, in this order. All are contiguous f32 on a CPU.
pub(super) fn add_up(parts: &[Tensor], order: &[Sum], start: usize, sum: &mut [f32]) -> Result<()> {
    // What lies on the stack above its lowest place, which is the sum's own.
    let mut above: Vec<Vec<f32>> = Vec::new();
    for (start, sum) in (start..).step_by(AT_ONCE).zip(sum.chunks_mut(AT_ONCE)) {
        let range = start..start + sum.len();
        let mut height = 0;
        let mut steps = order.iter().peekable();
        while let Some(step) = steps.next() {
            match step {
                // Added without being copied first.
                Sum::Take(part) if height > 0 && steps.next_if_eq(&&Sum::Add).is_some() => {
                    let below: &mut [f32] = if height == 1 { &mut *sum } else { &mut above[height - 2] };
                    with(&parts[*part], |more| add(below, &more[range.clone()]))?;
                }
                Sum::Take(part) => {
                    with(&parts[*part], |part| match height {
                        0 => sum.copy_from_slice(&part[range.clone()]),
                        _ => {
                            above.resize_with(above.len().max(height), Vec::new);
                            above[height - 1].clear();
                            above[height - 1].extend_from_slice(&part[range.clone()]);
                        }
                    })?;
                    height += 1;
                }
                Sum::Add => {
                    height -= 1;
                    let (low, high) = above.split_at_mut(height - 1);
                    add(low.last_mut().map_or(&mut *sum, |below| below.as_mut_slice()), &high[0]);
                }
            }
        }
    }
    Ok(())
}

fn add(sum: &mut [f32], more: &[f32]) {
    sum.iter_mut().zip(more).for_each(|(a, b)| *a += b);
}

/// Appends the numbers `range` of the tensors, taken one after the other, to `row`.
///
/// # Errors
/// When one is not f32 on a CPU.
pub fn append(tensors: &[&Tensor], range: Range<usize>, row: &mut Vec<f32>) -> Result<()> {
    let mut start = 0;
    for tensor in tensors {
        let end = start + tensor.elem_count();
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            with(&tensor.contiguous()?, |numbers| row.extend_from_slice(&numbers[from - start..to - start]))?;
        }
        start = end;
    }
    Ok(())
}

/// The opposite of [`append`]: the numbers of `row`, one after the other, in tensors of the shapes of `like`.
///
/// # Errors
/// When they are fewer.
pub fn cut_up(row: &[f32], like: &[&Tensor]) -> Result<Vec<Tensor>> {
    let mut start = 0;
    let next = |like: &&Tensor| {
        let end = start + like.elem_count();
        let Some(numbers) = row.get(start..end) else {
            candle_core::bail!("{} numbers are too few for all gradients", row.len())
        };
        start = end;
        tensor(numbers.to_vec(), like.shape())
    };
    like.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::ranks::{Node, Tree, share};

    fn row(n: usize, of: usize) -> Tensor {
        let numbers: Vec<f32> = (0..n).map(|i| ((i * (of + 3)) % 101) as f32 * 0.37 - 7.0).collect();
        Tensor::from_vec(numbers, n, &Device::Cpu).unwrap()
    }

    /// Node by node, number by number.
    fn by_hand(node: Node, shards: &[Vec<f32>], i: usize) -> f32 {
        match node.halves() {
            None => shards[node.shards().start][i],
            Some((left, right)) => by_hand(left, shards, i) + by_hand(right, shards, i),
        }
    }

    #[test]
    fn parts_are_added_in_the_order_of_the_tree_from_any_number_on() {
        let n = 2 * AT_ONCE + 77;
        for shards in 1..14 {
            let tree = Tree::new(shards);
            let parts: Vec<Tensor> = (0..shards).map(|of| row(n, of)).collect();
            let numbers: Vec<Vec<f32>> = parts.iter().map(|part| part.to_vec1().unwrap()).collect();
            let leaves: Vec<Node> = (0..shards).flat_map(|shard| tree.cover(share(shards, shards, shard))).collect();
            let order = tree.root().sum_of(&leaves).unwrap();
            let root = tree.cover(0..shards)[0];
            for start in [0, 5, AT_ONCE] {
                let mut sum = vec![0.0; n - start];
                add_up(&parts, &order, start, &mut sum).unwrap();
                let wanted: Vec<f32> = (start..n).map(|i| by_hand(root, &numbers, i)).collect();
                assert!(sum == wanted, "{shards} shards from {start} on");
            }
        }
    }

    #[test]
    fn a_row_of_tensors_is_cut_into_them_again() {
        let tensors = [row(6, 0).reshape((2, 3)).unwrap(), row(1, 1), row(9, 2)];
        let refs: Vec<&Tensor> = tensors.iter().collect();
        let mut whole = Vec::new();
        append(&refs, 0..16, &mut whole).unwrap();
        let mut parts = Vec::new();
        for i in 0..5 {
            append(&refs, share(16, 5, i), &mut parts).unwrap();
        }
        assert_eq!(whole, parts);
        for (tensor, again) in tensors.iter().zip(cut_up(&whole, &refs).unwrap()) {
            let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!((tensor.dims(), numbers(tensor)), (again.dims(), numbers(&again)));
        }
        assert!(cut_up(&whole[1..], &refs).is_err());
    }
}
