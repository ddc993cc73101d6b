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

pub use super::json::read_json;
pub use classes::{CLASSES, Class, Fate, Preset, SchedulerKey};
pub use manifest::{SchedulerFile, read_scheduler, scales_its_input};
pub use model::{image_size, model_config};
pub(super) use pipeline::tensor_files;
pub use pipeline::{LoadedUNet, load_unet, open_unet, save_pipeline};
pub use scheduler::{
    ExportedScheduler, NotExpressible, class_of, default_value, scheduler_config, scheduler_config_with,
};
pub use scheduling::{Scheduling, scheduling};
pub use solvers::divides_by_zero_from;
pub use tensors::{load_weights, not_finite, save_weights};
