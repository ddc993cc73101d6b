//! A panic of the worker's threads is an error like any other.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;

/// A mistake of ours that ended the thread.
#[derive(Debug, thiserror::Error)]
#[error("the training thread panicked: {0}\n  this is a bug in difflab")]
pub(super) struct Panicked(String);

/// Runs `f`; a panic in it becomes a [`Panicked`].
pub(super) fn guarded<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic leaves half done is not used again: the worker ends.
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| Err(panic_error(panic.as_ref())))
}

pub(super) fn panic_error(panic: &(dyn Any + Send)) -> anyhow::Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| text.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into());
    Panicked(text).into()
}
