//! The run folder: config, metrics, checkpoints, snapshots, model card.

mod recording;
mod samples_file;
pub mod snapshot;

pub use recording::{Recording, columns_for};
pub use samples_file::{read_noise, write_samples};
pub use snapshot::classes_in_turn;
