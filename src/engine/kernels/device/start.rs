//! Starts a kernel where its tensors are.

use candle_core::op::BackpropOp;
use candle_core::{Error, Result, Shape, Storage, Tensor};

use super::call::Call;

impl Call<'_> {
    /// The output as storage, for a node.
    ///
    /// # Errors
    /// When an input is not what the kernel reads, or the device has no memory left.
    pub fn storage(self) -> Result<(Storage, Shape)> {
        let Some(first) = self.inputs.first() else { candle_core::bail!("the kernel {} was given nothing", self.name) };
        if let Some(odd) = self.inputs.iter().find(|t| !t.is_contiguous()) {
            candle_core::bail!("the kernel {} was given {:?}, which is not contiguous", self.name, odd.layout());
        }
        Ok((self.run(first)?, self.shape))
    }

    fn run(&self, first: &Tensor) -> Result<Storage> {
        #[cfg(feature = "cuda")]
        if let candle_core::Device::Cuda(device) = first.device() {
            return Ok(Storage::Cuda(super::launch::launch(self, device.clone())?));
        }
        #[cfg(test)]
        if first.device().is_cpu() {
            return Ok(Storage::Cpu(super::plain::run(self)?));
        }
        Err(Error::Msg(format!("the kernel {} is not for {:?}", self.name, first.device().location())).bt())
    }

    /// The output as a tensor that is in no graph.
    ///
    /// # Errors
    /// As [`Self::storage`].
    pub fn tensor(self) -> Result<Tensor> {
        Ok(alone(self.storage()?))
    }
}

/// What a kernel gave as a tensor that is in no graph.
pub(super) fn alone((storage, shape): (Storage, Shape)) -> Tensor {
    Tensor::from_storage(storage, shape, BackpropOp::none(), false)
}
