//! One computed question, and the numbers in its sentences.

use anyhow::Result;
use candle_core::{Device, Tensor};

use crate::explain::document::digits;

/// A question with its answer. Texts are paragraphs with LaTeX between dollars; one between double dollars is a formula.
pub struct Computed {
    pub text: String,
    pub answer: f64,
    /// How far off an answer may be.
    pub tolerance: f64,
    pub hint: String,
    pub solution: String,
}

/// A number within a formula: four digits, in brackets if it is negative.
pub fn num(x: f64) -> String {
    if x < 0.0 { format!("({})", digits(x)) } else { digits(x) }
}

/// A share of the answer, at least `least`; to two digits, so that it reads as it is judged by.
pub fn within(share: f64, answer: f64, least: f64) -> f64 {
    let exact = (share * answer.abs()).max(least);
    if !(exact.is_finite() && exact > 0.0) {
        return exact;
    }
    let digit = 10f64.powi(exact.log10().floor() as i32 - 1);
    (exact / digit).round() * digit
}

/// A share of a whole, near 1 too: as many digits as four of what is missing need, `0.99987`.
pub fn share(x: f64) -> String {
    let missing = 1.0 - x;
    if !(missing > 0.0 && missing < 0.1 && x > 0.0) {
        return digits(x);
    }
    let decimals = (3.0 - missing.log10().floor()) as usize;
    format!("{x:.decimals$}").trim_end_matches('0').trim_end_matches('.').into()
}

/// One pixel, as the code that trains and samples takes it: `[1, 1, 1, 1]`.
///
/// # Errors
/// When candle fails.
pub fn pixel(x: f64) -> Result<Tensor> {
    Ok(Tensor::from_vec(vec![x as f32], (1, 1, 1, 1), &Device::Cpu)?)
}

/// The first number of a tensor.
///
/// # Errors
/// When candle fails.
pub fn value(x: &Tensor) -> Result<f64> {
    Ok(f64::from(x.flatten_all()?.get(0)?.to_scalar::<f32>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_have_two_digits_and_what_is_missing_to_one_has_four() {
        let within = |share, answer, least| digits(within(share, answer, least));
        assert_eq!((within(0.02, 0.998, 0.005), within(0.02, 0.1, 0.005)), ("0.02".into(), "0.005".into()));
        assert_eq!(
            (within(0.03, 0.002_573_4, 1e-12), within(0.02, -200.0, 0.1)),
            (r"7.7\cdot 10^{-5}".into(), "4".into())
        );
        assert_eq!((share(0.5915).as_str(), share(0.999_123_4).as_str()), ("0.5915", "0.9991234"));
        assert_eq!((share(0.999_958_7).as_str(), share(1.0).as_str(), share(0.0).as_str()), ("0.9999587", "1", "0"));
    }
}
