//! When numbers change in place, so that what was made of them can tell that it is old.

use std::sync::atomic::{AtomicU64, Ordering};

/// Changes in place so far, of any tensor of this process.
static SO_FAR: AtomicU64 = AtomicU64::new(0);

/// To be called after a tensor's numbers were changed in place: a parameter, an average, a checkpoint that was read into them.
pub fn note() {
    SO_FAR.fetch_add(1, Ordering::Release);
}

/// A number that is another one after every change.
pub(super) fn so_far() -> u64 {
    SO_FAR.load(Ordering::Acquire)
}
