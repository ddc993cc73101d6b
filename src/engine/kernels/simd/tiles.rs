//! Products of small matrices of bf16 numbers, in registers that hold a whole matrix.
//!
//! A tile is 16 rows of 64 bytes: 16 × 32 numbers of the left factor, 16 pairs of rows by 16 columns of
//! the right one (number 2n + i of a row is that of column n in the pair's row i), or 16 × 16 f32 sums.

use super::PairSimd;

/// Rows of a tile.
pub(crate) const ROWS: usize = 16;
/// Columns of a tile of sums, and of the right factor.
pub(crate) const COLUMNS: usize = 16;
/// Products that one multiplication adds to each sum: bf16 numbers in a row of the left factor.
pub(crate) const DEPTH: usize = 32;
/// Bytes of a row.
pub(crate) const ROW_BYTES: usize = 64;

/// What multiplies tiles: eight registers, 0 to 7, named by the const parameters.
///
/// # Safety
/// `begin` and `end` belong to [`super::TileIsa::run`], on a processor that has tiles; a kernel calls the others, inside
/// [`TileKernel::run`] of the same type.
pub(crate) trait Tiles: Copy + 'static {
    /// Makes this thread's tiles ready.
    unsafe fn begin();
    /// The tiles are not used any more.
    unsafe fn end();
    unsafe fn zero<const T: usize>();
    /// Sixteen rows, `stride` bytes apart; any alignment.
    unsafe fn load<const T: usize>(from: *const u8, stride: usize);
    unsafe fn store<const T: usize>(to: *mut f32, stride: usize);
    /// Adds to tile S what tile A times tile B is, in f32. Subnormal numbers count as zero.
    unsafe fn multiply<const S: usize, const A: usize, const B: usize>();
}

/// A piece of work written over vectors and tiles.
pub(crate) trait TileKernel {
    type Output;

    /// # Safety
    /// The processor has both, and the kernel's own contract holds.
    unsafe fn run<S: PairSimd, T: Tiles>(self) -> Self::Output;
}
