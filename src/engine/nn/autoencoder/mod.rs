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
//! | `latent_channels` | mean, deviation and KL of each channel of the latents |
//! | `flops` | how much arithmetic it is |
//! | `normalized` | unit variance for the latents, as part of the weights |
//! | `folder` | its folder, written and read |
//! | `latent_space` | between pictures and what diffusion sees, trained already |

mod either;
mod flops;
mod folder;
mod kl;
mod kl_config;
mod latent_channels;
mod latent_space;
mod normalized;
mod resnet;
mod tiny;
mod tiny_config;

pub use either::{Autoencoder, AutoencoderConfig, LatentMoments};
pub use flops::operations;
pub use folder::{
    LoadedAutoencoder, add_autoencoder, autoencoder_config, autoencoder_folder, holds_autoencoder,
    is_autoencoder_folder, open_autoencoder, save_autoencoder,
};
pub use kl_config::KlConfig;
pub use latent_channels::{LatentChannel, LatentSums};
pub use latent_space::{LatentSpace, autoencoder_sha256};
pub use normalized::normalized;
pub use tiny_config::TinyConfig;
