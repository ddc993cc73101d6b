//! Convolutions in mixed precision against the reference in f64.

use candle_core::{DType, Device, Result, Tensor};
use proptest::prelude::*;

use super::simd::forced::on_each;
use super::simd::{Isa, PairIsa, TileIsa};
use super::tests::{flat, numbers, with_gradients};
use super::*;
use crate::config::Precision::{Bf16, F32};

/// Root of the mean square of the differences, relative to that of the reference.
fn relative_rms(got: &Tensor, want: &Tensor) -> f64 {
    assert_eq!(got.dims(), want.dims());
    let (got, want) = (flat(got), flat(want));
    let squares = |all: &mut dyn Iterator<Item = f64>| all.map(|x| x * x).sum::<f64>();
    let off = squares(&mut got.iter().zip(&want).map(|(a, b)| a - b));
    (off / squares(&mut want.iter().copied())).sqrt()
}

/// Rounding a factor to bf16 is off by up to 2⁻⁹, 1.1e-3 in the root mean square; both factors and the
/// transforms around them make 3e-3 to 4e-3 of it (measured; it does not grow with the shape).
const TOLERANCE: f64 = 7e-3;
/// Below this no product was rounded: an f32 kernel ran.
const ROUNDED: f64 = 3e-4;

fn check(n: usize, (h, w): (usize, usize), (c_in, c_out): (usize, usize), per_sample: bool) {
    let bias: &[usize] = if per_sample { &[n, c_out] } else { &[c_out] };
    let inputs = [numbers(1, &[n, h, w, c_in]), numbers(2, &[3, 3, c_in, c_out]), numbers(3, bias)];
    let want = with_gradients(&inputs, DType::F64, |t| reference::conv2d(&t[0], &t[1], &t[2], 1, Padding::Same));
    on_each(|isa| {
        let got = with_gradients(&inputs, DType::F32, |t| conv2d(&t[0], &t[1], &t[2], 1, Padding::Same, Bf16));
        for (i, what) in ["output", "data gradient", "weight gradient", "bias gradient"].iter().enumerate() {
            let off = relative_rms(&got[i], &want[i]);
            let place = format!("{what} of {n}×{h}×{w} {c_in}→{c_out} on {}: off by {off:.1e}", isa.name());
            assert!(off < TOLERANCE, "{place}");
            let in_bf16 = i < 3 && PairIsa::of(isa).is_some();
            assert_eq!(off > ROUNDED, in_bf16, "{place}");
        }
    });
}

#[test]
fn convolutions_of_the_networks_agree_within_bf16_rounding() {
    for (channels, size) in [((32, 32), 28), ((96, 32), 28), ((64, 64), 14), ((128, 64), 7), ((16, 16), 28)] {
        check(3, (size, size), channels, size == 14);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, rng_seed: prop::test_runner::RngSeed::Fixed(3), ..<_>::default() })]

    #[test]
    fn convolutions_of_odd_shapes_agree_within_bf16_rounding(
        n in 1..4usize, h in 3..16usize, w in 3..16usize, c_in in 1..5usize, c_out in 1..5usize, per_sample: bool,
    ) {
        check(n, (h, w), (16 * c_in, 16 * c_out), per_sample);
    }
}

#[test]
fn with_normalization_in_front_it_is_the_same_convolution() {
    let inputs = [
        numbers(1, &[2, 9, 7, 32]),
        numbers(2, &[32]),
        numbers(3, &[2, 32]),
        numbers(4, &[3, 3, 32, 48]),
        numbers(5, &[48]),
    ];
    let want = with_gradients(&inputs, DType::F64, |t| {
        let normed = reference::group_norm(&t[0], &t[1], &t[2], 8, 1e-5, true)?;
        reference::conv2d(&normed, &t[3], &t[4], 1, Padding::Same)
    });
    on_each(|isa| {
        let got = with_gradients(&inputs, DType::F32, |t| {
            norm_silu_conv2d(&t[0], (&t[1], &t[2]), 8, 1e-5, &t[3], &t[4], Bf16)
        });
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let off = relative_rms(got, want);
            assert!(off < 2.0 * TOLERANCE, "number {i} on {}: off by {off:.1e}", isa.name());
            // Of all, only the convolution's bias sums no products.
            assert_eq!(off > ROUNDED, i < 5 && PairIsa::of(isa).is_some(), "number {i}: {off:.1e}");
        }
    });
}

