//! The numbers of a dataset.

use std::ops::Range;
use std::sync::Arc;

/// The numbers of all images, `[N, H, W, C]`, as they are stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// Pictures: 0..=255 stands for [-1, 1].
    Bytes(Arc<Vec<u8>>),
    /// Points, as the network sees them.
    Floats(Arc<Vec<f32>>),
    /// Latents of pictures, as the network sees them.
    Latents {
        plain: Arc<Vec<f32>>,
        /// Those of the pictures mirrored left-right, where they are asked for: a mirrored latent is another one.
        mirrored: Option<Arc<Vec<f32>>>,
    },
}

impl Pixels {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) | Self::Latents { plain: floats, .. } => floats.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of pictures; nothing of points and latents.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Floats(_) | Self::Latents { .. } => &[],
        }
    }

    /// Appends the numbers of `range`, pictures' in [-1, 1]. `range` must lie within.
    pub(super) fn append(&self, range: Range<usize>, out: &mut Vec<f32>) {
        match self {
            Self::Bytes(bytes) => out.extend(bytes[range].iter().map(|byte| f32::from(*byte) / 127.5 - 1.0)),
            Self::Floats(floats) | Self::Latents { plain: floats, .. } => out.extend_from_slice(&floats[range]),
        }
    }

    /// The same numbers of the pictures mirrored, where those are kept as well.
    pub(super) fn mirrored(&self, range: Range<usize>) -> Option<&[f32]> {
        match self {
            Self::Latents { mirrored: Some(mirrored), .. } => mirrored.get(range),
            _ => None,
        }
    }

    /// The images of `len` numbers whose mark is false, and those whose mark is true.
    pub(super) fn partition(self, len: usize, marks: &[bool]) -> (Self, Self) {
        match self {
            Self::Bytes(bytes) => {
                let (kept, marked) = partition(bytes, len, marks);
                (kept.into(), marked.into())
            }
            Self::Floats(floats) => {
                let (kept, marked) = partition(floats, len, marks);
                (kept.into(), marked.into())
            }
            Self::Latents { plain, mirrored } => {
                let (kept, marked) = partition(plain, len, marks);
                let (kept_mirrored, marked_mirrored) = match mirrored.map(|mirrored| partition(mirrored, len, marks)) {
                    Some((kept, marked)) => (Some(Arc::new(kept)), Some(Arc::new(marked))),
                    None => (None, None),
                };
                (
                    Self::Latents { plain: Arc::new(kept), mirrored: kept_mirrored },
                    Self::Latents { plain: Arc::new(marked), mirrored: marked_mirrored },
                )
            }
        }
    }
}

/// Pieces of `len` numbers: those whose mark is false stay where they are and move together, the others are
/// copied out. Numbers without a mark stay out of both.
pub(super) fn partition<T: Copy>(numbers: Arc<Vec<T>>, len: usize, marks: &[bool]) -> (Vec<T>, Vec<T>) {
    let mut kept = Arc::unwrap_or_clone(numbers);
    let count = marks.len().min(kept.len().checked_div(len).unwrap_or(0));
    let marks = &marks[..count];
    let mut marked = Vec::with_capacity(marks.iter().filter(|mark| **mark).count() * len);
    let mut end = 0;
    for (index, &mark) in marks.iter().enumerate() {
        let piece = index * len..(index + 1) * len;
        if mark {
            marked.extend_from_slice(&kept[piece]);
        } else {
            if end < piece.start {
                kept.copy_within(piece, end);
            }
            end += len;
        }
    }
    kept.truncate(end);
    (kept, marked)
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Arc::new(bytes))
    }
}

impl From<Vec<f32>> for Pixels {
    fn from(floats: Vec<f32>) -> Self {
        Self::Floats(Arc::new(floats))
    }
}
