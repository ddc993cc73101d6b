//! Workers: the batch is split over the cores, and each works alone on its share, or on slices that they take in turns.
//!
//! Each worker is a one-thread rayon pool, so whatever runs inside (the kernels, gemm) stays on that
//! one thread: no oversubscription, and results that depend on the number of workers but never on
//! timing.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::process::enlarge_signal_stack;
use crate::ranks::{Alone, Collective};

/// One thread for each physical core, but no more than this process may use: a batch system, `taskset` or a
/// container's quota can leave it fewer, and workers that share a core wait for each other at every step.
pub fn default_threads() -> usize {
    let allowed = std::thread::available_parallelism().map_or(usize::MAX, usize::from);
    num_cpus::get_physical().min(allowed).max(1)
}

/// A fixed number of single-threaded workers.
pub struct Workers {
    pools: Vec<ThreadPool>,
    ranks: Arc<dyn Collective>,
}

impl Workers {
    /// `threads` workers; 0 means [`default_threads`].
    ///
    /// # Errors
    /// When the system refuses to start a thread.
    pub fn new(threads: usize) -> Result<Self> {
        let threads = if threads == 0 { default_threads() } else { threads };
        let pools = (0..threads.max(1))
            .map(|i| {
                ThreadPoolBuilder::new()
                    .num_threads(1)
                    .thread_name(move |_| format!("difflab-{i}"))
                    .start_handler(|_| enlarge_signal_stack())
                    .build()
                    .context("starting a training thread")
            })
            .collect::<Result<_>>()?;
        Ok(Self { pools, ranks: Arc::new(Alone) })
    }

    /// The same, of every rank: what draws samples and measures them divides its work over all.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn over(ranks: Arc<dyn Collective>, threads: usize) -> Result<Self> {
        Ok(Self { ranks, ..Self::new(threads)? })
    }

    /// Those that the work is divided over; this process alone, unless they were made with [`Self::over`].
    pub fn ranks(&self) -> &dyn Collective {
        &*self.ranks
    }

    pub fn threads(&self) -> usize {
        self.pools.len()
    }

    /// Consecutive, nearly equal shares of `0..n`: one a worker, none of them empty.
    pub fn shares(&self, n: usize) -> Vec<Range<usize>> {
        self.shares_at_most(n, self.pools.len())
    }

    /// The same for the first `most` workers alone, at least one.
    pub fn shares_at_most(&self, n: usize, most: usize) -> Vec<Range<usize>> {
        let parts = self.pools.len().min(most).min(n).max(1);
        (0..parts).map(|i| i * n / parts..(i + 1) * n / parts).collect()
    }

    /// Consecutive slices of `0..n` for [`Self::take_turns`]: a large one for each worker, together two thirds, then as many small ones, of `least`
    /// or more. So a worker that is half as fast as another one costs a third more time, not twice as much. Where there is too little for that, or one
    /// worker, they are [`Self::shares`].
    pub fn slices(&self, n: usize, least: usize) -> Vec<Range<usize>> {
        let workers = self.pools.len();
        let large = (2 * n).div_ceil(3 * workers);
        let rest = n.saturating_sub(workers * large);
        if workers == 1 || rest < workers * least.max(1) {
            return self.shares(n);
        }
        let small = self.shares(rest).into_iter().map(|share| n - rest + share.start..n - rest + share.end);
        (0..workers).map(|i| i * large..(i + 1) * large).chain(small).collect()
    }

    /// Runs `job(i)` for i in `0..n`; whichever worker is free takes the next, so one that is slowed down, by another program or
    /// because its core is a slow one, does less. Returns the results in order of i, whoever computed them: so what a job gives must not
    /// depend on its worker.
    ///
    /// # Panics
    /// As [`Self::run`].
    pub fn take_turns<R: Send>(&self, n: usize, job: impl Fn(usize) -> R + Sync) -> Vec<R> {
        let next = AtomicUsize::new(0);
        let taken = || std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&i| i < n));
        let done = self.run(self.pools.len().min(n), |_| taken().map(|i| (i, job(i))).collect::<Vec<_>>());
        let mut results: Vec<_> = done.into_iter().flatten().collect();
        results.sort_by_key(|(i, _)| *i);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Runs `job(i)` for i in `0..n` (n ≤ threads), each on its own worker, and returns the results
    /// in order of i.
    ///
    /// # Panics
    /// When a job panics: the panic goes on in the caller.
    pub fn run<R: Send>(&self, n: usize, job: impl Fn(usize) -> R + Sync) -> Vec<R> {
        assert!(n <= self.pools.len(), "{n} jobs for {} workers", self.pools.len());
        let mut results: Vec<Option<R>> = (0..n).map(|_| None).collect();
        start(&self.pools, &mut results, 0, &job);
        results.into_iter().map(|r| r.expect("every worker writes its result before its scope ends")).collect()
    }

    /// Runs `job` on each of `parts` (at most as many as threads), each on its own worker, and returns the results in
    /// their order.
    ///
    /// # Panics
    /// As [`Self::run`].
    pub fn run_on<T: Send, R: Send>(&self, parts: Vec<T>, job: impl Fn(T) -> R + Sync) -> Vec<R> {
        let parts: Vec<Mutex<Option<T>>> = parts.into_iter().map(|part| Mutex::new(Some(part))).collect();
        self.run(parts.len(), |i| {
            let part = parts[i].lock().unwrap_or_else(PoisonError::into_inner).take();
            job(part.expect("each job runs once, and takes the part of its own number"))
        })
    }
}

