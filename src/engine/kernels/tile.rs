//! The two register tiles that all matrix work is made of: rows times a panel of columns, and sums
//! of outer products.
//!
//! Both hold P rows × V vectors of the result in registers. V is 1 or 2; P goes up to
//! [`Simd::ROWS`], so that 2·P accumulators, two vectors of one operand and one broadcast of the
//! other fit in the register file. (Measured on AVX-512: 13 × 2 runs at the processor's peak; the
//! compiler spills 14 × 2 and 7 × 4, which then run at less than half of it.)

use super::simd::{Kernel, Simd};

/// One term of a [`Product`]: where it starts in the source and in the weights, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tap {
    pub source: usize,
    pub weights: usize,
}

/// out[p][c] = bias[c] + Σ_taps Σ_k source[tap + p·source_pixel + k] · weights[tap + k·weights_row + c]
///
/// `bias` may be null. `columns` ≤ V·LANES are written; the weights have V·LANES of them in any case.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    pub source: *const f32,
    pub source_pixel: usize,
    pub taps: &'a [Tap],
    pub depth: usize,
    pub weights: *const f32,
    pub weights_row: usize,
    pub bias: *const f32,
    pub out: *mut f32,
    pub out_pixel: usize,
    pub columns: usize,
}

/// A [`Product`] of P rows and V vectors of columns.
struct ProductTile<'a, const P: usize, const V: usize>(Product<'a>);

// SAFETY: `run` asks for what [`product`] asks for, of P rows and V vectors.
impl<const P: usize, const V: usize> Kernel for ProductTile<'_, P, V> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let a = self.0;
        // SAFETY: the offsets stay inside what the product's fields describe.
        unsafe {
            let mut acc = [[S::splat(0.0); V]; P];
            if !a.bias.is_null() {
                for v in 0..V {
                    let bias = load_columns::<S>(a.bias, v, a.columns);
                    for row in &mut acc {
                        row[v] = bias;
                    }
                }
            }
            // Rows in threes: base, base + stride, base + 2·stride are all addressing modes, so P
            // rows need P / 3 pointers.
            let stride = a.source_pixel;
            for tap in a.taps {
                let first = a.source.add(tap.source);
                let mut bases: [*const f32; 5] = std::array::from_fn(|g| first.wrapping_add(3 * g * stride));
                let mut weights = a.weights.add(tap.weights);
                for _ in 0..a.depth {
                    let mut w = [S::splat(0.0); V];
                    for (v, w) in w.iter_mut().enumerate() {
                        *w = S::load(weights.add(v * S::LANES));
                    }
                    for (p, row) in acc.iter_mut().enumerate() {
                        let x = S::splat(*bases[p / 3].add((p % 3) * stride));
                        for v in 0..V {
                            row[v] = S::mul_add(x, w[v], row[v]);
                        }
                    }
                    weights = weights.add(a.weights_row);
                    for base in &mut bases[..P.div_ceil(3)] {
                        *base = base.add(1);
                    }
                }
            }
            for (p, row) in acc.iter().enumerate() {
                for (v, &sum) in row.iter().enumerate() {
                    store_columns::<S>(a.out.add(p * a.out_pixel), v, a.columns, sum);
                }
            }
        }
    }
}

/// out[i][c] += Σ_y Σ_p left[y·left_row + p·left_pixel + offsets[i]] · right[y·right_row + p·right_pixel + c]
///
/// `right` and `out` have V·LANES columns.
#[derive(Clone, Copy)]
pub(crate) struct OuterSum<'a> {
    pub left: *const f32,
    pub offsets: &'a [usize],
    pub left_row: usize,
    pub left_pixel: usize,
    pub right: *const f32,
    pub right_row: usize,
    pub right_pixel: usize,
    pub rows: usize,
    pub pixels: usize,
    pub out: *mut f32,
    pub out_row: usize,
    /// Whether `out` is written instead of added to.
    pub fresh: bool,
}

/// An [`OuterSum`] of P offsets and V vectors of columns.
struct OuterTile<'a, const P: usize, const V: usize>(OuterSum<'a>);

