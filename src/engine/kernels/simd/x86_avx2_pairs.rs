//! Products of bf16 pairs on processors without instructions for them: AVX2 rounds and unpacks the pairs, and multiplies
//! in f32. Slower than f32 itself; for the same training and samples as with AVX512-BF16, up to the order in which a pair's two
//! products are added.

use std::arch::x86_64::*;

use super::pairs::{PairKernel, PairSimd};
use super::x86_avx2::Avx2;

// SAFETY of every block below: the trait's contract; the instruction set is there, and the pointers are good for what is
// read or written.

/// The bits of each number rounded to bf16 (nearest, ties to even), in the lower half of its lane.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn rounded(v: __m256) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe {
        let bits = _mm256_castps_si256(v);
        let last = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let half = _mm256_add_epi32(_mm256_set1_epi32(0x7fff), last);
        let nearest = _mm256_srli_epi32::<16>(_mm256_add_epi32(bits, half));
        // A NaN must not become an infinity.
        let quiet = _mm256_or_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(0x40));
        let is_nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(v, v));
        _mm256_blendv_epi8(nearest, quiet, is_nan)
    }
}

// SAFETY: every method asks for what the trait says: the instruction set, and pointers that are good for what is read or written.
impl PairSimd for Avx2 {
    unsafe fn run_pairs<K: PairKernel>(kernel: K) -> K::Output {
        // SAFETY: asks for the instruction set, and for what the kernel asks for.
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn compiled<K: PairKernel>(kernel: K) -> K::Output {
            // SAFETY: the instruction set is there, or nobody could call this; the rest is the caller's promise.
            unsafe { kernel.run::<Avx2>() }
        }
        // SAFETY: as the trait says.
        unsafe { compiled(kernel) }
    }

    #[inline(always)]
    unsafe fn store_rounded(p: *mut f32, v: __m256) {
        // SAFETY: the trait's contract.
        unsafe {
            let words = _mm256_packus_epi32(rounded(v), _mm256_setzero_si256());
            // Packing works within each half of the register.
            let together = _mm256_permute4x64_epi64::<0b10_00_10_00>(words);
            _mm_storeu_si128(p.cast(), _mm256_castsi256_si128(together));
        }
    }

    #[inline(always)]
    unsafe fn pair(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe { _mm256_castsi256_ps(_mm256_or_si256(rounded(a), _mm256_slli_epi32::<16>(rounded(b)))) }
    }

    #[inline(always)]
    unsafe fn pair_rounded(a: *const f32, b: *const f32) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe {
            let [a, b] = [a, b].map(|row| _mm256_cvtepu16_epi32(_mm_loadu_si128(row.cast())));
            _mm256_castsi256_ps(_mm256_or_si256(a, _mm256_slli_epi32::<16>(b)))
        }
    }

    #[inline(always)]
    unsafe fn dot(a: __m256, b: __m256, sum: __m256) -> __m256 {
        // SAFETY: the trait's contract.
        unsafe {
            let first = |v: __m256| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_castps_si256(v)));
            let upper = _mm256_castsi256_ps(_mm256_set1_epi32(0xffff_0000_u32 as i32));
            let second = |v: __m256| _mm256_and_ps(v, upper);
            let sum = _mm256_fmadd_ps(first(a), first(b), sum);
            _mm256_fmadd_ps(second(a), second(b), sum)
        }
    }
}
