//! Group normalization with SiLU, forward and backward a kernel each: a block of threads a group of a sample.

use candle_core::{Result, Tensor};

use super::call::{Call, Spread, THREADS};
use super::conv::sum_rows;
use super::node::node;

/// See [`crate::kernels::group_norm`].
pub fn group_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, groups: usize, eps: f64, silu: bool) -> Result<Tensor> {
    let (n, h, w, c) = x.dims4()?;
    if groups == 0 || !c.is_multiple_of(groups) {
        candle_core::bail!("{c} channels don't divide into {groups} groups");
    }
    let row = |v: &Tensor| match v.dims() {
        [m] if *m == c => Ok(0),
        [m, d] if (*m, *d) == (n, c) => Ok(c),
        other => candle_core::bail!("{n} samples of {c} channels can't be scaled by {other:?}"),
    };
    let rows = (row(weight)?, row(bias)?);
    let (x, weight, bias) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?);
    let (pixels, of_group, eps) = (h * w, c / groups, eps as f32);
    let spread = Spread::Blocks { blocks: (groups, n), threads: (THREADS, 1) };
    let sizes = [pixels, c, of_group, rows.0, rows.1, usize::from(silu)];
    let inputs = [&x.detach(), &weight.detach(), &bias.detach()];
    let shape = x.shape().clone();
    let y = Call { name: "group_norm", inputs: &inputs, shape, sizes: &sizes, factors: &[eps], spread }.storage()?;
    node("group_norm", &[&x, &weight, &bias], y, move |arguments, dy| {
        let [x, weight, bias] = arguments else { candle_core::bail!("a normalization has three arguments") };
        let (len, affine) = (x.elem_count(), n * c);
        let sizes = [n, pixels, c, of_group, rows.0, rows.1, usize::from(silu)];
        let inputs = [x, weight, bias, dy];
        let shape = (len + 2 * affine).into();
        let all = Call { name: "group_norm_back", inputs: &inputs, shape, sizes: &sizes, factors: &[eps], spread };
        let all = all.tensor()?;
        let d_x = all.narrow(0, 0, len)?.reshape(x.shape())?;
        let of = |from: usize, row: usize| {
            let by_sample = all.narrow(0, from, affine)?;
            if row == 0 { sum_rows(&by_sample, (1, n, c))?.reshape(c) } else { by_sample.reshape((n, c)) }
        };
        Ok(vec![d_x, of(len, rows.0)?, of(len + affine, rows.1)?])
    })
}
