//! NEON: four lanes, thirty-two registers.

use std::arch::aarch64::*;

use super::{Kernel, RECIPROCAL, Simd};

/// 128-bit vectors.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

// SAFETY of every block below: the trait's contract; the instruction set is there, and the pointers
// are good for what is read or written.
// SAFETY: every method asks for what the trait says: the instruction set, and pointers that are good for what is read or written.
impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const ROWS: usize = 12;

    unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: asks for the instruction set, and for what the kernel asks for.
        #[inline(never)]
        #[target_feature(enable = "neon")]
        unsafe fn compiled<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: the instruction set is there, or nobody could call this; the rest is the
            // caller's promise.
            unsafe { kernel.run::<Neon>() }
        }
        // SAFETY: as the trait says.
        unsafe { compiled(kernel) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vld1q_f32(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: float32x4_t) {
        // SAFETY: the trait's contract.
        unsafe { vst1q_f32(p, v) }
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe {
            let mut all = [0.0; 4];
            std::ptr::copy_nonoverlapping(p, all.as_mut_ptr(), n);
            vld1q_f32(all.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: float32x4_t, n: usize) {
        // SAFETY: the trait's contract.
        unsafe {
            let mut all = [0.0; 4];
            vst1q_f32(all.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(all.as_ptr(), p, n);
        }
    }

    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vminq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vmaxq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn sqrt(a: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vsqrtq_f32(a) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vfmsq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn round(a: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vrndnq_f32(a) }
    }

    #[inline(always)]
    unsafe fn scale(a: float32x4_t, n: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe {
            let bits = vshlq_n_s32::<23>(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)));
            vmulq_f32(a, vreinterpretq_f32_s32(bits))
        }
    }

    #[inline(always)]
    unsafe fn reciprocal_guess(a: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vreinterpretq_f32_u32(vsubq_u32(vdupq_n_u32(RECIPROCAL), vreinterpretq_u32_f32(a))) }
    }

    #[inline(always)]
    unsafe fn power_of_two(sum: float32x4_t) -> float32x4_t {
        // SAFETY: the trait's contract.
        unsafe { vreinterpretq_f32_u32(vshlq_n_u32::<23>(vreinterpretq_u32_f32(sum))) }
    }

    #[inline(always)]
    unsafe fn sum(a: float32x4_t) -> f32 {
        // SAFETY: the trait's contract.
        unsafe { vaddvq_f32(a) }
    }

    #[inline(always)]
    unsafe fn largest(a: float32x4_t) -> f32 {
        // SAFETY: the trait's contract.
        unsafe { vmaxvq_f32(a) }
    }
}
