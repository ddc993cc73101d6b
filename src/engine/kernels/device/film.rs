//! A normalization's weight and bias, told by the time.

use candle_core::{Result, Tensor};

use super::call::{Call, Spread};
use super::conv::sum_rows;
use super::node::node;

/// See [`crate::kernels::film`].
pub fn film(film: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<(Tensor, Tensor)> {
    let c = weight.dim(0)?;
    if film.rank() != 2 || film.dim(1)? != 2 * c || bias.dims() != [c] {
        candle_core::bail!("scale and shift of {:?} for {c} channels", film.dims());
    }
    Ok((half(film, weight, false)?, half(film, bias, true)?))
}

/// (1 + scale) · v, and shift where that comes to it: `[N, C]`.
fn half(film: &Tensor, v: &Tensor, shifted: bool) -> Result<Tensor> {
    let (film, v) = (film.contiguous()?, v.contiguous()?);
    let (n, c) = (film.dim(0)?, v.dim(0)?);
    let sizes = [n, c, usize::from(shifted)];
    let (inputs, shape, spread) = ([&film.detach(), &v.detach()], (n, c).into(), Spread::Flat(n * c));
    let y = Call { name: "film", inputs: &inputs, shape, sizes: &sizes, factors: &[], spread }.storage()?;
    node("film", &[&film, &v], y, move |arguments, d| {
        let [film, v] = arguments else { candle_core::bail!("FiLM has two arguments") };
        let (inputs, shape, spread) = ([film, v, d], (3 * n * c).into(), Spread::Flat(3 * n * c));
        let all = Call { name: "film_back", inputs: &inputs, shape, sizes: &sizes, factors: &[], spread }.tensor()?;
        let of_v = sum_rows(&all.narrow(0, 2 * n * c, n * c)?, (1, n, c))?.reshape(c)?;
        Ok(vec![all.narrow(0, 0, 2 * n * c)?.reshape((n, 2 * c))?, of_v])
    })
}
