//! In f32, on vectors: a block of queries at a time, so that the scores of a head never take more memory than a block's.

use super::sample::HeadsSample;
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::simd::{Kernel, Simd, exp, without_traces};
use crate::kernels::tile::{OuterSum, Product, Tap, outer_sum, product};

/// Queries at a time.
const BLOCK: usize = 56;

/// The sizes that both passes use.
#[derive(Clone, Copy)]
struct Sizes {
    positions: usize,
    channels: usize,
    /// Channels of a head.
    d: usize,
    /// Positions and channels of a head, up to whole vectors.
    wide: usize,
    d_wide: usize,
}

impl HeadsSample<'_> {
    fn sizes<S: Simd>(&self) -> Sizes {
        let (positions, d) = (self.q.len() / self.channels, self.channels / self.heads);
        let (wide, d_wide) = (positions.next_multiple_of(S::LANES), d.next_multiple_of(S::LANES));
        Sizes { positions, channels: self.channels, d, wide, d_wide }
    }
}

impl Sizes {
    /// A head's channels of all positions as a matrix `[positions, d_wide]`, zeros beyond d.
    fn rows(&self, from: &[f32], head: usize, out: &mut [f32]) {
        for (row, out) in from.chunks_exact(self.channels).zip(out.chunks_exact_mut(self.d_wide)) {
            out[..self.d].copy_from_slice(&row[head * self.d..(head + 1) * self.d]);
            out[self.d..].fill(0.0);
        }
    }

    /// The same transposed, times `factor`: `[d, wide]`, zeros beyond the last position.
    fn columns(&self, from: &[f32], head: usize, factor: f32, out: &mut [f32]) {
        for (c, out) in out.chunks_exact_mut(self.wide).enumerate().take(self.d) {
            let (inside, beyond) = out.split_at_mut(self.positions);
            for (row, out) in from.chunks_exact(self.channels).zip(inside) {
                *out = row[head * self.d + c] * factor;
            }
            beyond.fill(0.0);
        }
    }

    /// Writes the first d columns of `[positions, d_wide]` to a head's channels.
    ///
    /// # Safety
    /// `out` is a sample.
    unsafe fn scatter(&self, from: &[f32], head: usize, out: *mut f32) {
        for (p, row) in from.chunks_exact(self.d_wide).enumerate() {
            // SAFETY: a head's channels lie inside the row of its position.
            unsafe { std::ptr::copy_nonoverlapping(row.as_ptr(), out.add(p * self.channels + head * self.d), self.d) };
        }
    }
}

/// What is added to the scores beyond the last position, so that they get no weight.
const NEVER: f32 = -1e30;

/// out[p][..] = bias + Σ_k source[p·pixel + k] · matrix[k][..] for `rows` rows, in panels.
///
/// # Safety
/// The processor has `S`; the pointers are good for that; `matrix` has rows of `row` numbers, whole
/// vectors; `columns` of them are written.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn multiply<S: Simd>(
    (source, source_pixel): (*const f32, usize),
    depth: usize,
    (matrix, row): (&[f32], usize),
    bias: *const f32,
    (out, out_pixel): (*mut f32, usize),
    rows: usize,
    columns: usize,
) {
    let taps = [Tap { source: 0, weights: 0 }];
    for start in (0..columns).step_by(2 * S::LANES) {
        let columns = (columns - start).min(2 * S::LANES);
        // SAFETY: the caller's promise.
        unsafe {
            let a = Product {
                source,
                source_pixel,
                taps: &taps,
                depth,
                weights: matrix.as_ptr().add(start),
                weights_row: row,
                bias: if bias.is_null() { bias } else { bias.add(start) },
                out: out.add(start),
                out_pixel,
                columns,
            };
            product::<S>(a, rows, columns.div_ceil(S::LANES));
        }
    }
}