#[test]
fn convolutions_that_halve_agree_within_bf16_rounding_or_are_computed_in_f32() {
    let inputs = [numbers(1, &[3, 14, 9, 32]), numbers(2, &[3, 3, 32, 48]), numbers(3, &[48])];
    for padding in [Padding::Same, Padding::RightBottom] {
        let want = with_gradients(&inputs, DType::F64, |t| reference::conv2d(&t[0], &t[1], &t[2], 2, padding));
        on_each(|isa| {
            let got = with_gradients(&inputs, DType::F32, |t| conv2d(&t[0], &t[1], &t[2], 2, padding, Bf16));
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                let off = relative_rms(got, want);
                let tiles = TileIsa::of(isa).is_some();
                assert!(
                    off < TOLERANCE && (off > ROUNDED) == (tiles && i < 3),
                    "number {i} on {}: {off:.1e}",
                    isa.name()
                );
            }
        });
    }
}

#[test]
fn residual_blocks_of_two_inputs_agree_within_bf16_rounding() {
    // The second input's channels begin within a tile in the second case.
    for [a, b] in [[32, 16], [24, 24]] {
        let (c, v, w): (usize, &[usize], &[usize]) = (a + b, &[32], &[3, 3, 32, 32]);
        let inputs = [
            numbers(1, &[3, 9, 7, a]),
            numbers(2, &[3, 9, 7, b]),
            numbers(3, &[c]),
            numbers(4, &[c]),
            numbers(5, &[3, 3, c, 32]),
            numbers(6, &[3, 32]),
            numbers(7, &[3, 32]),
            numbers(8, v),
            numbers(9, w),
            numbers(10, v),
            numbers(11, &[1, 1, c, 32]),
            numbers(12, v),
        ];
        let want = with_gradients(&inputs, DType::F64, |t| {
            let x = Tensor::cat(&[&t[0], &t[1]], 3)?;
            let h = reference::conv2d(
                &reference::group_norm(&x, &t[2], &t[3], 8, 1e-5, true)?,
                &t[4],
                &t[5],
                1,
                Padding::Same,
            )?;
            let h = reference::group_norm(&h, &t[6], &t[7], 8, 1e-5, true)?;
            let h = reference::conv2d(&h, &t[8], &t[9], 1, Padding::Same)?;
            reference::conv2d(&x, &t[10], &t[11], 1, Padding::Same)? + h
        });
        on_each(|isa| {
            let got = with_gradients(&inputs, DType::F32, |t| {
                let block = ResidualBlock {
                    norm1: (&t[2], &t[3]),
                    conv1: (&t[4], &t[5]),
                    norm2: (&t[6], &t[7]),
                    conv2: (&t[8], &t[9]),
                    shortcut: Some((&t[10], &t[11])),
                    groups: 8,
                    eps: 1e-5,
                    output_scale_factor: 1.0,
                    precision: Bf16,
                };
                residual_block(&t[0], Some(&t[1]), &block)
            });
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                let off = relative_rms(got, want);
                assert!(off < 3.0 * TOLERANCE, "{a} + {b}, number {i} on {}: off by {off:.1e}", isa.name());
            }
            assert_eq!(relative_rms(&got[0], &want[0]) > ROUNDED, PairIsa::of(isa).is_some(), "{}", isa.name());
        });
    }
}

