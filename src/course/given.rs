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

/// A share of the answer, at least `least`.
pub fn within(share: f64, answer: f64, least: f64) -> f64 {
    (share * answer.abs()).max(least)
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
