//! Which noise goes with which image of a batch.

use pathfinding::prelude::{Matrix, kuhn_munkres_min};

/// Products are counted in these parts for the assignment, which needs whole numbers.
const PARTS: f64 = 1e6;

/// The noise of a batch, sample by sample, in the order that makes Σ ‖x_0 − ε‖² least: minibatch optimal transport
/// (Pooladian et al. 2023, arXiv:2304.14772; Tong et al. 2024, arXiv:2302.00482). Both hold samples of `size` numbers
/// one after the other, as many of them.
///
/// The norms of all images and of all noise are the same in every order, so what counts is Σ x_0·ε.
pub fn by_optimal_transport(pixels: &[f32], noise: Vec<f32>, size: usize) -> Vec<f32> {
    let n = noise.len() / size.max(1);
    if n < 2 || pixels.len() != noise.len() {
        return noise;
    }
    let row = |all: &[f32], i: usize| -> Vec<f64> { all[i * size..][..size].iter().map(|&x| x as f64).collect() };
    let (images, draws): (Vec<_>, Vec<_>) = (0..n).map(|i| (row(pixels, i), row(&noise, i))).unzip();
    let product = |x: &[f64], e: &[f64]| x.iter().zip(e).map(|(x, e)| x * e).sum::<f64>();
    // Matrix products overflow no i64: |x_0·ε| is far below 1e12.
    let costs = Matrix::from_fn(n, n, |(i, j)| (-PARTS * product(&images[i], &draws[j])).clamp(-1e17, 1e17) as i64);
    let (_, chosen) = kuhn_munkres_min(&costs);
    chosen.into_iter().flat_map(|j| noise[j * size..][..size].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_gets_the_noise_that_makes_the_whole_sum_least() {
        let pixels = [1.0, 0.0, 0.0, 1.0, -1.0, -1.0];
        let noise = vec![-2.0, -2.0, 3.0, 0.1, 0.2, 0.5];
        assert_eq!(by_optimal_transport(&pixels, noise, 2), [3.0, 0.1, 0.2, 0.5, -2.0, -2.0]);
    }

    #[test]
    fn no_other_order_has_a_smaller_sum() {
        let wave = |k: usize| (0..8).map(|i| ((i * k) as f32 * 0.7).sin()).collect::<Vec<f32>>();
        let (pixels, noise) = (wave(3), wave(5));
        let distance = |noise: &[f32]| pixels.iter().zip(noise).map(|(x, e)| (x - e).powi(2)).sum::<f32>();
        let best = distance(&by_optimal_transport(&pixels, noise.clone(), 2));
        let mut order = [0, 1, 2, 3];
        let mut seen = 0;
        // Heap's algorithm over all 24 orders.
        fn each(k: usize, order: &mut [usize; 4], f: &mut impl FnMut(&[usize; 4])) {
            if k == 1 {
                return f(order);
            }
            for i in 0..k {
                each(k - 1, order, f);
                order.swap(if k.is_multiple_of(2) { i } else { 0 }, k - 1);
            }
        }
        each(4, &mut order, &mut |order| {
            let other: Vec<f32> = order.iter().flat_map(|&j| noise[2 * j..2 * j + 2].to_vec()).collect();
            assert!(distance(&other) >= best - 1e-5, "{order:?}");
            seen += 1;
        });
        assert_eq!(seen, 24);
    }

    #[test]
    fn a_single_sample_keeps_its_noise() {
        assert_eq!(by_optimal_transport(&[1.0, 2.0], vec![3.0, 4.0], 2), [3.0, 4.0]);
        assert!(by_optimal_transport(&[], vec![], 4).is_empty());
    }
}
