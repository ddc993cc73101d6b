//! candle's own thread pool: its waiting threads spin, and would fight the workers for the cores.

/// Keeps candle from starting threads of its own. Call it first thing in `main`: candle looks once,
/// before its first operation.
pub fn keep_candle_single_threaded() {
    // SAFETY: called at the start of `main`, before any other thread exists that could read the
    // environment at the same time.
    unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
}
