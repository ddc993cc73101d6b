//! AMX: tiles of bf16 (Sapphire Rapids and later; Intel's Software Developer's Manual, volume 1, chapter 18).

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::sync::OnceLock;

use super::tiles::{ROW_BYTES, ROWS, Tiles};
use crate::process::allow_matrix_tiles;

#[derive(Clone, Copy)]
pub(crate) struct Amx;

/// Whether the processor has tiles of bf16 and the system lets this process use them.
pub(super) fn there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| in_processor() && allow_matrix_tiles())
}

/// CPUID, leaf 7: AMX-BF16 is bit 22 of edx, AMX-TILE bit 24.
fn in_processor() -> bool {
    const BOTH: u32 = 1 << 22 | 1 << 24;
    let leaves = __cpuid_count(0, 0).eax;
    leaves >= 7 && __cpuid_count(7, 0).edx & BOTH == BOTH
}

/// What the tiles look like: palette 1, all eight of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Shapes([u8; 64]);

static SHAPES: Shapes = {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        bytes[16 + 2 * tile] = ROW_BYTES as u8;
        bytes[48 + tile] = ROWS as u8;
        tile += 1;
    }
    Shapes(bytes)
};

// The compiler knows no tiles and never touches them between these blocks, which touch nothing but tiles and the memory that
// their pointers stand for.
// SAFETY: every method asks for what the trait says; the instructions read and write the memory that the pointers stand
// for, and tiles.
impl Tiles for Amx {
    #[inline(always)]
    unsafe fn begin() {
        // SAFETY: as the trait says.
        unsafe { asm!("ldtilecfg [{}]", in(reg) SHAPES.0.as_ptr(), options(nostack, preserves_flags, readonly)) }
    }

    #[inline(always)]
    unsafe fn end() {
        // SAFETY: as the trait says.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) }
    }

    #[inline(always)]
    unsafe fn zero<const T: usize>() {
        // SAFETY: as the trait says.
        unsafe { asm!("tilezero tmm{t}", t = const T, options(nostack, preserves_flags, nomem)) }
    }

    #[inline(always)]
    unsafe fn load<const T: usize>(from: *const u8, stride: usize) {
        // SAFETY: as the trait says.
        unsafe {
            asm!("tileloadd tmm{t}, [{from} + {stride}*1]", t = const T, from = in(reg) from, stride = in(reg) stride,
                options(nostack, preserves_flags, readonly));
        }
    }

    #[inline(always)]
    unsafe fn store<const T: usize>(to: *mut f32, stride: usize) {
        // SAFETY: as the trait says.
        unsafe {
            asm!("tilestored [{to} + {stride}*1], tmm{t}", t = const T, to = in(reg) to, stride = in(reg) stride,
                options(nostack, preserves_flags));
        }
    }

    #[inline(always)]
    unsafe fn multiply<const S: usize, const A: usize, const B: usize>() {
        // SAFETY: as the trait says.
        unsafe {
            asm!("tdpbf16ps tmm{s}, tmm{a}, tmm{b}", s = const S, a = const A, b = const B,
                options(nostack, preserves_flags, nomem));
        }
    }
}
