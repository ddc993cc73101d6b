//! Dot products of bf16 pairs, accumulated in f32.
//!
//! bf16 is the upper half of an f32: the same range, eight bits of precision. A vector of pairs is a
//! vector of f32 whose lanes hold two bf16 each, the first in the lower half. [`Pairs`] makes the
//! register tiles, which are written over [`Simd`], multiply pairs.

use std::marker::PhantomData;

use super::{Kernel, Simd};

/// A vector type that can multiply pairs.
///
/// # Safety
/// As for [`Simd`], inside a [`PairKernel::run`] of the same type.
pub(crate) trait PairSimd: Simd {
    /// Runs a kernel in a function compiled for this instruction set, products of pairs included.
    unsafe fn run_pairs<K: PairKernel>(kernel: K) -> K::Output;
    /// Rounds LANES numbers to bf16 (nearest, ties to even) and writes them one behind the other:
    /// LANES / 2 pairs.
    unsafe fn store_rounded(p: *mut f32, v: Self::V);
    /// Lane i: the pair of a's and b's number i, rounded in the same way.
    unsafe fn pair(a: Self::V, b: Self::V) -> Self::V;
    /// Lane i: the pair of number i of two rows of LANES numbers that [`Self::store_rounded`] wrote.
    unsafe fn pair_rounded(a: *const f32, b: *const f32) -> Self::V;
    /// Lane i: sum + both products of a's and b's pair i.
    unsafe fn dot(a: Self::V, b: Self::V, sum: Self::V) -> Self::V;
    /// Turns LANES rows of LANES words, `from_row` apart, into columns, `to_row` apart. The memory doesn't overlap.
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        for r in 0..Self::LANES {
            for c in 0..Self::LANES {
                // SAFETY: the caller's pointers have these rows.
                unsafe { *to.add(c * to_row + r) = *from.add(r * from_row + c) };
            }
        }
    }
}

/// A piece of work written over [`PairSimd`].
pub(crate) trait PairKernel {
    type Output;

    /// # Safety
    /// The processor has `S` with products of pairs, and the kernel's own contract holds.
    unsafe fn run<S: PairSimd>(self) -> Self::Output;
}

/// A [`Kernel`] run with [`Pairs`].
struct OverPairs<K>(K);

// SAFETY: `run` asks for what the kernel asks for.
impl<K: Kernel> PairKernel for OverPairs<K> {
    type Output = K::Output;

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { self.0.run::<Pairs<S>>() }
    }
}

/// `S`, except that [`Simd::mul_add`] is [`PairSimd::dot`]: what a kernel multiplies are pairs, what it
/// adds up is f32.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<S>(PhantomData<S>);

/// These methods as `S` has them.
macro_rules! as_they_are {
    ($($name:ident($($arg:ident: $kind:ty),*) $(-> $out:ty)?;)*) => {
        $(
            // SAFETY: asks for what the method of `S` asks for.
            #[inline(always)]
            unsafe fn $name($($arg: $kind),*) $(-> $out)? {
                // SAFETY: the caller's promise.
                unsafe { S::$name($($arg),*) }
            }
        )*
    };
}

// SAFETY: every method asks for what the same one of `S` asks for.
impl<S: PairSimd> Simd for Pairs<S> {
    type V = S::V;
    const LANES: usize = S::LANES;
    const ROWS: usize = S::ROWS;

    #[inline(always)]
    unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { S::run_pairs(OverPairs(kernel)) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: S::V, b: S::V, c: S::V) -> S::V {
        // SAFETY: the caller's promise.
        unsafe { S::dot(a, b, c) }
    }

    as_they_are! {
        splat(x: f32) -> S::V;
        load(p: *const f32) -> S::V;
        store(p: *mut f32, v: S::V);
        load_first(p: *const f32, n: usize) -> S::V;
        store_first(p: *mut f32, v: S::V, n: usize);
        add(a: S::V, b: S::V) -> S::V;
        sub(a: S::V, b: S::V) -> S::V;
        mul(a: S::V, b: S::V) -> S::V;
        div(a: S::V, b: S::V) -> S::V;
        min(a: S::V, b: S::V) -> S::V;
        max(a: S::V, b: S::V) -> S::V;
        sqrt(a: S::V) -> S::V;
        neg_mul_add(a: S::V, b: S::V, c: S::V) -> S::V;
        round(a: S::V) -> S::V;
        scale(a: S::V, n: S::V) -> S::V;
        reciprocal_guess(a: S::V) -> S::V;
        power_of_two(sum: S::V) -> S::V;
        sum(a: S::V) -> f32;
        largest(a: S::V) -> f32;
    }

    #[inline(always)]
    fn prefetch(x: *const f32) {
        S::prefetch(x);
    }
}
