//! Checkpoints: `checkpoints/step-00002000/`, a diffusers folder with the averaged weights, and
//! beside them, in `difflab/`, what a resumed run needs.
//!
//! ```text
//! model_index.json, unet/, scheduler/     the averaged weights, as diffusers reads them (mlp/ for an MLP)
//! difflab/weights.safetensors             the raw weights, in the layout of memory
//! difflab/optimizer.safetensors           both moments of every parameter
//! difflab/config.toml, data.json          what it was trained with: every key, and which data
//! difflab/state.json                      format version, step, running averages
//! difflab/checksums.sha256                sha256 of every other file (`sha256sum -c` reads it)
//! ```

mod facts;
mod load;
mod manifest;
mod save;
mod state;

pub use facts::Facts;
pub use load::{Loaded, all, load, newest_good, step_of, verify};
pub use save::{prune, save, sweep};
pub use state::{FORMAT_VERSION, Progress};
