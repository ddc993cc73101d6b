//! Packed weights that are kept from call to call of a network, while nothing changes them.
//!
//! In training weights change with every step, and each operation packs its own. Sampling asks the same network again and again:
//! of 16 pictures with a small network a twentieth of each call would go into packing, and more if a batch goes through it in slices.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::TensorId;

use super::geometry::Geometry;
use super::prepared::Prepared;
use crate::kernels::changes;
use crate::kernels::simd::Isa;

/// Packed weights of a network.
#[derive(Default)]
pub struct KeptWeights(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Of [`changes::so_far`], when the first of them was packed.
    since: u64,
    /// Of each tensor, for every shape that it was used in.
    convolutions: HashMap<TensorId, Vec<Convolution>>,
    words: usize,
}

struct Convolution {
    isa: Isa,
    g: Geometry,
    prepared: Arc<Prepared>,
}

/// Words that are kept at most: 64 MiB. Winograd's weights are four times as many as those of the network.
const MOST_WORDS: usize = 16 << 20;

thread_local! {
    /// Where weights are kept, while [`keeping_weights`] runs on this thread.
    static CURRENT: RefCell<Option<Arc<KeptWeights>>> = const { RefCell::new(None) };
}

/// What `forward` returns. The convolutions and linear layers that it runs on this thread find their packed weights in `kept`, and leave
/// them there.
pub fn keeping_weights<R>(kept: &Arc<KeptWeights>, forward: impl FnOnce() -> R) -> R {
    /// Puts back what was there, even if `forward` panics.
    struct Before(Option<Arc<KeptWeights>>);
    impl Drop for Before {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _before = Before(CURRENT.replace(Some(kept.clone())));
    forward()
}

/// [`Prepared::forward`] with the numbers `w` of the tensor `id`.
pub(crate) fn forward(isa: Isa, g: &Geometry, id: TensorId, w: &[f32]) -> Arc<Prepared> {
    // Nothing that is prepared depends on the number of samples.
    let g = Geometry { n: 1, ..*g };
    let prepare = || Prepared::forward(isa, &g, w);
    match CURRENT.with_borrow(Option::clone) {
        Some(kept) => kept.forward(isa, g, id, prepare),
        None => Arc::new(prepare()),
    }
}

impl KeptWeights {
    fn forward(&self, isa: Isa, g: Geometry, id: TensorId, prepare: impl FnOnce() -> Prepared) -> Arc<Prepared> {
        let now = changes::so_far();
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut kept = lock();
            if kept.since != now {
                *kept = Kept { since: now, ..Kept::default() };
            }
            let of = kept.convolutions.get(&id).into_iter().flatten();
            if let Some(found) = of.into_iter().find(|c| (c.isa, c.g) == (isa, g)) {
                return found.prepared.clone();
            }
        }
        // Packed without the lock: another worker may do the same, and finds the same numbers.
        let mut prepared = prepare();
        let words = prepared.set_apart();
        let prepared = Arc::new(prepared);
        let mut kept = lock();
        if kept.since == now && kept.words + words <= MOST_WORDS {
            kept.words += words;
            kept.convolutions.entry(id).or_default().push(Convolution { isa, g, prepared: prepared.clone() });
        }
        prepared
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::*;
    use crate::config::Precision::{Bf16, F32};
    use crate::kernels::optimizer::with_mut;
    use crate::kernels::simd::forced::on_each;
    use crate::kernels::{Padding, ResidualBlock, conv2d, linear, residual_block, upsample_conv2d};

    fn numbers(seed: usize, shape: &[usize]) -> Tensor {
        let of = |i: usize| ((i * 7919 + seed * 104_729) % 17) as f32 * 0.1 - 0.8;
        Tensor::from_vec((0..shape.iter().product()).map(of).collect(), shape, &Device::Cpu).unwrap()
    }

    fn values(of: &Tensor) -> Vec<f32> {
        of.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn whatever_has_weights_finds_the_same_numbers_with_kept_ones_and_new_numbers_after_a_change() {
        on_each(|isa| {
            for precision in [F32, Bf16] {
                let (w, w2, round) =
                    (numbers(1, &[3, 3, 16, 16]), numbers(2, &[3, 3, 16, 16]), numbers(3, &[1, 1, 16, 16]));
                let (matrix, v) = (numbers(4, &[16, 16]), numbers(5, &[16]));
                let all = |x: &Tensor| -> Vec<Vec<f32>> {
                    let block = ResidualBlock {
                        norm1: (&v, &v),
                        conv1: (&w, &v),
                        norm2: (&v, &v),
                        conv2: (&w2, &v),
                        shortcut: Some((&round, &v)),
                        groups: 4,
                        eps: 1e-5,
                        output_scale_factor: 1.0,
                        precision,
                    };
                    let results = [
                        conv2d(x, &w, &v, 1, Padding::Same, precision),
                        conv2d(x, &w, &v, 2, Padding::Same, precision),
                        linear(x, &matrix, &v, precision),
                        upsample_conv2d(x, &w2, &v, precision),
                        residual_block(x, None, &block),
                    ];
                    results.into_iter().map(|y| values(&y.unwrap())).collect()
                };
                let kept = Arc::default();
                // Other numbers of samples, and other sizes with the same weights.
                for shape in [[3, 8, 8, 16], [1, 8, 8, 16], [2, 5, 6, 16]] {
                    let x = numbers(6, &shape);
                    for _ in 0..2 {
                        assert_eq!(keeping_weights(&kept, || all(&x)), all(&x), "{shape:?} on {}", isa.name());
                    }
                }
                for changed in [&w, &w2, &round, &matrix] {
                    with_mut(changed, |numbers| numbers.iter_mut().for_each(|x| *x += 0.25)).unwrap();
                }
                let x = numbers(6, &[3, 8, 8, 16]);
                assert_eq!(keeping_weights(&kept, || all(&x)), all(&x), "after a change on {}", isa.name());
            }
        });
    }

    #[test]
    fn weights_are_packed_once_for_a_shape_while_nothing_changes() {
        let isa = Isa::current();
        let w = Var::from_tensor(&numbers(1, &[3, 3, 16, 16])).unwrap();
        let g = |n, h| Geometry::new(&[n, h, 8, 16], w.dims(), 1, Padding::Same).unwrap();
        let (kept, numbers) = (Arc::default(), values(&w));
        let packed = |n, h| keeping_weights(&kept, || forward(isa, &g(n, h), w.id(), &numbers));
        // Other tests of this process change numbers, too.
        assert!((0..10_000).any(|_| Arc::ptr_eq(&packed(2, 8), &packed(5, 8))), "never the same");
        assert!(!Arc::ptr_eq(&packed(2, 8), &packed(2, 7)), "another size");
        let outside = || forward(isa, &g(2, 8), w.id(), &numbers);
        assert!(!Arc::ptr_eq(&outside(), &outside()));
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let w = vec![0.5; 9 * 512 * 512];
        let g = Geometry::new(&[1, 4, 4, 512], &[3, 3, 512, 512], 1, Padding::Same).unwrap();
        let kept = Arc::<KeptWeights>::default();
        for _ in 0..4 {
            let id = numbers(1, &[1]).id();
            keeping_weights(&kept, || forward(Isa::current(), &g, id, &w));
        }
        assert!(kept.0.lock().unwrap().words <= MOST_WORDS);
    }
}
