//! Does another device compute what the CPU does? Each operation of the networks, forward and in every gradient, and the
//! steps of the optimizers, on the same numbers on both.

use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use serde::Serialize;

use crate::config::{Config, OptimizerName, Precision};
use crate::kernels::{self, Padding, ResidualBlock, Workers};
use crate::random::{Stream, generator, normal};
use crate::train::{Optimizer, Update};

/// How far apart numbers may be, as a share of the largest of their tensor: sums of thousands of f32 in another order.
pub const TOLERANCE: f64 = 1e-4;

/// One operation on both devices.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    pub name: String,
    /// Of the result and of each gradient, by name: the largest difference, as a share of the largest number.
    pub differences: Vec<(String, f64)>,
}

impl Compared {
    /// The largest of its differences; infinite where one is NaN.
    pub fn worst(&self) -> f64 {
        let known = |d: f64| if d.is_nan() { f64::INFINITY } else { d };
        self.differences.iter().map(|(_, d)| known(*d)).fold(0.0, f64::max)
    }

    pub fn agrees(&self) -> bool {
        self.worst() <= TOLERANCE
    }
}

type Make = Box<dyn Fn(&[&Tensor]) -> candle_core::Result<Tensor>>;

/// Arguments by name and shape, and what is made of them.
struct Operation {
    name: String,
    arguments: Vec<(&'static str, Vec<usize>)>,
    make: Make,
}

/// Compares everything; `say` is told what comes next.
///
/// # Errors
/// When an operation fails on either device.
pub fn agreement(device: &Device, mut say: impl FnMut(&str)) -> Result<Vec<Compared>> {
    let mut all = Vec::new();
    for operation in operations() {
        say(&operation.name);
        all.push(operation.compare(device)?);
    }
    for (name, optimizer) in [("AdamW", OptimizerName::Adamw), ("Muon", OptimizerName::Muon)] {
        say(name);
        let steps = |device| steps(optimizer, device);
        let differences = differences(&steps(&Device::Cpu)?, &steps(device)?)?;
        all.push(Compared { name: format!("{name}, 3 steps"), differences });
    }
    Ok(all)
}

impl Operation {
    fn compare(&self, device: &Device) -> Result<Compared> {
        let (ours, theirs) = (self.on(&Device::Cpu)?, self.on(device)?);
        Ok(Compared { name: self.name.clone(), differences: differences(&ours, &theirs)? })
    }