/// out[j][..] += Σ_i left[i][j] · right[i][..], `left` of rows of `wide` numbers.
///
/// # Safety
/// The processor has `S`; `left` and `right` have `rows` rows, `out` one for each offset.
#[inline(always)]
unsafe fn accumulate<S: Simd>(left: &[f32], right: &[f32], z: Sizes, offsets: &[usize], rows: usize, out: &mut [f32]) {
    for start in (0..z.d_wide).step_by(2 * S::LANES) {
        // SAFETY: the caller's promise.
        unsafe {
            let a = OuterSum {
                left: left.as_ptr(),
                offsets,
                left_row: 0,
                left_pixel: z.wide,
                right: right.as_ptr().add(start),
                right_row: 0,
                right_pixel: z.d_wide,
                rows: 1,
                pixels: rows,
                out: out.as_mut_ptr().add(start),
                out_row: z.d_wide,
                fresh: false,
            };
            outer_sum::<S>(a, ((z.d_wide - start) / S::LANES).min(2));
        }
    }
}

/// The weights of a block of queries, `[rows, wide]`: softmax of the scores.
///
/// # Safety
/// The processor has `S`; `q` points at `rows` rows of a head's channels.
#[inline(always)]
unsafe fn weights<S: Simd>(z: Sizes, q: *const f32, keys: &[f32], mask: &[f32], rows: usize, out: &mut [f32]) {
    // SAFETY: the caller's promise; `out` has `rows` rows of whole vectors.
    unsafe {
        let to = (out.as_mut_ptr(), z.wide);
        multiply::<S>((q, z.channels), z.d, (keys, z.wide), mask.as_ptr(), to, rows, z.wide);
        for row in out[..rows * z.wide].chunks_exact_mut(z.wide) {
            let row = row.as_mut_ptr();
            let mut largest = S::load(row);
            for j in (S::LANES..z.wide).step_by(S::LANES) {
                largest = S::max(largest, S::load(row.add(j)));
            }
            let largest = S::splat(S::largest(largest));
            let mut sum = S::splat(0.0);
            for j in (0..z.wide).step_by(S::LANES) {
                let e = without_traces::<S>(exp::<S>(S::sub(S::load(row.add(j)), largest)));
                sum = S::add(sum, e);
                S::store(row.add(j), e);
            }
            let share = S::splat(1.0 / S::sum(sum));
            for j in (0..z.wide).step_by(S::LANES) {
                S::store(row.add(j), S::mul(S::load(row.add(j)), share));
            }
        }
    }
}

/// 0 for each position, [`NEVER`] beyond.
fn mask(z: Sizes) -> Scratch {
    let mut mask = Scratch::zeroed(z.wide);
    mask[z.positions..].fill(NEVER);
    mask
}

/// One sample forward; `out` is as long as q.
pub(super) struct AttentionForward<'a> {
    pub sample: HeadsSample<'a>,
    pub out: Part<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for AttentionForward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let s = self.sample;
        let z = s.sizes::<S>();
        let out = self.out.as_mut_ptr().cast::<f32>();
        let mask = mask(z);
        let mut scores = Scratch::new(BLOCK.min(z.positions) * z.wide);
        let mut keys = Scratch::new(z.d * z.wide);
        let mut values = Scratch::new(z.positions * z.d_wide);
        for head in 0..s.heads {
            z.columns(s.k, head, 1.0 / (z.d as f32).sqrt(), &mut keys);
            z.rows(s.v, head, &mut values);
            for start in (0..z.positions).step_by(BLOCK) {
                let rows = BLOCK.min(z.positions - start);
                let at = start * z.channels + head * z.d;
                // SAFETY: rows `start..start + rows` are positions of the sample.
                unsafe {
                    weights::<S>(z, s.q.as_ptr().add(at), &keys, &mask, rows, &mut scores);
                    let from = (scores.as_ptr(), z.wide);
                    let to = (out.add(at), z.channels);
                    multiply::<S>(from, z.positions, (&values, z.d_wide), std::ptr::null(), to, rows, z.d);
                }
            }
        }
    }
}

