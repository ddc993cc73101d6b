//! One step of Muon over a matrix, on the calling thread.

use candle_core::{Result, Tensor};
use gemm::{Parallelism, gemm};

use super::optimizer::{squares_of_blocks, with_mut};
use super::storage::{fast, with};

/// What is the same for a matrix in one step of Muon (Jordan et al. 2024) with an exponential moving average:
/// m ← μ·m + g, θ ← keep·θ − rate·orthogonal(g + μ·m), θ̄ ← θ̄ + fresh·(θ − θ̄), where g is the gradient times
/// `gradient_scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MuonStep {
    pub gradient_scale: f64,
    /// μ.
    pub momentum: f64,
    /// Learning rate times the size of a step.
    pub rate: f64,
    /// 1 − learning rate · weight decay.
    pub keep: f64,
    /// 1 − decay of the average.
    pub fresh: f64,
    pub iteration: Iteration,
}

/// Newton and Schulz's iteration: X ← a X + b (X Xᵀ) X + c (X Xᵀ)² X, so many times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iteration {
    pub coefficients: [f64; 3],
    pub times: usize,
}

/// A matrix `[…, columns]` with everything of its shape that a step reads or writes; all but the gradient are written in
/// place.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    pub parameter: &'a Tensor,
    pub momentum: &'a Tensor,
    pub average: &'a Tensor,
    pub gradient: &'a Tensor,
}

/// Whether [`muon_ema_step`] takes these tensors.
pub fn takes(matrix: &Matrix) -> bool {
    let Matrix { parameter, momentum, average, gradient } = *matrix;
    let all = [parameter, momentum, average, gradient];
    fast(&all) && all.iter().all(|t| t.shape() == parameter.shape() && t.is_contiguous())
}

/// One step.
///
/// # Errors
/// When the tensors differ in shape, or are not contiguous f32 on a CPU.
pub fn muon_ema_step(matrix: &Matrix, step: &MuonStep) -> Result<()> {
    if !takes(matrix) {
        candle_core::bail!("a step of Muon needs contiguous f32 tensors of one shape on a CPU");
    }
    let columns = matrix.parameter.dims().last().copied().unwrap_or(1).max(1);
    let (scale, mu) = (step.gradient_scale as f32, step.momentum as f32);
    let ahead: Vec<f32> = with(matrix.gradient, |gradient| {
        with_mut(matrix.momentum, |momentum| {
            let ahead = momentum.iter_mut().zip(gradient).map(|(m, g)| {
                *m = mu * *m + scale * g;
                scale * g + mu * *m
            });
            ahead.collect()
        })
    })??;
    let direction = orthogonal(&ahead, columns, step.iteration);
    let (keep, rate, fresh) = (step.keep as f32, step.rate as f32, step.fresh as f32);
    with_mut(matrix.parameter, |parameter| {
        with_mut(matrix.average, |average| {
            for ((p, a), d) in parameter.iter_mut().zip(average).zip(&direction) {
                *p = keep * *p - rate * d;
                *a += fresh * (*p - *a);
            }
        })
    })?
}

/// U Vᵀ of `x` = U S Vᵀ, whose rows are of `columns` numbers, as far as the iteration gets.
///
/// Each iterate is x·P with a polynomial P in xᵀx (P·x with one in xxᵀ where there are fewer rows than columns), whose
/// own products are all of the shorter side: with many more rows than columns, as in convolutions, less than half of the
/// arithmetic of iterating x itself.
pub fn orthogonal(x: &[f32], columns: usize, iteration: Iteration) -> Vec<f32> {
    let rows = x.len() / columns.max(1);
    let (tall, short) = (rows >= columns, rows.min(columns));
    let norm = squares_of_blocks(x).sum::<f64>().sqrt();
    let scale = (1.0 / (norm + 1e-7)) as f32;
    let (whole, turned) = (View::of(x, columns), View::of(x, columns).turned());
    let mut gram = vec![0.0; short * short];
    let (left, right) = if tall { (turned, whole) } else { (whole, turned) };
    product(&mut gram, short, left, right, (0.0, scale * scale));
    let [a, b, c] = iteration.coefficients.map(|x| x as f32);
    let mut polynomial: Vec<f32> = Vec::new();
    let (mut factor, mut next) = (vec![0.0; short * short], vec![0.0; short * short]);
    for k in 1..=iteration.times {
        // One factor: a + b G + c G². All of them commute.
        factor.iter_mut().zip(&gram).for_each(|(f, g)| *f = b * g);
        factor.iter_mut().step_by(short + 1).for_each(|f| *f += a);
        let square = View::of(&gram, short);
        product(&mut factor, short, square, square, (1.0, c));
        let of_factor = View::of(&factor, short);
        if k < iteration.times {
            product(&mut next, short, View::of(&gram, short), of_factor, (0.0, 1.0));
            product(&mut gram, short, View::of(&next, short), of_factor, (0.0, 1.0));
        }
        if polynomial.is_empty() {
            polynomial.clone_from(&factor);
        } else {
            product(&mut next, short, View::of(&polynomial, short), of_factor, (0.0, 1.0));
            std::mem::swap(&mut polynomial, &mut next);
        }
    }
    let mut out = vec![0.0; x.len()];
    if iteration.times == 0 {
        out.iter_mut().zip(x).for_each(|(out, x)| *out = scale * x);
        return out;
    }
    let polynomial = View::of(&polynomial, short);
    let (left, right) = if tall { (whole, polynomial) } else { (polynomial, whole) };
    product(&mut out, columns, left, right, (0.0, scale));
    out
}

