//! Two inputs side by side, pixel for pixel: read where they lie, or joined, and apart again.

use std::ops::Range;

use super::buffers::{Part, Scratch};
use super::simd::{COLUMNS, Isa, Kernel, Simd};
use super::tile::{load_columns, store_columns};

/// Pixels whose channels lie in one piece, or in two.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    parts: [&'a [f32]; 2],
    /// Of each part; the second may have none.
    channels: [usize; 2],
}

impl<'a> Sides<'a> {
    /// `[pixels, channels]`.
    pub fn one(x: &'a [f32], channels: usize) -> Self {
        assert!(channels > 0 && x.len().is_multiple_of(channels));
        Self { parts: [x, &[]], channels: [channels, 0] }
    }

    /// `[pixels, a]` and `[pixels, b]`; `None` where a column of [`COLUMNS`] channels would lie in both.
    pub fn two(parts: [&'a [f32]; 2], channels: [usize; 2]) -> Option<Self> {
        let [a, b] = channels;
        assert!(a > 0 && b > 0 && parts[0].len().is_multiple_of(a) && parts[0].len() / a * b == parts[1].len());
        a.is_multiple_of(COLUMNS).then_some(Self { parts, channels })
    }

    pub fn channels(&self) -> usize {
        self.channels[0] + self.channels[1]
    }

    pub fn pixels(&self) -> usize {
        self.parts[0].len() / self.channels[0]
    }

    /// Numbers.
    pub fn len(&self) -> usize {
        self.parts[0].len() + self.parts[1].len()
    }

    /// Some of the pixels.
    pub fn narrow(&self, pixels: Range<usize>) -> Self {
        let part = |i: usize| &self.parts[i][pixels.start * self.channels[i]..pixels.end * self.channels[i]];
        Self { parts: [part(0), part(1)], channels: self.channels }
    }

    /// As they lie, where that is in one piece.
    pub fn in_one_piece(&self) -> Option<&'a [f32]> {
        (self.channels[1] == 0).then_some(self.parts[0])
    }

    /// The channels from number `c` on, as far as they lie in one piece: where the first pixel's are, how many, and how many numbers
    /// lie between two pixels.
    #[inline(always)]
    pub fn column(&self, c: usize) -> Column<*const f32> {
        let (part, c) = part(self.channels, c);
        let row = self.channels[part];
        Column { first: self.parts[part].as_ptr().wrapping_add(c), columns: row - c, row }
    }
}

/// The same, to be written.
pub(crate) struct SidesMut<'a> {
    parts: [Part<'a>; 2],
    channels: [usize; 2],
}

impl<'a> SidesMut<'a> {
    pub fn one(x: Part<'a>, channels: usize) -> Self {
        assert!(channels > 0 && x.len().is_multiple_of(channels));
        Self { parts: [x, &mut []], channels: [channels, 0] }
    }