// SAFETY: `run` asks for what [`outer_sum`] asks for, of P offsets and V vectors.
impl<const P: usize, const V: usize> Kernel for OuterTile<'_, P, V> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let a = self.0;
        // SAFETY: the offsets stay inside what the sum's fields describe.
        unsafe {
            let mut acc = [[S::splat(0.0); V]; P];
            let offsets: [usize; P] = std::array::from_fn(|i| *a.offsets.get_unchecked(i));
            for y in 0..a.rows {
                let mut left = a.left.add(y * a.left_row);
                let mut right = a.right.add(y * a.right_row);
                for _ in 0..a.pixels {
                    let mut r = [S::splat(0.0); V];
                    for (v, r) in r.iter_mut().enumerate() {
                        *r = S::load(right.add(v * S::LANES));
                    }
                    for (row, &offset) in acc.iter_mut().zip(&offsets) {
                        let x = S::splat(*left.add(offset));
                        for v in 0..V {
                            row[v] = S::mul_add(x, r[v], row[v]);
                        }
                    }
                    left = left.wrapping_add(a.left_pixel);
                    right = right.wrapping_add(a.right_pixel);
                }
            }
            for (i, row) in acc.iter().enumerate() {
                for (v, &sum) in row.iter().enumerate() {
                    let out = a.out.add(i * a.out_row + v * S::LANES);
                    S::store(out, if a.fresh { sum } else { S::add(S::load(out), sum) });
                }
            }
        }
    }
}

/// Vector `v` of a row of `columns` numbers; zeros beyond its end.
///
/// # Safety
/// `row` has `columns` numbers.
#[inline(always)]
pub(crate) unsafe fn load_columns<S: Simd>(row: *const f32, v: usize, columns: usize) -> S::V {
    let at = v * S::LANES;
    // SAFETY: reads below `columns` only.
    unsafe {
        if at + S::LANES <= columns {
            S::load(row.add(at))
        } else if at < columns {
            S::load_first(row.add(at), columns - at)
        } else {
            S::splat(0.0)
        }
    }
}

/// Writes vector `v` of a row of `columns` numbers, as far as the row goes.
///
/// # Safety
/// `row` has `columns` numbers.
#[inline(always)]
pub(crate) unsafe fn store_columns<S: Simd>(row: *mut f32, v: usize, columns: usize, x: S::V) {
    let at = v * S::LANES;
    // SAFETY: writes below `columns` only.
    unsafe {
        if at + S::LANES <= columns {
            S::store(row.add(at), x);
        } else if at < columns {
            S::store_first(row.add(at), x, columns - at);
        }
    }
}

/// `tile::<P, V>` for run-time `p` and `v`; each is a function of its own.
macro_rules! pick {
    ($S:ident, $Tile:ident, $args:expr, $p:expr, $v:expr; $($P:literal)*) => {
        match ($p, $v) {
            $(
                ($P, 2) if $P <= $S::ROWS => $S::run($Tile::<$P, 2>($args)),
                ($P, 1) if $P <= $S::ROWS => $S::run($Tile::<$P, 1>($args)),
            )*
            (p, v) => unreachable!("no tile of {p} rows and {v} vectors"),
        }
    };
}

/// A [`Product`] of any number of rows, with 1 or 2 vectors of columns.
///
/// # Safety
/// The processor has `S`; the product's pointers are good for everything that its formula reads and
/// writes, and nobody else touches what it writes.
#[inline(always)]
pub(crate) unsafe fn product<S: Simd>(mut a: Product<'_>, rows: usize, vectors: usize) {
    let tiles = rows.div_ceil(S::ROWS);
    for i in 0..tiles {
        let p = (i + 1) * rows / tiles - i * rows / tiles;
        // SAFETY: the caller's promise; the pointers move on by whole rows.
        unsafe {
            pick!(S, ProductTile, a, p, vectors; 1 2 3 4 5 6 7 8 9 10 11 12 13);
            a.source = a.source.wrapping_add(p * a.source_pixel);
            a.out = a.out.wrapping_add(p * a.out_pixel);
        }
    }
}

/// An [`OuterSum`] of any number of offsets, with 1 or 2 vectors of columns.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
pub(crate) unsafe fn outer_sum<S: Simd>(mut a: OuterSum<'_>, vectors: usize) {
    let all = a.offsets;
    let tiles = all.len().div_ceil(S::ROWS);
    for i in 0..tiles {
        a.offsets = &all[i * all.len() / tiles..(i + 1) * all.len() / tiles];
        let p = a.offsets.len();
        // SAFETY: the caller's promise; the pointer moves on by whole rows.
        unsafe {
            pick!(S, OuterTile, a, p, vectors; 1 2 3 4 5 6 7 8 9 10 11 12 13);
            a.out = a.out.wrapping_add(p * a.out_row);
        }
    }
}
