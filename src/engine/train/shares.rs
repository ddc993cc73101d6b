//! How many workers may compute gradients at once: each needs gradients of all parameters of its own.

use crate::thousands::thousands;

/// What the gradients of all workers may need together, in bytes.
const MOST_BYTES: usize = 4 << 30;
/// As many gradients as weights, their average and both moments need anyway.
const ALWAYS: usize = 4;

/// Gradients that fit, for a network of `parameters` numbers.
fn fit(parameters: usize) -> usize {
    (MOST_BYTES / (size_of::<f32>() * parameters.max(1))).max(ALWAYS)
}

/// The most shares of a batch with a worker each, for `threads` workers and a network of `parameters` numbers.
pub fn most_shares(threads: usize, parameters: usize) -> usize {
    threads.min(fit(parameters))
}

/// How many gradients a worker holds at once that computes so many shards one after the other, and adds those that belong
/// together as soon as it can: one in the making, and one on each level of the tree above it.
fn held(shards: usize) -> usize {
    1 + shards.max(1).next_power_of_two().ilog2() as usize
}

/// The most workers that compute gradients of `shards` shards at once.
pub fn most_at_once(threads: usize, shards: usize, parameters: usize) -> usize {
    let fits = |workers: &usize| workers * held(shards.div_ceil(*workers)) <= fit(parameters).max(held(shards));
    (1..=threads.min(shards).max(1)).rev().find(fits).unwrap_or(1)
}

/// Says that not all of `threads` workers train at once, where there are `shards` shards for them. `of_memory`: the shards
/// are as few because their gradients fit in no greater number.
pub fn doubt(threads: usize, shards: usize, of_memory: bool, parameters: usize) -> Option<String> {
    let most = most_at_once(threads, shards, parameters);
    if most >= threads {
        return None;
    }
    if most == shards && !of_memory {
        return Some(format!(
            "{most} of {threads} threads compute gradients: there is a shard of the batch for each of them and no more \
             (train.shards, train.batch_size)"
        ));
    }
    Some(format!(
        "{most} of {threads} threads compute gradients: each needs {} MiB for those of {} parameters, and all together may \
         need {} GiB",
        ((parameters * size_of::<f32>()) >> 20) * held(shards.div_ceil(most)),
        thousands(parameters),
        MOST_BYTES >> 30
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLION: usize = 1_000_000;

    #[test]
    fn the_gradients_of_64_workers_are_bounded() {
        assert_eq!(most_shares(64, 2 * MILLION), 64);
        assert_eq!(doubt(64, 64, true, 2 * MILLION), None);
        for parameters in [35 * MILLION, 100 * MILLION, 270 * MILLION] {
            let most = most_shares(64, parameters);
            assert!(most < 64 && (most == ALWAYS || 4 * most * parameters <= MOST_BYTES), "{most}");
            let said = doubt(64, most, true, parameters);
            assert!(said.is_some_and(|said| said.contains(&format!("{most} of 64")) && said.contains("4 GiB")));
        }
        assert_eq!(most_shares(64, 1000 * MILLION), 4);
        assert_eq!(most_shares(2, 1000 * MILLION), 2);
        assert_eq!(most_shares(8, 0), 8);
    }

    #[test]
    fn a_worker_with_several_shards_holds_a_gradient_a_level() {
        assert_eq!([1, 2, 3, 4, 5, 8, 64].map(held), [1, 2, 3, 3, 4, 4, 7]);
        assert_eq!(most_at_once(2, 8, 2 * MILLION), 2);
        assert_eq!(most_at_once(16, 8, 2 * MILLION), 8);
        assert_eq!(most_at_once(64, 256, 35 * MILLION), 4, "30 gradients fit, and with 64 shards a worker holds 7");
        assert_eq!(most_at_once(8, 64, 1000 * MILLION), 1, "however large, one can");
    }

    #[test]
    fn too_few_shards_are_named() {
        let said = doubt(8, 2, false, 2 * MILLION).unwrap();
        assert!(said.starts_with("2 of 8 threads") && said.contains("train.shards"), "{said}");
        assert_eq!(doubt(8, 8, false, 2 * MILLION), None);
    }
}
