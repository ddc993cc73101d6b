//! Muon: momentum whose every step is made orthogonal (Jordan et al. 2024, kellerjordan.github.io/posts/muon).
//!
//! A weight of `r` × `c` numbers moves by U Vᵀ of its momentum U S Vᵀ: all directions of the gradient count alike,
//! the rare ones too. Newton and Schulz's iteration gives U Vᵀ closely enough from matrix products alone. A step has
//! the size of one of AdamW, 0.2 in the root mean square (Liu et al. 2025, arXiv:2502.16982, eq. 4), so that one
//! learning rate suits both.

use anyhow::{Context, Result, ensure};
use candle_core::{Tensor, Var};

use super::update::Update;
use crate::config::TrainConfig;
use crate::kernels::Workers;
use crate::kernels::muon::{self, Iteration, Matrix, MuonStep};
use crate::train::ema::approach;
use crate::train::state::put;

/// The settings of Muon that stay the same over a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MuonSettings {
    /// Decay of the momentum, in [0, 1).
    pub momentum: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl From<&TrainConfig> for MuonSettings {
    fn from(config: &TrainConfig) -> Self {
        Self { momentum: config.muon_momentum, weight_decay: config.weight_decay }
    }
}

/// Matrices and, for each, its momentum.
pub struct Muon {
    settings: MuonSettings,
    slots: Vec<Slot>,
}

/// One parameter with its momentum, both of one shape, whose last axis are the matrix's columns.
struct Slot {
    name: String,
    parameter: Var,
    momentum: Var,
}

/// Root mean square of a step at learning rate 1.
const STEP_RMS: f64 = 0.2;
/// Iterations: singular values between 0.01 and 1 end between 0.7 and 1.2.
const ITERATIONS: usize = 5;
/// a, b and c of X ← a X + b (X Xᵀ) X + c (X Xᵀ)² X (Jordan et al. 2024).
const QUINTIC: [f64; 3] = [3.4445, -4.7750, 2.0315];

impl Muon {
    /// All momenta zero.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn new(parameters: &[(String, Var)], settings: MuonSettings) -> Result<Self> {
        let slot = |(name, parameter): &(String, Var)| {
            let momentum = Var::from_tensor(&parameter.zeros_like()?)?;
            Ok(Slot { name: name.clone(), parameter: parameter.clone(), momentum })
        };
        Ok(Self { settings, slots: parameters.iter().map(slot).collect::<Result<_>>()? })
    }

    /// One update of the parameters and of their averages; `gradients` and `averages` are in the order of the
    /// parameters. With Nesterov's look ahead:
    ///
    /// m ← μ·m + g, θ ← θ − lr·(0.2·√max(r, c)·orthogonal(g + μ·m) + weight_decay·θ)
    ///
    /// # Errors
    /// When the numbers or shapes of the gradients are not those of the parameters.
    pub fn step(&mut self, gradients: &[&Tensor], averages: &[&Var], update: Update, workers: &Workers) -> Result<()> {
        let count = self.slots.len();
        ensure!(gradients.len() == count, "{} gradients for {count} matrices", gradients.len());
        ensure!(averages.len() == count, "{} averages for {count} matrices", averages.len());
        let one = |i: usize| self.slots[i].step(gradients[i], averages[i], update, self.settings);
        // Each matrix goes to one worker whole, so that the numbers do not depend on how many there are.
        let parts = shared_by_work(&self.slots, workers.threads());
        let done = workers.run(parts.len(), |k| parts[k].iter().try_for_each(|&i| one(i)));
        done.into_iter().collect()
    }

    /// The momenta by name (`m.<parameter>`), for the checkpoint.
    pub fn moments(&self) -> Vec<(String, Tensor)> {
        self.slots.iter().map(|slot| (format!("m.{}", slot.name), slot.momentum.as_detached_tensor())).collect()
    }

    /// Takes over saved momenta; `find` looks a name of [`Self::moments`] up.
    ///
    /// # Errors
    /// When one is missing or has another shape; the message names it.
    pub fn restore(&mut self, find: impl Fn(&str) -> Option<Tensor>) -> Result<()> {
        for slot in &self.slots {
            let name = format!("m.{}", slot.name);
            let saved = find(&name).with_context(|| format!("the optimizer's moment {name} is missing"))?;
            put(&slot.momentum, &saved, &format!("the optimizer's moment {name}"))?;
        }
        Ok(())
    }
}

