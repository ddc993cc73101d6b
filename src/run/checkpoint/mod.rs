//! Checkpoints: `checkpoints/step-00002000/`, a diffusers folder with the averaged weights, and
//! beside them, in `difflab/`, what a resumed run needs.
//!
//! ```text
//! model_index.json, unet/, scheduler/     the averaged weights, as diffusers reads them (mlp/ for an MLP)
//! vae/ (vqvae/ without classes)           the autoencoder, of a run in latents
//! difflab/weights.safetensors             the raw weights, in the layout of memory
//! difflab/optimizer.safetensors           both moments of every parameter
//! difflab/config.toml, data.json          what it was trained with: every key, and which data
//! difflab/state.json                      format version, step, the run it belongs to, running averages
//! difflab/checksums.sha256                sha256 of every other file (`sha256sum -c` reads it)
//! ```

mod facts;
mod list;
mod load;
mod manifest;
mod none;
mod prune;
mod save;
mod standing_in;
mod state;

pub use facts::{CheckpointFacts, data_of};
pub use list::{FoundCheckpoint, all, list, run_of_newest, step_of, steps_in_names};
pub use load::{Loaded, can_resume, load, newest_good, newest_unspoiled_before, raw_weights, verify};
pub use none::{cannot_look, may_hide_some, none_at_all};
pub use prune::{Verified, prune};
pub(super) use save::sweep;
pub use save::{Origin, save};
pub use standing_in::{AUTOENCODER, lacks_autoencoder};
pub use state::{FORMAT_VERSION, LiveSettings, Progress};
