//! What the process has to settle before the first tensor operation.

/// Settles candle's own threads and backtraces: call it first thing in `main`, before any other thread
/// starts.
///
/// candle splits some of its operations over a pool of its own, whose idle threads spin; beside our
/// workers, one for each core, they cost half of the speed (measured). `CANDLE_NUM_THREADS=1` turns
/// the pool off; candle reads it at its first operation.
///
/// Where `RUST_BACKTRACE` is set, candle's errors carry a backtrace within their text, and a sentence for a
/// person ends in a page of addresses. `RUST_LIB_BACKTRACE=0` leaves backtraces to panics.
///
/// A value that the user has set stays.
pub fn prepare() {
    for (key, value) in [("CANDLE_NUM_THREADS", "1"), ("RUST_LIB_BACKTRACE", "0")] {
        if std::env::var_os(key).is_none() {
            // SAFETY: no other thread runs yet that could read the environment at the same time: the
            // caller is the beginning of `main`, as documented.
            unsafe { std::env::set_var(key, value) };
        }
    }
}