impl Slot {
    fn step(&self, gradient: &Tensor, average: &Var, update: Update, settings: MuonSettings) -> Result<()> {
        let matrix = Matrix { parameter: &self.parameter, momentum: &self.momentum, average, gradient };
        if muon::takes(&matrix) {
            let (rows, columns) = sizes(gradient);
            let step = MuonStep {
                gradient_scale: update.gradient_scale,
                momentum: settings.momentum,
                rate: update.lr * scale(rows, columns),
                keep: 1.0 - update.lr * settings.weight_decay,
                fresh: update.fresh,
                iteration: Iteration { coefficients: QUINTIC, times: ITERATIONS },
            };
            return Ok(muon::muon_ema_step(&matrix, &step)?);
        }
        self.step_by_tensors(gradient, average, update, settings)
    }

    /// The same with whole tensors, on any device.
    fn step_by_tensors(&self, gradient: &Tensor, average: &Var, update: Update, settings: MuonSettings) -> Result<()> {
        let MuonSettings { momentum: mu, weight_decay } = settings;
        let gradient = (gradient * update.gradient_scale)?;
        let momentum = ((self.momentum.as_tensor() * mu)? + &gradient)?;
        self.momentum.set(&momentum)?;
        let ahead = (gradient + (momentum * mu)?)?;
        let (rows, columns) = sizes(&ahead);
        let direction = orthogonal(&ahead.reshape((rows, columns))?)?.reshape(self.parameter.shape())?;
        let change = (direction * (update.lr * scale(rows, columns)))?;
        let kept = (self.parameter.as_tensor() * (1.0 - update.lr * weight_decay))?;
        self.parameter.set(&(kept - change)?)?;
        approach(average, &self.parameter, update.fresh)
    }
}

/// What an orthogonal `[r, c]` is multiplied by, to have the root mean square [`STEP_RMS`].
fn scale(rows: usize, columns: usize) -> f64 {
    STEP_RMS * (rows.max(columns) as f64).sqrt()
}

/// Rows and columns of a weight as a matrix: what it reads, by what it writes.
fn sizes(weight: &Tensor) -> (usize, usize) {
    let columns = weight.dims().last().copied().unwrap_or(1).max(1);
    (weight.elem_count() / columns, columns)
}

/// U Vᵀ of `x` = U S Vᵀ `[r, c]`, each singular value within about a third of 1: [`muon::orthogonal`] with tensors.
fn orthogonal(x: &Tensor) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    let short = rows.min(columns);
    // Stays where it is: reading it would make a GPU wait at every matrix.
    let norm = (x.sqr()?.sum_all()?.sqrt()? + 1e-7)?;
    let x = x.broadcast_div(&norm)?;
    let mut gram = if rows < columns { x.matmul(&x.t()?)? } else { x.t()?.matmul(&x)? };
    let [a, b, c] = QUINTIC;
    let identity = (Tensor::eye(short, x.dtype(), x.device())? * a)?;
    let mut product: Option<Tensor> = None;
    for k in 1..=ITERATIONS {
        // One factor: a + b G + c G². All of them commute.
        let factor = (((&gram * b)? + (gram.matmul(&gram)? * c)?)? + &identity)?;
        if k < ITERATIONS {
            gram = gram.matmul(&factor)?.matmul(&factor)?;
        }
        product = Some(match product {
            Some(product) => product.matmul(&factor)?,
            None => factor,
        });
    }
    match product {
        Some(product) if rows < columns => Ok(product.matmul(&x)?),
        Some(product) => Ok(x.matmul(&product)?),
        None => Ok(x),
    }
}

