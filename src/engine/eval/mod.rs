//! How good a model is: likelihood, and what a bundled judge thinks of its samples.
//!
//! | file | what it measures |
//! |---|---|
//! | `bound`, `decoder` | the variational bound, term by term |
//! | `flow_likelihood` | the likelihood along the probability-flow ODE, estimated |
//! | `judge`, `features` | the classifiers of digits and of clothes whose opinion the rest asks, and what they see |
//! | `fitting` | are some data what a judge reads? |
//! | `accuracy` | do samples read as the class asked for? |
//! | `frechet`, `training_images`, `cache` | the Fréchet distance on the judge's features; the training images' statistics, kept |
//! | `neighbours` | precision and recall |
//! | `diversity` | how different samples of one class are |
//! | `energy_distance` | how far two sets of points in the plane are apart |
//! | `reconstruction` | how far an autoencoder's reconstructions are from the pictures, and its latents' channels |
//! | `estimate` | a mean with its standard error |

mod accuracy;
mod bound;
mod cache;
mod decoder;
mod diversity;
mod energy_distance;
mod estimate;
mod features;
mod fitting;
mod flow_likelihood;
mod frechet;
#[cfg(test)]
mod gaussian_tests;
mod judge;
mod likelihood_data;
mod neighbours;
mod reconstruction;
mod training_bound;
mod training_images;

pub use accuracy::{ClassAccuracy, class_accuracy};
pub use bound::{Bound, BoundSettings, ReverseVariance, StepCost, Term, bound};
pub use cache::{cache_folder, cache_key, keep_bytes, kept_bytes};
pub use decoder::PixelLevels;
pub use diversity::diversity;
pub use energy_distance::{EnergyDistance, energy_distance};
pub use estimate::Estimate;
pub use features::Features;
pub use fitting::reads;
pub use flow_likelihood::{FlowLikelihood, FlowSettings, flow_likelihood};
pub use frechet::{Moments, Reference};
pub use judge::{Judge, JudgeOf, Reading};
pub use likelihood_data::{DenoiserFor, LikelihoodData};
pub use neighbours::{NEIGHBOURS, PrecisionRecall, precision_recall};
pub use reconstruction::{Reconstructed, latent_channels};
pub use training_bound::TrainingBound;
pub use training_images::training_moments;