/// One sample backward: the gradients of q, k and v, as long as these, as is `d_out`.
///
/// With weights p and scores s: dv = pᵀ do, dp = do vᵀ, ds = p ∘ (dp − Σ_j p dp), dq = ds k / √d,
/// dk = dsᵀ q / √d.
pub(super) struct AttentionBackward<'a> {
    pub sample: HeadsSample<'a>,
    pub d_out: &'a [f32],
    pub gradients: [Part<'a>; 3],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell.
impl Kernel for AttentionBackward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let s = self.sample;
        let z = s.sizes::<S>();
        let [dq, dk, dv] = self.gradients.map(|g| g.as_mut_ptr().cast::<f32>());
        let factor = 1.0 / (z.d as f32).sqrt();
        let mask = mask(z);
        let offsets: Vec<usize> = (0..z.positions).collect();
        let block = BLOCK.min(z.positions);
        let (mut p, mut ds) = (Scratch::new(block * z.wide), Scratch::new(block * z.wide));
        let (mut k_columns, mut v_columns) = (Scratch::new(z.d * z.wide), Scratch::new(z.d * z.wide));
        let matrix = || Scratch::new(z.positions * z.d_wide);
        let (mut q_rows, mut k_rows, mut out_rows) = (matrix(), matrix(), matrix());
        let (mut dk_rows, mut dv_rows) = (matrix(), matrix());
        for head in 0..s.heads {
            z.columns(s.k, head, factor, &mut k_columns);
            z.columns(s.v, head, 1.0, &mut v_columns);
            z.rows(s.q, head, &mut q_rows);
            z.rows(s.k, head, &mut k_rows);
            z.rows(self.d_out, head, &mut out_rows);
            dk_rows.fill(0.0);
            dv_rows.fill(0.0);
            for start in (0..z.positions).step_by(BLOCK) {
                let rows = BLOCK.min(z.positions - start);
                let at = start * z.channels + head * z.d;
                let rest = start * z.d_wide;
                // SAFETY: rows `start..start + rows` are positions of the sample, in every matrix.
                unsafe {
                    weights::<S>(z, s.q.as_ptr().add(at), &k_columns, &mask, rows, &mut p);
                    accumulate::<S>(&p, &out_rows[rest..], z, &offsets, rows, &mut dv_rows);
                    let from = (self.d_out.as_ptr().add(at), z.channels);
                    let to = (ds.as_mut_ptr(), z.wide);
                    multiply::<S>(from, z.d, (&v_columns, z.wide), std::ptr::null(), to, rows, z.wide);
                    score_gradient::<S>(z, &p, &mut ds, rows, factor);
                    let to = (dq.add(at), z.channels);
                    let from = (ds.as_ptr(), z.wide);
                    multiply::<S>(from, z.positions, (&k_rows, z.d_wide), std::ptr::null(), to, rows, z.d);
                    accumulate::<S>(&ds, &q_rows[rest..], z, &offsets, rows, &mut dk_rows);
                }
            }
            // SAFETY: dk and dv are samples.
            unsafe {
                z.scatter(&dk_rows, head, dk);
                z.scatter(&dv_rows, head, dv);
            }
        }
    }
}

/// dp becomes factor · p ∘ (dp − Σ_j p dp), row by row.
///
/// # Safety
/// The processor has `S`; both have `rows` rows of whole vectors.
#[inline(always)]
unsafe fn score_gradient<S: Simd>(z: Sizes, p: &[f32], dp: &mut [f32], rows: usize, factor: f32) {
    let pairs = p.chunks_exact(z.wide).zip(dp.chunks_exact_mut(z.wide)).take(rows);
    for (p, dp) in pairs {
        let (p, dp) = (p.as_ptr(), dp.as_mut_ptr());
        // SAFETY: rows of `wide` numbers.
        unsafe {
            let mut sum = S::splat(0.0);
            for j in (0..z.wide).step_by(S::LANES) {
                sum = S::mul_add(S::load(p.add(j)), S::load(dp.add(j)), sum);
            }
            let (sum, factor) = (S::splat(S::sum(sum)), S::splat(factor));
            for j in (0..z.wide).step_by(S::LANES) {
                let weighted = S::mul(S::load(p.add(j)), factor);
                S::store(dp.add(j), S::mul(weighted, S::sub(S::load(dp.add(j)), sum)));
            }
        }
    }
}
