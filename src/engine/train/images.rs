//! Images of a dataset as a tensor.

use anyhow::Result;
use candle_core::{Device, Tensor};

use crate::data::Dataset;

/// The images of `data` at `indices`, `[N, H, W, C]` in [-1, 1], on `device`.
///
/// # Errors
/// When the device has no room for them.
pub fn images(data: &Dataset, indices: &[usize], device: &Device) -> Result<Tensor> {
    let shape = (indices.len(), data.height, data.width, data.channels);
    Ok(Tensor::from_vec(data.gather(indices, None), shape, device)?)
}
