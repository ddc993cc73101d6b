//! Operations number by number.

use candle_core::{Result, Tensor};

use super::call::{Call, Spread, THREADS};
use super::node::node;

/// See [`crate::kernels::silu`].
pub fn silu(x: &Tensor) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (count, shape) = (x.elem_count(), x.shape().clone());
    let (inputs, spread) = ([&x.detach()], Spread::Flat(count));
    let y = Call { name: "silu", inputs: &inputs, shape, sizes: &[count], factors: &[], spread }.storage()?;
    node("silu", &[&x], y, move |arguments, dy| {
        let [x] = arguments else { candle_core::bail!("silu has one argument") };
        let (inputs, shape) = ([x, dy], x.shape().clone());
        Ok(vec![Call { name: "silu_back", inputs: &inputs, shape, sizes: &[count], factors: &[], spread }.tensor()?])
    })
}

/// See [`crate::kernels::squared_error`]. The target gets no gradient but the prediction's with its sign turned.
pub fn squared_error(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    if prediction.dims() != target.dims() || prediction.rank() == 0 {
        candle_core::bail!("the error of {:?} against {:?}", prediction.dims(), target.dims());
    }
    let (a, b) = (prediction.contiguous()?, target.contiguous()?);
    let n = a.dim(0)?;
    let size = a.elem_count() / n;
    let spread = Spread::Blocks { blocks: (n, 1), threads: (THREADS, 1) };
    let inputs = [&a.detach(), &b.detach()];
    let y = Call { name: "squared_error", inputs: &inputs, shape: n.into(), sizes: &[n, size], factors: &[], spread };
    node("squared_error", &[&a, &b], y.storage()?, move |arguments, d| {
        let [a, b] = arguments else { candle_core::bail!("an error has two arguments") };
        let (shape, spread) = (a.shape().clone(), Spread::Flat(n * size));
        let inputs = [a, b, d];
        let call = Call { name: "squared_error_back", inputs: &inputs, shape, sizes: &[n, size], factors: &[], spread };
        let gradient = call.tensor()?;
        let of_target = gradient.neg()?;
        Ok(vec![gradient, of_target])
    })
}
