//! AdamW and the weights' average in one pass over a parameter, and the sum of the workers'
//! gradients with its norm.
//!
//! Both go over the parameters on all workers at once. Every number is computed by the same
//! operations whichever worker it falls to, so results don't depend on their number.

use std::cell::Cell;
use std::ops::Range;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};

use super::Workers;
use super::changes;
use super::simd::{Isa, Kernel, Simd};
use super::storage::{fast, tensor, with};
use super::tile::{load_columns, store_columns};
use super::tree_sum::add_up;
use crate::ranks::Sum;

/// What is the same for all parameters in one step of AdamW (Loshchilov & Hutter 2019) with an
/// exponential moving average:
/// m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², θ ← keep·θ − rate·m / (√v·root + ε),
/// θ̄ ← θ̄ + fresh·(θ − θ̄), where g is the gradient times `gradient_scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWStep {
    pub gradient_scale: f64,
    /// β₁ and β₂.
    pub betas: (f64, f64),
    pub eps: f64,
    /// Learning rate / (1 − β₁ᵗ).
    pub rate: f64,
    /// 1 / √(1 − β₂ᵗ).
    pub root: f64,
    /// 1 − learning rate · weight decay.
    pub keep: f64,
    /// 1 − decay of the average.
    pub fresh: f64,
}

/// A parameter with everything of its shape that a step reads or writes; all but the gradient are
/// written in place, so whoever shares their storage sees the new values.
#[derive(Clone, Copy)]
pub struct Slot<'a> {
    pub parameter: &'a Tensor,
    pub first_moment: &'a Tensor,
    pub second_moment: &'a Tensor,
    pub average: &'a Tensor,
    pub gradient: &'a Tensor,
}

impl Slot<'_> {
    pub(super) fn tensors(&self) -> [&Tensor; 5] {
        [self.parameter, self.first_moment, self.second_moment, self.average, self.gradient]
    }
}

