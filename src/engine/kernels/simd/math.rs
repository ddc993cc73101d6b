//! Elementary functions of vectors.

use super::{LAST_BITS, Simd};

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

/// eˣ for x ≤ 87, to 8e-5 of it: for what is rounded to bf16, whose steps are 7.8e-3; x below -87 counts as -87. NaN stays NaN.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(crate) unsafe fn exp_for_bf16<S: Simd>(x: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        let [p, power] = exp_in_factors::<S>(x);
        S::mul(p, power)
    }
}

/// The two factors of [`exp_for_bf16`], of which the second is a power of two.
///
/// x · log₂ e = n − r with |r| ≤ 1/2, 2⁻ʳ by a polynomial of degree 3. Added to [`LAST_BITS`], x · log₂ e is rounded to n, and
/// n is in the sum's last bits.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
unsafe fn exp_in_factors<S: Simd>(x: S::V) -> [S::V; 2] {
    // SAFETY: register arithmetic only.
    unsafe {
        // x second: that is the operand that `max` returns when it is NaN.
        let x = S::max(S::splat(-87.0), x);
        let (log2_e, last_bits) = (S::splat(std::f32::consts::LOG2_E), S::splat(LAST_BITS));
        let sum = S::mul_add(x, log2_e, last_bits);
        let r = S::neg_mul_add(x, log2_e, S::sub(sum, last_bits));
        let mut p = S::splat(-0.055_171_67);
        p = S::mul_add(p, r, S::splat(0.242_611_13));
        p = S::mul_add(p, r, S::splat(-0.693_260_97));
        [S::mul_add(p, r, S::splat(0.999_928_06)), S::power_of_two(sum)]
    }
}

/// A weight of a softmax, of which the largest is 1, or 0 where it is below 1e-26 (e⁻⁶⁰); what is above 1e-19 stays as it is,
/// and so does NaN. What such traces are multiplied by soon is below 2⁻¹²⁶, and a processor takes a hundred cycles for every
/// operation that meets such a number.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(crate) unsafe fn without_traces<S: Simd>(weight: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe { S::max(S::splat(0.0), S::sub(weight, S::splat(1e-26))) }
}

/// 1 / a to about 1 unit in the last place, for a in 2⁻¹²⁵..=2¹²⁵; NaN stays NaN. No processor's own guess is used, so all
/// that have `mul_add` find the same bits.
///
/// With e = 1 − a·r for a guess r, 1/a = r / (1 − e) = r · (1 + e + e² + …): e² is kept once, then e alone.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(crate) unsafe fn reciprocal<S: Simd>(a: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        let one = S::splat(1.0);
        let r = S::reciprocal_guess(a);
        let e = S::neg_mul_add(a, r, one);
        let r = S::mul_add(r, S::mul_add(e, e, e), r);
        S::mul_add(r, S::neg_mul_add(a, r, one), r)
    }
}

/// 1 / (1 + e⁻ˣ); x below -86 counts as -86.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        // x second: that is the operand that `min` returns when it is NaN.
        let minus = S::min(S::splat(86.0), S::sub(S::splat(0.0), x));
        reciprocal::<S>(S::add(S::splat(1.0), exp::<S>(minus)))
    }
}

