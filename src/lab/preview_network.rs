//! The network that previews ask.

use std::sync::Arc;

use candle_core::Device;

use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::nn::Net;
use crate::nn::autoencoder::LatentSpace;

/// The network whose samples are shown, with what asking it needs.
pub struct PreviewNetwork {
    /// Averaged weights that follow the training; records no gradients.
    pub net: Net,
    pub parameterization: Parameterization,
    pub workers: Arc<Workers>,
    pub device: Device,
    /// Height, width, channels of a picture.
    pub image_shape: (usize, usize, usize),
    /// In which it diffuses, if not in pixels.
    pub latents: Option<LatentSpace>,
    pub class_names: Vec<String>,
    /// Training pictures, which an autoencoder gives back, `[H, W, C]` each.
    pub examples: Vec<Arc<Vec<f32>>>,
}
