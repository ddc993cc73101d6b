//! Latents for a run: which autoencoder its config names, and the data encoded by it.

mod encoded;
mod kept_as_they_are;
mod named;
mod own_stage;

pub use encoded::{Encoding, encoded, seen_data};
pub use kept_as_they_are::check_same_latents;
pub use named::{NamedAutoencoder, named_autoencoder};
pub use own_stage::{OwnStage, own_autoencoder, own_stage};
