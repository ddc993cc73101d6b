//! AVX512-BF16: `vdpbf16ps` and the conversions (Zen 4, Cooper Lake, Sapphire Rapids and later).

use std::arch::x86_64::*;
use std::mem::transmute;

use super::pairs::{PairKernel, PairSimd};
use super::x86_avx512::Avx512;

/// Whether `vdpbf16ps` does more products than two fused multiply-adds of f32. Measured from registers to registers, GFLOP/s
/// a core against f32's: 232 to 117 on AMD's Zen 4, 78 to 155 on Intel's Emerald Rapids, whose AMX is meant for them.
pub(super) fn gains() -> bool {
    let maker = __cpuid(0);
    [maker.ebx, maker.edx, maker.ecx].map(u32::to_le_bytes).as_flattened() != b"GenuineIntel"
}

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
    unsafe fn pair_rounded(a: *const f32, b: *const f32) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe {
            let [a, b] = [a, b].map(|row| _mm512_cvtepu16_epi32(_mm256_loadu_si256(row.cast())));
            _mm512_castsi512_ps(_mm512_or_si512(a, _mm512_slli_epi32::<16>(b)))
        }
    }

    #[inline(always)]
    unsafe fn dot(a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: the trait's contract.
        unsafe { _mm512_dpbf16_ps(sum, transmute::<__m512, __m512bh>(a), transmute::<__m512, __m512bh>(b)) }
    }

    /// In four rounds, which exchange blocks of 1, 2, 4 and 8 words.
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        // SAFETY: the trait's contract.
        unsafe {
            let mut a = [_mm512_setzero_ps(); 16];
            for (i, a) in a.iter_mut().enumerate() {
                *a = _mm512_loadu_ps(from.add(i * from_row));
            }
            let mut b = a;
            for i in (0..16).step_by(2) {
                b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
                b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
            }
            // Row 4q + j: column j of each group of four, of rows 4q to 4q + 3.
            for q in (0..16).step_by(4) {
                let (d, e) = (_mm512_castps_pd(b[q]), _mm512_castps_pd(b[q + 1]));
                let (f, g) = (_mm512_castps_pd(b[q + 2]), _mm512_castps_pd(b[q + 3]));
                a[q] = _mm512_castpd_ps(_mm512_unpacklo_pd(d, f));
                a[q + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(d, f));
                a[q + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(e, g));
                a[q + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(e, g));
            }
            for j in 0..4 {
                // Groups 0 and 2, then 1 and 3, of the rows of two quarters.
                b[j] = _mm512_shuffle_f32x4::<0x88>(a[j], a[4 + j]);
                b[4 + j] = _mm512_shuffle_f32x4::<0xdd>(a[j], a[4 + j]);
                b[8 + j] = _mm512_shuffle_f32x4::<0x88>(a[8 + j], a[12 + j]);
                b[12 + j] = _mm512_shuffle_f32x4::<0xdd>(a[8 + j], a[12 + j]);
            }
            for j in 0..4 {
                _mm512_storeu_ps(to.add(j * to_row), _mm512_shuffle_f32x4::<0x88>(b[j], b[8 + j]));
                _mm512_storeu_ps(to.add((4 + j) * to_row), _mm512_shuffle_f32x4::<0x88>(b[4 + j], b[12 + j]));
                _mm512_storeu_ps(to.add((8 + j) * to_row), _mm512_shuffle_f32x4::<0xdd>(b[j], b[8 + j]));
                _mm512_storeu_ps(to.add((12 + j) * to_row), _mm512_shuffle_f32x4::<0xdd>(b[4 + j], b[12 + j]));
            }
        }
    }
}
