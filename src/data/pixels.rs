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
}

impl Pixels {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) => floats.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of pictures; nothing of points.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Floats(_) => &[],
        }
    }

    /// Appends the numbers of `range`, pictures' in [-1, 1]. `range` must lie within.
    pub(super) fn append(&self, range: Range<usize>, out: &mut Vec<f32>) {
        match self {
            Self::Bytes(bytes) => out.extend(bytes[range].iter().map(|byte| f32::from(*byte) / 127.5 - 1.0)),
            Self::Floats(floats) => out.extend_from_slice(&floats[range]),
        }
    }

    /// The images of `len` numbers whose entry in `marks` is `wanted`.
    pub(super) fn subset(&self, len: usize, marks: &[bool], wanted: bool) -> Self {
        match self {
            Self::Bytes(bytes) => pick(bytes, len, marks, wanted).into(),
            Self::Floats(floats) => pick(floats, len, marks, wanted).into(),
        }
    }
}

fn pick<T: Copy>(numbers: &[T], len: usize, marks: &[bool], wanted: bool) -> Vec<T> {
    let mut picked = Vec::with_capacity(marks.iter().filter(|mark| **mark == wanted).count() * len);
    for (image, _) in numbers.chunks_exact(len.max(1)).zip(marks).filter(|(_, mark)| **mark == wanted) {
        picked.extend_from_slice(image);
    }
    picked
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
