//! AVX512-BF16: `vdpbf16ps` and the conversions (Zen 4, Cooper Lake, Sapphire Rapids and later).

use std::arch::x86_64::*;
use std::mem::transmute;

use super::pairs::{PairKernel, PairSimd};
use super::x86_avx512::Avx512;

/// Where the numbers of two vectors, converted one behind the other, go to become pairs: word 2i takes
/// number i of the first, word 2i + 1 that of the second.
static PAIRED: [u32; 16] = {
    let mut words = [0; 16];
    let mut i = 0;
    while i < 16 {
        words[i] = (i as u32) | (16 + i as u32) << 16;
        i += 1;
    }
    words
};

// SAFETY of every block below: the trait's contract; the instruction set is there, and the pointers
// are good for what is read or written. All transmutes are between vectors of 512 (256) bits.

// SAFETY: every method asks for what the trait says: the instruction set, and pointers that are good for what is read or written.
impl PairSimd for Avx512 {
    unsafe fn run_pairs<K: PairKernel>(kernel: K) -> K::Output {
        // SAFETY: asks for the instruction set, and for what the kernel asks for.
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
        unsafe fn compiled<K: PairKernel>(kernel: K) -> K::Output {
            // SAFETY: the instruction set is there, or nobody could call this; the rest is the
            // caller's promise.
            unsafe { kernel.run::<Avx512>() }
        }
        // SAFETY: as the trait says.
        unsafe { compiled(kernel) }
    }

    #[inline(always)]
    unsafe fn store_rounded(p: *mut f32, v: __m512) {
        // SAFETY: the trait's contract.
        unsafe { _mm256_storeu_si256(p.cast(), transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(v))) }
    }

    #[inline(always)]
    unsafe fn pair(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe {
            let both = transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(b, a));
            let order = _mm512_loadu_si512(PAIRED.as_ptr().cast());
            _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, both))
        }
    }

    #[inline(always)]
    unsafe fn dot(a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_dpbf16_ps(sum, transmute::<__m512, __m512bh>(a), transmute::<__m512, __m512bh>(b)) }
    }
}
