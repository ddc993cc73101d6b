//! Against the definition, over small whole numbers: their products and sums are exact in any order, so nothing may differ.

use proptest::prelude::*;

use super::convolution::TileConvolution;
use super::weight_gradient::WeightSum;
use super::*;
use crate::kernels::Padding;
use crate::kernels::buffers::Scratch;
use crate::kernels::conv::out::{Add, Out};
use crate::kernels::factor::Rounded;
use crate::kernels::sides::Sides;

/// Small whole numbers, which products and sums keep exact.
fn whole_numbers(seed: usize, len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 17) as f32 - 8.0).collect()
}

/// Output, data gradient and weight gradient by their definition.
struct Defined {
    y: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
}

fn defined(g: &Geometry, x: &[f32], w: &[f32], dy: &[f32]) -> Defined {
    let mut all = Defined { y: vec![0.0; dy.len()], dx: vec![0.0; x.len()], dw: vec![0.0; w.len()] };
    for n in 0..g.n {
        for (oy, ox, ky, kx) in places(g) {
            let (iy, ix) = (g.stride * oy + ky, g.stride * ox + kx);
            if iy < g.before || ix < g.before || iy - g.before >= g.h || ix - g.before >= g.w {
                continue;
            }
            let from = ((n * g.h + iy - g.before) * g.w + ix - g.before) * g.c_in;
            let to = ((n * g.out_h + oy) * g.out_w + ox) * g.c_out;
            for i in 0..g.c_in {
                for o in 0..g.c_out {
                    let at = ((ky * g.k + kx) * g.c_in + i) * g.c_out + o;
                    all.y[to + o] += x[from + i] * w[at];
                    all.dx[from + i] += dy[to + o] * w[at];
                    all.dw[at] += x[from + i] * dy[to + o];
                }
            }
        }
    }
    all
}

fn places(g: &Geometry) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    let (h, w, k) = (g.out_h, g.out_w, g.k);
    (0..h * w * k * k).map(move |i| (i / (w * k * k), i / (k * k) % w, i / k % k, i % k))
}

/// What scratch memory held before must not matter, though zeros be all that it is multiplied by.
fn spoil_scratch() {
    let all: Vec<_> = (0..12).map(|i| Scratch::new(64 << i)).collect();
    all.into_iter().for_each(|mut scratch| scratch.fill(f32::NAN));
}

/// The first 16 channels of each pixel, and the others.
fn apart(x: &[f32], channels: usize) -> [Vec<f32>; 2] {
    let pixels = x.chunks_exact(channels);
    [
        pixels.clone().flat_map(|p| &p[..COLUMNS]).copied().collect(),
        pixels.flat_map(|p| &p[COLUMNS..]).copied().collect(),
    ]
}

fn in_two_pieces(forward: &TileConvolution, (x, channels): (&[f32], usize), want: &[f32], place: &str) {
    let apart = apart(x, channels);
    let source = Sides::two([&apart[0], &apart[1]], [COLUMNS, channels - COLUMNS]).unwrap();
    let mut out = Vec::with_capacity(want.len());
    forward.run(source.into(), &[], Out::new(&mut out.spare_capacity_mut()[..want.len()], Add::Nothing));
    // SAFETY: `run` has written all of it.
    unsafe { out.set_len(want.len()) };
    assert_eq!(out, want, "output of {place} in two pieces");
}

/// The numbers rounded once, for a convolution and for the weights' gradient.
fn rounded_before(
    (forward, back): (&TileConvolution, &TileConvolution),
    g: &Geometry,
    (x, dy): (&[f32], &[f32]),
    want: &Defined,
    place: &str,
) {
    let isa = forward.isa();
    let (mut x_room, mut dy_room) = (Scratch::new(0), Scratch::new(0));
    let (x_rounded, x_sums) = Rounded::of(isa, x, (g.c_in, g.input_len()), &mut x_room);
    let (dy_rounded, _) = Rounded::of(isa, dy, (g.c_out, g.output_len()), &mut dy_room);
    let sum = |i: usize| -> f32 {
        x[i / g.c_in * g.input_len()..][..g.input_len()].iter().skip(i % g.c_in).step_by(g.c_in).sum()
    };
    assert!((0..g.n * g.c_in).all(|i| x_sums[i] == sum(i)), "sums over the pixels of {place}");
    let ways = [(forward, x_rounded, &want.y, "output"), (back, dy_rounded, &want.dx, "data gradient")];
    for (way, source, want, what) in ways {
        let mut out = Vec::with_capacity(want.len());
        way.run(source.into(), &[], Out::new(&mut out.spare_capacity_mut()[..want.len()], Add::Nothing));
        // SAFETY: `run` has written all of it.
        unsafe { out.set_len(want.len()) };
        assert_eq!(out, *want, "{what} of {place}, rounded before");
    }
    let (x, dy) = (Sides::one(x, g.c_in).into(), Sides::one(dy, g.c_out).into());
    for (x, dy) in [(x_rounded.into(), dy_rounded.into()), (x, dy_rounded.into()), (x_rounded.into(), dy)] {
        let mut sum = WeightSum::on(isa, g);
        sum.add(x, dy);
        assert_eq!(sum.finish(), want.dw, "weight gradient of {place}, rounded before");
    }
}

