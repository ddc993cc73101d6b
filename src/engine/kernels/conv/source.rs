//! What a convolution reads.

use crate::kernels::buffers::Scratch;
use crate::kernels::factor::Factor;
use crate::kernels::group_norm::Normalized;
use crate::kernels::simd::Isa;

/// What a convolution reads, `[n, H, W, depth]`.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Factor(Factor<'a>),
    /// Normalized on the way, by convolutions on tiles.
    Normalized(&'a Normalized<'a>),
}

impl<'a> Source<'a> {
    pub fn channels(&self) -> usize {
        match self {
            Self::Factor(factor) => factor.channels(),
            Self::Normalized(normalized) => normalized.x.channels(),
        }
    }

    pub fn pixels(&self) -> usize {
        match self {
            Self::Factor(factor) => factor.pixels(),
            Self::Normalized(normalized) => normalized.x.pixels(),
        }
    }

    /// As [`Factor::numbers`].
    ///
    /// # Panics
    /// When they are rounded, or to be normalized.
    pub fn numbers(self, isa: Isa, room: &'a mut Scratch) -> &'a [f32] {
        match self {
            Self::Factor(factor) => factor.numbers(isa, room),
            Self::Normalized(_) => unreachable!("only convolutions on tiles normalize their source"),
        }
    }
}

impl<'a, F: Into<Factor<'a>>> From<F> for Source<'a> {
    fn from(factor: F) -> Self {
        Self::Factor(factor.into())
    }
}

impl<'a> From<&'a Normalized<'a>> for Source<'a> {
    fn from(normalized: &'a Normalized<'a>) -> Self {
        Self::Normalized(normalized)
    }
}
