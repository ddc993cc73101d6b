//! Datasets and batching.
//!
//! [`load`] brings a dataset into memory as bytes: a bundled one by its name, idx files, NumPy arrays, CIFAR's
//! batches, or a folder of pictures; sets of points in the plane are made by formula. [`survey`] says what a
//! source holds without decoding its pictures. [`Dataset::gather`] makes training batches, in the order that
//! [`indices_of_step`] gives: a pure function of the seed and the step, so that a resumed run sees the same
//! images.

mod arrays;
mod bundled_card;
mod catalogue;
mod cifar;
mod classes;
mod data_card;
mod dataset;
mod embedded;
mod error;
mod fill;
mod folder;
mod gzip;
mod home;
mod identified;
mod identity;
mod idx;
mod idx_files;
mod intake;
mod load;
mod locate;
mod mask;
mod mnist_places;
mod npy;
mod npz;
mod npz_labels;
mod order;
mod parallel;
mod picture;
mod pixels;
mod points;
mod points_formulas;
mod points_picture;
mod resize;
mod room;
mod shown;
mod survey;
mod undecodable;
mod watch;

pub use catalogue::{CLOTHES, CatalogueEntry, DIGITS, catalogue};
pub use data_card::{CARD_KEYS, CardKey, DATA_CARD, DataCard, copy_card};
pub use dataset::Dataset;
pub use embedded::licences;
pub use error::DataError;
pub use home::{expanded, expanded_arguments};
pub use identified::Identified;
pub use identity::{ClassOfData, DataIdentity};
pub use load::{load, load_and_survey, load_watched, survey, survey_for_colour};
pub use locate::{locate, nothing_at};
pub use mask::{Mask, MaskRule, read_mask};
pub use order::indices_of_step;
pub use picture::{kept_of, picture_size, read_picture};
pub use pixels::Pixels;
pub use shown::{shown, shown_path, shown_text};
pub use survey::{LeftOut, Survey};
pub use watch::Count;
