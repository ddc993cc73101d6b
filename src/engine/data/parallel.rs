//! Many files at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use super::DataError;
use super::watch::Watch;

/// How long the caller waits for a result before it looks whether it shall stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// Does `work` to each of `total` items, on all cores; results in the order of the items. Each thread has one
/// item at a time. A panic in `work` becomes that item's error.
///
/// # Errors
/// [`DataError::Interrupted`], soon after the watch says so.
pub(super) fn in_parallel<T: Send, R: Send>(
    items: impl Iterator<Item = T> + Send,
    total: usize,
    doing: &'static str,
    watch: &mut Watch,
    work: impl Fn(T) -> Result<R, String> + Sync,
) -> Result<Vec<Result<R, String>>, DataError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(total.max(1));
    let items = Mutex::new(items.enumerate());
    let stop = AtomicBool::new(false);
    let next = || {
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        items.next().filter(|_| !stop.load(Ordering::Relaxed))
    };
    let guarded =
        |item| catch_unwind(AssertUnwindSafe(|| work(item))).unwrap_or_else(|_| Err("the decoder failed on it".into()));
    std::thread::scope(|scope| {
        let (results, received) = mpsc::channel();
        for _ in 0..threads {
            let results = results.clone();
            let (next, guarded) = (&next, &guarded);
            scope.spawn(move || {
                while let Some((index, item)) = next() {
                    // The receiver outlives the threads.
                    let _ = results.send((index, guarded(item)));
                }
            });
        }
        drop(results);
        let mut done: Vec<Option<Result<R, String>>> = Vec::with_capacity(total);
        done.resize_with(total, || None);
        let mut count = 0;
        loop {
            match received.recv_timeout(PATIENCE) {
                Ok((index, result)) => {
                    count += 1;
                    if let Some(place) = done.get_mut(index) {
                        *place = Some(result);
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if let Err(interrupted) = watch.at(doing, count, total) {
                stop.store(true, Ordering::Relaxed);
                return Err(interrupted);
            }
        }
        Ok(done.into_iter().flatten().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_a_panic_costs_only_its_item() {
        let mut tell = |_| {};
        let work = |n: u32| if n == 7 { Err("seven".to_string()) } else { Ok(n * 2) };
        let results = in_parallel(0..1000, 1000, "counting", &mut Watch::new(&mut tell), work).unwrap();
        assert_eq!(results.len(), 1000);
        assert_eq!((&results[7], &results[999]), (&Err("seven".into()), &Ok(1998)));
        let panics = |n: u32| if n == 1 { panic!("on purpose") } else { Ok(n) };
        let results = in_parallel(0..3, 3, "counting", &mut Watch::new(&mut tell), panics).unwrap();
        assert_eq!(results, [Ok(0), Err("the decoder failed on it".into()), Ok(2)]);
    }
}
