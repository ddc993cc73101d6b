//! Convolutions and linear layers: products of matrices.

use std::ops::Range;

use candle_core::{Result, Tensor};

use super::call::{Call, Spread};
use super::node::node;
use crate::kernels::Padding;

/// Patches are made of so many numbers at a time, at most (1 GiB); of larger batches a few samples after the others.
const MOST_NUMBERS: usize = 1 << 28;

/// The patches of a convolution.
#[derive(Clone, Copy, Debug)]
struct Patches {
    n: usize,
    h: usize,
    w: usize,
    c: usize,
    k: usize,
    stride: usize,
    pad: usize,
    /// Of the output.
    ho: usize,
    wo: usize,
}

impl Patches {
    fn new(x: &Tensor, k: usize, stride: usize, padding: Padding) -> Result<Self> {
        let (n, h, w, c) = x.dims4()?;
        let (pad, zeros) = match padding {
            Padding::Same => (k / 2, 2 * (k / 2)),
            Padding::RightBottom => (0, 1),
        };
        let smallest = h.min(w) + zeros;
        if k > smallest || stride == 0 {
            candle_core::bail!(
                "a {k}×{k} convolution needs an image of at least {k} pixels, zeros included; it has {smallest}"
            );
        }
        let out = |size: usize| (size + zeros - k) / stride + 1;
        Ok(Self { n, h, w, c, k, stride, pad, ho: out(h), wo: out(w) })
    }

    /// Numbers in a patch.
    fn size(&self) -> usize {
        self.k * self.k * self.c
    }

    /// The output's pixels in a sample.
    fn pixels(&self) -> usize {
        self.ho * self.wo
    }

    /// Samples at a time.
    fn ranges(&self) -> Vec<Range<usize>> {
        let at_once = (MOST_NUMBERS / (self.pixels() * self.size())).max(1);
        (0..self.n).step_by(at_once).map(|start| start..self.n.min(start + at_once)).collect()
    }

    fn of(self, samples: &Range<usize>) -> Self {
        Self { n: samples.len(), ..self }
    }

    /// A convolution that only mixes channels.
    fn is_pointwise(&self) -> bool {
        self.k == 1 && self.stride == 1
    }

    fn call(&self, four: &'static str, one: &'static str, x: &Tensor, shape: &[usize]) -> Result<Tensor> {
        // Four channels a thread where that goes.
        let (name, c, by) = if self.c.is_multiple_of(4) { (four, self.c / 4, 4) } else { (one, self.c, 1) };
        let sizes = [self.n, self.h, self.w, c, self.k, self.stride, self.pad, self.ho, self.wo];
        let spread = Spread::Flat(shape.iter().product::<usize>() / by);
        Call { name, inputs: &[x], shape: shape.into(), sizes: &sizes, factors: &[], spread }.tensor()
    }

    /// `[n, h, w, c]` to `[n·ho·wo, k·k·c]`.
    fn cut(&self, x: &Tensor) -> Result<Tensor> {
        let shape = [self.n * self.pixels(), self.size()];
        if self.is_pointwise() {
            return x.reshape(&shape[..]);
        }
        self.call("patches4", "patches", x, &shape)
    }

    /// The transpose of [`Self::cut`].
    fn put_back(&self, gradient: &Tensor) -> Result<Tensor> {
        let shape = [self.n, self.h, self.w, self.c];
        if self.is_pointwise() {
            return gradient.reshape(&shape[..]);
        }
        self.call("pixels4", "pixels", gradient, &shape)
    }
}

/// See [`crate::kernels::conv2d`].
pub fn conv2d(x: &Tensor, w: &Tensor, bias: &Tensor, stride: usize, padding: Padding) -> Result<Tensor> {
    let (k, _, c_in, c_out) = w.dims4()?;
    let p = Patches::new(x, k, stride, padding)?;
    if c_in != p.c {
        candle_core::bail!("a convolution of {c_in} channels was given {}", p.c);
    }
    let (x, w, bias) = (x.contiguous()?, w.contiguous()?, bias.contiguous()?);
    let matrix = w.detach().reshape((p.size(), c_out))?;
    let product = |x: &Tensor, samples: &Range<usize>| p.of(samples).cut(x)?.matmul(&matrix);
    let y = in_parts(&p.ranges(), &x.detach(), product)?;
    let y = with_bias(&y, &bias.detach(), (p.n, p.pixels(), c_out), &[p.n, p.ho, p.wo, c_out])?;
    node("conv2d", &[&x, &w, &bias], y, move |arguments, dy| {
        let [x, w, bias] = arguments else { candle_core::bail!("a convolution has three arguments") };
        let matrix = w.reshape((p.size(), c_out))?;
        let rows = dy.reshape((p.n * p.pixels(), c_out))?;
        let d_bias = bias_gradient(&rows, bias, (p.n, p.pixels(), c_out))?;
        let mut d_w: Option<Tensor> = None;
        let d_x = in_parts(&p.ranges(), x, |x, samples| {
            let part = p.of(samples);
            let rows = rows.narrow(0, samples.start * p.pixels(), samples.len() * p.pixels())?;
            let more = part.cut(x)?.t()?.matmul(&rows)?;
            d_w = Some(match d_w.take() {
                Some(sum) => (sum + more)?,
                None => more,
            });
            part.put_back(&rows.matmul(&matrix.t()?)?)
        })?;
        let Some(d_w) = d_w else { candle_core::bail!("a convolution of no samples") };
        Ok(vec![d_x, d_w.reshape(w.shape())?, d_bias])
    })
}

