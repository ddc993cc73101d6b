//! The core of multi-head self-attention: softmax(q kᵀ / √d) v (Vaswani et al. 2017,
//! arXiv:1706.03762), forward and backward, a sample at a time.

mod head;
mod operands;
mod sample;
#[cfg(test)]
mod tests;
mod tiles;
mod vectors;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use self::sample::HeadsSample;
use super::buffers::{Part, filled_many};
use super::simd::{Isa, TileIsa};
use super::storage::{slice, tensor, with};
use crate::config::Precision;

/// Attention of q, k, v `[N, H, W, C]`; heads are consecutive slices of C / heads channels.
pub(crate) struct Attention {
    pub heads: usize,
    pub precision: Precision,
}

impl Attention {
    fn way(&self, channels: usize) -> Way {
        let isa = Isa::current();
        match TileIsa::of(isa) {
            Some(tiles) if self.precision == Precision::Bf16 && tiles::fits(channels / self.heads) => Way::Tiles(tiles),
            _ => Way::Vectors(isa),
        }
    }
}

/// What multiplies.
#[derive(Clone, Copy)]
enum Way {
    Vectors(Isa),
    Tiles(TileIsa),
}

impl Way {
    /// One sample forward; `out` is as long as q, and all of it is written.
    fn forward(self, sample: HeadsSample, out: Part) {
        assert_eq!(out.len(), sample.q.len());
        // SAFETY: the lengths are checked.
        unsafe {
            match self {
                Self::Vectors(isa) => isa.run(vectors::AttentionForward { sample, out }),
                Self::Tiles(isa) => isa.run(tiles::AttentionForward { sample, out }),
            }
        }
    }

    /// One sample backward: the gradients of q, k and v, as long as these, are all written.
    fn backward(self, sample: HeadsSample, d_out: &[f32], gradients: [Part; 3]) {
        assert!(d_out.len() == sample.q.len() && gradients.iter().all(|g| g.len() == sample.q.len()));
        // SAFETY: the lengths are checked.
        unsafe {
            match self {
                Self::Vectors(isa) => isa.run(vectors::AttentionBackward { sample, d_out, gradients }),
                Self::Tiles(isa) => isa.run(tiles::AttentionBackward { sample, d_out, gradients }),
            }
        }
    }
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, h, w, channels) = q_layout.shape().dims4()?;
        let (q, k, v) = (slice(q, q_layout)?, slice(k, k_layout)?, slice(v, v_layout)?);
        let (way, len) = (self.way(channels), h * w * channels);
        // SAFETY: the kernel writes the whole sample; all slices have the same checked length.
        let ([out], _) = unsafe {
            filled_many(n, [len], |i, [out]| {
                let at = i * len..(i + 1) * len;
                let sample = HeadsSample::new([q, k, v].map(|all| &all[at.clone()]), channels, self.heads);
                way.forward(sample, out)
            })
        };
        Ok((CpuStorage::F32(out), q_layout.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _: &Tensor,
        d_out: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, h, w, channels) = q.dims4()?;
        let d_out = d_out.contiguous()?;
        let (way, len) = (self.way(channels), h * w * channels);
        let run = |q: &[f32], k: &[f32], v: &[f32], d_out: &[f32]| {
            // SAFETY: the kernel writes the whole samples; all slices have the same checked length.
            unsafe {
                filled_many(n, [len; 3], |i, gradients| {
                    let at = i * len..(i + 1) * len;
                    let sample = HeadsSample::new([q, k, v].map(|all| &all[at.clone()]), channels, self.heads);
                    way.backward(sample, &d_out[at], gradients);
                })
                .0
            }
        };
        let [dq, dk, dv] = with(q, |q| with(k, |k| with(v, |v| with(&d_out, |d| run(q, k, v, d)))))????;
        Ok((Some(tensor(dq, q.shape())?), Some(tensor(dk, k.shape())?), Some(tensor(dv, v.shape())?)))
    }
}
