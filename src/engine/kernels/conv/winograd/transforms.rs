//! The small matrices of F(4, 3) at the points 0, ±a, ±b, ∞, applied along one axis.
//!
//! With a² = ½ and b² = 2, a²b² = 1 and a² + b² = 5/2.
//!
//! Beside them those of F(3, 3), which leaves out the point −b: where an image is no whole number of
//! tiles of 4, some of 3 save a sixth of their products. So that both read the same weights, F(3, 3)
//! takes G's other rows as they are, and Bᵀ makes up for it: its row of a point p is multiplied by p + b.

use crate::kernels::simd::Simd;

const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;
const A2: f32 = 0.5;
const B2: f32 = 2.0;
const A3: f32 = A2 * A;
const B3: f32 = B2 * B;
const A2_PLUS_B2: f32 = 2.5;

/// Beside the 0, ±a, ±b and ∞ of the points: what their rows of G are multiplied by.
const NA: f32 = -2.0 / 3.0;
const NB: f32 = 1.0 / 6.0;

/// G g, with the rows (1, 0, 0), NA (1, ±a, a²), NB (1, ±b, b²), (0, 0, 1).
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn weights<S: Simd>(g: [S::V; 3]) -> [S::V; 6] {
    // SAFETY: register arithmetic only.
    unsafe {
        let even_a = S::mul_add(g[2], S::splat(NA * A2), S::mul(g[0], S::splat(NA)));
        let even_b = S::mul_add(g[2], S::splat(NB * B2), S::mul(g[0], S::splat(NB)));
        let (odd_a, odd_b) = (S::mul(g[1], S::splat(NA * A)), S::mul(g[1], S::splat(NB * B)));
        [g[0], S::add(even_a, odd_a), S::sub(even_a, odd_a), S::add(even_b, odd_b), S::sub(even_b, odd_b), g[2]]
    }
}

/// Gᵀ s.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn weights_transposed<S: Simd>(s: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: register arithmetic only.
    unsafe {
        let (sum_a, difference_a) = (S::add(s[1], s[2]), S::sub(s[1], s[2]));
        let (sum_b, difference_b) = (S::add(s[3], s[4]), S::sub(s[3], s[4]));
        [
            S::mul_add(sum_b, S::splat(NB), S::mul_add(sum_a, S::splat(NA), s[0])),
            S::mul_add(difference_b, S::splat(NB * B), S::mul(difference_a, S::splat(NA * A))),
            S::mul_add(sum_b, S::splat(NB * B2), S::mul_add(sum_a, S::splat(NA * A2), s[5])),
        ]
    }
}

/// Rows 0 to 2 of Bᵀ d of F(4, 3).
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn input_upper<S: Simd>(d: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: register arithmetic only.
    unsafe {
        let first = S::add(d[0], S::neg_mul_add(d[2], S::splat(A2_PLUS_B2), d[4]));
        let even = S::neg_mul_add(d[2], S::splat(B2), d[4]);
        let odd = S::neg_mul_add(d[1], S::splat(B2), d[3]);
        [first, S::mul_add(odd, S::splat(A), even), S::neg_mul_add(odd, S::splat(A), even)]
    }
}

/// Rows 3 to 5 of Bᵀ d of F(4, 3).
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn input_lower<S: Simd>(d: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: register arithmetic only.
    unsafe {
        let last = S::add(d[1], S::neg_mul_add(d[3], S::splat(A2_PLUS_B2), d[5]));
        let even = S::neg_mul_add(d[2], S::splat(A2), d[4]);
        let odd = S::neg_mul_add(d[1], S::splat(A2), d[3]);
        [S::mul_add(odd, S::splat(B), even), S::neg_mul_add(odd, S::splat(B), even), last]
    }
}

/// Rows 0 to 2 of Bᵀ d of F(3, 3); d[5] is not read.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn input3_upper<S: Simd>(d: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: register arithmetic only.
    unsafe {
        let even = S::neg_mul_add(d[2], S::splat(B2), d[0]);
        let odd = S::neg_mul_add(d[1], S::splat(A), S::mul(d[3], S::splat(B)));
        let middle = S::mul(d[2], S::splat(B2 - A2));
        [
            S::add(even, odd),
            S::sub(S::mul(S::sub(d[3], d[1]), S::splat(A + B)), middle),
            S::sub(S::mul(S::add(d[3], d[1]), S::splat(B - A)), middle),
        ]
    }
}