/// Starts job `i` on the first pool and the rest on the others; returns when all are done.
fn start<R: Send>(pools: &[ThreadPool], results: &mut [Option<R>], i: usize, job: &(impl Fn(usize) -> R + Sync)) {
    if let (Some((pool, pools)), Some((slot, results))) = (pools.split_first(), results.split_first_mut()) {
        pool.in_place_scope(|scope| {
            scope.spawn(move |_| *slot = Some(job(i)));
            start(pools, results, i + 1, job);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_everything_once_and_none_is_empty() {
        let workers = Workers::new(3).unwrap();
        for n in 1..20 {
            let shares = workers.shares(n);
            let all: Vec<usize> = shares.iter().cloned().flatten().collect();
            assert_eq!(all, (0..n).collect::<Vec<_>>());
            assert!(shares.iter().all(|s| !s.is_empty()));
        }
        assert_eq!(workers.shares_at_most(10, 2), [0..5, 5..10]);
        assert_eq!(workers.shares_at_most(10, 0).len(), 1);
    }

    #[test]
    fn slices_cover_everything_once_and_become_smaller() {
        let slices = |workers: usize, n: usize, least: usize| -> Vec<usize> {
            let slices = Workers::new(workers).unwrap().slices(n, least);
            assert_eq!(slices.iter().cloned().flatten().collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
            slices.into_iter().map(|slice| slice.len()).collect()
        };
        assert_eq!(slices(2, 64, 2), [22, 22, 10, 10]);
        assert_eq!(slices(2, 16, 2), [6, 6, 2, 2]);
        assert_eq!(slices(3, 31, 3), [7, 7, 7, 3, 3, 4]);
        assert_eq!(slices(3, 31, 4), [10, 10, 11]);
        assert_eq!(slices(1, 64, 2), [64]);
        assert_eq!(slices(2, 1, 2), [1]);
        assert_eq!((slices(2, 1, 0), slices(2, 2, 0)), (vec![1], vec![1, 1]));
    }

    #[test]
    fn whoever_is_free_takes_the_next_turn() {
        let workers = Workers::new(2).unwrap();
        // The first turn lasts until all others are over, so the other worker has to take them.
        let over = AtomicUsize::new(0);
        let results = workers.take_turns(7, |i| {
            while i == 0 && over.load(Ordering::Acquire) < 6 {
                std::thread::yield_now();
            }
            over.fetch_add(1, Ordering::Release);
            (i, rayon::current_num_threads())
        });
        assert_eq!(results, (0..7).map(|i| (i, 1)).collect::<Vec<_>>());
        assert!(workers.take_turns(0, |i| i).is_empty());
    }

    #[test]
    fn parts_are_handed_out_in_order() {
        let mut numbers = [1, 2, 3, 4, 5];
        let parts: Vec<&mut [i32]> = numbers.chunks_mut(2).collect();
        let sums = Workers::new(3).unwrap().run_on(parts, |part| {
            part.iter_mut().for_each(|x| *x *= 10);
            part.iter().sum::<i32>()
        });
        assert_eq!((sums, numbers), (vec![30, 70, 50], [10, 20, 30, 40, 50]));
    }

    #[test]
    fn results_come_back_in_order_from_single_threaded_workers() {
        let workers = Workers::new(3).unwrap();
        let results = workers.run(3, |i| (i, rayon::current_num_threads()));
        assert_eq!(results, vec![(0, 1), (1, 1), (2, 1)]);
    }
}
