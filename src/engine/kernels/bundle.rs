//! More inputs for an operation than candle's three.
//!
//! An operation reads the tensors of a [`Bundle`] itself; in candle's graph they are inputs of small
//! operations that join into one token, a tensor of one number, which is an input of the operation. On
//! the way back the operation leaves the gradients in the bundle and gives the token a gradient of
//! zero, and the small operations, which candle runs after it, hand them to the tensors.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, DType, Device, Layout, Result, Shape, Tensor};

use super::storage::Numbers;

/// Some tensors, and after the backward pass their gradients.
pub(crate) struct Bundle {
    tensors: Vec<Tensor>,
    gradients: Mutex<Vec<Option<Tensor>>>,
}

type Gradients = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

impl Bundle {
    /// The tensors must be contiguous.
    pub fn new(tensors: Vec<Tensor>) -> Arc<Self> {
        let gradients = Mutex::new(vec![None; tensors.len()]);
        Arc::new(Self { tensors, gradients })
    }

    /// Whether any of them wants a gradient.
    pub fn tracked(&self) -> bool {
        self.tensors.iter().any(Tensor::track_op)
    }

    /// The numbers of each.
    pub fn numbers(&self) -> Vec<Numbers<'_>> {
        self.tensors.iter().map(Numbers::of).collect()
    }

    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor number `i`.
    pub fn tensor(&self, i: usize) -> &Tensor {
        &self.tensors[i]
    }

    /// What stands for all of them in candle's graph.
    pub fn token(self: &Arc<Self>) -> Result<Tensor> {
        let nothing = nothing()?;
        let mut tokens: Vec<Tensor> = Vec::new();
        for (i, three) in self.tensors.chunks(3).enumerate() {
            let at = |j: usize| three.get(j).unwrap_or(&nothing);
            tokens.push(at(0).apply_op3(at(1), at(2), Leaf { bundle: self.clone(), first: 3 * i })?);
        }
        while tokens.len() > 1 {
            let join = |three: &[Tensor]| {
                let at = |j: usize| three.get(j).unwrap_or(&nothing);
                at(0).apply_op3(at(1), at(2), Join)
            };
            tokens = tokens.chunks(3).map(join).collect::<Result<_>>()?;
        }
        Ok(tokens.pop().unwrap_or(nothing))
    }

    /// Leaves the gradients, in the order of the tensors.
    pub fn leave(&self, gradients: Vec<Option<Tensor>>) {
        *self.gradients.lock().unwrap_or_else(PoisonError::into_inner) = gradients;
    }

    /// The gradients that were left, in the order of the tensors.
    pub fn take_all(&self) -> Vec<Option<Tensor>> {
        std::mem::take(&mut *self.gradients.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, i: usize) -> Option<Tensor> {
        self.gradients.lock().unwrap_or_else(PoisonError::into_inner).get_mut(i)?.take()
    }
}

/// A token without anything behind it; also every token's gradient.
pub(crate) fn nothing() -> Result<Tensor> {
    Tensor::zeros(1, DType::F32, &Device::Cpu)
}

/// Up to three tensors of a bundle, from number `first` on.
struct Leaf {
    bundle: Arc<Bundle>,
    first: usize,
}

impl CustomOp3 for Leaf {
    fn name(&self) -> &'static str {
        "bundle"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), 1.into()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, c: &Tensor, _: &Tensor, _: &Tensor) -> Result<Gradients> {
        let gradient = |j: usize, of: &Tensor| match of.track_op() {
            true => self.bundle.take(self.first + j),
            false => None,
        };
        Ok((gradient(0, a), gradient(1, b), gradient(2, c)))
    }
}

/// Up to three tokens to one.
struct Join;

impl CustomOp3 for Join {
    fn name(&self) -> &'static str {
        "join bundles"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), 1.into()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, c: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Gradients> {
        let pass = |of: &Tensor| of.track_op().then(|| gradient.clone());
        Ok((pass(a), pass(b), pass(c)))
    }
}
