//! On tiles, which tests run in plain Rust too, beside f32 on vectors, which other tests hold against the reference.

use proptest::prelude::*;

use super::*;
use crate::kernels::buffers::{Scratch, filled_many};

/// Rounding a factor is off by 1.1e-3 in the root mean square. A gradient of q or k goes through three products, and
/// through differences of numbers that are nearly alike.
const TOLERANCE: [f64; 4] = [6e-3, 1.2e-2, 1.2e-2, 6e-3];
/// Below this no product was rounded.
const ROUNDED: f64 = 3e-4;

/// What scratch memory held before must not matter.
fn spoil_scratch() {
    let all: Vec<_> = (0..14).map(|i| Scratch::new(64 << i)).collect();
    all.into_iter().for_each(|mut scratch| scratch.fill(f32::NAN));
}

/// Output and gradients.
fn all(way: Way, [q, k, v, d]: [&[f32]; 4], channels: usize, heads: usize) -> [Vec<f32>; 4] {
    let sample = HeadsSample::new([q, k, v], channels, heads);
    spoil_scratch();
    // SAFETY: all parts are written.
    let ([y], _) = unsafe { filled_many(1, [q.len()], |_, [out]| way.forward(sample, out)) };
    spoil_scratch();
    // SAFETY: all parts are written.
    let ([dq, dk, dv], _) = unsafe { filled_many(1, [q.len(); 3], |_, gradients| way.backward(sample, d, gradients)) };
    [y, dq, dk, dv]
}

fn relative_rms(got: &[f32], want: &[f32]) -> f64 {
    let squares = |all: &mut dyn Iterator<Item = f64>| all.map(|x| x * x).sum::<f64>();
    let off = squares(&mut got.iter().zip(want).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    (off / squares(&mut want.iter().map(|&x| f64::from(x)))).sqrt()
}

/// Numbers from -1.5 to 1.5.
fn numbers(seed: usize, len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 9973) as f32 / 3324.0 - 1.5).collect()
}

fn check(positions: usize, heads: usize, d: usize) {
    let channels = heads * d;
    let inputs = [1, 2, 3, 4].map(|seed| numbers(seed, positions * channels));
    let inputs = inputs.each_ref().map(Vec::as_slice);
    let want = all(Way::Vectors(Isa::current()), inputs, channels, heads);
    for isa in TileIsa::available() {
        let got = all(Way::Tiles(isa), inputs, channels, heads);
        for (i, what) in ["output", "gradient of q", "gradient of k", "gradient of v"].iter().enumerate() {
            let place = format!("{what} of {positions} positions, {heads} heads of {d}, on {isa:?}");
            // With one position, or nearly one, the scores have no gradient to speak of.
            if positions < 8 && (i == 1 || i == 2) {
                assert!(got[i].iter().all(|x| x.is_finite()), "{place}");
                continue;
            }
            let off = relative_rms(&got[i], &want[i]);
            assert!(off < TOLERANCE[i] && off > ROUNDED, "{place}: off by {off:.1e}");
        }
    }
}

#[test]
fn attention_of_the_networks_agrees_within_bf16_rounding() {
    for (positions, heads, d) in [(196, 4, 8), (49, 8, 8), (64, 2, 16), (256, 1, 64), (1, 2, 8), (32, 1, 32)] {
        check(positions, heads, d);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: prop::test_runner::RngSeed::Fixed(5), ..<_>::default() })]

    #[test]
    fn attention_of_any_shape_agrees_within_bf16_rounding(positions in 1..120usize, heads in 1..6usize, half in 1..35usize) {
        check(positions, heads, 2 * half);
    }
}

#[test]
fn a_row_of_weights_is_that_of_its_query_alone() {
    // The last query is NaN: the outputs of all others stay what they are, whatever shares a tile with them.
    let (positions, channels) = (37, 8);
    let [mut q, k, v, d] = [1, 2, 3, 4].map(|seed| numbers(seed, positions * channels));
    for isa in TileIsa::available() {
        let before = all(Way::Tiles(isa), [&q, &k, &v, &d], channels, 1)[0].clone();
        let kept = std::mem::replace(&mut q[positions * channels - 1], f32::NAN);
        let after = all(Way::Tiles(isa), [&q, &k, &v, &d], channels, 1)[0].clone();
        q[positions * channels - 1] = kept;
        let last = (positions - 1) * channels;
        assert_eq!(before[..last], after[..last], "{isa:?}");
        assert!(after[last..].iter().all(|x| x.is_nan()), "{isa:?}");
    }
}
