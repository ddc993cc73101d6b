//! diffusers' folders: written so that `DDPMPipeline.from_pretrained` opens them, and read.
//!
//! ```text
//! DIR/model_index.json
//! DIR/unet/config.json
//! DIR/unet/diffusion_pytorch_model.safetensors
//! DIR/scheduler/scheduler_config.json
//! ```

mod experiment;
mod pipeline;
mod scheduler;
mod tensors;

pub use experiment::{Scheduling, image_size, model_config, read_scheduler, scheduling};
pub(super) use pipeline::sorted_json;
pub use pipeline::{LoadedUNet, load_unet, open_unet, save_pipeline};
pub use scheduler::{NotExpressible, scheduler_config};
pub use tensors::{load_weights, save_weights};
