//! The samplers' updates as formulas, with the numbers that the samplers took, at one pixel.
//!
//! A family of rules is one file. Each makes of a [`SamplerUpdate`](crate::sampling::SamplerUpdate) a [`Rule`]: formulas,
//! what their coefficients are made of, and a sum of terms that must come to what the sampler made.

mod angle;
mod answers;
mod half_log_snr;
mod langevin;
mod of_call;
mod one_call;
mod pixel;
mod pseudo;
mod rule;
mod two_calls;
mod unified;

pub use of_call::rules;
pub use pixel::PixelCall;
pub use rule::Rule;
