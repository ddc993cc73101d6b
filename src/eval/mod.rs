//! The judge: how many samples read as what they should be.

mod accuracy;
mod judge;

pub use accuracy::{ClassAccuracy, class_accuracy};
pub use judge::Judge;
