//! The networks: diffusers' `UNet2DModel`, channels last, and an MLP for points in the plane, on the
//! exchangeable operations of [`crate::kernels`].
//!
//! | file | what lives there |
//! |---|---|
//! | `unet_config` | the architecture in diffusers' keys: reads and writes `unet/config.json` |
//! | `parameters` | which parameters an architecture has: name, kind, shape, layout in files |
//! | `scope` | where the layers get them from: the weights, or a recorder |
//! | `flops` | how much arithmetic an architecture is |
//! | `weights` | the parameters' values by name, and how they start |
//! | `layers`, `embedding`, `resnet`, `attention`, `resample`, `blocks` | the parts, small to large |
//! | `conditioning` | what a network is told beside its input: time and class |
//! | `unet` | the whole network |
//! | `autoencoder` | diffusers' `AutoencoderKL` and `AutoencoderTiny` |
//! | `mlp`, `mlp_config` | the network for points, and its settings |
//! | `net` | the network of a run, whichever kind it is |
//! | `pass` | what one forward pass carries along: dropout's generator, an observer |
//! | `json`, `json_config`, `wrong_type` | reading and writing settings as Python does, and saying what is wrong with them |
//! | `diffusers` | pipeline folders that diffusers reads, and reading those that it wrote |
//! | `safetensors_file` | the bytes of a file of tensors, once its header fits it |
//! | `saved` | the folder of either kind |
//!
//! Names of parameters are diffusers' names. In memory, convolution weights are
//! `[k, k, c_in, c_out]` and linear weights `[c_in, c_out]`; files hold `[c_out, c_in, k, k]` and
//! `[c_out, c_in]`.

mod attention;
pub mod autoencoder;
mod blocks;
mod conditioning;
pub mod diffusers;
mod embedding;
mod flops;
mod json;
mod json_config;
mod layers;
mod mlp;
mod mlp_config;
mod net;
mod parameters;
mod pass;
mod resample;
mod resnet;
pub mod safetensors_file;
mod saved;
mod scope;
mod unet;
mod unet_config;
mod weights;
mod wrong_type;

pub use flops::{Flops, flops};
pub use mlp::Mlp;
pub use mlp_config::MlpConfig;
pub use net::{Net, NetConfig};
pub use parameters::{Architecture, Parameter, ParameterKind, parameter_count, parameters};
pub use saved::{LoadedNet, network_config, open_network, save_network};
pub use unet::UNet;
pub use unet_config::{DownBlockType, SampleSize, UNetConfig, UpBlockType};
pub use weights::Weights;