#[test]
fn what_has_no_kernel_in_bf16_is_computed_in_f32() {
    let x = numbers(1, &[2, 8, 8, 16]);
    let bits = |w: &[usize], stride, precision| {
        let (w, bias) = (numbers(2, w), numbers(3, &w[3..]));
        let y = conv2d(&x, &w, &bias, stride, Padding::Same, precision).unwrap();
        y.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    on_each(|_| {
        for (w, stride) in [([3, 3, 16, 32], 2), ([1, 1, 16, 32], 1), ([3, 3, 16, 3], 1), ([3, 3, 16, 24], 1)] {
            let same = bits(&w, stride, Bf16) == bits(&w, stride, F32);
            // 24 channels are whole vectors only where those are narrow; 1×1 convolutions and those that halve go on tiles.
            let (narrow, tiles) = (Isa::current().lanes() < 16, Isa::current().name() == "amx");
            assert!(same || w[3] == 24 && narrow || (w[0] == 1 || stride == 2) && tiles, "{w:?} with stride {stride}");
        }
    });
}

#[test]
fn bf16_gives_the_same_bits_every_time() {
    let inputs = [numbers(1, &[5, 9, 9, 16]), numbers(2, &[3, 3, 16, 32]), numbers(3, &[32])];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let run = || {
        pool.install(|| {
            let all = with_gradients(&inputs, DType::F32, |t| conv2d(&t[0], &t[1], &t[2], 1, Padding::Same, Bf16));
            all.iter().map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect::<Vec<_>>()
        })
    };
    let first = run();
    for _ in 0..5 {
        assert_eq!(run(), first);
    }
}

#[test]
fn nan_and_infinity_stay_visible_in_bf16() {
    on_each(|_| {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut pixels = vec![0.5f32; 4 * 4 * 16];
            pixels[5 * 16] = bad;
            let x = Tensor::from_vec(pixels, (1, 4, 4, 16), &Device::Cpu).unwrap();
            let y = conv2d(&x, &numbers(2, &[3, 3, 16, 16]), &numbers(3, &[16]), 1, Padding::Same, Bf16).unwrap();
            assert!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().any(|y| !y.is_finite()));
        }
    });
}

/// Value and gradients on each instruction set beside the reference; whether the products were rounded is what `rounded` says.
fn check_operation(
    what: &str,
    inputs: &[Tensor],
    rounded: impl Fn(Isa) -> bool,
    fast: impl Fn(&[Tensor]) -> Result<Tensor>,
    slow: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    let want = with_gradients(inputs, DType::F64, slow);
    on_each(|isa| {
        let got = with_gradients(inputs, DType::F32, &fast);
        // The bias comes last, and sums no products.
        for (i, (got, want)) in got.iter().zip(&want).enumerate().take(3) {
            let off = relative_rms(got, want);
            let place = format!("{what}, number {i}, on {}: off by {off:.1e}", isa.name());
            assert!(off < TOLERANCE, "{place}");
            assert_eq!(off > ROUNDED, rounded(isa), "{place}");
        }
    });
}

#[test]
fn pointwise_products_are_rounded_on_tiles_alone() {
    let tiles = |isa: Isa| isa.name() == "amx";
    let inputs = [numbers(1, &[3, 7, 5, 32]), numbers(2, &[1, 1, 32, 48]), numbers(3, &[3, 48])];
    check_operation(
        "1×1",
        &inputs,
        tiles,
        |t| conv2d(&t[0], &t[1], &t[2], 1, Padding::Same, Bf16),
        |t| reference::conv2d(&t[0], &t[1], &t[2], 1, Padding::Same),
    );
    for rows in [70, 128] {
        let inputs = [numbers(1, &[rows, 48]), numbers(2, &[48, 16]), numbers(3, &[16])];
        check_operation(
            "linear",
            &inputs,
            tiles,
            |t| linear(&t[0], &t[1], &t[2], Bf16),
            |t| reference::linear(&t[0], &t[1], &t[2]),
        );
    }
}

#[test]
fn convolutions_of_doubled_images_agree_within_bf16_rounding() {
    let inputs = [numbers(1, &[2, 4, 5, 16]), numbers(2, &[3, 3, 16, 32]), numbers(3, &[32])];
    check_operation(
        "doubled",
        &inputs,
        |isa| PairIsa::of(isa).is_some(),
        |t| upsample_conv2d(&t[0], &t[1], &t[2], Bf16),
        |t| reference::conv2d(&reference::upsample_nearest2x(&t[0])?, &t[1], &t[2], 1, Padding::Same),
    );
}
