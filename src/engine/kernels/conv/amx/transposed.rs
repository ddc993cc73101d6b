//! Matrices of channels, transposed.

use crate::kernels::buffers::Scratch;
use crate::kernels::simd::{COLUMNS, PairKernel, PairSimd, TileIsa};

/// The matrices of `w` `[k, k, c_in, c_out]` transposed: `[k, k, c_out, c_in]`.
pub(super) fn transposed(isa: TileIsa, w: &[f32], c_in: usize, c_out: usize) -> Scratch {
    let mut to = Scratch::new(w.len());
    let taps = w.chunks_exact(c_in * c_out);
    taps.zip(to.chunks_exact_mut(c_in * c_out)).for_each(|(from, to)| transpose(isa, from, c_in, c_out, to));
    to
}

/// `[rows, columns]` to `[columns, rows]`, multiples of 16.
fn transpose(isa: TileIsa, from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    assert_eq!((from.len(), to.len()), (rows * columns, rows * columns));
    assert!(rows.is_multiple_of(COLUMNS) && columns.is_multiple_of(COLUMNS));
    // SAFETY: the lengths were checked.
    unsafe { isa.run_pairs(Transpose { from, rows, columns, to }) };
}

/// `from` is `[rows, columns]`, `to` as long; both are multiples of 16.
struct Transpose<'a> {
    from: &'a [f32],
    rows: usize,
    columns: usize,
    to: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl PairKernel for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { from, rows, columns, to } = self;
        for row in (0..rows).step_by(S::LANES) {
            for column in (0..columns).step_by(S::LANES) {
                // SAFETY: whole vectors both ways.
                unsafe {
                    let from = from.as_ptr().add(row * columns + column);
                    S::transpose(from, columns, to.as_mut_ptr().add(column * rows + row), rows);
                }
            }
        }
    }
}