/// 1 / (1 + e⁻ˣ) to 2.5e-4 of it, for what is rounded to bf16; x below -86 counts as -86.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
pub(crate) unsafe fn sigmoid_for_bf16<S: Simd>(x: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        let one = S::splat(1.0);
        let minus = S::min(S::splat(86.0), S::sub(S::splat(0.0), x));
        let [p, power] = exp_in_factors::<S>(minus);
        let a = S::mul_add(p, power, one);
        // The first step of `reciprocal` alone.
        let r = S::reciprocal_guess(a);
        let e = S::neg_mul_add(a, r, one);
        S::mul_add(r, S::mul_add(e, e, e), r)
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

    /// A function of one number.
    struct Of(f32, Function);

    #[derive(Clone, Copy)]
    enum Function {
        Reciprocal,
        Sigmoid,
        ExpForBf16,
        SigmoidForBf16,
        WithoutTraces,
    }

    // SAFETY: `run` may always be called.
    impl Kernel for Of {
        type Output = f32;

        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> f32 {
            // SAFETY: register arithmetic only.
            let x = unsafe { S::splat(self.0) };
            // SAFETY: register arithmetic only.
            unsafe {
                S::largest(match self.1 {
                    Function::Reciprocal => reciprocal::<S>(x),
                    Function::Sigmoid => sigmoid::<S>(x),
                    Function::ExpForBf16 => exp_for_bf16::<S>(x),
                    Function::SigmoidForBf16 => sigmoid_for_bf16::<S>(x),
                    Function::WithoutTraces => without_traces::<S>(x),
                })
            }
        }
    }

    fn of(isa: Isa, function: Function, x: f32) -> f32 {
        // SAFETY: `Of` needs nothing.
        unsafe { isa.run(Of(x, function)) }
    }

    #[test]
    fn the_reciprocal_is_exact_to_the_last_place_over_its_range_and_nan_stays_nan() {
        for isa in Isa::available() {
            for exponent in -125..=125 {
                for i in 0..=64 {
                    let a = ((1.0 + i as f64 / 64.0) * 2f64.powi(exponent)).min(2f64.powi(125)) as f32;
                    let off = of(isa, Function::Reciprocal, a) as f64 * a as f64 - 1.0;
                    assert!(off.abs() < 1.2e-7, "{}: 1 / {a} is off by {off}", isa.name());
                }
            }
            assert!(of(isa, Function::Reciprocal, f32::NAN).is_nan());
        }
    }

    #[test]
    fn the_sigmoid_is_exact_to_a_few_last_places_and_ends_at_nought_and_one() {
        for isa in Isa::available() {
            for i in -860..=1000 {
                let x = i as f32 / 10.0;
                let (got, want) = (of(isa, Function::Sigmoid, x) as f64, 1.0 / (1.0 + (-x as f64).exp()));
                assert!(((got - want) / want).abs() < 5e-7, "{}: sigmoid({x}) = {got}, not {want}", isa.name());
            }
            let [below, above] = [f32::NEG_INFINITY, f32::INFINITY].map(|x| of(isa, Function::Sigmoid, x));
            assert!((0.0..5e-38).contains(&below) && above == 1.0, "{}: {below} {above}", isa.name());
            assert!(of(isa, Function::Sigmoid, f32::NAN).is_nan());
        }
    }

    #[test]
    fn what_is_made_for_bf16_is_exact_to_more_than_its_digits() {
        for isa in Isa::available() {
            for i in -1740..=0 {
                let x = i as f32 / 20.0;
                let (got, want) = (of(isa, Function::ExpForBf16, x) as f64, (x as f64).exp());
                assert!(((got - want) / want).abs() < 9e-5, "{}: exp({x}) = {got}, not {want}", isa.name());
            }
            for i in -860..=1000 {
                let x = i as f32 / 10.0;
                let (got, want) = (of(isa, Function::SigmoidForBf16, x) as f64, 1.0 / (1.0 + (-x as f64).exp()));
                assert!(((got - want) / want).abs() < 2.5e-4, "{}: sigmoid({x}) = {got}, not {want}", isa.name());
            }
            assert!((0.0..2e-38).contains(&of(isa, Function::ExpForBf16, -1e30)));
            assert!(of(isa, Function::ExpForBf16, f32::NAN).is_nan());
            let ends = [f32::NEG_INFINITY, f32::INFINITY].map(|x| of(isa, Function::SigmoidForBf16, x));
            assert!((0.0..5e-38).contains(&ends[0]) && (ends[1] - 1.0).abs() < 2.5e-4, "{}: {ends:?}", isa.name());
            assert!(of(isa, Function::SigmoidForBf16, f32::NAN).is_nan());
        }
    }

    #[test]
    fn traces_become_nought_and_weights_stay_as_they_are() {
        for isa in Isa::available() {
            for (weight, want) in [(1.0, 1.0), (0.02, 0.02), (1e-18, 1e-18), (1e-26, 0.0), (1.6e-38, 0.0), (0.0, 0.0)] {
                assert_eq!(of(isa, Function::WithoutTraces, weight), want, "{}", isa.name());
            }
            assert!(of(isa, Function::WithoutTraces, f32::NAN).is_nan());
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
