//! Elementary functions of vectors.

use super::Simd;

/// eˣ to about 1 unit in the last place; x is clamped to -87..=88, where f32 ends. NaN stays NaN.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2, e^r by a polynomial of degree 6.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        // x second: that is the operand that `min` and `max` return when it is NaN.
        let x = S::max(S::splat(-87.0), S::min(S::splat(88.0), x));
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        // ln 2 in two parts: the first has few enough bits for n·ln 2 to be exact.
        let r = S::neg_mul_add(n, S::splat(0.693_359_4), x);
        let r = S::neg_mul_add(n, S::splat(-2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        p = S::mul_add(p, r, S::splat(1.398_199_9e-3));
        p = S::mul_add(p, r, S::splat(8.333_452e-3));
        p = S::mul_add(p, r, S::splat(4.166_579_6e-2));
        p = S::mul_add(p, r, S::splat(1.666_666_5e-1));
        p = S::mul_add(p, r, S::splat(0.5));
        let e = S::mul_add(S::mul(p, r), r, S::add(r, S::splat(1.0)));
        S::scale(e, n)
    }
}

/// 1 / (1 + e⁻ˣ).
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        let one = S::splat(1.0);
        S::div(one, S::add(one, exp::<S>(S::sub(S::splat(0.0), x))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::{Isa, Kernel};

    /// eˣ of one number.
    struct Exp(f32);

    // SAFETY: `run` may always be called.
    impl Kernel for Exp {
        type Output = f32;

        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> f32 {
            // SAFETY: register arithmetic only.
            unsafe { S::largest(exp::<S>(S::splat(self.0))) }
        }
    }

    #[test]
    fn the_exponential_of_nan_is_nan_and_of_infinity_the_end_of_its_range() {
        for isa in Isa::available() {
            // SAFETY: `Exp` needs nothing.
            let [nan, above, below] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(|x| unsafe { isa.run(Exp(x)) });
            assert!(nan.is_nan() && above > 1e38 && below < 1e-37, "{}: {nan} {above} {below}", isa.name());
        }
    }

    #[test]
    fn the_exponential_is_exact_to_a_few_last_places_over_all_of_f32() {
        for isa in Isa::available() {
            for i in -870..=880 {
                let x = i as f32 / 10.0;
                // SAFETY: `Exp` needs nothing.
                let (got, want) = (unsafe { isa.run(Exp(x)) } as f64, (x as f64).exp());
                assert!(((got - want) / want).abs() < 3e-7, "{}: exp({x}) = {got}, not {want}", isa.name());
            }
        }
    }
}