    /// As [`Sides::two`].
    pub fn two(parts: [Part<'a>; 2], channels: [usize; 2]) -> Self {
        let [a, b] = channels;
        assert!(a.is_multiple_of(COLUMNS) && a > 0 && b > 0);
        assert!(parts[0].len().is_multiple_of(a) && parts[0].len() / a * b == parts[1].len());
        Self { parts, channels }
    }

    pub fn len(&self) -> usize {
        self.parts[0].len() + self.parts[1].len()
    }

    /// The first `pixels` pixels, and the others.
    pub fn split_at(self, pixels: usize) -> (Self, Self) {
        let ([a, b], channels) = (self.parts, self.channels);
        let ((a, more_a), (b, more_b)) = (a.split_at_mut(pixels * channels[0]), b.split_at_mut(pixels * channels[1]));
        (Self { parts: [a, b], channels }, Self { parts: [more_a, more_b], channels })
    }

    /// As [`Sides::column`].
    #[inline(always)]
    pub fn column(&mut self, c: usize) -> Column<*mut f32> {
        let (part, c) = part(self.channels, c);
        let row = self.channels[part];
        Column { first: self.parts[part].as_mut_ptr().cast::<f32>().wrapping_add(c), columns: row - c, row }
    }
}

/// In which part channel `c` lies, and its number there.
#[inline(always)]
fn part(channels: [usize; 2], c: usize) -> (usize, usize) {
    if c < channels[0] { (0, c) } else { (1, c - channels[0]) }
}

/// Pixels from which numbers are asked for before they are read, where an earlier operation left them: they may lie in the third cache.
pub(crate) const AHEAD: usize = 32;

/// Neighbouring channels of all pixels.
#[derive(Clone, Copy)]
pub(crate) struct Column<P> {
    pub first: P,
    /// How many channels.
    pub columns: usize,
    /// Numbers from pixel to pixel.
    pub row: usize,
}

/// `[pixels, a + b]` of `[pixels, a]` and `[pixels, b]`.
pub(crate) fn join(isa: Isa, [a, b]: [usize; 2], x: &[f32], skip: &[f32], both: Part) {
    let pixels = both.len() / (a + b);
    assert_eq!((x.len(), skip.len(), both.len()), (pixels * a, pixels * b, pixels * (a + b)));
    let both = both.as_mut_ptr().cast();
    // SAFETY: whole pixels on all sides, as many.
    unsafe {
        isa.run(Rows { pixels, columns: a, from: x.as_ptr(), from_row: a, to: both, to_row: a + b });
        isa.run(Rows { pixels, columns: b, from: skip.as_ptr(), from_row: b, to: both.add(a), to_row: a + b });
    }
}

/// In one piece: as they lie, or joined in `room`.
pub(crate) fn in_one_piece<'a>(isa: Isa, of: Sides<'a>, room: &'a mut Scratch) -> &'a [f32] {
    of.in_one_piece().unwrap_or_else(|| {
        *room = Scratch::new(of.len());
        // SAFETY: what is joined are numbers.
        join(isa, of.channels, of.parts[0], of.parts[1], unsafe { room.part() });
        room
    })
}

/// The other way round.
pub(crate) fn split(isa: Isa, [a, b]: [usize; 2], both: &[f32], x: Part, skip: Part) {
    let pixels = both.len() / (a + b);
    assert_eq!((x.len(), skip.len(), both.len()), (pixels * a, pixels * b, pixels * (a + b)));
    let (x, skip, both) = (x.as_mut_ptr().cast(), skip.as_mut_ptr().cast(), both.as_ptr());
    // SAFETY: whole pixels on all sides, as many.
    unsafe {
        isa.run(Rows { pixels, columns: a, from: both, from_row: a + b, to: x, to_row: a });
        isa.run(Rows { pixels, columns: b, from: both.add(a), from_row: a + b, to: skip, to_row: b });
    }
}

/// Copies `pixels` rows of `columns` numbers: a call for each of so few would take longer than the copying.
struct Rows {
    pixels: usize,
    columns: usize,
    from: *const f32,
    from_row: usize,
    to: *mut f32,
    to_row: usize,
}

// SAFETY: `run` may be called when both sides have these rows.
impl Kernel for Rows {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { pixels, columns, mut from, from_row, mut to, to_row } = self;
        for _ in 0..pixels {
            // SAFETY: the caller's promise.
            unsafe {
                for v in 0..columns.div_ceil(S::LANES) {
                    store_columns::<S>(to, v, columns, load_columns::<S>(from, v, columns));
                }
            }
            (from, to) = (from.wrapping_add(from_row), to.wrapping_add(to_row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::buffers::filled_many;

    #[test]
    fn what_was_joined_is_apart_again() {
        for isa in Isa::available() {
            for [a, b] in [[1, 3], [16, 32], [17, 5], [32, 64]] {
                let x: Vec<f32> = (0..7 * a).map(|i| i as f32).collect();
                let skip: Vec<f32> = (0..7 * b).map(|i| -(i as f32)).collect();
                // SAFETY: both write all.
                let ([both], _) =
                    unsafe { filled_many(1, [7 * (a + b)], |_, [both]| join(isa, [a, b], &x, &skip, both)) };
                let rows = x.chunks(a).zip(skip.chunks(b));
                assert_eq!(both, rows.flat_map(|(x, skip)| [x, skip].concat()).collect::<Vec<_>>(), "{}", isa.name());
                // SAFETY: both write all.
                let (parts, _) =
                    unsafe { filled_many(1, [7 * a, 7 * b], |_, [x, skip]| split(isa, [a, b], &both, x, skip)) };
                assert_eq!(parts, [x, skip], "{}", isa.name());
            }
        }
    }
}
