//! NaN and ±∞ through every operation, forward and backward, with every instruction set: where the
//! reference has no finite number, the kernel must not have one either. A kernel that swallowed them
//! would let a diverging run go on unnoticed, on some machines and not on others.

use candle_core::{DType, Device, Result, Tensor};

use super::simd::forced::on_each;
use super::tests::{flat, numbers, with_gradients};
use super::*;
use crate::config::Precision::{self, Bf16, F32};

type Operation = fn(&[Tensor]) -> Result<Tensor>;

/// The tensor with `x` in its middle.
fn with(t: &Tensor, x: f32) -> Tensor {
    let mut all = t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let middle = all.len() / 2;
    all[middle] = x;
    Tensor::from_vec(all, t.dims(), &Device::Cpu).unwrap()
}

/// Puts each of NaN, ∞ and −∞ into each input in turn.
fn stays_visible(what: &str, shapes: &[&[usize]], fast: Operation, reference: Operation) {
    let finite: Vec<Tensor> = shapes.iter().enumerate().map(|(i, shape)| numbers(i as u64, shape)).collect();
    for spoilt in 0..finite.len() {
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut inputs = finite.clone();
            inputs[spoilt] = with(&inputs[spoilt], x);
            let want = with_gradients(&inputs, DType::F64, reference);
            assert!(want.iter().any(|t| flat(t).iter().any(|x| !x.is_finite())), "{what}: the reference swallows {x}");
            on_each(|isa| {
                let got = with_gradients(&inputs, DType::F32, fast);
                for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                    let hidden =
                        flat(got).iter().zip(flat(want)).any(|(got, want)| got.is_finite() && !want.is_finite());
                    let isa = isa.name();
                    assert!(!hidden, "{what} on {isa}: {x} in input {spoilt} is hidden in number {i} (0 the value)");
                }
            });
        }
    }
}

#[test]
fn convolutions_show_what_is_not_finite() {
    for (c_in, c_out, k) in [(16, 16, 3), (5, 7, 3), (16, 2, 3), (9, 8, 1)] {
        let shapes: [&[usize]; 3] = [&[2, 8, 8, c_in], &[k, k, c_in, c_out], &[c_out]];
        let what = format!("conv {c_in}→{c_out} k{k}");
        stays_visible(
            &what,
            &shapes,
            |t| conv2d(&t[0], &t[1], &t[2], 1, Padding::Same, F32),
            |t| reference::conv2d(&t[0], &t[1], &t[2], 1, Padding::Same),
        );
        stays_visible(
            &format!("strided {what}"),
            &shapes,
            |t| conv2d(&t[0], &t[1], &t[2], 2, Padding::Same, F32),
            |t| reference::conv2d(&t[0], &t[1], &t[2], 2, Padding::Same),
        );
        stays_visible(
            &format!("upsample and {what}"),
            &shapes,
            |t| upsample_conv2d(&t[0], &t[1], &t[2], F32),
            |t| reference::conv2d(&reference::upsample_nearest2x(&t[0])?, &t[1], &t[2], 1, Padding::Same),
        );
    }
}

#[test]
fn linear_layers_show_what_is_not_finite() {
    stays_visible(
        "linear",
        &[&[7, 9], &[9, 10], &[10]],
        |t| linear(&t[0], &t[1], &t[2], F32),
        |t| reference::linear(&t[0], &t[1], &t[2]),
    );
}

#[test]
fn normalizations_show_what_is_not_finite() {
    let shapes: [&[usize]; 3] = [&[2, 5, 5, 12], &[12], &[12]];
    stays_visible(
        "group norm",
        &shapes,
        |t| group_norm(&t[0], &t[1], &t[2], 3, 1e-5, false),
        |t| reference::group_norm(&t[0], &t[1], &t[2], 3, 1e-5, false),
    );
    stays_visible(
        "group norm with SiLU",
        &shapes,
        |t| group_norm(&t[0], &t[1], &t[2], 3, 1e-5, true),
        |t| reference::group_norm(&t[0], &t[1], &t[2], 3, 1e-5, true),
    );
    stays_visible(
        "norm and conv",
        &[&[2, 6, 6, 16], &[16], &[16], &[3, 3, 16, 16], &[16]],
        |t| norm_silu_conv2d(&t[0], (&t[1], &t[2]), 4, 1e-5, &t[3], &t[4], F32),
        |t| {
            let normed = reference::group_norm(&t[0], &t[1], &t[2], 4, 1e-5, true)?;
            reference::conv2d(&normed, &t[3], &t[4], 1, Padding::Same)
        },
    );
}

