//! Each operation of the networks, and beside it the same made of candle's own operations: forward,
//! and forward with backward, at shapes of the reference network (32, 64, 64 channels), 16 samples,
//! one thread.
//!
//! `cargo bench --bench kernels -- conv` runs those whose name contains "conv".

use std::hint::black_box;
use std::time::Duration;

use candle_core::{DType, Device, Result, Tensor, Var};
use criterion::{Criterion, criterion_group, criterion_main};
use difflab::config::Precision;
use difflab::kernels::{self, Padding, Workers, reference};
use difflab::random::{Stream, generator, normal};

#[global_allocator]
static ALLOCATOR: kernels::memory::Allocator = kernels::memory::Allocator;

const N: usize = 16;

/// What both sides compute.
type Operation<'a> = dyn Fn(&[Tensor]) -> Result<Tensor> + Sync + 'a;

fn numbers(seed: u64, shape: &[usize]) -> Tensor {
    let mut rng = generator(seed, Stream::Noise, 0);
    Tensor::from_vec(normal(&mut rng, shape.iter().product()), shape, &Device::Cpu).expect("a tensor of these numbers")
}

/// Times `fast` and `slow`, without and with gradients of all inputs.
fn compare(c: &mut Criterion, name: &str, shapes: &[&[usize]], fast: &Operation, slow: &Operation) {
    time(c, name, shapes, [("kernel", fast), ("candle", slow)]);
}

/// Times both sides, without and with gradients of all inputs.
fn time(c: &mut Criterion, name: &str, shapes: &[&[usize]], sides: [(&str, &Operation); 2]) {
    let workers = Workers::new(1).expect("a thread");
    let vars: Vec<Var> = shapes
        .iter()
        .enumerate()
        .map(|(i, shape)| Var::from_tensor(&numbers(i as u64, shape)).expect("a variable"))
        .collect();
    let tracked: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let detached: Vec<Tensor> = vars.iter().map(|v| v.as_detached_tensor()).collect();
    let mut group = c.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    for (side, operation) in sides {
        group.bench_function(format!("{side} forward"), |b| {
            b.iter(|| workers.run(1, |_| black_box(operation(&detached).expect("the operation"))));
        });
        group.bench_function(format!("{side} with gradients"), |b| {
            b.iter(|| {
                workers.run(1, |_| {
                    let y = operation(&tracked).expect("the operation");
                    black_box(y.sum_all().and_then(|y| y.backward()).expect("the gradients"));
                })
            });
        });
    }
    group.finish();
}

fn convolutions(c: &mut Criterion) {
    for (c_in, c_out, size, k, stride) in [
        (32, 32, 28, 3, 1),
        (96, 32, 28, 3, 1),
        (64, 64, 14, 3, 1),
        (64, 64, 7, 3, 1),
        (16, 16, 28, 3, 1),
        (32, 32, 28, 3, 2),
        (1, 32, 28, 3, 1),
        (32, 1, 28, 3, 1),
        (96, 32, 28, 1, 1),
    ] {
        compare(
            c,
            &format!("conv {k}x{k} stride {stride}, {c_in} to {c_out}, {size}x{size}"),
            &[&[N, size, size, c_in], &[k, k, c_in, c_out], &[c_out]],
            &|t| kernels::conv2d(&t[0], &t[1], &t[2], stride, Padding::Same, Precision::F32),
            &|t| reference::conv2d(&t[0], &t[1], &t[2], stride, Padding::Same),
        );
    }
}

/// The kernels in mixed precision beside those in f32.
fn mixed_precision(c: &mut Criterion) {
    for (c_in, c_out, size) in [(16, 16, 28), (32, 32, 28), (96, 32, 28), (64, 64, 14), (128, 64, 14), (64, 64, 7)] {
        let convolution =
            |precision| move |t: &[Tensor]| kernels::conv2d(&t[0], &t[1], &t[2], 1, Padding::Same, precision);
        time(
            c,
            &format!("bf16: conv 3x3, {c_in} to {c_out}, {size}x{size}"),
            &[&[N, size, size, c_in], &[3, 3, c_in, c_out], &[c_out]],
            [("bf16", &convolution(Precision::Bf16)), ("f32", &convolution(Precision::F32))],
        );
    }
    for size in [14, 7] {
        let shape: &[usize] = &[N, size, size, 64];
        let attention = |precision| move |t: &[Tensor]| kernels::attention(&t[0], &t[1], &t[2], 8, precision);
        time(
            c,
            &format!("bf16: attention, 8 heads of 8, {size}x{size}"),
            &[shape, shape, shape],
            [("bf16", &attention(Precision::Bf16)), ("f32", &attention(Precision::F32))],
        );
    }
}

fn other_operations(c: &mut Criterion) {
    for (channels, size) in [(32, 28), (64, 7)] {
        compare(
            c,
            &format!("group norm and silu, {channels}, {size}x{size}"),
            &[&[N, size, size, channels], &[channels], &[channels]],
            &|t| kernels::group_norm(&t[0], &t[1], &t[2], 8, 1e-5, true),
            &|t| reference::group_norm(&t[0], &t[1], &t[2], 8, 1e-5, true),
        );
    }
    let shape: &[usize] = &[N, 7, 7, 64];
    compare(
        c,
        "attention, 8 heads of 8, 7x7",
        &[shape, shape, shape],
        &|t| kernels::attention(&t[0], &t[1], &t[2], 8, Precision::F32),
        &|t| reference::attention(&t[0], &t[1], &t[2], 8),
    );
    compare(c, "upsample 64, 14x14", &[&[N, 14, 14, 64]], &|t| kernels::upsample_nearest2x(&t[0]), &|t| {
        reference::upsample_nearest2x(&t[0])
    });
    compare(
        c,
        "linear 128 to 128",
        &[&[64, 128], &[128, 128], &[128]],
        &|t| kernels::linear(&t[0], &t[1], &t[2], Precision::F32),
        &|t| reference::linear(&t[0], &t[1], &t[2]),
    );
}

/// The optimizer over 1.6 million parameters in tensors of a network's sizes.
fn optimizer(c: &mut Criterion) {
    use kernels::optimizer::{AdamWStep, Slot, adamw_ema_step};
    let workers = Workers::new(0).expect("threads");
    let sizes = [36_864; 44];
    let like = |seed| -> Vec<Tensor> { sizes.iter().map(|&n| numbers(seed, &[n])).collect() };
    let zeros = || -> Vec<Tensor> {
        sizes.iter().map(|&n| Tensor::zeros(n, DType::F32, &Device::Cpu).expect("zeros")).collect()
    };
    let (parameters, gradients, averages) = (like(1), like(2), like(1));
    let (first, second) = (zeros(), zeros());
    let slots: Vec<Slot> = (0..sizes.len())
        .map(|i| Slot {
            parameter: &parameters[i],
            first_moment: &first[i],
            second_moment: &second[i],
            average: &averages[i],
            gradient: &gradients[i],
        })
        .collect();
    let step = AdamWStep {
        gradient_scale: 1.0,
        betas: (0.9, 0.999),
        eps: 1e-8,
        rate: 1e-4,
        root: 1.0,
        keep: 1.0,
        fresh: 1e-3,
    };
    c.bench_function("adamw and average of 1.6 million parameters", |b| {
        b.iter(|| adamw_ema_step(&workers, &slots, &step).expect("a step"));
    });
}

fn settle(_: &mut Criterion) {
    kernels::memory::keep_pages();
    kernels::threads::prepare();
}

criterion_group!(benches, settle, convolutions, mixed_precision, other_operations, optimizer);
criterion_main!(benches);
