//! What products are made of: numbers, or what was rounded to bf16 once for several that read it.

use std::ops::Range;

use super::buffers::Scratch;
use super::columns::{Columns, walk};
use super::sides::{AHEAD, Column, Sides, in_one_piece};
use super::simd::{COLUMNS, Isa, PairKernel, PairSimd, TileIsa};

/// Pixels that are multiplied, `[pixels, channels]`.
#[derive(Clone, Copy)]
pub(crate) enum Factor<'a> {
    Numbers(Sides<'a>),
    /// Only for what multiplies tiles.
    Rounded(Rounded<'a>),
}

/// Pixels of whole columns of channels, rounded to bf16 once for several to read: `[pixels, channels]`, two neighbouring channels a word.
#[derive(Clone, Copy)]
pub(crate) struct Rounded<'a> {
    words: &'a [f32],
    channels: usize,
}

impl<'a> Rounded<'a> {
    pub fn new(words: &'a [f32], channels: usize) -> Self {
        assert!(channels > 0 && channels.is_multiple_of(2) && words.len().is_multiple_of(channels / 2));
        Self { words, channels }
    }

    /// Rounds samples of `len` numbers into `room`; also returns the sums over the pixels, a row for each sample.
    pub fn of(
        isa: TileIsa,
        numbers: &[f32],
        (channels, len): (usize, usize),
        room: &'a mut Scratch,
    ) -> (Self, Vec<f32>) {
        assert!(channels.is_multiple_of(COLUMNS) && len.is_multiple_of(channels) && numbers.len().is_multiple_of(len));
        *room = Scratch::new(numbers.len() / 2);
        let mut rows = vec![0.0; numbers.len() / len * channels];
        let samples =
            numbers.chunks_exact(len).zip(room.chunks_exact_mut(len / 2)).zip(rows.chunks_exact_mut(channels));
        for ((numbers, words), sums) in samples {
            // SAFETY: whole columns of channels, half as many words as numbers, and a sum for each channel.
            unsafe { isa.run_pairs(RoundAndSum { numbers, words, sums }) };
        }
        (Self::new(room, channels), rows)
    }

    pub fn channels(&self) -> usize {
        self.channels
    }

    pub fn pixels(&self) -> usize {
        self.words.len() / (self.channels / 2)
    }

    pub fn words(&self) -> &'a [f32] {
        self.words
    }

    /// Some of the pixels.
    fn narrow(&self, pixels: Range<usize>) -> Self {
        let row = self.channels / 2;
        Self { words: &self.words[pixels.start * row..pixels.end * row], ..*self }
    }
}

impl<'a> Factor<'a> {
    pub fn channels(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.channels(),
            Self::Rounded(rounded) => rounded.channels,
        }
    }

    pub fn pixels(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.pixels(),
            Self::Rounded(rounded) => rounded.pixels(),
        }
    }

    /// Some of the pixels.
    pub fn narrow(&self, pixels: Range<usize>) -> Self {
        match self {
            Self::Numbers(numbers) => Self::Numbers(numbers.narrow(pixels)),
            Self::Rounded(rounded) => Self::Rounded(rounded.narrow(pixels)),
        }
    }

    /// In one piece: as they lie, or joined in `room`.
    ///
    /// # Panics
    /// When they are rounded.
    pub fn numbers(self, isa: Isa, room: &'a mut Scratch) -> &'a [f32] {
        match self {
            Self::Numbers(numbers) => in_one_piece(isa, numbers, room),
            Self::Rounded(_) => unreachable!("only what multiplies tiles is given rounded numbers"),
        }
    }
}

/// Pixels of `sums.len()` numbers: rounded to `words`, and summed over the pixels.
struct RoundAndSum<'a> {
    numbers: &'a [f32],
    words: &'a mut [f32],
    sums: &'a mut [f32],
}

// SAFETY: `run` may be called when the channels are whole columns, and there are half as many words as numbers.
impl PairKernel for RoundAndSum<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd>(mut self) {
        let numbers = Sides::one(self.numbers, self.sums.len());
        // SAFETY: the caller's promise.
        unsafe { walk::<S>(numbers, 4, &mut self) };
    }
}

impl<S: PairSimd> Columns<S> for RoundAndSum<'_> {
    // SAFETY: as the trait says.
    #[inline(always)]
    unsafe fn walk<const N: usize>(&mut self, c: usize, x: Column<*const f32>) {
        let channels = self.sums.len();
        let (mut from, mut to) = (x.first, self.words.as_mut_ptr().wrapping_add(c / 2));
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [S::splat(0.0); N];
            for _ in 0..self.numbers.len() / channels {
                for (v, sum) in sums.iter_mut().enumerate() {
                    let from = from.add(v * S::LANES);
                    S::prefetch(from.wrapping_add(AHEAD * channels));
                    let pixel = S::load(from);
                    *sum = S::add(*sum, pixel);
                    S::store_rounded(to.add(v * S::LANES / 2), pixel);
                }
                (from, to) = (from.wrapping_add(channels), to.wrapping_add(channels / 2));
            }
            for (v, &sum) in sums.iter().enumerate() {
                S::store(self.sums.as_mut_ptr().add(c + v * S::LANES), sum);
            }
        }
    }
}

impl<'a> From<Sides<'a>> for Factor<'a> {
    fn from(numbers: Sides<'a>) -> Self {
        Self::Numbers(numbers)
    }
}

impl<'a> From<Rounded<'a>> for Factor<'a> {
    fn from(rounded: Rounded<'a>) -> Self {
        Self::Rounded(rounded)
    }
}
