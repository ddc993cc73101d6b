//! One call of a kernel.

use candle_core::op::BackpropOp;
use candle_core::{Error, Result, Shape, Storage, Tensor};

/// How a kernel is spread over threads.
#[derive(Clone, Copy, Debug)]
// Only a GPU asks.
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
pub(super) enum Spread {
    /// One thread a number of the output, or a group of them.
    Flat(usize),
    /// Blocks (x, y) of threads (x, y).
    Blocks { blocks: (usize, usize), threads: (usize, usize) },
}

/// Threads of a block, where a kernel sums over one.
pub(super) const THREADS: usize = 256;

/// A kernel with what it is given, in the order of its parameters: inputs, output, sizes, factors.
pub(super) struct Call<'a> {
    pub name: &'static str,
    /// Contiguous f32 of one device.
    pub inputs: &'a [&'a Tensor],
    /// Of the output.
    pub shape: Shape,
    pub sizes: &'a [usize],
    pub factors: &'a [f32],
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    pub spread: Spread,
}

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