/// `work` on some samples of `x` at a time, the results one after the other.
fn in_parts(
    ranges: &[Range<usize>],
    x: &Tensor,
    mut work: impl FnMut(&Tensor, &Range<usize>) -> Result<Tensor>,
) -> Result<Tensor> {
    if let [all] = ranges {
        return work(x, all);
    }
    let parts: Vec<Tensor> = ranges
        .iter()
        .map(|samples| work(&x.narrow(0, samples.start, samples.len())?, samples))
        .collect::<Result<_>>()?;
    Tensor::cat(&parts, 0)
}

/// See [`crate::kernels::linear`].
pub fn linear(x: &Tensor, w: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (c_in, c_out) = w.dims2()?;
    let mut shape = x.dims().to_vec();
    let (x, w, bias) = (x.contiguous()?, w.contiguous()?, bias.contiguous()?);
    if shape.last() != Some(&c_in) {
        candle_core::bail!("a linear layer of {c_in} numbers was given {shape:?}");
    }
    let rows = x.elem_count() / c_in;
    if let Some(last) = shape.last_mut() {
        *last = c_out;
    }
    // The bias's gradient is summed up over the rows of each sample first.
    let n = if shape.len() > 2 { shape[0] } else { 1 };
    let sizes = (n, rows / n, c_out);
    let y = x.detach().reshape((rows, c_in))?.matmul(&w.detach())?;
    let y = with_bias(&y, &bias.detach(), sizes, &shape)?;
    node("linear", &[&x, &w, &bias], y, move |arguments, dy| {
        let [x, w, bias] = arguments else { candle_core::bail!("a linear layer has three arguments") };
        let dy = dy.reshape((rows, c_out))?;
        let d_x = dy.matmul(&w.t()?)?.reshape(x.shape())?;
        let d_w = x.reshape((rows, c_in))?.t()?.matmul(&dy)?;
        Ok(vec![d_x, d_w, bias_gradient(&dy, bias, sizes)?])
    })
}

/// `y` `[n, pixels, c]` plus `bias` `[c]` or `[n, c]`.
fn with_bias(
    y: &Tensor,
    bias: &Tensor,
    (n, pixels, c): (usize, usize, usize),
    shape: &[usize],
) -> Result<(candle_core::Storage, candle_core::Shape)> {
    let per_sample = usize::from(bias.rank() == 2);
    if bias.elem_count() != if per_sample == 1 { n * c } else { c } {
        candle_core::bail!("a bias of {:?} for {n} samples of {c} channels", bias.dims());
    }
    let sizes = [n, pixels, c, per_sample];
    let spread = Spread::Flat(n * pixels * c);
    Call { name: "add_bias", inputs: &[y, bias], shape: shape.into(), sizes: &sizes, factors: &[], spread }.storage()
}

fn bias_gradient(dy: &Tensor, bias: &Tensor, (n, pixels, c): (usize, usize, usize)) -> Result<Tensor> {
    let by_sample = sum_rows(dy, (n, pixels, c))?;
    match bias.rank() {
        2 => Ok(by_sample),
        _ if n == 1 => by_sample.reshape(c),
        _ => sum_rows(&by_sample, (1, n, c))?.reshape(c),
    }
}

/// `[n, rows, c]` to `[n, c]`.
pub(super) fn sum_rows(x: &Tensor, (n, rows, c): (usize, usize, usize)) -> Result<Tensor> {
    let spread = Spread::Blocks { blocks: (c.div_ceil(32), n), threads: (32, 32) };
    Call { name: "sum_rows", inputs: &[x], shape: (n, c).into(), sizes: &[n, rows, c], factors: &[], spread }.tensor()
}