/// One step of all parameters.
///
/// # Errors
/// When a slot's tensors differ in shape, or are not contiguous f32 on a CPU.
pub fn adamw_ema_step(workers: &Workers, slots: &[Slot<'_>], step: &AdamWStep) -> Result<()> {
    for slot in slots {
        let shape = slot.parameter.shape();
        if !fast(&slot.tensors()) || slot.tensors().iter().any(|t| t.shape() != shape || !t.is_contiguous()) {
            candle_core::bail!("an optimizer step over {shape:?} needs contiguous f32 tensors of that shape on a CPU");
        }
    }
    let isa = Isa::current();
    let sizes: Vec<usize> = slots.iter().map(|s| s.parameter.elem_count()).collect();
    let (large, small) = by_size(&sizes, workers.threads());
    for slot in large {
        with_update(step, &slots[slot], |update| {
            // SAFETY: all slices of a piece are of the same length.
            workers.run_on(update.pieces(workers.threads()), |piece| unsafe { isa.run(piece) })
        })?;
    }
    let sizes: Vec<usize> = small.iter().map(|&slot| sizes[slot]).collect();
    on_workers(workers, &sizes, |i| {
        // SAFETY: all slices of an update are of the same length.
        with_update(step, &slots[small[i]], |update| unsafe { isa.run(update) })
    })
    .map(|_| ())
}

/// Calls `f` with the numbers of a slot whose tensors are all of one shape.
fn with_update<R>(step: &AdamWStep, slot: &Slot<'_>, f: impl FnOnce(Update) -> R) -> Result<R> {
    with(slot.gradient, |gradient| {
        with_mut(slot.parameter, |parameter| {
            with_mut(slot.first_moment, |first| {
                with_mut(slot.second_moment, |second| {
                    with_mut(slot.average, |average| f(Update { step, gradient, parameter, first, second, average }))
                })
            })
        })
    })????
}

/// The gradient of each parameter summed over the `shares` of the batch in this order, and √ Σ ‖g‖² over all of them.
/// `shares[i]` holds share i's gradients in the order of the parameters.
///
/// # Errors
/// When the shares differ in shapes, are not f32 on a CPU, or are not what the order is of.
pub fn sum_and_norm(workers: &Workers, shares: &[Vec<&Tensor>], order: &[Sum]) -> Result<(Vec<Tensor>, f64)> {
    let Some(first) = shares.first() else { candle_core::bail!("a batch without shares has no gradient") };
    let taken = order.iter().filter(|step| matches!(step, Sum::Take(_))).count();
    if taken != shares.len() || order.len() != 2 * taken - 1 {
        candle_core::bail!("the gradients of {} shares are summed in an order of {taken}", shares.len());
    }
    for share in shares {
        let same = share.len() == first.len() && share.iter().zip(first).all(|(a, b)| a.shape() == b.shape());
        if !same || !fast(share) {
            candle_core::bail!("the workers' gradients differ in shape, or are not f32 on a CPU");
        }
    }
    let sizes: Vec<usize> = first.iter().map(|t| t.elem_count()).collect();
    let shared = |i: usize| shares.iter().map(|share| share[i].contiguous()).collect::<Result<Vec<_>>>();
    let (large, small) = by_size(&sizes, workers.threads());
    let mut done: Vec<Option<(Vec<f32>, f64)>> = vec![None; sizes.len()];
    for i in large {
        let (shared, mut sum) = (shared(i)?, vec![0.0; sizes[i]]);
        let length = piece_length(sizes[i], workers.threads());
        let pieces: Vec<(usize, &mut [f32])> = (0..).step_by(length).zip(sum.chunks_mut(length)).collect();
        let squares = workers.run_on(pieces, |(start, piece)| {
            add_up(&shared, order, start, piece)?;
            Ok(squares_of_blocks(piece).collect::<Vec<f64>>())
        });
        let squares = squares.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().sum();
        done[i] = Some((sum, squares));
    }
    let small_sizes: Vec<usize> = small.iter().map(|&i| sizes[i]).collect();
    let whole = on_workers(workers, &small_sizes, |k| {
        let mut sum = vec![0.0; small_sizes[k]];
        add_up(&shared(small[k])?, order, 0, &mut sum)?;
        let squares = squares_of_blocks(&sum).sum();
        Ok((sum, squares))
    })?;
    for (i, result) in small.into_iter().zip(whole) {
        done[i] = Some(result);
    }
    // Every tensor is either large or small.
    let done: Vec<(Vec<f32>, f64)> = done.into_iter().flatten().collect();
    let norm = done.iter().map(|(_, squares)| squares).sum::<f64>().sqrt();
    let sums = done.into_iter().zip(first).map(|((sum, _), of)| tensor(sum, of.shape())).collect::<Result<_>>()?;
    Ok((sums, norm))
}

/// Adds `more` to `sum`, in place.
///
/// # Errors
/// When they differ in shape, or are not contiguous f32 on a CPU.
pub fn add_to(sum: &Tensor, more: &Tensor) -> Result<()> {
    if sum.shape() != more.shape() {
        candle_core::bail!("a gradient of shape {:?} added to one of {:?}", more.shape(), sum.shape());
    }
    with(&more.contiguous()?, |more| with_mut(sum, |sum| sum.iter_mut().zip(more).for_each(|(a, b)| *a += b)))?
}

/// Numbers whose squares are added up in f32; the sums of such blocks are added in f64, in their order.
const BLOCK: usize = 4096;

/// Σ x² of each block.
pub(super) fn squares_of_blocks(x: &[f32]) -> impl Iterator<Item = f64> + '_ {
    const LANES: usize = 16;
    let block = |x: &[f32]| -> f64 {
        let mut sums = [0f32; LANES];
        for x in x.chunks(LANES) {
            sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += x * x);
        }
        sums.iter().map(|&s| s as f64).sum()
    };
    x.chunks(BLOCK).map(block)
}

/// The tensors that are more than a worker's part of all, which are cut up, and the others.
fn by_size(sizes: &[usize], threads: usize) -> (Vec<usize>, Vec<usize>) {
    let total: usize = sizes.iter().sum();
    (0..sizes.len()).partition(|&i| sizes[i] > BLOCK && sizes[i] * threads > total)
}

/// The length of at most `threads` pieces of `n` numbers, whole blocks.
fn piece_length(n: usize, threads: usize) -> usize {
    n.div_ceil(threads.max(1)).next_multiple_of(BLOCK)
}

