//! Into how many shares a batch may be split: each needs a gradient of all parameters of its own.

use crate::thousands::thousands;

/// What the gradients of all shares may need together, in bytes.
const MOST_BYTES: usize = 4 << 30;
/// As many gradients as weights, their average and both moments need anyway.
const ALWAYS: usize = 4;

/// The most shares for `threads` workers and a network of `parameters` numbers.
pub fn most_shares(threads: usize, parameters: usize) -> usize {
    let fit = MOST_BYTES / (size_of::<f32>() * parameters.max(1));
    threads.min(fit.max(ALWAYS))
}

/// Says that not all workers train at once.
pub fn idle_workers(threads: usize, parameters: usize) -> Option<String> {
    let most = most_shares(threads, parameters);
    (most < threads).then(|| {
        format!(
            "{most} of {threads} threads compute gradients: each needs {} MiB for those of {} parameters, and all together \
             may need {} GiB",
            (parameters * size_of::<f32>()) >> 20,
            thousands(parameters),
            MOST_BYTES >> 30
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradients_of_64_workers_are_bounded() {
        const MILLION: usize = 1_000_000;
        assert_eq!(most_shares(64, 2 * MILLION), 64);
        assert_eq!(idle_workers(64, 2 * MILLION), None);
        for parameters in [35 * MILLION, 100 * MILLION, 270 * MILLION] {
            let most = most_shares(64, parameters);
            assert!(most < 64 && (most == ALWAYS || 4 * most * parameters <= MOST_BYTES), "{most}");
            assert!(idle_workers(64, parameters).is_some_and(|said| said.contains(&format!("{most} of 64"))));
        }
        assert_eq!(most_shares(64, 1000 * MILLION), 4);
        assert_eq!(most_shares(2, 1000 * MILLION), 2);
        assert_eq!(most_shares(8, 0), 8);
    }
}
