//! Workers: the batch is split over the cores, and each works alone on its share.
//!
//! Each worker is a one-thread rayon pool, so whatever runs inside (the kernels, gemm) stays on that
//! one thread: no oversubscription, and results that depend on the number of workers but never on
//! timing.

use std::ops::Range;
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
