//! One source of kernels for every vector width.
//!
//! A [`Kernel`] is written once over a [`Simd`] type; [`Isa::run`] compiles it for each instruction
//! set and picks the widest that the processor has, once, at the first call. The environment
//! variable `DIFFLAB_ISA` (`amx`, which is `avx512` with AMX's tiles for bf16, `avx512`, `avx2`, `neon`, `scalar`) asks for
//! a narrower one.

#[cfg(test)]
mod emulated_tiles;
mod isa;
mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pair_isa;
mod pairs;
mod portable;
#[cfg_attr(not(any(test, target_arch = "x86_64")), allow(dead_code))]
mod tile_isa;
#[cfg_attr(not(any(test, target_arch = "x86_64")), allow(dead_code))]
mod tiles;
#[cfg(target_arch = "x86_64")]
mod x86_amx;
#[cfg(target_arch = "x86_64")]
mod x86_avx2;
#[cfg(target_arch = "x86_64")]
mod x86_avx2_pairs;
#[cfg(target_arch = "x86_64")]
mod x86_avx512;
#[cfg(target_arch = "x86_64")]
mod x86_bf16;

pub use isa::Isa;
#[cfg(test)]
pub(crate) use isa::forced;
pub(crate) use math::{exp, exp_for_bf16, sigmoid, sigmoid_for_bf16, without_traces};
pub(crate) use pair_isa::PairIsa;
pub(crate) use pairs::{PairKernel, PairSimd, Pairs};
pub(crate) use tile_isa::TileIsa;
pub(crate) use tiles::{COLUMNS, DEPTH, ROW_BYTES, ROWS, TileKernel, Tiles};

/// For [`Simd::reciprocal_guess`]. The bits of a number are, over 2²³, its logarithm to base 2 plus 127, up to 0.086 that
/// depend on the mantissa. So those of 1/a are 2 · 127 · 2²³ less those of a, and less what spreads the error about zero.
pub(crate) const RECIPROCAL: u32 = 0x7EF3_11C7;

/// For [`Simd::power_of_two`]: between 2²³ and 2²⁴ f32 has the whole numbers and nothing else, so a sum with this one is rounded, and
/// its last eight bits are the rounded number plus 127: the exponent of a power of two.
pub(crate) const LAST_BITS: f32 = (3 << 22) as f32 + 127.0;

/// A vector of f32 and what the kernels do with it.
///
/// # Safety
/// Every method must only be called on a processor that has the instruction set: that is, inside a
/// [`Kernel::run`] of the same `S`. Loads and stores follow the rules of raw pointers; no alignment
/// is needed.
pub(crate) trait Simd: Copy + 'static {
    type V: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// Rows of the register tile that, times two vectors, leaves room for operands.
    const ROWS: usize;
    /// Sixteen registers rather than thirty-two.
    const FEW_REGISTERS: bool = Self::ROWS < 8;

    /// Runs a kernel in a function compiled for this instruction set.
    unsafe fn run<K: Kernel>(kernel: K) -> K::Output;

    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    /// The first `n` < LANES numbers; zeros in the other lanes.
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize);

    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; `b` where b is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The larger; `b` where b is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(a: Self::V) -> Self::V;
    /// a · b + c
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c − a · b
    unsafe fn neg_mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// To the nearest whole number.
    unsafe fn round(a: Self::V) -> Self::V;
    /// a · 2ⁿ for whole n in -126..=127.
    unsafe fn scale(a: Self::V, n: Self::V) -> Self::V;
    /// 1 / a to 5.1 %, for a in 2⁻¹²⁵..=2¹²⁵: the number of the difference of [`RECIPROCAL`] and a's bits.
    unsafe fn reciprocal_guess(a: Self::V) -> Self::V;
    /// 2ⁿ, given [`LAST_BITS`] + n for whole n in -126..=127.
    unsafe fn power_of_two(sum: Self::V) -> Self::V;
    /// Asks for the cache line of a number, for soon.
    #[inline(always)]
    fn prefetch(_: *const f32) {}
    /// Sum over the lanes.
    unsafe fn sum(a: Self::V) -> f32;
    /// Largest lane.
    unsafe fn largest(a: Self::V) -> f32;
}

/// A piece of work written over [`Simd`].
pub(crate) trait Kernel {
    type Output;

    /// # Safety
    /// The processor has `S`, and the kernel's own contract (its fields' documentation) holds.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}
