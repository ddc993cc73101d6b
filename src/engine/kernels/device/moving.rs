//! Operations that only move numbers.

use candle_core::{Result, Tensor};

use super::call::{Call, Spread};
use super::node::node;

/// See [`crate::kernels::upsample_nearest2x`].
pub fn upsample_nearest2x(x: &Tensor) -> Result<Tensor> {
    let (n, h, w, c) = x.dims4()?;
    let x = x.contiguous()?;
    let (sizes, count) = ([n, h, w, c], x.elem_count());
    let (shape, spread) = ((n, 2 * h, 2 * w, c).into(), Spread::Flat(4 * count));
    let y = Call { name: "twice", inputs: &[&x.detach()], shape, sizes: &sizes, factors: &[], spread };
    node("upsample_nearest2x", &[&x], y.storage()?, move |_, dy| {
        let (shape, spread) = ((n, h, w, c).into(), Spread::Flat(count));
        Ok(vec![Call { name: "halved", inputs: &[dy], shape, sizes: &sizes, factors: &[], spread }.tensor()?])
    })
}

/// See [`crate::kernels::concat_channels`].
pub fn concat_channels(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (n, h, w, ca) = a.dims4()?;
    let cb = b.dim(3)?;
    if b.dims() != [n, h, w, cb] {
        candle_core::bail!("{:?} and {:?} have other pixels", a.dims(), b.dims());
    }
    let (a, b) = (a.contiguous()?, b.contiguous()?);
    let rows = n * h * w;
    let (sizes, spread) = ([rows, ca, cb], Spread::Flat(rows * (ca + cb)));
    let (inputs, shape) = ([&a.detach(), &b.detach()], (n, h, w, ca + cb).into());
    let y = Call { name: "beside", inputs: &inputs, shape, sizes: &sizes, factors: &[], spread };
    node("concat_channels", &[&a, &b], y.storage()?, move |_, dy| {
        let shape = (rows * (ca + cb)).into();
        let both = Call { name: "apart", inputs: &[dy], shape, sizes: &sizes, factors: &[], spread }.tensor()?;
        let of = |from, c: usize| both.narrow(0, from, rows * c)?.reshape((n, h, w, c));
        Ok(vec![of(0, ca)?, of(rows * ca, cb)?])
    })
}
