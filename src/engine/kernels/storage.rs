//! Between candle's tensors and slices of f32.

use std::ops::Deref;

use candle_core::{CpuStorage, DType, Device, Error, Layout, Result, Shape, Storage, Tensor};

/// Whether all of these are what the fast kernels read: f32 on the CPU.
pub(crate) fn fast(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|t| t.device().is_cpu() && t.dtype() == DType::F32)
}

/// The numbers of a contiguous f32 storage.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("a kernel was given a tensor that is not contiguous".into()).bt())?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// Calls `f` with the numbers of a contiguous f32 CPU tensor.
pub(crate) fn with<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    Ok(f(Numbers::of(tensor).slice()?))
}

/// A tensor's numbers for as long as this lives.
pub(crate) struct Numbers<'a> {
    storage: Box<dyn Deref<Target = Storage> + 'a>,
    pub layout: &'a Layout,
}

impl<'a> Numbers<'a> {
    pub fn of(tensor: &'a Tensor) -> Self {
        let (storage, layout) = tensor.storage_and_layout();
        Self { storage: Box::new(storage), layout }
    }

    /// # Errors
    /// When the tensor is not on a CPU.
    pub fn storage(&self) -> Result<&CpuStorage> {
        match &**self.storage {
            Storage::Cpu(storage) => Ok(storage),
            _ => Err(Error::Msg("a CPU kernel was given a tensor of another device".into()).bt()),
        }
    }

    /// # Errors
    /// When the tensor is not contiguous f32 on a CPU.
    pub fn slice(&self) -> Result<&[f32]> {
        slice(self.storage()?, self.layout)
    }
}

/// A CPU tensor of these numbers.
pub(crate) fn tensor(numbers: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(numbers, shape.into(), &Device::Cpu)
}