/// Runs `job` for every item on the workers, each taking consecutive items of about the same total
/// size, and returns the results in order.
fn on_workers<R: Send>(workers: &Workers, sizes: &[usize], job: impl Fn(usize) -> Result<R> + Sync) -> Result<Vec<R>> {
    let ranges = balanced(sizes, workers.threads());
    let results = workers.run(ranges.len(), |i| ranges[i].clone().map(&job).collect::<Result<Vec<R>>>());
    Ok(results.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// `0..sizes.len()` cut into at most `parts` consecutive ranges of about the same total size.
fn balanced(sizes: &[usize], parts: usize) -> Vec<Range<usize>> {
    let total: usize = sizes.iter().sum();
    let mut ranges = Vec::new();
    let (mut start, mut seen) = (0, 0);
    for (i, size) in sizes.iter().enumerate() {
        seen += size;
        if i + 1 == sizes.len() || seen * parts >= total * (ranges.len() + 1) {
            ranges.push(start..i + 1);
            start = i + 1;
        }
    }
    ranges
}

/// Calls `f` with the numbers of a contiguous f32 CPU tensor, to be changed in place.
pub(super) fn with_mut<R>(tensor: &Tensor, f: impl FnOnce(&mut [f32]) -> R) -> Result<R> {
    struct Change<F, R> {
        f: Cell<Option<F>>,
        result: Cell<Option<R>>,
    }

    impl<F: FnOnce(&mut [f32]) -> R, R> InplaceOp1 for Change<F, R> {
        fn name(&self) -> &'static str {
            "change in place"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
            let (CpuStorage::F32(numbers), Some((start, end)), Some(f)) =
                (storage, layout.contiguous_offsets(), self.f.take())
            else {
                candle_core::bail!("a change in place needs a contiguous f32 tensor")
            };
            self.result.set(Some(f(&mut numbers[start..end])));
            Ok(())
        }
    }

    let change = Change { f: Cell::new(Some(f)), result: Cell::new(None) };
    tensor.inplace_op1(&change)?;
    changes::note();
    change.result.take().ok_or_else(|| candle_core::Error::Msg("a change in place did not run".into()).bt())
}

/// All of the same length.
struct Update<'a> {
    step: &'a AdamWStep,
    gradient: &'a [f32],
    parameter: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    average: &'a mut [f32],
}

impl<'a> Update<'a> {
    /// Cut into at most `threads` pieces.
    fn pieces(self, threads: usize) -> Vec<Update<'a>> {
        let length = piece_length(self.gradient.len(), threads);
        let step = self.step;
        self.gradient
            .chunks(length)
            .zip(self.parameter.chunks_mut(length))
            .zip(self.first.chunks_mut(length).zip(self.second.chunks_mut(length)))
            .zip(self.average.chunks_mut(length))
            .map(|(((gradient, parameter), (first, second)), average)| Update {
                step,
                gradient,
                parameter,
                first,
                second,
                average,
            })
            .collect()
    }
}

