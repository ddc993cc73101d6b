//! The core of multi-head self-attention: batched products, a head of a sample each.

use candle_core::{Result, Shape, Storage, Tensor};

use super::call::{Call, Spread, THREADS};
use super::node::node;
use super::start::alone;

/// `[n, a, b, d]` with a and b exchanged: positions and heads.
fn exchange(x: &Tensor, [n, a, b, d]: [usize; 4], shape: &[usize]) -> Result<(Storage, Shape)> {
    let (sizes, spread) = ([n, a, b, d], Spread::Flat(n * a * b * d));
    Call { name: "exchange", inputs: &[x], shape: shape.into(), sizes: &sizes, factors: &[], spread }.storage()
}

/// A softmax of rows, or its gradient; scores are multiplied by `scale` first.
fn softmax(name: &'static str, inputs: &[&Tensor], scale: f32) -> Result<Tensor> {
    let shape = inputs[0].shape().clone();
    let width = shape.dims().last().copied().unwrap_or(1);
    let rows = shape.elem_count() / width;
    let spread = Spread::Blocks { blocks: (rows, 1), threads: (THREADS, 1) };
    Call { name, inputs, shape, sizes: &[rows, width], factors: &[scale], spread }.tensor()
}

/// See [`crate::kernels::attention`].
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    let (n, h, w, c) = q.dims4()?;
    if heads == 0 || !c.is_multiple_of(heads) || q.dims() != k.dims() || q.dims() != v.dims() {
        candle_core::bail!("attention of {:?}, {:?} and {:?} in {heads} heads", q.dims(), k.dims(), v.dims());
    }
    let (positions, d) = (h * w, c / heads);
    let scale = 1.0 / (d as f32).sqrt();
    let (q, k, v) = (q.contiguous()?, k.contiguous()?, v.contiguous()?);
    let (apart, together) = ([n, positions, heads, d], [n, heads, positions, d]);
    let split = move |x: &Tensor| -> Result<Tensor> { Ok(alone(exchange(x, apart, &[n * heads, positions, d])?)) };
    let [queries, keys, values] = [split(&q.detach())?, split(&k.detach())?, split(&v.detach())?];
    let weights = softmax("softmax", &[&queries.matmul(&keys.t()?)?], scale)?;
    let out = weights.matmul(&values)?;
    let y = exchange(&out, together, &[n, h, w, c])?;
    node("attention", &[&q, &k, &v], y, move |_, d_out| {
        let joined = |x: &Tensor| -> Result<Tensor> { Ok(alone(exchange(x, together, &[n, h, w, c])?)) };
        let d_out = split(d_out)?;
        let d_values = weights.t()?.matmul(&d_out)?;
        let d_weights = d_out.matmul(&values.t()?)?;
        let d_scores = softmax("softmax_back", &[&weights, &d_weights], scale)?;
        let d_queries = d_scores.matmul(&keys)?;
        let d_keys = d_scores.t()?.matmul(&queries)?;
        Ok(vec![joined(&d_queries)?, joined(&d_keys)?, joined(&d_values)?])
    })
}
