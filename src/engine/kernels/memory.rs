//! The process's allocator, for `main`.
//!
//! Tensors of megabytes come and go many times in a step. The system's allocator gives their pages
//! back and has every page cleared again; mimalloc keeps them (10 % of a training step, measured).

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_int, c_long};

use mimalloc::MiMalloc;

use crate::process::last_words::allocation_failed;

/// The allocator, for `#[global_allocator]`: mimalloc, which remembers what it could not give, so that the
/// abort that follows can be explained.
pub struct Allocator;

// SAFETY: every call is mimalloc's own, whose promises are those of the trait; noting a failure is one atomic
// store, and allocates nothing.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that mimalloc asks for; so below.
        noting(unsafe { MiMalloc.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        noting(unsafe { MiMalloc.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(at, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        noting(unsafe { MiMalloc.realloc(at, layout, new_size) }, new_size)
    }
}

#[inline]
fn noting(at: *mut u8, bytes: usize) -> *mut u8 {
    if at.is_null() {
        allocation_failed(bytes);
    }
    at
}

/// `mi_option_purge_delay` in mimalloc.h: milliseconds after which free memory goes back to the
/// system.
const PURGE_DELAY: c_int = 15;

/// Longer than any training step, so that a step never waits for pages that the last one had.
const KEEP_MS: c_long = 10_000;

// SAFETY: mimalloc.h declares it so.
unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
}

/// Lets [`Allocator`] keep free memory for ten seconds, unless `MIMALLOC_PURGE_DELAY` says
/// otherwise.
pub fn keep_pages() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: mimalloc.h declares the function so; any number is valid for any option.
        unsafe { mi_option_set(PURGE_DELAY, KEEP_MS) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SAFETY: mimalloc.h declares it so.
    unsafe extern "C" {
        fn mi_option_get(option: c_int) -> c_long;
    }

    #[test]
    fn the_option_is_the_purge_delay() {
        if std::env::var_os("MIMALLOC_PURGE_DELAY").is_some() {
            return;
        }
        // SAFETY: as in `keep_pages`.
        let now = || unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(now(), 1000, "mimalloc 3's default");
        keep_pages();
        assert_eq!(now(), KEEP_MS);
    }
}
