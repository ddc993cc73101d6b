//! Weights to the 36 planes and back.

use super::transforms::G;
use super::{IN, PLANES};
use crate::kernels::buffers::Scratch;
use crate::kernels::conv::panels::Panels;
use crate::kernels::simd::{Isa, Kernel, Simd};

/// G g Gᵀ for every channel pair of `w` `[3, 3, depth, width]`, packed as 36 taps.
pub(in crate::kernels::conv) fn transformed(isa: Isa, w: &[f32], depth: usize, width: usize) -> Panels {
    assert!(w.len() == 9 * depth * width && width.is_multiple_of(isa.lanes()));
    let mut panels = Panels::empty(PLANES, depth, width, isa.lanes());
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
/// `[36, depth, row]`.
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
        let (plane, out) = (self.depth * self.row, self.panel.as_mut_ptr());
        for k in 0..self.depth {
            for c in (0..self.row).step_by(S::LANES) {
                // SAFETY: as `transformed` says.
                unsafe {
                    let tap = |t: usize| self.w.as_ptr().add((t * self.depth + k) * self.width + self.start + c);
                    let mut half = [[S::splat(0.0); 3]; IN];
                    for x in 0..3 {
                        let (a, b, d) = (S::load(tap(x)), S::load(tap(3 + x)), S::load(tap(6 + x)));
                        for (half, g) in half.iter_mut().zip(&G) {
                            half[x] = combine::<S>(g, [a, b, d]);
                        }
                    }
                    for (i, half) in half.iter().enumerate() {
                        for (j, g) in G.iter().enumerate() {
                            S::store(out.add((i * IN + j) * plane + k * self.row + c), combine::<S>(g, *half));
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

/// Gᵀ s G for every channel pair: `[3, 3, pairs]` from `[36, pairs]`.
pub(super) fn transformed_back(isa: Isa, planes: &[f32], pairs: usize) -> Vec<f32> {
    assert!(planes.len() == PLANES * pairs && pairs.is_multiple_of(isa.lanes()));
    let mut out = vec![0.0; 9 * pairs];
    // SAFETY: the lengths were checked.
    unsafe { isa.run(TransformBack { planes, pairs, out: &mut out }) };
    out
}

/// `planes` are `[36, pairs]`, `out` is `[9, pairs]`; whole vectors of pairs.
struct TransformBack<'a> {
    planes: &'a [f32],
    pairs: usize,
    out: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for TransformBack<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for c in (0..self.pairs).step_by(S::LANES) {
            // SAFETY: as `transformed_back` says.
            unsafe {
                let mut half = [[S::splat(0.0); 3]; IN];
                for (i, half) in half.iter_mut().enumerate() {
                    for (j, g) in G.iter().enumerate() {
                        let s = S::load(self.planes.as_ptr().add((i * IN + j) * self.pairs + c));
                        for x in 0..3 {
                            half[x] = S::mul_add(s, S::splat(g[x]), half[x]);
                        }
                    }
                }
                for y in 0..3 {
                    for x in 0..3 {
                        let mut sum = S::splat(0.0);
                        for (half, g) in half.iter().zip(&G) {
                            sum = S::mul_add(half[x], S::splat(g[y]), sum);
                        }
                        S::store(self.out.as_mut_ptr().add((y * 3 + x) * self.pairs + c), sum);
                    }
                }
            }
        }
    }
}
