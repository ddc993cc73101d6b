//! The order in which training sees the images.

use std::cell::RefCell;

use rand::Rng;

use crate::random::{Stream, generator};

/// Indices of the images of one training step, `batch_size` of them.
///
/// Epoch after epoch of random permutations of `0..len` makes one endless stream, cut into batches; a
/// batch may straddle two epochs, so every image is seen equally often. A pure function of its
/// arguments: `step` counts from 0, and a resumed run asks for the steps it hasn't done.
pub fn indices_of_step(len: usize, batch_size: usize, seed: u64, step: u64) -> Vec<usize> {
    if len == 0 {
        return Vec::new();
    }
    let start = u128::from(step) * batch_size as u128;
    let mut indices = Vec::with_capacity(batch_size);
    while indices.len() < batch_size {
        let position = start + indices.len() as u128;
        let (epoch, offset) = ((position / len as u128) as u64, (position % len as u128) as usize);
        let wanted = batch_size - indices.len();
        with_permutation(len, seed, epoch, |order| {
            indices.extend(order[offset..].iter().take(wanted).map(|&i| i as usize));
        });
    }
    indices
}

/// Lends the permutation of one epoch. The last one is remembered, since steps come in order.
fn with_permutation(len: usize, seed: u64, epoch: u64, lend: impl FnOnce(&[u64])) {
    type Remembered = ((usize, u64, u64), Vec<u64>);
    thread_local! {
        static LAST: RefCell<Option<Remembered>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        let key = (len, seed, epoch);
        let (_, order) = match last {
            Some(remembered) if remembered.0 == key => remembered,
            _ => last.insert((key, permutation(len, &mut generator(seed, Stream::Order, epoch)))),
        };
        lend(order);
    });
}

/// Fisher–Yates, written out so that no library's next version changes the order of old runs.
pub(super) fn permutation(len: usize, rng: &mut impl Rng) -> Vec<u64> {
    let mut order: Vec<u64> = (0..len as u64).collect();
    for i in (1..len).rev() {
        // A 64-bit draw scaled to 0..=i: its bias is below 2^-40 for any dataset that fits in memory.
        let j = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
        order.swap(i, j as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_epoch_sees_every_image_once_though_batches_straddle_epochs() {
        let stream: Vec<usize> = (0..30).flat_map(|step| indices_of_step(10, 4, 3, step)).collect();
        for epoch in stream.chunks_exact(10) {
            assert_eq!(epoch.iter().copied().collect::<BTreeSet<_>>().len(), 10, "{epoch:?}");
        }
        assert_ne!(stream[..10], stream[10..20], "epochs differ");
    }

    #[test]
    fn a_step_is_the_same_whatever_came_before() {
        let straight: Vec<_> = (0..50).map(|step| indices_of_step(17, 5, 1, step)).collect();
        for step in (0..50).rev() {
            assert_eq!(indices_of_step(17, 5, 1, step), straight[step as usize]);
        }
        assert_ne!(indices_of_step(17, 5, 2, 0), straight[0]);
    }

    #[test]
    fn batches_larger_than_the_dataset_take_several_epochs() {
        let batch = indices_of_step(3, 8, 0, 1);
        assert_eq!(batch.len(), 8);
        assert!(batch.iter().all(|&i| i < 3));
        assert!(indices_of_step(0, 8, 0, 0).is_empty());
        assert_eq!(indices_of_step(3, 2, 0, u64::MAX).len(), 2);
    }

    #[test]
    fn all_orders_come_equally_often() {
        let mut counts = [0u32; 6];
        let mut rng = generator(0, Stream::Order, 0);
        for _ in 0..6000 {
            let p = permutation(3, &mut rng);
            counts[(p[0] * 2 + u64::from(p[1] > p[2])) as usize] += 1;
        }
        assert!(counts.iter().all(|&count| (880..1120).contains(&count)), "{counts:?}");
    }
}
