//! Datasets and batching.
//!
//! [`load`] brings a dataset into memory as bytes: a bundled one by its name, idx files, or a folder of
//! pictures; sets of points in the plane are made by formula. [`Dataset::gather`] makes training batches of it, in the order that [`indices_of_step`]
//! gives: a pure function of the seed and the step, so that a resumed run sees the same images.

mod catalogue;
mod dataset;
mod embedded;
mod error;
mod folder;
mod home;
mod identity;
mod idx;
mod load;
mod mask;
mod order;
mod picture;
mod pixels;
mod points;
mod points_formulas;
mod points_picture;
mod resize;
mod thousands;
mod undecodable;

pub use catalogue::{CatalogueEntry, Embedded, catalogue};
pub use dataset::Dataset;
pub use error::DataError;
pub use home::{expanded, expanded_arguments};
pub use identity::{ClassOfData, DataIdentity};
pub use load::{load, locate};
pub use mask::{Mask, MaskRule, read_mask};
pub use order::indices_of_step;
pub use picture::read_picture;
pub use pixels::Pixels;
pub use thousands::thousands;
