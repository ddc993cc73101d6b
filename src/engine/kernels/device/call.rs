//! One call of a kernel.

use candle_core::{Shape, Tensor};

/// How a kernel is spread over threads.
#[derive(Clone, Copy, Debug)]
// Only a GPU asks.
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
pub(super) enum Spread {
    /// One thread a number of the output, or a group of them.
    Flat(usize),
    /// Blocks (x, y) of threads (x, y).
    Blocks { blocks: (usize, usize), threads: (usize, usize) },
}

/// Threads of a block, where a kernel sums over one.
pub(super) const THREADS: usize = 256;

/// A kernel with what it is given, in the order of its parameters: inputs, output, sizes, factors.
pub(super) struct Call<'a> {
    pub name: &'static str,
    /// Contiguous f32 of one device.
    pub inputs: &'a [&'a Tensor],
    /// Of the output.
    pub shape: Shape,
    pub sizes: &'a [usize],
    pub factors: &'a [f32],
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    pub spread: Spread,
}
