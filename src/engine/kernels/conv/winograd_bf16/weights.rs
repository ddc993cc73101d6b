//! Weights to the 16 planes and back.

use super::transforms::G;
use super::{IN, PLANES};
use crate::kernels::conv::panels::Panels;
use crate::kernels::conv::winograd::combine;
use crate::kernels::simd::{PairIsa, PairKernel, PairSimd, Simd};

/// G g Gᵀ for every channel pair of `w` `[3, 3, depth, width]`, rounded to bf16, neighbouring rows of
/// the matrices as pairs: packed as 16 taps of depth / 2 rows.
pub(in crate::kernels::conv) fn transformed(isa: PairIsa, w: &[f32], depth: usize, width: usize) -> Panels {
    let lanes = isa.lanes();
    assert!(w.len() == 9 * depth * width && width.is_multiple_of(lanes) && depth.is_multiple_of(2));
    let mut panels = Panels::empty(PLANES, depth / 2, width, lanes);
    for (start, row, panel) in panels.iter_mut() {
        // SAFETY: the lengths were checked; a panel has `row` numbers, whole vectors, for each
        // plane and pair of rows of the matrix.
        unsafe { isa.run(Transform { w, depth, width, start, row, panel }) };
    }
    panels
}

/// One panel: columns `start..start + row` of every plane, whole vectors; w is `[3, 3, depth, width]` with an even
/// depth, the panel `[16, depth / 2, row]`.
struct Transform<'a> {
    w: &'a [f32],
    depth: usize,
    width: usize,
    start: usize,
    row: usize,
    panel: &'a mut [f32],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl PairKernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(self) {
        let Self { w, depth, width, start, row, panel } = self;
        let plane = depth / 2 * row;
        for k in (0..depth).step_by(2) {
            for c in (0..row).step_by(S::LANES) {
                // SAFETY: as `transformed` says.
                unsafe {
                    let (mut first, mut second) = ([[S::splat(0.0); 3]; 3], [[S::splat(0.0); 3]; 3]);
                    for y in 0..3 {
                        for x in 0..3 {
                            let tap = w.as_ptr().add(((y * 3 + x) * depth + k) * width + start + c);
                            first[y][x] = S::load(tap);
                            second[y][x] = S::load(tap.add(width));
                        }
                    }
                    let (first, second) = (expand::<S>(first), expand::<S>(second));
                    let to = panel.as_mut_ptr().add(k / 2 * row + c);
                    for i in 0..IN {
                        for j in 0..IN {
                            S::store(to.add((i * IN + j) * plane), S::pair(first[i][j], second[i][j]));
                        }
                    }
                }
            }
        }
    }
}

/// G g Gᵀ of one vector of channel pairs.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
unsafe fn expand<S: Simd>(g: [[S::V; 3]; 3]) -> [[S::V; IN]; IN] {
    // SAFETY: register arithmetic only.
    unsafe {
        let mut out = [[S::splat(0.0); IN]; IN];
        for i in 0..IN {
            let mut half = [S::splat(0.0); 3];
            for x in 0..3 {
                half[x] = combine::<S>(&G[i], [g[0][x], g[1][x], g[2][x]]);
            }
            for j in 0..IN {
                out[i][j] = combine::<S>(&G[j], half);
            }
        }
        out
    }
}

/// Gᵀ s G for every channel pair: `[3, 3, pairs]` from `[16, pairs]`, in f32.
pub(super) fn transformed_back(planes: &[f32], pairs: usize) -> Vec<f32> {
    assert_eq!(planes.len(), PLANES * pairs);
    let mut out = vec![0.0; 9 * pairs];
    let plane = |i: usize, j: usize| &planes[(i * IN + j) * pairs..][..pairs];
    for (tap, out) in out.chunks_exact_mut(pairs).enumerate() {
        let (y, x) = (tap / 3, tap % 3);
        for (i, row) in G.iter().enumerate() {
            for (j, column) in G.iter().enumerate() {
                let factor = row[y] * column[x];
                if factor != 0.0 {
                    out.iter_mut().zip(plane(i, j)).for_each(|(out, s)| *out += factor * s);
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::Isa;

    #[test]
    fn transforming_back_is_the_transpose_of_transforming() {
        // ⟨G g Gᵀ, s⟩ = ⟨g, Gᵀ s G⟩ for numbers that bf16 holds exactly.
        let g: Vec<f32> = (0..9 * 2 * 16).map(|i| ((i * 7 % 11) as f32 - 5.0) * 4.0).collect();
        let s: Vec<f32> = (0..PLANES * 32).map(|i| (i * 5 % 13) as f32 - 6.0).collect();
        let isa = Isa::available().into_iter().find(|isa| isa.name() == "scalar").unwrap();
        let mut panels = transformed(PairIsa::of(isa).unwrap(), &g, 2, 16);
        let mut left = 0.0;
        for (start, row, panel) in panels.iter_mut() {
            for (i, pair) in panel.iter().enumerate() {
                let (plane, column) = (i / row, start + i % row);
                let numbers = [pair.to_bits() << 16, pair.to_bits() & 0xffff_0000].map(f32::from_bits);
                left += numbers[0] * s[plane * 32 + column] + numbers[1] * s[plane * 32 + 16 + column];
            }
        }
        let right: f32 = transformed_back(&s, 32).iter().zip(&g).map(|(a, b)| a * b).sum();
        assert_eq!(left, right);
    }
}
