//! Weights to the 36 planes and back.

use super::transforms::{weights, weights_transposed};
use super::{IN, PLANES, plane_stride};
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::conv::panels::Panels;
use crate::kernels::simd::{Isa, Kernel, Simd};

/// G g Gᵀ for every channel pair of `w` `[3, 3, depth, width]`, packed as 36 taps.
pub(in crate::kernels::conv) fn transformed(isa: Isa, w: &[f32], depth: usize, width: usize) -> Panels {
    assert!(w.len() == 9 * depth * width && width.is_multiple_of(isa.lanes()));
    let mut panels = Panels::spread(PLANES, depth, width, isa.lanes());
    for (start, row, panel) in panels.iter_mut() {
        // SAFETY: the lengths were checked; a panel has `row` numbers, whole vectors, for each
        // plane and row of the matrix.
        unsafe { isa.run(Transform { w, depth, width, start, row, panel }) };
    }
    panels
}

/// The same for the data gradient: depth is c_out and width is c_in of `w` `[3, 3, c_in, c_out]`.
pub(in crate::kernels::conv) fn transformed_for_data_gradient(
    isa: Isa,
    w: &[f32],
    c_in: usize,
    c_out: usize,
) -> Panels {
    transformed(isa, &turned(w, c_in, c_out), c_out, c_in)
}

/// The kernel turned by 180° and its matrices transposed: `[3, 3, c_out, c_in]`.
pub(in crate::kernels::conv) fn turned(w: &[f32], c_in: usize, c_out: usize) -> Scratch {
    let mut turned = Scratch::new(w.len());
    let taps = w.chunks_exact(c_in * c_out);
    for (from, to) in taps.zip(turned.chunks_exact_mut(c_in * c_out).rev()) {
        transpose(from, c_in, c_out, to);
    }
    turned
}

/// `[rows, columns]` to `[columns, rows]`, in squares that stay in the first cache.
fn transpose(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    const SQUARE: usize = 16;
    for r in (0..rows).step_by(SQUARE) {
        for c in (0..columns).step_by(SQUARE) {
            for c in c..(c + SQUARE).min(columns) {
                for r in r..(r + SQUARE).min(rows) {
                    to[c * rows + r] = from[r * columns + c];
                }
            }
        }
    }
}

/// One panel: columns `start..start + row` of every plane, whole vectors; w is `[3, 3, depth, width]`, the panel
/// `[36, depth, row]` with a gap behind each plane.
struct Transform<'a> {
    w: &'a [f32],
    depth: usize,
    width: usize,
    start: usize,
    row: usize,
    panel: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (plane, out) = (self.panel.len() / PLANES, self.panel.as_mut_ptr());
        for k in 0..self.depth {
            for c in (0..self.row).step_by(S::LANES) {
                // SAFETY: as `transformed` says.
                unsafe {
                    // Loops, not `map`: its closures are functions of their own, without the instruction set.
                    let mut columns = [[S::splat(0.0); IN]; 3];
                    for (x, column) in columns.iter_mut().enumerate() {
                        let mut g = [S::splat(0.0); 3];
                        for (y, g) in g.iter_mut().enumerate() {
                            let at = ((y * 3 + x) * self.depth + k) * self.width + self.start + c;
                            *g = S::load(self.w.as_ptr().add(at));
                        }
                        *column = weights::<S>(g);
                    }
                    // Indexed: the loop walks three columns at once.
                    #[allow(clippy::needless_range_loop)]
                    for i in 0..IN {
                        let row = weights::<S>([columns[0][i], columns[1][i], columns[2][i]]);
                        for (j, v) in row.into_iter().enumerate() {
                            S::store(out.add((i * IN + j) * plane + k * self.row + c), v);
                        }
                    }
                }
            }
        }
    }
}

/// g · x of three numbers.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(in crate::kernels::conv) unsafe fn combine<S: Simd>(g: &[f32; 3], x: [S::V; 3]) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe { S::mul_add(x[2], S::splat(g[2]), S::mul_add(x[1], S::splat(g[1]), S::mul(x[0], S::splat(g[0])))) }
}

/// Gᵀ s G for every channel pair: `[3, 3, pairs]` from 36 planes, each [`plane_stride`] of the pairs long.
pub(super) fn transformed_back(isa: Isa, planes: &[f32], pairs: usize) -> Vec<f32> {
    assert!(planes.len() == PLANES * plane_stride(pairs) && pairs.is_multiple_of(isa.lanes()));
    let mut out = Vec::with_capacity(9 * pairs);
    let to = &mut out.spare_capacity_mut()[..9 * pairs];
    // SAFETY: the lengths were checked; the kernel writes all of `to`.
    unsafe {
        isa.run(TransformBack { planes, pairs, out: to });
        out.set_len(9 * pairs);
    }
    out
}

/// `planes` are `[36, plane_stride(pairs)]`, `out` is `[9, pairs]`; whole vectors of pairs.
struct TransformBack<'a> {
    planes: &'a [f32],
    pairs: usize,
    out: Part<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for TransformBack<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (stride, out) = (plane_stride(self.pairs), self.out.as_mut_ptr().cast::<f32>());
        for c in (0..self.pairs).step_by(S::LANES) {
            // SAFETY: as `transformed_back` says.
            unsafe {
                let mut columns = [[S::splat(0.0); 3]; IN];
                for (i, column) in columns.iter_mut().enumerate() {
                    let mut s = [S::splat(0.0); IN];
                    for (j, s) in s.iter_mut().enumerate() {
                        *s = S::load(self.planes.as_ptr().add((i * IN + j) * stride + c));
                    }
                    *column = weights_transposed::<S>(s);
                }
                for x in 0..3 {
                    let mut s = [S::splat(0.0); IN];
                    for (s, column) in s.iter_mut().zip(&columns) {
                        *s = column[x];
                    }
                    for (y, v) in weights_transposed::<S>(s).into_iter().enumerate() {
                        S::store(out.add((y * 3 + x) * self.pairs + c), v);
                    }
                }
            }
        }
    }
}
