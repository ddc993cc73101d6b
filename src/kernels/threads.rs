//! What the process has to settle before the first tensor operation.

/// Settles candle's own threads: call it first thing in `main`, before any other thread starts.
///
/// candle splits some of its operations over a pool of its own, whose idle threads spin; beside our
/// workers, one for each core, they cost half of the speed (measured). `CANDLE_NUM_THREADS=1` turns
/// the pool off; candle reads it at its first operation. A value that the user has set stays.
pub fn prepare() {
    const KEY: &str = "CANDLE_NUM_THREADS";
    if std::env::var_os(KEY).is_none() {
        // SAFETY: no other thread runs yet that could read the environment at the same time: the
        // caller is the beginning of `main`, as documented.
        unsafe { std::env::set_var(KEY, "1") };
    }
}
