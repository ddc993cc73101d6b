//! A node of candle's graph whose result is there already.

use std::sync::{Mutex, PoisonError};

use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Storage, Tensor,
};

use super::backward::put_aside;

/// What it gave, until candle takes it, and how gradients go back: of the arguments and the result's gradient it makes the
/// arguments' gradients.
struct Node<F> {
    name: &'static str,
    result: Mutex<Option<(Storage, Shape)>>,
    backward: F,
}

impl<F> Node<F> {
    fn take(&self) -> Result<(Storage, Shape)> {
        let taken = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| Error::Msg(format!("the result of {} was taken twice", self.name)).bt())
    }

    fn cpu(&self) -> Result<(CpuStorage, Shape)> {
        match self.take()? {
            (Storage::Cpu(storage), shape) => Ok((storage, shape)),
            _ => self.elsewhere(),
        }
    }

    fn cuda(&self) -> Result<(CudaStorage, Shape)> {
        match self.take()? {
            (Storage::Cuda(storage), shape) => Ok((storage, shape)),
            _ => self.elsewhere(),
        }
    }

    fn elsewhere<T>(&self) -> Result<T> {
        Err(Error::Msg(format!("the result of {} lies on another device than its arguments", self.name)).bt())
    }
}

impl<F: Fn(&[Tensor], &Tensor) -> Result<Vec<Tensor>>> Node<F> {
    fn gradients<const N: usize>(&self, arguments: [&Tensor; N], gradient: &Tensor) -> Result<[Option<Tensor>; N]> {
        let all = (self.backward)(&arguments.map(Tensor::detach), &gradient.contiguous()?)?;
        let mut kept = arguments.map(|_| None);
        for ((kept, argument), gradient) in kept.iter_mut().zip(arguments).zip(all) {
            *kept = put_aside(argument, gradient)?;
        }
        Ok(kept)
    }
}

impl<F: Fn(&[Tensor], &Tensor) -> Result<Vec<Tensor>>> CustomOp1 for Node<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.cuda()
    }

    fn bwd(&self, a: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let [a] = self.gradients([a], gradient)?;
        Ok(a)
    }
}

impl<F: Fn(&[Tensor], &Tensor) -> Result<Vec<Tensor>>> CustomOp2 for Node<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.cuda()
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok(self.gradients([a, b], gradient)?.into())
    }
}

impl<F: Fn(&[Tensor], &Tensor) -> Result<Vec<Tensor>>> CustomOp3 for Node<F> {
    fn name(&self) -> &'static str {
        self.name
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
        self.cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.cuda()
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        Ok(self.gradients([a, b, c], gradient)?.into())
    }
}

/// `result` as a tensor in the graph, made of `arguments` (one to three). `backward` is given them, detached, and the
/// gradient of the result, contiguous; it returns one gradient for each.
///
/// # Errors
/// When the arguments lie on different devices.
pub(super) fn node<F>(
    name: &'static str,
    arguments: &[&Tensor],
    result: (Storage, Shape),
    backward: F,
) -> Result<Tensor>
where
    F: Fn(&[Tensor], &Tensor) -> Result<Vec<Tensor>> + Send + Sync + 'static,
{
    let node = Node { name, result: Mutex::new(Some(result)), backward };
    match arguments {
        [a] => a.apply_op1(node),
        [a, b] => a.apply_op2(b, node),
        [a, b, c] => a.apply_op3(b, c, node),
        _ => candle_core::bail!("{name} has {} arguments", arguments.len()),
    }
}
