//! Every operation against the reference in f64, forward and backward, with every instruction set
//! of this machine, at odd shapes.

use candle_core::{DType, Device, Result, Tensor, Var};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::RngExt;

use super::simd::forced::on_each;
use super::*;
use crate::config::Precision::F32;
use crate::random::{Stream, generator};

/// Numbers in -1..1, the same for the same seed.
pub(super) fn numbers(seed: u64, shape: &[usize]) -> Tensor {
    let mut rng = generator(seed, Stream::Weights, 0);
    let all: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(all, shape, &Device::Cpu).unwrap()
}

pub(super) fn flat(t: &Tensor) -> Vec<f64> {
    t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn largest(t: &Tensor) -> f64 {
    flat(t).iter().fold(1e-6, |m: f64, x| m.max(x.abs()))
}

/// Largest difference, relative to the largest reference number or to `floor` if that is larger.
fn difference(got: &Tensor, want: &Tensor, floor: f64) -> f64 {
    assert_eq!(got.dims(), want.dims());
    let (got, scale, want) = (flat(got), largest(want).max(floor), flat(want));
    assert!(got.iter().all(|x| x.is_finite()));
    got.iter().zip(&want).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs())) / scale
}

/// A value and the gradients of all inputs, for the loss Σ value · weights.
pub(super) fn with_gradients(inputs: &[Tensor], dtype: DType, f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Vec<Tensor> {
    let vars: Vec<Var> = inputs.iter().map(|t| Var::from_tensor(&t.to_dtype(dtype).unwrap()).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let value = f(&tensors).unwrap();
    let weights = numbers(77, value.dims()).to_dtype(dtype).unwrap();
    let gradients = (&value * weights).unwrap().sum_all().unwrap().backward().unwrap();
    let mut all = vec![value];
    all.extend(vars.iter().map(|v| gradients.get(v).expect("a gradient for every input").clone()));
    all
}

/// Checks `fast` against `reference` (in f64) on every instruction set. A gradient of few numbers can cancel to
/// almost nothing, so that no f32 sum gets its digits: one far smaller than the others is measured by theirs.
fn agrees(
    what: &str,
    inputs: &[Tensor],
    tolerance: f64,
    fast: impl Fn(&[Tensor]) -> Result<Tensor>,
    reference: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    let want = with_gradients(inputs, DType::F64, reference);
    let floor = 0.1 * want.iter().map(largest).fold(0.0, f64::max);
    on_each(|isa| {
        let got = with_gradients(inputs, DType::F32, &fast);
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let off = difference(got, want, floor);
            assert!(off <= tolerance, "{what} on {}: number {i} (0 the value) is off by {off:.1e}", isa.name());
        }
    });
}

fn check_conv(
    n: usize,
    (h, w): (usize, usize),
    (c_in, c_out): (usize, usize),
    k: usize,
    stride: usize,
    padding: Padding,
    per_sample: bool,
) {
    let bias: &[usize] = if per_sample { &[n, c_out] } else { &[c_out] };
    let inputs = [numbers(1, &[n, h, w, c_in]), numbers(2, &[k, k, c_in, c_out]), numbers(3, bias)];
    let what = format!("conv {n}×{h}×{w} {c_in}→{c_out} k{k} s{stride} {padding:?}");
    agrees(
        &what,
        &inputs,
        1e-5,
        |t| conv2d(&t[0], &t[1], &t[2], stride, padding, F32),
        |t| reference::conv2d(&t[0], &t[1], &t[2], stride, padding),
    );
}

#[test]
fn convolutions_of_the_networks_agree() {
    for (channels, size) in [((1, 32), 28), ((32, 32), 28), ((96, 32), 14), ((64, 64), 7), ((32, 1), 28), ((3, 48), 8)]
    {
        check_conv(2, (size, size), channels, 3, 1, Padding::Same, size == 14);
    }
    check_conv(2, (28, 28), (32, 32), 3, 2, Padding::Same, false);
    check_conv(2, (14, 14), (24, 24), 3, 2, Padding::RightBottom, true);
    check_conv(2, (14, 14), (96, 64), 1, 1, Padding::Same, false);
}

/// The residual block from `inputs`: x, the second input, then the block's tensors in their order.
fn check_residual_block(
    (n, h, w): (usize, usize, usize),
    (c_x, c_skip, c_out): (usize, usize, usize),
    groups: usize,
    film: bool,
    identity: bool,
    factor: f64,
    dropped: bool,
) {
    let c_in = c_x + c_skip;
    let c_out = if identity { c_in } else { c_out };
    let rows = |per_sample: bool, c: usize| if per_sample { vec![n, c] } else { vec![c] };
    let shapes = [
        vec![n, h, w, c_x],
        vec![n, h, w, c_skip.max(1)],
        vec![c_in],
        vec![c_in],
        vec![3, 3, c_in, c_out],
        rows(!film, c_out),
        rows(film, c_out),
        rows(film, c_out),
        vec![3, 3, c_out, c_out],
        vec![c_out],
        vec![1, 1, c_in, c_out],
        vec![c_out],
    ];
    let mut inputs: Vec<Tensor> = shapes.iter().enumerate().map(|(i, shape)| numbers(i as u64, shape)).collect();
    // Weights of about the size that keeps the activations' scale.
    for i in [4, 8, 10] {
        let fan_in = (inputs[i].elem_count() / c_out) as f64;
        inputs[i] = (&inputs[i] * fan_in.sqrt().recip()).unwrap();
    }
    if identity {
        inputs.truncate(10);
    }
    if c_skip == 0 {
        inputs.remove(1);
    }
    let apart = |t: &[Tensor]| {
        let (x, rest) = t.split_first().unwrap();
        let (skip, rest) = if c_skip == 0 { (None, rest) } else { (Some(rest[0].clone()), &rest[1..]) };
        (x.clone(), skip, rest.to_vec())
    };
    let what = format!("residual block {n}×{h}×{w} {c_x}+{c_skip}→{c_out} in {groups}, dropped: {dropped}");
    let mut asked = 0;
    let mask = dropped.then(|| {
        DropoutMask::new((n, h, w, c_out), 0.3, || {
            asked += 1;
            asked * asked % 11 < 3
        })
    });
    agrees(
        &what,
        &inputs,
        2e-5,
        |t| {
            let (x, skip, p) = apart(t);
            let block = ResidualBlock {
                norm1: (&p[0], &p[1]),
                conv1: (&p[2], &p[3]),
                norm2: (&p[4], &p[5]),
                conv2: (&p[6], &p[7]),
                shortcut: (!identity).then(|| (&p[8], &p[9])),
                groups,
                eps: 1e-5,
                output_scale_factor: factor,
                precision: F32,
            };
            residual_block_dropping(&x, skip.as_ref(), &block, mask.clone())
        },
        |t| {
            let (x, skip, p) = apart(t);
            let x = skip.map_or(Ok(x.clone()), |skip| Tensor::cat(&[&x, &skip], 3))?;
            let h = reference::group_norm(&x, &p[0], &p[1], groups, 1e-5, true)?;
            let h = reference::conv2d(&h, &p[2], &p[3], 1, Padding::Same)?;
            let h = reference::group_norm(&h, &p[4], &p[5], groups, 1e-5, true)?;
            let h = match &mask {
                Some(mask) => (&h * mask.tensor(h.device())?.to_dtype(h.dtype())?)?,
                None => h,
            };
            let h = reference::conv2d(&h, &p[6], &p[7], 1, Padding::Same)?;
            let round = if identity { x } else { reference::conv2d(&x, &p[8], &p[9], 1, Padding::Same)? };
            (h + round)? / factor
        },
    );
}

#[test]
fn residual_blocks_of_the_networks_agree() {
    check_residual_block((2, 28, 28), (32, 0, 32), 8, false, true, 1.0, false);
    check_residual_block((2, 14, 14), (64, 32, 32), 8, true, false, 1.0, false);
    check_residual_block((9, 7, 7), (64, 64, 64), 8, false, false, 2.0, true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn residual_blocks_of_any_shape_agree(
        n in 1..4usize, h in 4..10usize, w in 4..10usize, groups in 1..4usize, per_group in 2..9usize,
        c_skip in 0..20usize, out_per_group in 2..9usize, film: bool, identity: bool, halved: bool,
        dropped: bool,
    ) {
        let c_in = groups * per_group;
        let c_skip = c_skip.min(c_in - 1);
        let factor = if halved { 2.0 } else { 1.0 };
        let channels = (c_in - c_skip, c_skip, groups * out_per_group);
        check_residual_block((n, h, w), channels, groups, film, identity, factor, dropped);
    }

    #[test]
    fn convolutions_of_any_shape_agree(
        n in 1..4usize, h in 2..17usize, w in 2..17usize, c_in in 1..40usize, c_out in 1..40usize,
        three: bool, stride in 1..3usize, right_bottom: bool, per_sample: bool,
    ) {
        let padding = if right_bottom && three { Padding::RightBottom } else { Padding::Same };
        check_conv(n, (h, w), (c_in, c_out), if three { 3 } else { 1 }, stride, padding, per_sample);
    }

    #[test]
    fn convolutions_that_winograd_takes_agree(
        n in 1..4usize, h in 3..15usize, w in 3..15usize, c_in in 1..4usize, c_out in 1..4usize, per_sample: bool,
    ) {
        check_conv(n, (h, w), (16 * c_in, 16 * c_out), 3, 1, Padding::Same, per_sample);
    }

    #[test]
    fn convolutions_to_few_channels_agree(
        n in 1..4usize, h in 2..15usize, w in 2..15usize, c_in in 1..4usize, c_out in 1..5usize, stride in 1..3usize,
        per_sample: bool,
    ) {
        check_conv(n, (h, w), (16 * c_in, c_out), 3, stride, Padding::Same, per_sample);
    }

    #[test]
    fn linear_layers_of_any_shape_agree(rows in 1..200usize, c_in in 1..70usize, c_out in 1..70usize) {
        let inputs = [numbers(1, &[rows, c_in]), numbers(2, &[c_in, c_out]), numbers(3, &[c_out])];
        agrees("linear", &inputs, 1e-5, |t| linear(&t[0], &t[1], &t[2], F32), |t| reference::linear(&t[0], &t[1], &t[2]));
    }

    #[test]
    fn group_norms_of_any_shape_agree(
        n in 1..4usize, h in 3..10usize, w in 4..10usize, groups in 1..9usize, per_group in 1..9usize,
        silu: bool, per_sample: bool, mean in prop::sample::select(vec![0.0, 3.0, 100.0]),
    ) {
        let c = groups * per_group;
        let affine: &[usize] = if per_sample { &[n, c] } else { &[c] };
        let x = (numbers(1, &[n, h, w, c]) + mean).unwrap();
        let inputs = [x, numbers(2, affine), numbers(3, affine)];
        let what = format!("group norm {n}×{h}×{w}×{c} in {groups}, mean {mean}");
        agrees(
            &what,
            &inputs,
            1e-5,
            |t| group_norm(&t[0], &t[1], &t[2], groups, 1e-5, silu),
            |t| reference::group_norm(&t[0], &t[1], &t[2], groups, 1e-5, silu),
        );
    }

    #[test]
    fn normalized_convolutions_agree(
        n in 1..4usize, h in 3..10usize, w in 4..10usize, groups in 1..5usize, per_group in 1..9usize,
        c_out in 1..40usize, three: bool, per_sample: (bool, bool),
    ) {
        let (c, k) = (groups * per_group, if three { 3 } else { 1 });
        let rows = |per_sample, c| if per_sample { vec![n, c] } else { vec![c] };
        let inputs = [
            numbers(1, &[n, h, w, c]),
            numbers(2, &rows(per_sample.0, c)),
            numbers(3, &rows(per_sample.0, c)),
            numbers(4, &[k, k, c, c_out]),
            numbers(5, &rows(per_sample.1, c_out)),
        ];
        let what = format!("norm and conv {n}×{h}×{w} {c}→{c_out} k{k} in {groups}");
        // The gradient of one channel's scale is a single sum over everything, which may cancel.
        let tolerance = if c < 4 { 5e-5 } else { 1e-5 };
        agrees(
            &what,
            &inputs,
            tolerance,
            |t| norm_silu_conv2d(&t[0], (&t[1], &t[2]), groups, 1e-5, &t[3], &t[4], F32),
            |t| {
                let normed = reference::group_norm(&t[0], &t[1], &t[2], groups, 1e-5, true)?;
                reference::conv2d(&normed, &t[3], &t[4], 1, Padding::Same)
            },
        );
    }

    #[test]
    fn attention_of_any_shape_agrees(
        n in 1..4usize, h in 1..11usize, w in 1..11usize, heads in 1..5usize, d in 1..40usize,
    ) {
        let shape = [n, h, w, heads * d];
        let inputs = [(numbers(1, &shape) * 3.0).unwrap(), numbers(2, &shape), numbers(3, &shape)];
        let what = format!("attention {n}×{h}×{w}, {heads} heads of {d}");
        agrees(
            &what,
            &inputs,
            1e-5,
            |t| attention(&t[0], &t[1], &t[2], heads, F32),
            |t| reference::attention(&t[0], &t[1], &t[2], heads),
        );
    }

    #[test]
    fn resampling_and_concatenation_agree(
        n in 1..4usize, h in 1..8usize, w in 1..8usize, a in 1..20usize, b in 1..20usize,
    ) {
        let inputs = [numbers(1, &[n, h, w, a]), numbers(2, &[n, h, w, b])];
        agrees("upsampling", &inputs[..1], 1e-6, |t| upsample_nearest2x(&t[0]), |t| reference::upsample_nearest2x(&t[0]));
        agrees("concatenation", &inputs, 0.0, |t| concat_channels(&t[0], &t[1]), |t| Tensor::cat(t, 3));
    }

    #[test]
    fn convolutions_of_doubled_images_agree(
        n in 1..4usize, h in 1..8usize, w in 2..8usize, c_in in 1..40usize, c_out in 1..40usize, three: bool,
        sixteen: bool, per_sample: bool,
    ) {
        let (c_in, c_out) = if sixteen { (16 * c_in.div_ceil(16), 16 * c_out.div_ceil(16)) } else { (c_in, c_out) };
        let k = if three { 3 } else { 1 };
        let bias: &[usize] = if per_sample { &[n, c_out] } else { &[c_out] };
        let inputs = [numbers(1, &[n, h, w, c_in]), numbers(2, &[k, k, c_in, c_out]), numbers(3, bias)];
        let what = format!("upsample and conv {n}×{h}×{w} {c_in}→{c_out} k{k}");
        agrees(
            &what,
            &inputs,
            1e-5,
            |t| upsample_conv2d(&t[0], &t[1], &t[2], F32),
            |t| reference::conv2d(&reference::upsample_nearest2x(&t[0])?, &t[1], &t[2], 1, Padding::Same),
        );
    }

    #[test]
    fn elementwise_operations_agree(n in 1..5usize, len in 1..20_000usize) {
        let inputs = [(numbers(1, &[n, len]) * 9.0).unwrap(), numbers(2, &[n, len])];
        agrees("silu", &inputs[..1], 1e-6, |t| silu(&t[0]), |t| t[0].silu());
        agrees(
            "squared error", &inputs, 1e-5,
            |t| squared_error(&t[0], &t[1]), |t| reference::squared_error(&t[0], &t[1]),
        );
    }
}

#[test]
fn a_mean_of_a_thousand_deviations_does_not_spoil_a_group_norm() {
    let x = (numbers(1, &[2, 28, 28, 32]) + 1000.0).unwrap();
    let inputs = [x, numbers(2, &[32]), numbers(3, &[32])];
    agrees(
        "group norm",
        &inputs,
        1e-5,
        |t| group_norm(&t[0], &t[1], &t[2], 8, 1e-5, true),
        |t| reference::group_norm(&t[0], &t[1], &t[2], 8, 1e-5, true),
    );
}

#[test]
fn a_mean_that_is_guessed_from_far_off_pixels_does_not_spoil_a_group_norm() {
    // The pixels that it is guessed from are the only ones that are not around -300: it is off by four deviations.
    let mut x = flat(&numbers(1, &[2, 28, 28, 32]));
    x.chunks_mut(32).enumerate().for_each(|(i, pixel)| {
        pixel.iter_mut().for_each(|x| *x += if i % 784 % 16 == 0 { 500.0 } else { -300.0 });
    });
    let x: Vec<f32> = x.into_iter().map(|x| x as f32).collect();
    let inputs = [Tensor::from_vec(x, (2, 28, 28, 32), &Device::Cpu).unwrap(), numbers(2, &[32]), numbers(3, &[32])];
    agrees(
        "group norm",
        &inputs,
        1e-5,
        |t| group_norm(&t[0], &t[1], &t[2], 8, 1e-5, true),
        |t| reference::group_norm(&t[0], &t[1], &t[2], 8, 1e-5, true),
    );
}

#[test]
fn extreme_numbers_stay_finite_and_nan_stays_visible() {
    on_each(|_| {
        let x = Tensor::from_vec(vec![-1e30f32, -200.0, 200.0, 1e30, f32::NAN], (5,), &Device::Cpu).unwrap();
        let y = silu(&x).unwrap().to_vec1::<f32>().unwrap();
        assert!(y[0].abs() < 1e-6 && y[1].abs() < 1e-6 && y[2] == 200.0 && y[3] == 1e30 && y[4].is_nan(), "{y:?}");
        let q = (numbers(1, &[1, 3, 3, 8]) * 1e4).unwrap();
        let out = attention(&q, &q, &numbers(2, &[1, 3, 3, 8]), 2, F32).unwrap();
        assert!(out.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().all(|x| x.is_finite()));
    });
}

#[test]
fn gradients_are_finite_differences() {
    let inputs = [numbers(1, &[2, 5, 5, 6]), numbers(2, &[3, 3, 6, 8]), numbers(3, &[2, 8])];
    let f = |t: &[Tensor]| {
        let h = conv2d(&t[0], &t[1], &t[2], 1, Padding::Same, F32)?;
        let h = group_norm(&h, &t[2], &t[2], 4, 1e-5, true)?;
        let h = attention(&h, &h, &h, 2, F32)?;
        let h = upsample_nearest2x(&h)?;
        concat_channels(&h, &silu(&h)?)
    };
    on_each(|_| {
        let gradients = with_gradients(&inputs, DType::F32, f);
        let loss = |t: &[Tensor]| -> f64 {
            let y = f(t).unwrap();
            (&y * numbers(77, y.dims())).unwrap().to_dtype(DType::F64).unwrap().sum_all().unwrap().to_scalar().unwrap()
        };
        for i in 0..inputs.len() {
            let direction = numbers(9, inputs[i].dims());
            let step = 1e-2;
            let moved = |sign: f64| {
                let mut t = inputs.clone();
                t[i] = (&t[i] + (&direction * (sign * step)).unwrap()).unwrap();
                loss(&t)
            };
            let slope = (moved(1.0) - moved(-1.0)) / (2.0 * step);
            let want: f32 = (&gradients[i + 1] * &direction).unwrap().sum_all().unwrap().to_scalar().unwrap();
            let off = (slope - want as f64).abs() / (want.abs() as f64).max(1.0);
            assert!(off < 2e-2, "input {i}: slope {slope}, gradient {want}");
        }
    });
}

#[test]
fn a_residual_block_without_gradients_is_the_same_and_one_input_may_do_without() {
    let v = numbers(1, &[16]);
    let (x, w) = (Var::from_tensor(&numbers(2, &[3, 8, 8, 16])).unwrap(), numbers(3, &[3, 3, 16, 16]));
    let weight = Var::from_tensor(&w).unwrap();
    let block = |w| ResidualBlock {
        norm1: (&v, &v),
        conv1: (w, &v),
        norm2: (&v, &v),
        conv2: (w, &v),
        shortcut: None,
        groups: 4,
        eps: 1e-5,
        output_scale_factor: 1.0,
        precision: F32,
    };
    let plain = residual_block(&x.as_detached_tensor(), None, &block(&w)).unwrap();
    let of_x = residual_block(x.as_tensor(), None, &block(&w)).unwrap();
    let of_w = residual_block(&x.as_detached_tensor(), None, &block(weight.as_tensor())).unwrap();
    for y in [&of_x, &of_w] {
        assert_eq!(difference(y, &plain, 0.0), 0.0);
    }
    let gradients = [of_x, of_w].map(|y| y.sum_all().unwrap().backward().unwrap());
    assert!(gradients[0].get(&x).is_some() && gradients[0].get(&weight).is_none());
    assert!(gradients[1].get(&x).is_none() && gradients[1].get(&weight).is_some());
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let x = numbers(1, &[1, 4, 4, 8]);
    let w = numbers(2, &[3, 3, 8, 8]);
    let bias = numbers(3, &[8]);
    assert!(conv2d(&x, &w, &numbers(3, &[7]), 1, Padding::Same, F32).is_err());
    assert!(conv2d(&x, &numbers(2, &[3, 3, 7, 8]), &bias, 1, Padding::Same, F32).is_err());
    assert!(conv2d(&numbers(1, &[1, 1, 1, 8]), &w, &bias, 1, Padding::RightBottom, F32).is_err());
    assert!(linear(&x, &numbers(2, &[7, 8]), &bias, F32).is_err());
    assert!(group_norm(&x, &bias, &bias, 3, 1e-5, false).is_err());
    assert!(attention(&x, &x, &numbers(1, &[1, 4, 4, 4]), 2, F32).is_err());
    assert!(squared_error(&x, &w).is_err());
}

#[test]
fn results_are_the_same_every_time_for_the_same_number_of_threads() {
    let inputs = [numbers(1, &[5, 9, 9, 20]), numbers(2, &[3, 3, 20, 20]), numbers(3, &[20])];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let run = || {
        pool.install(|| {
            let all = with_gradients(&inputs, DType::F32, |t| {
                let h = upsample_conv2d(&conv2d(&t[0], &t[1], &t[2], 1, Padding::Same, F32)?, &t[1], &t[2], F32)?;
                let block = ResidualBlock {
                    norm1: (&t[2], &t[2]),
                    conv1: (&t[1], &t[2]),
                    norm2: (&t[2], &t[2]),
                    conv2: (&t[1], &t[2]),
                    shortcut: None,
                    groups: 4,
                    eps: 1e-5,
                    output_scale_factor: 1.0,
                    precision: F32,
                };
                residual_block(&h, None, &block)
            });
            all.iter().map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect::<Vec<_>>()
        })
    };
    let first = run();
    for _ in 0..5 {
        assert_eq!(run(), first);
    }
}
