//! Latents for a run: which autoencoder its config names, and the data encoded by it.

mod encoded;
mod named;
mod own_stage;

pub use encoded::{Encoding, encoded, seen_data};
pub use named::{NamedAutoencoder, named_autoencoder};
pub use own_stage::{OwnStage, own_autoencoder, own_stage};
