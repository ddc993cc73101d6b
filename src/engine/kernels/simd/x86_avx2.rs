//! AVX2 with FMA: eight lanes, sixteen registers.

use std::arch::x86_64::*;

use super::{Kernel, RECIPROCAL, Simd};

/// 256-bit vectors.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

// SAFETY of every block below: the trait's contract; the instruction set is there, and the pointers
// are good for what is read or written.

/// Mask of the first n lanes, n < 8.
///
/// # Safety
/// The processor has AVX2; n < 8.
#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    const ONES_THEN_ZEROS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    debug_assert!(n < 8);
    // SAFETY: eight numbers from 8 - n on lie inside the sixteen.
    unsafe { _mm256_loadu_si256(ONES_THEN_ZEROS.as_ptr().add(8 - n).cast()) }
}

// SAFETY: every method asks for what the trait says: the instruction set, and pointers that are good for what is read or written.
impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    const ROWS: usize = 6;

    unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: asks for the instruction set, and for what the kernel asks for.
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn compiled<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: the instruction set is there, or nobody could call this; the rest is the
            // caller's promise.
            unsafe { kernel.run::<Avx2>() }
        }
        // SAFETY: as the trait says.
        unsafe { compiled(kernel) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m256) {
        // SAFETY: the trait's contract.
        unsafe { _mm256_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_maskload_ps(p, first(n)) }
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: __m256, n: usize) {
        // SAFETY: the trait's contract.
        unsafe { _mm256_maskstore_ps(p, first(n), v) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sqrt(a: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_sqrt_ps(a) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn round(a: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }

    #[inline(always)]
    unsafe fn scale(a: __m256, n: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe {
            let bits = _mm256_slli_epi32::<23>(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)));
            _mm256_mul_ps(a, _mm256_castsi256_ps(bits))
        }
    }

    #[inline(always)]
    unsafe fn reciprocal_guess(a: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe {
            let all = _mm256_set1_epi32(RECIPROCAL as i32);
            _mm256_castsi256_ps(_mm256_sub_epi32(all, _mm256_castps_si256(a)))
        }
    }

    #[inline(always)]
    unsafe fn power_of_two(sum: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(sum))) }
    }

    #[inline(always)]
    unsafe fn sum(a: __m256) -> f32 {
        // SAFETY: the trait's contract.
        unsafe {
            let q = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let d = _mm_add_ps(q, _mm_movehl_ps(q, q));
            _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)))
        }
    }

    #[inline(always)]
    unsafe fn largest(a: __m256) -> f32 {
        // SAFETY: the trait's contract.
        unsafe {
            let q = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let d = _mm_max_ps(q, _mm_movehl_ps(q, q));
            _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)))
        }
    }

    #[inline(always)]
    fn prefetch(x: *const f32) {
        // SAFETY: a prefetch reads nothing; any address will do.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(x.cast()) }
    }
}