// SAFETY: `run` may be called when all slices are of the same length.
impl Kernel for Update<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let AdamWStep { gradient_scale, betas: (beta1, beta2), eps, rate, root, keep, fresh } = *self.step;
        let len = self.gradient.len();
        let (parameter, first) = (self.parameter.as_mut_ptr(), self.first.as_mut_ptr());
        let (second, average) = (self.second.as_mut_ptr(), self.average.as_mut_ptr());
        // SAFETY: all five have `len` numbers.
        unsafe {
            let constant = |x: f64| S::splat(x as f32);
            let (scale, eps, fresh) = (constant(gradient_scale), constant(eps), constant(fresh));
            let (b1, g1) = (constant(beta1), constant(1.0 - beta1));
            let (b2, g2) = (constant(beta2), constant(1.0 - beta2));
            let (rate, root, keep) = (constant(rate), constant(root), constant(keep));
            for i in 0..len.div_ceil(S::LANES) {
                let g = S::mul(load_columns::<S>(self.gradient.as_ptr(), i, len), scale);
                let m = S::mul_add(b1, load_columns::<S>(first, i, len), S::mul(g1, g));
                let v = S::mul_add(b2, load_columns::<S>(second, i, len), S::mul(g2, S::mul(g, g)));
                let update = S::div(S::mul(rate, m), S::mul_add(S::sqrt(v), root, eps));
                let p = S::sub(S::mul(keep, load_columns::<S>(parameter, i, len)), update);
                let a = load_columns::<S>(average, i, len);
                store_columns::<S>(first, i, len, m);
                store_columns::<S>(second, i, len, v);
                store_columns::<S>(parameter, i, len, p);
                store_columns::<S>(average, i, len, S::mul_add(fresh, S::sub(p, a), a));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::kernels::simd::forced::on_each;

    /// One share plus another.
    const TWO: [Sum; 3] = [Sum::Take(0), Sum::Take(1), Sum::Add];

    fn ramp(n: usize, factor: f32) -> Tensor {
        Tensor::from_vec((0..n).map(|i| factor * ((i % 17) as f32 - 8.0)).collect(), n, &Device::Cpu).unwrap()
    }

    #[test]
    fn a_step_is_that_of_the_formula_on_every_instruction_set() {
        let step = AdamWStep {
            gradient_scale: 0.5,
            betas: (0.9, 0.99),
            eps: 1e-8,
            rate: 1e-2,
            root: 3.0,
            keep: 0.999,
            fresh: 0.25,
        };
        let workers = Workers::new(2).unwrap();
        // The last is cut over both workers.
        for n in [1, 5, 16, 100, 2 * BLOCK + 5] {
            on_each(|isa| {
                let (p, m, v, a, g) =
                    (ramp(n, 0.1), ramp(n, 0.02), ramp(n, 0.01).sqr().unwrap(), ramp(n, 0.3), ramp(n, 0.7));
                let numbers = |t: &Tensor| t.to_vec1::<f32>().unwrap();
                let old = [numbers(&p), numbers(&m), numbers(&v), numbers(&a), numbers(&g)];
                let slot = Slot { parameter: &p, first_moment: &m, second_moment: &v, average: &a, gradient: &g };
                adamw_ema_step(&workers, &[slot], &step).unwrap();
                let new = [numbers(&p), numbers(&m), numbers(&v), numbers(&a)];
                for i in 0..n {
                    let [p, m, v, a, g] = [0, 1, 2, 3, 4].map(|j| old[j][i] as f64);
                    let g = 0.5 * g;
                    let (m, v) = (0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g);
                    let p = 0.999 * p - 1e-2 * m / (v.sqrt() * 3.0 + 1e-8);
                    let want = [p, m, v, a + 0.25 * (p - a)];
                    for (j, want) in want.into_iter().enumerate() {
                        let got = new[j][i] as f64;
                        assert!((got - want).abs() < 1e-6, "{}: {j} of {i}: {got}, not {want}", isa.name());
                    }
                }
            });
        }
    }

    #[test]
    fn tensors_of_other_shapes_are_refused() {
        let workers = Workers::new(1).unwrap();
        let (a, b) = (ramp(4, 1.0), ramp(5, 1.0));
        let slot = Slot { parameter: &a, first_moment: &a, second_moment: &a, average: &a, gradient: &b };
        let step = AdamWStep {
            gradient_scale: 1.0,
            betas: (0.9, 0.999),
            eps: 1e-8,
            rate: 1e-3,
            root: 1.0,
            keep: 1.0,
            fresh: 0.1,
        };
        assert!(adamw_ema_step(&workers, &[slot], &step).is_err());
        assert!(sum_and_norm(&workers, &[vec![&a], vec![&b]], &TWO).is_err());
        assert!(sum_and_norm(&workers, &[vec![&a]], &TWO).is_err());
        assert!(sum_and_norm(&workers, &[], &[]).is_err());
    }

    #[test]
    fn gradients_are_summed_in_order_with_their_norm() {
        let (a, b) = (ramp(5 * BLOCK + 1000, 0.1), ramp(3, 2.0));
        let mut norms = Vec::new();
        for threads in [1, 2, 3, 9] {
            let workers = Workers::new(threads).unwrap();
            let (sums, norm) = sum_and_norm(&workers, &[vec![&a, &b], vec![&a, &b]], &TWO).unwrap();
            norms.push(norm);
            assert_eq!(sums[0].to_vec1::<f32>().unwrap(), (&a * 2.0).unwrap().to_vec1::<f32>().unwrap());
            let all = sums.iter().flat_map(|s| s.to_vec1::<f32>().unwrap());
            let want = all.map(|x| (x as f64).powi(2)).sum::<f64>().sqrt();
            assert!((norm / want - 1.0).abs() < 1e-6);
        }
        assert!(norms.iter().all(|norm| *norm == norms[0]), "{norms:?} depends on the number of workers");
    }

    #[test]
    fn a_tensor_that_is_most_of_the_network_is_cut_over_all_workers() {
        assert_eq!(by_size(&[100_000, 10, 10], 64), (vec![0], vec![1, 2]));
        assert_eq!(by_size(&[100_000, 100_000, 100_000], 2), (vec![], vec![0, 1, 2]));
        assert_eq!(by_size(&[100_000, 10], 1), (vec![], vec![0, 1]));
        assert_eq!(100_000usize.div_ceil(piece_length(100_000, 4)), 4);
        assert_eq!(100_000usize.div_ceil(piece_length(100_000, 64)), 25, "whole blocks");
    }

    #[test]
    fn work_is_balanced_by_size() {
        assert_eq!(balanced(&[1, 1, 1, 1], 2), [0..2, 2..4]);
        assert_eq!(balanced(&[100, 1, 1], 2), [0..1, 1..3]);
        assert_eq!(balanced(&[1, 1, 100], 2), vec![0..3; 1]);
        assert!(balanced(&[], 2).is_empty());
    }
}
