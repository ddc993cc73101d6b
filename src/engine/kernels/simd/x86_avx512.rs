//! AVX-512: sixteen lanes, thirty-two registers.

use std::arch::x86_64::*;

use super::{Kernel, RECIPROCAL, Simd};

/// 512-bit vectors.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

// SAFETY of every block below: the trait's contract; the instruction set is there, and the pointers
// are good for what is read or written.

/// Mask of the first n lanes, n < 16.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    (1u16 << n) - 1
}

// SAFETY: every method asks for what the trait says: the instruction set, and pointers that are good for what is read or written.
impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;
    const ROWS: usize = 13;

    unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: asks for the instruction set, and for what the kernel asks for.
        #[inline(never)]
        #[target_feature(enable = "avx512f")]
        unsafe fn compiled<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: the instruction set is there, or nobody could call this; the rest is the
            // caller's promise.
            unsafe { kernel.run::<Avx512>() }
        }
        // SAFETY: as the trait says.
        unsafe { compiled(kernel) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m512) {
        // SAFETY: the trait's contract.
        unsafe { _mm512_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_maskz_loadu_ps(first(n), p) }
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: __m512, n: usize) {
        // SAFETY: the trait's contract.
        unsafe { _mm512_mask_storeu_ps(p, first(n), v) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sqrt(a: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_sqrt_ps(a) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn round(a: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_roundscale_ps::<0>(a) }
    }

    #[inline(always)]
    unsafe fn scale(a: __m512, n: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_scalef_ps(a, n) }
    }

    #[inline(always)]
    unsafe fn reciprocal_guess(a: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe {
            let all = _mm512_set1_epi32(RECIPROCAL as i32);
            _mm512_castsi512_ps(_mm512_sub_epi32(all, _mm512_castps_si512(a)))
        }
    }

    #[inline(always)]
    unsafe fn power_of_two(sum: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(sum))) }
    }

    #[inline(always)]
    unsafe fn sum(a: __m512) -> f32 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_reduce_add_ps(a) }
    }

    #[inline(always)]
    unsafe fn largest(a: __m512) -> f32 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_reduce_max_ps(a) }
    }

    #[inline(always)]
    fn prefetch(x: *const f32) {
        // SAFETY: a prefetch reads nothing; any address will do.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(x.cast()) }
    }
}
