//! Where a pass over a sample leaves what it makes.

use crate::kernels::buffers::Part;
use crate::kernels::sides::{Column, SidesMut};
use crate::kernels::simd::{COLUMNS, PairSimd, Simd};
use crate::kernels::tile::store_columns;

/// Pixels of channels, written a vector at a time.
pub(super) trait Target<S: Simd> {
    /// A vector of neighbouring channels of all pixels.
    type Column: Copy;

    /// The channels from number `c` on.
    fn column(&mut self, c: usize) -> Self::Column;
    /// Writes a pixel's vector.
    ///
    /// # Safety
    /// The processor has `S`, and the pixel is there.
    unsafe fn put(column: Self::Column, pixel: usize, vector: S::V);
}

/// It is not kept.
pub(super) struct Nowhere;

impl<S: Simd> Target<S> for Nowhere {
    type Column = ();

    #[inline(always)]
    fn column(&mut self, _: usize) {}

    // SAFETY: nothing is written.
    #[inline(always)]
    unsafe fn put((): (), _: usize, _: S::V) {}
}

impl<S: Simd> Target<S> for SidesMut<'_> {
    type Column = Column<*mut f32>;

    #[inline(always)]
    fn column(&mut self, c: usize) -> Self::Column {
        SidesMut::column(self, c)
    }

    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn put(to: Self::Column, pixel: usize, vector: S::V) {
        // SAFETY: the caller's promise.
        unsafe { store_columns::<S>(to.first.add(pixel * to.row), 0, to.columns, vector) }
    }
}

/// Words of two neighbouring channels rounded to bf16, `[pixels, channels / 2]`; whole columns of channels.
pub(crate) struct Words<'a> {
    words: Part<'a>,
    channels: usize,
}

impl<'a> Words<'a> {
    pub fn new(words: Part<'a>, channels: usize) -> Self {
        assert!(channels > 0 && channels.is_multiple_of(COLUMNS) && words.len().is_multiple_of(channels / 2));
        Self { words, channels }
    }

    /// Of so many numbers.
    pub fn len(&self) -> usize {
        2 * self.words.len()
    }

    /// The first `pixels` pixels, and the others.
    pub fn split_at(self, pixels: usize) -> (Self, Self) {
        let (first, rest) = self.words.split_at_mut(pixels * self.channels / 2);
        let channels = self.channels;
        (Self { words: first, channels }, Self { words: rest, channels })
    }
}

impl<S: PairSimd> Target<S> for Words<'_> {
    /// Where the first pixel's are, and the words from pixel to pixel.
    type Column = (*mut f32, usize);

    #[inline(always)]
    fn column(&mut self, c: usize) -> Self::Column {
        (self.words.as_mut_ptr().cast::<f32>().wrapping_add(c / 2), self.channels / 2)
    }

    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn put((first, row): Self::Column, pixel: usize, vector: S::V) {
        // SAFETY: the caller's promise.
        unsafe { S::store_rounded(first.add(pixel * row), vector) }
    }
}