    /// The result and the gradient of each argument, by name.
    fn on(&self, device: &Device) -> Result<Vec<(String, Tensor)>> {
        let arguments = self
            .arguments
            .iter()
            .zip(1..)
            .map(|((_, shape), index)| Ok(Var::from_tensor(&numbers(index, shape, device)?)?))
            .collect::<Result<Vec<Var>>>()?;
        let tensors: Vec<&Tensor> = arguments.iter().map(Var::as_tensor).collect();
        let y = (self.make)(&tensors)?;
        let gradients = (&y * numbers(0, y.dims(), device)?)?.sum_all()?.backward()?;
        let mut all = vec![("result".to_string(), y.detach())];
        for ((name, _), argument) in self.arguments.iter().zip(&arguments) {
            let gradient =
                gradients.get(argument).ok_or_else(|| anyhow::anyhow!("{}: no gradient of {name}", self.name))?;
            all.push((format!("d {name}"), gradient.clone()));
        }
        Ok(all)
    }
}

/// The same standard normal numbers on any device.
fn numbers(index: u64, shape: &[usize], device: &Device) -> Result<Tensor> {
    let numbers = normal(&mut generator(0, Stream::Noise, index), shape.iter().product());
    Ok(Tensor::from_vec(numbers, shape, device)?)
}

fn differences(ours: &[(String, Tensor)], theirs: &[(String, Tensor)]) -> Result<Vec<(String, f64)>> {
    let pairs = ours.iter().zip(theirs);
    pairs.map(|((name, a), (_, b))| Ok((name.clone(), difference(a, b)?))).collect()
}

/// The largest difference, as a share of the largest number; NaN where one is.
fn difference(a: &Tensor, b: &Tensor) -> Result<f64> {
    let values = |x: &Tensor| x.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>();
    let (a, b) = (values(a)?, values(b)?);
    anyhow::ensure!(a.len() == b.len(), "{} numbers on one device, {} on the other", a.len(), b.len());
    let largest = a.iter().fold(1e-6f64, |most, x| most.max(f64::from(x.abs())));
    let mut apart = 0.0f64;
    for (a, b) in a.iter().zip(&b) {
        let d = f64::from((a - b).abs());
        if d.is_nan() {
            return Ok(f64::NAN);
        }
        apart = apart.max(d);
    }
    Ok(apart / largest)
}

const EPS: f64 = 1e-5;

fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    let mut add = |name: String, arguments: &[(&'static str, &[usize])], make: Make| {
        let arguments = arguments.iter().map(|(name, shape)| (*name, shape.to_vec())).collect();
        all.push(Operation { name, arguments, make });
    };
    let full = Precision::F32;
    for (k, stride, padding, what) in [
        (3, 1, Padding::Same, ""),
        (3, 2, Padding::Same, ", stride 2"),
        (3, 2, Padding::RightBottom, ", stride 2, zeros at the right and below"),
        (1, 1, Padding::Same, ""),
    ] {
        for (n, h, w, c_in, c_out) in [(2, 14, 14, 32, 64), (3, 9, 7, 3, 5)] {
            for bias in [&[c_out][..], &[n, c_out]] {
                let each = if bias.len() == 2 { ", a bias a sample" } else { "" };
                add(
                    format!("convolution {k}×{k}, {h}×{w}×{c_in} to {c_out}{what}{each}"),
                    &[("x", &[n, h, w, c_in]), ("w", &[k, k, c_in, c_out]), ("b", bias)],
                    Box::new(move |a| kernels::conv2d(a[0], a[1], a[2], stride, padding, full)),
                );
            }
        }
    }
    add(
        "upsampling and convolution".into(),
        &[("x", &[4, 7, 7, 32]), ("w", &[3, 3, 32, 32]), ("b", &[32])],
        Box::new(move |a| kernels::upsample_conv2d(a[0], a[1], a[2], full)),
    );
    for shape in [&[32, 64][..], &[8, 7, 7, 64]] {
        add(
            format!("linear layer on {shape:?}"),
            &[("x", shape), ("w", &[64, 48]), ("b", &[48])],
            Box::new(|a| kernels::linear(a[0], a[1], a[2], Precision::F32)),
        );
    }
    for silu in [false, true] {
        for (affine, each) in [(&[64][..], ""), (&[4, 64], ", FiLM")] {
            for groups in [8, 64, 1] {
                add(
                    format!("group norm, {groups} groups{}{each}", if silu { ", SiLU" } else { "" }),
                    &[("x", &[4, 14, 14, 64]), ("w", affine), ("b", affine)],
                    Box::new(move |a| kernels::group_norm(a[0], a[1], a[2], groups, EPS, silu)),
                );
            }
        }
    }
    add(
        "scale and shift told by the time".into(),
        &[("film", &[8, 64]), ("w", &[32]), ("b", &[32])],
        Box::new(|a| {
            let (w, b) = kernels::film(a[0], a[1], a[2])?;
            Tensor::cat(&[w, b], 1)
        }),
    );
    for heads in [1, 8] {
        let x: &[usize] = &[4, 7, 7, 64];
        add(
            format!("attention, {heads} heads"),
            &[("q", x), ("k", x), ("v", x)],
            Box::new(move |a| kernels::attention(a[0], a[1], a[2], heads, Precision::F32)),
        );
    }
    let x: &[usize] = &[4, 7, 7, 32];
    add("upsampling".into(), &[("x", x)], Box::new(|a| kernels::upsample_nearest2x(a[0])));
    add("concatenation".into(), &[("a", x), ("b", &[4, 7, 7, 20])], Box::new(|a| kernels::concat_channels(a[0], a[1])));
    add("SiLU".into(), &[("x", x)], Box::new(|a| kernels::silu(a[0])));
    add("squared error".into(), &[("a", x), ("b", x)], Box::new(|a| kernels::squared_error(a[0], a[1])));
    add(
        "residual block".into(),
        &[
            ("x", &[4, 14, 14, 32]),
            ("skip", &[4, 14, 14, 16]),
            ("norm1.w", &[48]),
            ("norm1.b", &[48]),
            ("conv1.w", &[3, 3, 48, 32]),
            ("conv1.b", &[4, 32]),
            ("norm2.w", &[4, 32]),
            ("norm2.b", &[4, 32]),
            ("conv2.w", &[3, 3, 32, 32]),
            ("conv2.b", &[32]),
            ("shortcut.w", &[1, 1, 48, 32]),
            ("shortcut.b", &[32]),
        ],
        Box::new(move |a| {
            let block = ResidualBlock {
                norm1: (a[2], a[3]),
                conv1: (a[4], a[5]),
                norm2: (a[6], a[7]),
                conv2: (a[8], a[9]),
                shortcut: Some((a[10], a[11])),
                groups: 8,
                eps: EPS,
                output_scale_factor: 1.0,
                precision: full,
            };
            kernels::residual_block(a[0], Some(a[1]), &block)
        }),
    );
    all
}

/// Parameters, averages and moments after three steps, by name.
fn steps(optimizer: OptimizerName, device: &Device) -> Result<Vec<(String, Tensor)>> {
    let config = Config::default();
    let config = crate::config::TrainConfig { optimizer, weight_decay: 0.01, ..config.train };
    let shapes: [&[usize]; 3] = [&[3, 3, 16, 32], &[64, 16], &[7]];
    let parameters = shapes
        .iter()
        .zip(1..)
        .map(|(shape, index)| Ok((format!("p{index}"), Var::from_tensor(&numbers(index, shape, device)?)?)))
        .collect::<Result<Vec<(String, Var)>>>()?;
    let averages: Vec<Var> =
        parameters.iter().map(|(_, p)| Ok(Var::from_tensor(&p.as_tensor().copy()?)?)).collect::<Result<_>>()?;
    let mut optimizer = Optimizer::new(&parameters, &config, |name| name != "p3")?;
    let workers = Workers::new(1)?;
    for step in 1..=3 {
        let gradients: Vec<Tensor> = shapes
            .iter()
            .zip(10 * step..)
            .map(|(shape, index)| numbers(index, shape, device))
            .collect::<Result<_>>()?;
        let update = Update { updates: step, lr: 1e-2, gradient_scale: 0.7, fresh: 0.1 };
        optimizer.step(&gradients, averages.iter(), update, &workers)?;
    }
    let of = |what: &str, i: usize, var: &Var| (format!("{what} {}", i + 1), var.as_detached_tensor());
    let mut all: Vec<(String, Tensor)> =
        parameters.iter().enumerate().map(|(i, (_, var))| of("parameter", i, var)).collect();
    all.extend(averages.iter().enumerate().map(|(i, var)| of("average", i, var)));
    all.extend(optimizer.moments());
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_agrees_with_itself_and_a_difference_is_seen() {
        let mut named = 0;
        let all = agreement(&Device::Cpu, |_| named += 1).unwrap();
        assert!(all.len() > 30 && named == all.len());
        for compared in &all {
            assert!(compared.agrees() && compared.worst() == 0.0, "{compared:?}");
            assert!(compared.differences.len() > 1);
        }
        let [a, b, c] = [1.0f32, 1.001, f32::NAN].map(|x| Tensor::new(&[0.5, x], &Device::Cpu).unwrap());
        assert!((difference(&a, &b).unwrap() - 1e-3).abs() < 1e-6);
        let compared =
            Compared { name: "one".into(), differences: vec![("result".into(), difference(&a, &c).unwrap())] };
        assert!(!compared.agrees());
    }
}