/// The slots' numbers, for at most `threads` workers: the largest work first, each to whoever has least.
fn shared_by_work(slots: &[Slot], threads: usize) -> Vec<Vec<usize>> {
    let work = |i: &usize| {
        let (rows, columns) = sizes(&slots[*i].parameter);
        rows * columns * rows.min(columns)
    };
    let mut order: Vec<usize> = (0..slots.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(work(i)));
    let mut parts = vec![(0, Vec::new()); threads.min(slots.len())];
    for i in order {
        if let Some(part) = parts.iter_mut().min_by_key(|(so_far, _)| *so_far) {
            part.0 += work(&i);
            part.1.push(i);
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::random::{Stream, generator, normal};

    /// Normal numbers, `[r, c]`.
    fn matrix(rows: usize, columns: usize, seed: usize) -> Tensor {
        let numbers = normal(&mut generator(seed as u64, Stream::Noise, 0), rows * columns);
        Tensor::from_vec(numbers, (rows, columns), &Device::Cpu).unwrap()
    }

    fn singular_values(x: &Tensor) -> Vec<f64> {
        let (rows, columns) = x.dims2().unwrap();
        let numbers: Vec<f64> = x.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|&x| x as f64).collect();
        nalgebra::DMatrix::from_row_slice(rows, columns, &numbers).singular_values().iter().copied().collect()
    }

    #[test]
    fn every_direction_of_a_step_counts_alike() {
        for (rows, columns) in [(12, 8), (36, 8), (5, 40)] {
            let x = matrix(rows, columns, rows);
            let spread = |x: &Tensor| {
                let values = singular_values(x);
                let largest = values.iter().copied().fold(0.0, f64::max);
                (values.iter().copied().fold(f64::MAX, f64::min), largest)
            };
            let (least, largest) = spread(&orthogonal(&x).unwrap());
            assert!(least > 0.6 && largest < 1.3, "{rows} × {columns}: {least} to {largest}");
            let (least, largest) = spread(&x);
            assert!(largest > 1.7 * least, "the matrix itself is no such thing: {least} to {largest}");
        }
    }

    #[test]
    fn the_iteration_is_that_of_the_formula() {
        let x = matrix(3, 4, 1);
        let numbers: Vec<f64> = x.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|&x| x as f64).collect();
        let mut want = nalgebra::DMatrix::from_row_slice(3, 4, &numbers);
        want /= want.norm() + 1e-7;
        for _ in 0..5 {
            let gram = &want * want.transpose();
            want = &want * 3.4445 + (&gram * -4.7750 + &gram * &gram * 2.0315) * &want;
        }
        let got = orthogonal(&x).unwrap().to_vec2::<f32>().unwrap();
        for (i, row) in got.iter().enumerate() {
            for (j, got) in row.iter().enumerate() {
                assert!((*got as f64 - want[(i, j)]).abs() < 1e-5, "{got} at {i}, {j}, not {}", want[(i, j)]);
            }
        }
    }

    /// Weights of a convolution and of a linear layer, with their averages, after `steps` steps.
    fn trained(threads: usize, steps: std::ops::Range<u64>, from: Option<&[(String, Tensor)]>) -> Bench {
        let start = [matrix(36, 8, 1).reshape((3, 3, 4, 8)).unwrap(), matrix(5, 7, 2)];
        let parameters: Vec<(String, Var)> =
            ["conv", "linear"].iter().zip(&start).map(|(n, t)| (n.to_string(), Var::from_tensor(t).unwrap())).collect();
        let averages: Vec<Var> = start.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
        let settings = MuonSettings { momentum: 0.9, weight_decay: 0.1 };
        let mut bench = Bench { muon: Muon::new(&parameters, settings).unwrap(), parameters, averages };
        if let Some(saved) = from {
            let find = |name: &str| saved.iter().find(|(n, _)| n == name).map(|(_, t)| t.clone());
            bench.muon.restore(find).unwrap();
            for (name, parameter) in &bench.parameters {
                parameter.set(&find(name).unwrap()).unwrap();
            }
        }
        let workers = Workers::new(threads).unwrap();
        for step in steps {
            let gradients =
                [matrix(36, 8, 3 + step as usize).reshape((3, 3, 4, 8)).unwrap(), matrix(5, 7, step as usize)];
            let update = Update { updates: step, lr: 0.1, gradient_scale: 0.5, fresh: 0.2 };
            let averages: Vec<&Var> = bench.averages.iter().collect();
            bench.muon.step(&gradients.iter().collect::<Vec<_>>(), &averages, update, &workers).unwrap();
        }
        bench
    }

    struct Bench {
        muon: Muon,
        parameters: Vec<(String, Var)>,
        averages: Vec<Var>,
    }

    impl Bench {
        fn numbers(&self) -> Vec<f32> {
            let all = self.parameters.iter().map(|(_, parameter)| parameter).chain(&self.averages);
            all.flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
        }
    }

    #[test]
    fn a_step_has_the_size_of_one_of_adamw() {
        let (before, after) = (trained(1, 1..1, None), trained(1, 1..2, None));
        let change: Vec<f64> = before.numbers()[..288]
            .iter()
            .zip(&after.numbers()[..288])
            // What weight decay takes away is not the step's.
            .map(|(a, b)| (*b as f64 - *a as f64 * (1.0 - 0.1 * 0.1)) / 0.1)
            .collect();
        let rms = (change.iter().map(|x| x * x).sum::<f64>() / change.len() as f64).sqrt();
        assert!((rms - 0.2).abs() < 0.05, "{rms}");
    }

    #[test]
    fn both_ways_to_step_agree() {
        let (one, other) = (trained(1, 1..1, None), trained(1, 1..1, None));
        let settings = one.muon.settings;
        for step in 1..6 {
            let update = Update { updates: step, lr: 0.1, gradient_scale: 0.5, fresh: 0.2 };
            for i in 0..2 {
                let gradient = normal(&mut generator(step, Stream::Noise, 0), one.parameters[i].1.elem_count());
                let shape = one.parameters[i].1.shape();
                let gradient = Tensor::from_vec(gradient, shape, &Device::Cpu).unwrap();
                one.muon.slots[i].step(&gradient, &one.averages[i], update, settings).unwrap();
                other.muon.slots[i].step_by_tensors(&gradient, &other.averages[i], update, settings).unwrap();
            }
        }
        for (a, b) in one.numbers().into_iter().zip(other.numbers()) {
            assert!((a - b).abs() < 1e-4, "{a} and {b}");
        }
    }

    #[test]
    fn the_numbers_do_not_depend_on_how_many_work() {
        assert_eq!(trained(1, 1..4, None).numbers(), trained(3, 1..4, None).numbers());
    }

    #[test]
    fn restored_momenta_go_on_bit_for_bit() {
        let straight = trained(1, 1..5, None);
        let half = trained(1, 1..3, None);
        let mut saved = half.muon.moments();
        saved.extend(half.parameters.iter().map(|(name, var)| (name.clone(), var.as_tensor().copy().unwrap())));
        let resumed = trained(1, 3..5, Some(&saved));
        let count = 288 + 35;
        assert_eq!(straight.numbers()[..count], resumed.numbers()[..count]);
    }

    #[test]
    fn a_missing_momentum_is_named() {
        let mut muon = trained(1, 1..1, None).muon;
        let error = muon.restore(|_| None).unwrap_err().to_string();
        assert!(error.contains("m.conv is missing"), "{error}");
    }
}
