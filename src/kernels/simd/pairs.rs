//! Dot products of bf16 pairs, accumulated in f32.
//!
//! bf16 is the upper half of an f32: the same range, eight bits of precision. A vector of pairs is a
//! vector of f32 whose lanes hold two bf16 each, the first in the lower half. [`Pairs`] makes the
//! register tiles, which are written over [`Simd`], multiply pairs.

use std::marker::PhantomData;

use super::isa::Isa;
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
    /// Lane i: sum + both products of a's and b's pair i.
    unsafe fn dot(a: Self::V, b: Self::V, sum: Self::V) -> Self::V;
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
            #[inline(always)]
            unsafe fn $name($($arg: $kind),*) $(-> $out)? {
                // SAFETY: the caller's promise.
                unsafe { S::$name($($arg),*) }
            }
        )*
    };
}

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
        sum(a: S::V) -> f32;
        largest(a: S::V) -> f32;
    }

    #[inline(always)]
    fn prefetch(x: *const f32) {
        S::prefetch(x);
    }
}

/// An instruction set that multiplies pairs, and that this processor has: a value of this type is
/// the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairIsa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    /// Plain Rust: slow, for tests on any machine.
    Portable,
}

impl PairIsa {
    /// The products of pairs that go with an instruction set.
    pub fn of(isa: Isa) -> Option<Self> {
        match isa.name() {
            #[cfg(target_arch = "x86_64")]
            "avx512" => {
                let there = std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512bf16");
                there.then_some(Self(Kind::Avx512Bf16))
            }
            "scalar" => Some(Self(Kind::Portable)),
            _ => None,
        }
    }

    /// Whether the processor has instructions for it.
    pub fn fast(self) -> bool {
        self.0 != Kind::Portable
    }

    /// Runs a kernel compiled for this instruction set.
    ///
    /// # Safety
    /// The kernel's own contract holds.
    pub unsafe fn run<K: PairKernel>(self, kernel: K) -> K::Output {
        // SAFETY: `of` made this value only after asking the processor; the rest is the caller's
        // promise.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512Bf16 => super::x86_avx512::Avx512::run_pairs(kernel),
                Kind::Portable => super::portable::Portable::run_pairs(kernel),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rounded([f32; 16]);

    impl PairKernel for Rounded {
        type Output = Vec<[u16; 2]>;

        unsafe fn run<S: PairSimd>(self) -> Vec<[u16; 2]> {
            let mut stored = [0f32; 16];
            let mut paired = [0f32; 16];
            for i in (0..16).step_by(S::LANES) {
                // SAFETY: sixteen numbers are whole vectors of every width.
                unsafe {
                    let v = S::load(self.0.as_ptr().add(i));
                    S::store_rounded(stored.as_mut_ptr().add(i / 2), v);
                    S::store(paired.as_mut_ptr().add(i), S::pair(v, S::splat(1.0)));
                }
            }
            let halves = |x: f32| [x.to_bits() as u16, (x.to_bits() >> 16) as u16];
            let all = stored[..8].iter().flat_map(|&x| halves(x)).zip(paired);
            all.map(|(stored, x)| {
                assert_eq!(halves(x), [stored, 0x3f80]);
                [stored, halves(x)[0]]
            })
            .collect()
        }
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_even_and_keep_their_places() {
        let mut numbers = [0.0; 16];
        let exact: [(u32, u16); 7] = [
            (0x3f80_0000, 0x3f80),
            (0x3f80_8000, 0x3f80), // a tie, down to even
            (0x3f81_8000, 0x3f82), // a tie, up to even
            (0x3f80_8001, 0x3f81),
            (0xc2f7_7fff, 0xc2f7),
            (0x7f80_0000, 0x7f80), // infinity
            (0x7f7f_ffff, 0x7f80), // the largest f32 lies beyond the largest bf16
        ];
        for (i, (bits, _)) in exact.iter().enumerate() {
            numbers[i] = f32::from_bits(*bits);
        }
        numbers[15] = f32::NAN;
        for isa in Isa::available().into_iter().filter_map(PairIsa::of) {
            // SAFETY: nothing but registers and arrays of its own.
            let got = unsafe { isa.run(Rounded(numbers)) };
            for (i, (bits, want)) in exact.iter().enumerate() {
                assert_eq!(got[i][0], *want, "{bits:x} with {isa:?}");
            }
            assert!(f32::from_bits((got[15][0] as u32) << 16).is_nan());
        }
    }

    struct Dot;

    impl PairKernel for Dot {
        type Output = f32;

        unsafe fn run<S: PairSimd>(self) -> f32 {
            // SAFETY: registers only.
            unsafe {
                let (a, b) = (S::pair(S::splat(2.0), S::splat(3.0)), S::pair(S::splat(5.0), S::splat(7.0)));
                S::largest(S::dot(a, b, S::splat(0.5)))
            }
        }
    }

    #[test]
    fn a_dot_product_adds_both_products_to_the_sum() {
        for isa in Isa::available().into_iter().filter_map(PairIsa::of) {
            // SAFETY: registers only.
            assert_eq!(unsafe { isa.run(Dot) }, 31.5, "{isa:?}");
        }
    }
}
