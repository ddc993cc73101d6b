//! Two inputs side by side, pixel for pixel, and apart again.

use super::buffers::Part;
use super::simd::{Isa, Kernel, Simd};
use super::tile::{load_columns, store_columns};

/// `[pixels, a + b]` of `[pixels, a]` and `[pixels, b]`.
pub(crate) fn join(isa: Isa, [a, b]: [usize; 2], x: &[f32], skip: &[f32], both: Part) {
    let pixels = both.len() / (a + b);
    assert_eq!((x.len(), skip.len(), both.len()), (pixels * a, pixels * b, pixels * (a + b)));
    let both = both.as_mut_ptr().cast();
    // SAFETY: whole pixels on all sides, as many.
    unsafe {
        isa.run(Rows { pixels, columns: a, from: x.as_ptr(), from_row: a, to: both, to_row: a + b });
        isa.run(Rows { pixels, columns: b, from: skip.as_ptr(), from_row: b, to: both.add(a), to_row: a + b });
    }
}

/// The other way round.
pub(crate) fn split(isa: Isa, [a, b]: [usize; 2], both: &[f32], x: Part, skip: Part) {
    let pixels = both.len() / (a + b);
    assert_eq!((x.len(), skip.len(), both.len()), (pixels * a, pixels * b, pixels * (a + b)));
    let (x, skip, both) = (x.as_mut_ptr().cast(), skip.as_mut_ptr().cast(), both.as_ptr());
    // SAFETY: whole pixels on all sides, as many.
    unsafe {
        isa.run(Rows { pixels, columns: a, from: both, from_row: a + b, to: x, to_row: a });
        isa.run(Rows { pixels, columns: b, from: both.add(a), from_row: a + b, to: skip, to_row: b });
    }
}

/// Copies `pixels` rows of `columns` numbers: a call for each of so few would take longer than the copying.
struct Rows {
    pixels: usize,
    columns: usize,
    from: *const f32,
    from_row: usize,
    to: *mut f32,
    to_row: usize,
}

// SAFETY: `run` may be called when both sides have these rows.
impl Kernel for Rows {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { pixels, columns, mut from, from_row, mut to, to_row } = self;
        for _ in 0..pixels {
            // SAFETY: the caller's promise.
            unsafe {
                for v in 0..columns.div_ceil(S::LANES) {
                    store_columns::<S>(to, v, columns, load_columns::<S>(from, v, columns));
                }
            }
            (from, to) = (from.wrapping_add(from_row), to.wrapping_add(to_row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::buffers::filled_many;

    #[test]
    fn what_was_joined_is_apart_again() {
        for isa in Isa::available() {
            for [a, b] in [[1, 3], [16, 32], [17, 5], [32, 64]] {
                let x: Vec<f32> = (0..7 * a).map(|i| i as f32).collect();
                let skip: Vec<f32> = (0..7 * b).map(|i| -(i as f32)).collect();
                // SAFETY: both write all.
                let ([both], _) =
                    unsafe { filled_many(1, [7 * (a + b)], |_, [both]| join(isa, [a, b], &x, &skip, both)) };
                let rows = x.chunks(a).zip(skip.chunks(b));
                assert_eq!(both, rows.flat_map(|(x, skip)| [x, skip].concat()).collect::<Vec<_>>(), "{}", isa.name());
                // SAFETY: both write all.
                let (parts, _) =
                    unsafe { filled_many(1, [7 * a, 7 * b], |_, [x, skip]| split(isa, [a, b], &both, x, skip)) };
                assert_eq!(parts, [x, skip], "{}", isa.name());
            }
        }
    }
}