/// Rows 3 and 5 of Bᵀ d of F(3, 3), and nothing between; d[5] is not read.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn input3_lower<S: Simd>(d: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: register arithmetic only.
    unsafe {
        let odd = S::neg_mul_add(d[1], S::splat(B), S::mul(d[3], S::splat(2.0 * B)));
        let even = S::neg_mul_add(d[2], S::splat(A2), d[4]);
        let last = S::add(even, S::neg_mul_add(d[3], S::splat(B), S::mul(d[1], S::splat(A))));
        [odd, S::splat(0.0), last]
    }
}

/// Bᵀ d of F(4, 3), or of F(3, 3) with nothing at the point −b.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn input<S: Simd, const FOUR: bool>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: register arithmetic only.
    unsafe {
        let [a, b, c] = if FOUR { input_upper::<S>(d) } else { input3_upper::<S>(d) };
        let [d, e, f] = if FOUR { input_lower::<S>(d) } else { input3_lower::<S>(d) };
        [a, b, c, d, e, f]
    }
}

/// Aᵀ m of F(4, 3), or of F(3, 3) without m[4] and with nothing at the end.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn output<S: Simd, const FOUR: bool>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: register arithmetic only.
    unsafe {
        if FOUR {
            return output4::<S>(m);
        }
        let (sum_a, difference_a) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        [
            S::add(S::add(m[0], sum_a), m[3]),
            S::mul_add(m[3], S::splat(B), S::mul(difference_a, S::splat(A))),
            S::add(S::mul_add(m[3], S::splat(B2), S::mul(sum_a, S::splat(A2))), m[5]),
            S::splat(0.0),
        ]
    }
}

/// A y of F(4, 3), or of F(3, 3) without y[3] and with nothing at the point −b.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(super) unsafe fn output_transposed<S: Simd, const FOUR: bool>(y: [S::V; 4]) -> [S::V; 6] {
    // SAFETY: register arithmetic only.
    unsafe {
        if FOUR {
            return output4_transposed::<S>(y);
        }
        let (even_a, odd_a) = (S::mul_add(y[2], S::splat(A2), y[0]), S::mul(y[1], S::splat(A)));
        let at_b = S::mul_add(y[2], S::splat(B2), S::mul_add(y[1], S::splat(B), y[0]));
        [y[0], S::add(even_a, odd_a), S::sub(even_a, odd_a), at_b, S::splat(0.0), y[2]]
    }
}

/// Aᵀ m of F(4, 3).
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
unsafe fn output4<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: register arithmetic only.
    unsafe {
        let (sum_a, difference_a) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (sum_b, difference_b) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(S::add(m[0], sum_a), sum_b),
            S::mul_add(difference_b, S::splat(B), S::mul(difference_a, S::splat(A))),
            S::mul_add(sum_b, S::splat(B2), S::mul(sum_a, S::splat(A2))),
            S::mul_add(difference_b, S::splat(B3), S::mul_add(difference_a, S::splat(A3), m[5])),
        ]
    }
}

/// A y of F(4, 3).
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
unsafe fn output4_transposed<S: Simd>(y: [S::V; 4]) -> [S::V; 6] {
    // SAFETY: register arithmetic only.
    unsafe {
        let (even_a, odd_a) = (S::mul_add(y[2], S::splat(A2), y[0]), S::mul_add(y[3], S::splat(A2), y[1]));
        let (even_b, odd_b) = (S::mul_add(y[2], S::splat(B2), y[0]), S::mul_add(y[3], S::splat(B2), y[1]));
        [
            y[0],
            S::mul_add(odd_a, S::splat(A), even_a),
            S::neg_mul_add(odd_a, S::splat(A), even_a),
            S::mul_add(odd_b, S::splat(B), even_b),
            S::neg_mul_add(odd_b, S::splat(B), even_b),
            y[3],
        ]
    }
}