#[test]
fn residual_blocks_show_what_is_not_finite() {
    fn block(t: &[Tensor], precision: Precision) -> Result<Tensor> {
        let block = ResidualBlock {
            norm1: (&t[1], &t[2]),
            conv1: (&t[3], &t[4]),
            norm2: (&t[5], &t[6]),
            conv2: (&t[7], &t[8]),
            shortcut: None,
            groups: 4,
            eps: 1e-5,
            output_scale_factor: 1.0,
            precision,
        };
        residual_block(&t[0], None, &block)
    }
    fn plain(t: &[Tensor]) -> Result<Tensor> {
        let h = reference::group_norm(&t[0], &t[1], &t[2], 4, 1e-5, true)?;
        let h = reference::conv2d(&h, &t[3], &t[4], 1, Padding::Same)?;
        let h = reference::group_norm(&h, &t[5], &t[6], 4, 1e-5, true)?;
        &t[0] + reference::conv2d(&h, &t[7], &t[8], 1, Padding::Same)?
    }
    let (v, w): (&[usize], &[usize]) = (&[16], &[3, 3, 16, 16]);
    let ways: [Operation; 2] = [|t| block(t, F32), |t| block(t, Bf16)];
    for way in ways {
        stays_visible("residual block", &[&[2, 6, 6, 16], v, v, w, v, v, v, w, v], way, plain);
    }
}

#[test]
fn attention_shows_what_is_not_finite() {
    let shape: &[usize] = &[2, 3, 5, 8];
    let ways: [Operation; 2] =
        [|t| attention(&t[0], &t[1], &t[2], 2, F32), |t| attention(&t[0], &t[1], &t[2], 2, Bf16)];
    for way in ways {
        stays_visible("attention", &[shape; 3], way, |t| reference::attention(&t[0], &t[1], &t[2], 2));
    }
}

#[test]
fn scores_that_overflow_do_not_become_weights_of_zero() {
    // Three of the nine keys have scores beyond f32 with every query.
    let q = Tensor::full(1e20f32, (1, 3, 3, 4), &Device::Cpu).unwrap();
    let mut keys = vec![1.0f32; 36];
    keys[..12].fill(1e20);
    let k = Tensor::from_vec(keys, (1, 3, 3, 4), &Device::Cpu).unwrap();
    on_each(|isa| {
        for precision in [F32, Bf16] {
            let out = flat(&attention(&q, &k, &numbers(1, &[1, 3, 3, 4]), 1, precision).unwrap());
            assert!(out.iter().all(|x| x.is_nan()), "{} {precision:?}: {out:?}", isa.name());
        }
    });
}

#[test]
fn elementwise_operations_show_what_is_not_finite() {
    stays_visible("silu", &[&[3, 7]], |t| silu(&t[0]), |t| t[0].silu());
    stays_visible(
        "squared error",
        &[&[3, 7], &[3, 7]],
        |t| squared_error(&t[0], &t[1]),
        |t| reference::squared_error(&t[0], &t[1]),
    );
    stays_visible(
        "upsampling",
        &[&[1, 3, 3, 5]],
        |t| upsample_nearest2x(&t[0]),
        |t| reference::upsample_nearest2x(&t[0]),
    );
    let shape: &[usize] = &[1, 3, 3, 5];
    stays_visible("concatenation", &[shape; 2], |t| concat_channels(&t[0], &t[1]), |t| Tensor::cat(t, 3));
}