/// A matrix in memory.
#[derive(Clone, Copy)]
struct View<'a> {
    numbers: &'a [f32],
    rows: usize,
    columns: usize,
    /// From row to row, and from column to column.
    strides: (usize, usize),
}

impl<'a> View<'a> {
    fn of(numbers: &'a [f32], columns: usize) -> Self {
        Self { numbers, rows: numbers.len() / columns.max(1), columns, strides: (columns, 1) }
    }

    fn turned(self) -> Self {
        let Self { numbers, rows, columns, strides: (down, across) } = self;
        Self { numbers, rows: columns, columns: rows, strides: (across, down) }
    }
}

/// out ← keep·out + factor·left·right; `out` has `columns` numbers a row.
fn product(out: &mut [f32], columns: usize, left: View, right: View, (keep, factor): (f32, f32)) {
    assert_eq!((left.columns, right.columns, out.len()), (right.rows, columns, left.rows * columns));
    assert!(left.rows * left.columns <= left.numbers.len() && right.rows * right.columns <= right.numbers.len());
    let strides = |view: View| (view.strides.1 as isize, view.strides.0 as isize);
    let ((left_across, left_down), (right_across, right_down)) = (strides(left), strides(right));
    // SAFETY: all three have as many numbers as their sizes say, and strides that stay within them.
    unsafe {
        gemm(
            left.rows,
            columns,
            left.columns,
            out.as_mut_ptr(),
            1,
            columns as isize,
            keep != 0.0,
            left.numbers.as_ptr(),
            left_across,
            left_down,
            right.numbers.as_ptr(),
            right_across,
            right_down,
            keep,
            factor,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, generator, normal};

    #[test]
    fn the_iteration_is_that_of_the_formula() {
        let iteration = Iteration { coefficients: [3.4445, -4.7750, 2.0315], times: 5 };
        for (rows, columns) in [(3, 4), (4, 4), (72, 16), (16, 40), (9, 1)] {
            let x = normal(&mut generator(1, Stream::Noise, 0), rows * columns);
            let mut want = nalgebra::DMatrix::from_row_iterator(rows, columns, x.iter().map(|&x| x as f64));
            want /= want.norm() + 1e-7;
            for _ in 0..5 {
                let gram = &want * want.transpose();
                want = &want * 3.4445 + (&gram * -4.7750 + &gram * &gram * 2.0315) * &want;
            }
            for (i, got) in orthogonal(&x, columns, iteration).into_iter().enumerate() {
                let want = want[(i / columns, i % columns)];
                assert!((got as f64 - want).abs() < 1e-4, "{rows} × {columns}, number {i}: {got}, not {want}");
            }
        }
    }

    #[test]
    fn without_iterations_a_matrix_is_only_made_of_norm_one() {
        let iteration = Iteration { coefficients: [1.0, 0.0, 0.0], times: 0 };
        assert_eq!(orthogonal(&[3.0, 4.0], 1, iteration), [0.6, 0.8]);
    }

    #[test]
    fn tensors_of_other_shapes_are_refused() {
        let of = |n: usize| Tensor::zeros((n, 2), candle_core::DType::F32, &candle_core::Device::Cpu).unwrap();
        let (a, b) = (of(3), of(4));
        let matrix = Matrix { parameter: &a, momentum: &a, average: &a, gradient: &b };
        let iteration = Iteration { coefficients: [1.0, 0.0, 0.0], times: 1 };
        let step = MuonStep { gradient_scale: 1.0, momentum: 0.9, rate: 0.1, keep: 1.0, fresh: 0.1, iteration };
        assert!(!takes(&matrix) && muon_ema_step(&matrix, &step).is_err());
    }
}
