//! Datasets and batching.

mod dataset;

pub use dataset::Dataset;
