//! Plain Rust over small arrays: right everywhere, and shaped so that the compiler can use whatever
//! the target has (SSE2, for one).

use super::pairs::{PairKernel, PairSimd};
use super::{Kernel, RECIPROCAL, Simd};

/// Four numbers in an array.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

const N: usize = 4;

#[inline(always)]
fn map(a: [f32; N], f: impl Fn(f32) -> f32) -> [f32; N] {
    std::array::from_fn(|i| f(a[i]))
}

#[inline(always)]
fn zip(a: [f32; N], b: [f32; N], f: impl Fn(f32, f32) -> f32) -> [f32; N] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

// SAFETY: every method needs no instruction set; the pointers are as the trait says.
impl Simd for Portable {
    type V = [f32; N];
    const LANES: usize = N;
    const ROWS: usize = 4;

    #[inline(never)]
    unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: needs no instruction set; the rest is the caller's promise.
        unsafe { kernel.run::<Self>() }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; N] {
        [x; N]
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> [f32; N] {
        // SAFETY: the caller's pointer has N numbers; any alignment.
        unsafe { p.cast::<[f32; N]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: [f32; N]) {
        // SAFETY: the caller's pointer has N numbers; any alignment.
        unsafe { p.cast::<[f32; N]>().write_unaligned(v) }
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> [f32; N] {
        std::array::from_fn(|i| match i < n {
            // SAFETY: the caller's pointer has n numbers.
            true => unsafe { *p.add(i) },
            false => 0.0,
        })
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: [f32; N], n: usize) {
        for (i, x) in v.into_iter().enumerate().take(n) {
            // SAFETY: the caller's pointer has n numbers.
            unsafe { *p.add(i) = x }
        }
    }

    #[inline(always)]
    unsafe fn add(a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    unsafe fn min(a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    unsafe fn max(a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn sqrt(a: [f32; N]) -> [f32; N] {
        map(a, f32::sqrt)
    }

    // Not f32::mul_add: without the instruction that is a slow function call.
    #[inline(always)]
    unsafe fn mul_add(a: [f32; N], b: [f32; N], c: [f32; N]) -> [f32; N] {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    unsafe fn neg_mul_add(a: [f32; N], b: [f32; N], c: [f32; N]) -> [f32; N] {
        std::array::from_fn(|i| c[i] - a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn round(a: [f32; N]) -> [f32; N] {
        // Adding and taking away 1.5 · 2²³ rounds to the nearest whole number below 2²².
        map(a, |x| (x + 12_582_912.0) - 12_582_912.0)
    }

    #[inline(always)]
    unsafe fn scale(a: [f32; N], n: [f32; N]) -> [f32; N] {
        zip(a, n, |a, n| a * f32::from_bits(((n as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    unsafe fn reciprocal_guess(a: [f32; N]) -> [f32; N] {
        map(a, |a| f32::from_bits(RECIPROCAL.wrapping_sub(a.to_bits())))
    }

    #[inline(always)]
    unsafe fn power_of_two(sum: [f32; N]) -> [f32; N] {
        map(sum, |sum| f32::from_bits(sum.to_bits() << 23))
    }

    #[inline(always)]
    unsafe fn sum(a: [f32; N]) -> f32 {
        (a[0] + a[2]) + (a[1] + a[3])
    }

    #[inline(always)]
    unsafe fn largest(a: [f32; N]) -> f32 {
        a[0].max(a[2]).max(a[1].max(a[3]))
    }
}

/// The bits of x rounded to bf16 (nearest, ties to even).
fn bf16_bits(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// The numbers of a pair.
fn numbers(pair: f32) -> [f32; 2] {
    let bits = pair.to_bits();
    [f32::from_bits(bits << 16), f32::from_bits(bits & 0xffff_0000)]
}

// SAFETY: every method needs no instruction set; the pointers are as the trait says.
impl PairSimd for Portable {
    #[inline(never)]
    unsafe fn run_pairs<K: PairKernel>(kernel: K) -> K::Output {
        // SAFETY: needs no instruction set; the rest is the caller's promise.
        unsafe { kernel.run::<Self>() }
    }

    #[inline(always)]
    unsafe fn store_rounded(p: *mut f32, v: [f32; N]) {
        // SAFETY: the caller's pointer has room for N halves; any alignment.
        unsafe { p.cast::<[u16; N]>().write_unaligned(v.map(bf16_bits)) }
    }

    #[inline(always)]
    unsafe fn pair(a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| f32::from_bits(u32::from(bf16_bits(a)) | u32::from(bf16_bits(b)) << 16))
    }

    #[inline(always)]
    unsafe fn pair_rounded(a: *const f32, b: *const f32) -> [f32; N] {
        // SAFETY: the caller's pointers have N halves; any alignment.
        let [a, b] = [a, b].map(|row| unsafe { row.cast::<[u16; N]>().read_unaligned() });
        std::array::from_fn(|i| f32::from_bits(u32::from(a[i]) | u32::from(b[i]) << 16))
    }

    #[inline(always)]
    unsafe fn dot(a: [f32; N], b: [f32; N], sum: [f32; N]) -> [f32; N] {
        let products = zip(a, b, |a, b| {
            let ([a_0, a_1], [b_0, b_1]) = (numbers(a), numbers(b));
            a_0 * b_0 + a_1 * b_1
        });
        zip(sum, products, |sum, x| sum + x)
    }
}
