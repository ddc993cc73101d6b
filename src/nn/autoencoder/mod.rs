//! Autoencoders: pictures to latents a few times smaller, and back. The layouts are diffusers' `AutoencoderKL` and
//! `AutoencoderTiny`, names of parameters included.
//!
//! | file | what lives there |
//! |---|---|
//! | `kl_config`, `tiny_config` | the architectures in diffusers' keys |
//! | `resnet` | a residual block that is told no time |
//! | `kl` | `AutoencoderKL`: group norm, residual blocks, attention in the middle |
//! | `tiny` | `AutoencoderTiny`: convolutions and ReLU |
//! | `either` | an autoencoder of either kind |
//! | `folder` | its folder, written and read |

mod either;
mod folder;
mod kl;
mod kl_config;
mod resnet;
mod tiny;
mod tiny_config;

pub use either::{Autoencoder, AutoencoderConfig, LatentMoments};
pub use folder::{LoadedAutoencoder, open_autoencoder, save_autoencoder};
pub use kl_config::KlConfig;
pub use tiny_config::TinyConfig;