fn check(n: usize, size: (usize, usize), channels: (usize, usize), k: usize) {
    check_strided(n, size, channels, (k, 1, Padding::Same));
}

fn check_strided(
    n: usize,
    (h, w): (usize, usize),
    (c_in, c_out): (usize, usize),
    (k, stride, padding): (usize, usize, Padding),
) {
    let Some(g) = Geometry::new(&[n, h, w, c_in], &[k, k, c_in, c_out], stride, padding) else { return };
    let out_pixels = g.out_h * g.out_w;
    let (x, weights) = (whole_numbers(1, n * h * w * c_in), whole_numbers(2, k * k * c_in * c_out));
    let (dy, bias) = (whole_numbers(3, n * out_pixels * c_out), whole_numbers(4, n * c_out));
    let want = defined(&g, &x, &weights, &dy);
    spoil_scratch();
    for isa in TileIsa::available() {
        let place = format!("{n}×{h}×{w} {c_in}→{c_out}, {k}×{k}, stride {stride}, {padding:?} on {isa:?}");
        let forward = TileConvolution::on(isa, &g, &weights);
        assert_eq!(forward.run_on_all(&x, &[]), want.y, "output of {place}");
        let mut out = Vec::with_capacity(dy.len());
        let source = Sides::one(&x, c_in).into();
        forward.run(source, &bias, Out::new(&mut out.spare_capacity_mut()[..dy.len()], Add::Numbers(&dy)));
        // SAFETY: `run` has written all of it.
        unsafe { out.set_len(dy.len()) };
        for (i, y) in out.iter().enumerate() {
            let sample = i / (out_pixels * c_out);
            assert_eq!(*y, want.y[i] + bias[sample * c_out + i % c_out] + dy[i], "number {i} of {place}");
        }
        let back = TileConvolution::data_gradient_on(isa, &g, &weights);
        assert_eq!(back.run_on_all(&dy, &[]), want.dx, "data gradient of {place}");
        let mut sum = WeightSum::on(isa, &g);
        sum.add(Sides::one(&x, c_in).into(), Sides::one(&dy, c_out).into());
        assert_eq!(sum.finish(), want.dw, "weight gradient of {place}");
        rounded_before((&forward, &back), &g, (&x, &dy), &want, &place);
        if c_in > COLUMNS {
            in_two_pieces(&forward, (&x, c_in), &want.y, &place);
            let apart = apart(&x, c_in);
            let mut sum = WeightSum::on(isa, &g);
            let x = Sides::two([&apart[0], &apart[1]], [COLUMNS, c_in - COLUMNS]).unwrap();
            sum.add(x.into(), Sides::one(&dy, c_out).into());
            assert_eq!(sum.finish(), want.dw, "weight gradient of {place} in two pieces");
        }
    }
}

#[test]
fn convolutions_are_what_their_definition_says() {
    check(2, (7, 7), (16, 32), 3);
    check(3, (5, 4), (48, 16), 3);
    check(1, (14, 14), (32, 48), 1);
    for (h, w) in [(1, 1), (1, 5), (5, 1), (2, 2)] {
        check(2, (h, w), (16, 48), 3);
        check(2, (h, w), (16, 16), 1);
    }
    check(1030, (1, 1), (16, 16), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: prop::test_runner::RngSeed::Fixed(5), ..<_>::default() })]

    #[test]
    fn convolutions_of_odd_shapes_are_what_their_definition_says(
        n in 1..4usize, h in 1..9usize, w in 1..9usize, c_in in 1..4usize, c_out in 1..4usize, three: bool,
    ) {
        check(n, (h, w), (16 * c_in, 16 * c_out), if three { 3 } else { 1 });
    }
}

#[test]
fn convolutions_that_halve_are_what_their_definition_says() {
    for padding in [Padding::Same, Padding::RightBottom] {
        for (h, w) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (7, 7), (8, 6), (5, 12), (14, 14)] {
            check_strided(3, (h, w), (32, 16), (3, 2, padding));
            check_strided(2, (h, w), (48, 48), (3, 2, padding));
        }
    }
    check_strided(5, (20, 20), (16, 32), (3, 2, Padding::Same));
}

#[test]
fn samples_that_go_in_groups_are_all_there() {
    // 1024 pixels go together: of 20 × 20 two samples.
    check(5, (20, 20), (16, 16), 3);
}

#[test]
fn only_whole_tiles_of_channels_in_bf16_are_taken() {
    let Some(isa) = Isa::available().into_iter().find(|isa| TileIsa::of(*isa).is_some()) else { return };
    let fits = |c_in, c_out, k, stride, precision| {
        let g = Geometry::new(&[2, 8, 8, c_in], &[k, k, c_in, c_out], stride, Padding::Same).unwrap();
        super::fits(&g.with_precision(precision), isa).is_some()
    };
    assert!(fits(16, 48, 3, 1, Precision::Bf16) && fits(32, 16, 1, 1, Precision::Bf16));
    assert!(fits(16, 16, 3, 2, Precision::Bf16) && !fits(16, 16, 1, 2, Precision::Bf16));
    assert!(!fits(16, 48, 3, 1, Precision::F32));
    assert!(!fits(1, 16, 3, 1, Precision::Bf16) && !fits(16, 24, 3, 1, Precision::Bf16));
}
