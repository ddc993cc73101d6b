//! Memory for results and for scratch.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut, Range};

use rayon::prelude::*;

/// A new vector of `parts` equal parts of `len` numbers, each written by `fill(i, part)`, in
/// parallel on the current rayon pool.
///
/// # Safety
/// `fill` writes every number of the part that it is given.
pub(crate) unsafe fn filled(parts: usize, len: usize, fill: impl Fn(usize, Part<'_>) + Sync + Send) -> Vec<f32> {
    // SAFETY: the caller's promise.
    let ([out], _) = unsafe { filled_many(parts, [len], |i, [part]| fill(i, part)) };
    out
}

/// A piece of new memory, to be written.
pub(crate) type Part<'a> = &'a mut [MaybeUninit<f32>];

/// Several new vectors of `parts` parts each; `fill(i, the i-th part of each)` also returns something,
/// which is returned in order.
///
/// # Safety
/// `fill` writes every number of the parts that it is given.
pub(crate) unsafe fn filled_many<const K: usize, R: Send>(
    parts: usize,
    lens: [usize; K],
    fill: impl Fn(usize, [Part<'_>; K]) -> R + Sync + Send,
) -> ([Vec<f32>; K], Vec<R>) {
    let mut out = lens.map(|len| Vec::with_capacity(parts * len));
    let mut lens_left = lens.iter();
    let mut pieces = out.each_mut().map(|v: &mut Vec<f32>| {
        let len = lens_left.next().copied().unwrap_or(0);
        v.spare_capacity_mut()[..parts * len].chunks_exact_mut(len.max(1))
    });
    let none = || Default::default();
    let work: Vec<[Part<'_>; K]> =
        (0..parts).map(|_| pieces.each_mut().map(|p| p.next().unwrap_or_else(none))).collect();
    let done = if parts == 1 || rayon::current_num_threads() == 1 {
        work.into_iter().enumerate().map(|(i, parts)| fill(i, parts)).collect()
    } else {
        work.into_par_iter().enumerate().map(|(i, parts)| fill(i, parts)).collect()
    };
    for (v, len) in out.iter_mut().zip(lens) {
        // SAFETY: the capacity is there, and `fill` has written all of it.
        unsafe { v.set_len(parts * len) };
    }
    (out, done)
}

/// A new vector of `n` samples of `len` numbers: each thread's `fill(samples, part)` writes one share
/// of consecutive samples.
///
/// # Safety
/// `fill` writes every number of the part that it is given.
pub(crate) unsafe fn filled_shares(
    n: usize,
    len: usize,
    fill: impl Fn(Range<usize>, Part<'_>) + Sync + Send,
) -> Vec<f32> {
    // SAFETY: the caller's promise.
    let ([out], _) = unsafe { filled_shares_many(n, [len], |samples, [part]| fill(samples, part)) };
    out
}

/// Several new vectors of `n` samples; `fill(samples, the part of each)` also returns something, which
/// is returned in the order of the shares.
///
/// # Safety
/// `fill` writes every number of the parts that it is given.
pub(crate) unsafe fn filled_shares_many<const K: usize, R: Send>(
    n: usize,
    lens: [usize; K],
    fill: impl Fn(Range<usize>, [Part<'_>; K]) -> R + Sync + Send,
) -> ([Vec<f32>; K], Vec<R>) {
    let mut out = lens.map(|len| Vec::with_capacity(n * len));
    let mut lens_left = lens.iter();
    let mut rest = out.each_mut().map(|v: &mut Vec<f32>| {
        let len = lens_left.next().copied().unwrap_or(0);
        (&mut v.spare_capacity_mut()[..n * len], len)
    });
    let threads = rayon::current_num_threads().min(n);
    let mut work = Vec::with_capacity(threads);
    for i in 0..threads {
        let samples = share(n, threads, i);
        let parts = rest.each_mut().map(|(rest, len)| {
            let (part, after) = std::mem::take(rest).split_at_mut(samples.len() * *len);
            *rest = after;
            part
        });
        work.push((samples, parts));
    }
    let done = if threads == 1 {
        work.into_iter().map(|(samples, parts)| fill(samples, parts)).collect()
    } else {
        work.into_par_iter().map(|(samples, parts)| fill(samples, parts)).collect()
    };
    for (v, len) in out.iter_mut().zip(lens) {
        // SAFETY: the capacity is there, and `fill` has written all of it.
        unsafe { v.set_len(n * len) };
    }
    (out, done)
}

/// Runs `job(i)` for every part on the current rayon pool and returns the results in order.
pub(crate) fn each<R: Send>(parts: usize, job: impl Fn(usize) -> R + Sync + Send) -> Vec<R> {
    if parts == 1 || rayon::current_num_threads() == 1 {
        (0..parts).map(job).collect()
    } else {
        (0..parts).into_par_iter().map(job).collect()
    }
}

/// The part `i` of `parts` nearly equal, consecutive parts of `0..n`.
pub(crate) fn share(n: usize, parts: usize, i: usize) -> Range<usize> {
    i * n / parts..(i + 1) * n / parts
}

/// One cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

thread_local!(static POOL: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) });

/// Scratch numbers, aligned to a cache line, with whatever was in them before; the memory goes back
/// to its thread's pool when dropped.
pub(crate) struct Scratch {
    lines: Vec<Line>,
    len: usize,
    set_apart: bool,
}

impl Scratch {
    pub(crate) fn new(len: usize) -> Self {
        let lines = len.div_ceil(LINE);
        let mut memory = POOL.with_borrow_mut(|pool| {
            let fits = (0..pool.len()).filter(|&i| pool[i].len() >= lines).min_by_key(|&i| pool[i].len());
            match fits {
                Some(i) => pool.swap_remove(i),
                None => pool.pop().unwrap_or_default(),
            }
        });
        if memory.len() < lines {
            memory.resize(lines, Line([0.0; LINE]));
        }
        Self { lines: memory, len, set_apart: false }
    }

    pub(crate) fn zeroed(len: usize) -> Self {
        let mut scratch = Self::new(len);
        scratch.fill(0.0);
        scratch
    }

    /// Puts the numbers into memory of their own, of just their size, that is freed when dropped: for what is kept, as a pool's memory
    /// may be far larger, and a pool would only grow by what other threads have taken.
    pub(crate) fn set_apart(&mut self) {
        let lines = self.lines[..self.len.div_ceil(LINE)].to_vec();
        drop(std::mem::replace(self, Self { lines, len: self.len, set_apart: true }));
    }

    /// The same memory, for what writes results to a [`Part`].
    ///
    /// # Safety
    /// Only numbers are written to it, nothing uninitialized: the memory is read as numbers afterwards.
    pub(crate) unsafe fn part(&mut self) -> Part<'_> {
        let len = self.len;
        // SAFETY: as in `deref_mut`; the memory is initialized and, so the caller, stays so; `MaybeUninit` is laid
        // out as what it may hold.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), len) }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a line is sixteen numbers without a gap, and there are enough lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: a line is sixteen numbers without a gap, and there are enough lines.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.set_apart {
            return;
        }
        let memory = std::mem::take(&mut self.lines);
        // While a thread ends the pool may be gone already: then the memory is simply freed.
        let _ = POOL.try_with(|pool| pool.borrow_mut().push(memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_is_aligned_long_enough_and_comes_back() {
        let address = {
            let mut scratch = Scratch::new(100);
            scratch.fill(1.0);
            assert_eq!((scratch.len(), scratch.as_ptr() as usize % 64), (100, 0));
            scratch.as_ptr() as usize
        };
        let (again, other) = (Scratch::zeroed(50), Scratch::new(2000));
        assert_eq!((again.as_ptr() as usize, again.len(), other.len()), (address, 50, 2000));
        assert!(again.iter().all(|&x| x == 0.0));
    }

    #[test]
    fn parts_are_filled_in_order() {
        // SAFETY: every number is written.
        let all = unsafe { filled(3, 4, |i, part| part.iter_mut().for_each(|x| _ = x.write(i as f32))) };
        assert_eq!(all, [0., 0., 0., 0., 1., 1., 1., 1., 2., 2., 2., 2.]);
        assert_eq!(each(3, |i| share(10, 3, i)), [0..3, 3..6, 6..10]);
    }
}
