//! diffusers' folders: written so that `DDPMPipeline.from_pretrained` opens them, and read.
//!
//! ```text
//! DIR/model_index.json
//! DIR/unet/config.json
//! DIR/unet/diffusion_pytorch_model.safetensors
//! DIR/scheduler/scheduler_config.json
//! ```

mod classes;
#[cfg(test)]
mod docs_tests;
mod json;
mod manifest;
mod model;
mod namesake;
mod pipeline;
mod scheduler;
#[cfg(test)]
mod scheduler_tests;
mod scheduling;
#[cfg(test)]
mod scheduling_tests;
mod settings;
mod solvers;
mod tensors;
mod wrong_type;

pub use classes::{CLASSES, Class, Fate, Key, Preset};
pub use json::read_json;
pub use manifest::{SchedulerFile, read_scheduler, scales_its_input};
pub use model::{image_size, model_config};
pub(super) use pipeline::sorted_json;
pub use pipeline::{LoadedUNet, load_unet, open_unet, save_pipeline};
pub use scheduler::{
    ExportedScheduler, NotExpressible, class_of, default_value, scheduler_config, scheduler_config_with,
};
pub use scheduling::{Scheduling, scheduling};
pub use tensors::{load_weights, not_finite, save_weights};
pub(super) use wrong_type::wrong_type;
