//! How good a model is: likelihood, and what the bundled judge thinks of its samples.
//!
//! | file | what it measures |
//! |---|---|
//! | `bound`, `decoder` | the variational bound, term by term |
//! | `flow_likelihood` | the exact likelihood, by the probability-flow ODE |
//! | `judge` | the digit classifier whose opinion the rest asks |
//! | `accuracy` | do samples read as the class asked for? |
//! | `estimate` | a mean with its standard error |

mod accuracy;
mod bound;
mod decoder;
mod estimate;
mod flow_likelihood;
#[cfg(test)]
mod gaussian_tests;
mod judge;
mod subject;

pub use accuracy::{ClassAccuracy, class_accuracy};
pub use bound::{Bound, BoundSettings, ReverseVariance, bound, step_cost};
pub use decoder::Levels;
pub use estimate::Estimate;
pub use flow_likelihood::{FlowLikelihood, FlowSettings, flow_likelihood};
pub use judge::Judge;
pub use subject::{DenoiserFor, Subject};
