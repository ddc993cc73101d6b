//! Images, or points, in memory, channels last.

use std::sync::Arc;

use super::order::permutation;
use super::pixels::partition;
use super::{DataError, Pixels};
use crate::random::{Stream, generator};

/// A set of equally sized images with their classes. A point in the plane is an image of 1×1 pixels with
/// two channels.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// "mnist".
    pub name: String,
    /// Where it came from, in words: "datasets/mnist" or "inside the program".
    pub source: String,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// `[N, H, W, C]`.
    pub pixels: Pixels,
    /// Class of each image; empty when unlabelled.
    pub labels: Arc<Vec<u32>>,
    /// Names of the classes; empty when unlabelled.
    pub classes: Vec<String>,
    /// What the user should know: "skipped 1 of 1,892 files: datasets/…/x.png: not a PNG".
    pub warnings: Vec<String>,
}

impl Dataset {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels.len().checked_div(self.image_len()).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers in one image: H·W·C.
    pub fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Pixels of the images at `indices`, `[n, H, W, C]` in [-1, 1] (points about so). Where `flip` (one
    /// entry an image) is true, the image is mirrored left-right. Indices beyond the last image are left
    /// out.
    pub fn gather(&self, indices: &[usize], flip: Option<&[bool]>) -> Vec<f32> {
        let len = self.image_len();
        let mut out = Vec::with_capacity(indices.len() * len);
        for (k, &index) in indices.iter().enumerate().filter(|(_, index)| **index < self.len()) {
            let (start, range) = (out.len(), index * len..(index + 1) * len);
            let flipped = flip.is_some_and(|flip| flip.get(k) == Some(&true));
            if let Some(mirrored) = self.pixels.mirrored(range.clone()).filter(|_| flipped) {
                out.extend_from_slice(mirrored);
                continue;
            }
            self.pixels.append(range, &mut out);
            if flipped {
                for row in out[start..].chunks_exact_mut(self.width * self.channels) {
                    mirror(row, self.channels);
                }
            }
        }
        out
    }

    /// The same images by their latents, `[N, h, w, L]`; `mirrored`: those of the images mirrored left-right.
    pub fn in_latents(
        &self,
        (height, width, channels): (usize, usize, usize),
        plain: Vec<f32>,
        mirrored: Option<Vec<f32>>,
    ) -> Self {
        let pixels = Pixels::Latents { plain: Arc::new(plain), mirrored: mirrored.map(Arc::new) };
        Self { height, width, channels, pixels, ..self.clone() }
    }

    /// `n` indices evenly spread over the set, which is often in the order of its classes; all of them where it
    /// has no more.
    pub fn spread(&self, n: usize) -> Vec<usize> {
        let (len, n) = (self.len(), n.min(self.len()));
        (0..n).map(|i| i * len / n).collect()
    }

    /// Classes of the images at `indices`; empty when unlabelled.
    pub fn class_of(&self, indices: &[usize]) -> Vec<u32> {
        indices.iter().filter_map(|&index| self.labels.get(index).copied()).collect()
    }

    /// How many images each class has, in the order of `classes`.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &label in self.labels.iter() {
            if let Some(count) = counts.get_mut(label as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// Splits off `n` random images that training never sees: (training, held out). Which ones follows
    /// from the seed; both parts keep the original order. Beyond the dataset itself this needs memory only for
    /// the smaller part, unless others hold the same pixels.
    ///
    /// # Errors
    /// [`DataError::HeldOut`] when nothing would be left to train on.
    pub fn split_held_out(self, n: usize, seed: u64) -> Result<(Dataset, Dataset), DataError> {
        let len = self.len();
        if n >= len {
            return Err(DataError::HeldOut { held_out: n, images: len, name: self.name });
        }
        let held_out = held_out(len, n, seed);
        let image_len = self.image_len();
        let (kept_labels, held_labels) = partition(self.labels, 1, &held_out);
        let (kept, held) = self.pixels.partition(image_len, &held_out);
        let part = |pixels, labels| Dataset {
            pixels,
            labels: Arc::new(labels),
            name: self.name.clone(),
            source: self.source.clone(),
            classes: self.classes.clone(),
            warnings: self.warnings.clone(),
            ..self
        };
        Ok((part(kept, kept_labels), part(held, held_labels)))
    }
}

/// Which `n` of `len` images are held out.
pub(super) fn held_out(len: usize, n: usize, seed: u64) -> Vec<bool> {
    let mut held_out = vec![false; len];
    for index in permutation(len, &mut generator(seed, Stream::HeldOut, 0)).into_iter().take(n) {
        held_out[index as usize] = true;
    }
    held_out
}

/// Turns the order of a row's pixels round.
fn mirror(row: &mut [f32], channels: usize) {
    let width = row.len() / channels.max(1);
    for left in 0..width / 2 {
        for channel in 0..channels {
            row.swap(left * channels + channel, (width - 1 - left) * channels + channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(n: u8) -> Dataset {
        Dataset {
            name: "test".into(),
            source: "made here".into(),
            height: 1,
            width: 2,
            channels: 2,
            pixels: (0..n).flat_map(|i| [i, 0, 255, i]).collect::<Vec<u8>>().into(),
            labels: Arc::new((0..n).map(|i| u32::from(i % 2)).collect()),
            classes: vec!["even".into(), "odd".into()],
            warnings: vec![],
        }
    }

    #[test]
    fn gathered_pixels_lie_in_minus_one_to_one_and_mirror_by_pixel() {
        let data = dataset(3);
        assert_eq!(data.gather(&[0], None), [-1.0, -1.0, 1.0, -1.0]);
        let mirrored = data.gather(&[0, 0], Some(&[true, false]));
        assert_eq!(mirrored, [1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0]);
        assert_eq!(data.class_of(&[1, 2, 1]), [1, 0, 1]);
        assert_eq!(data.class_counts(), [2, 1]);
        assert!(data.gather(&[99], None).is_empty());
    }

    #[test]
    fn latents_are_mirrored_by_the_mirrored_pictures() {
        let plain: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let mirrored: Vec<f32> = plain.iter().map(|x| -x).collect();
        let data = dataset(3).in_latents((1, 1, 4), plain, Some(mirrored));
        assert_eq!(data.gather(&[1, 1], Some(&[false, true])), [4.0, 5.0, 6.0, 7.0, -4.0, -5.0, -6.0, -7.0]);
        let (train, held_out) = data.split_held_out(1, 0).unwrap();
        assert_eq!((train.len(), held_out.len()), (2, 1));
        let both = held_out.gather(&[0, 0], Some(&[false, true]));
        assert!(both[..4].iter().zip(&both[4..]).all(|(a, b)| *a == -b));
    }

    #[test]
    fn the_split_is_seeded_disjoint_and_complete() {
        let data = dataset(100);
        let (train, held_out) = data.clone().split_held_out(10, 1).unwrap();
        assert_eq!((train.len(), held_out.len()), (90, 10));
        let first = |data: &Dataset| data.pixels.bytes().chunks_exact(4).map(|image| image[0]).collect::<Vec<u8>>();
        let mut all = [first(&train), first(&held_out)].concat();
        assert!(all[..90].is_sorted() && all[90..].is_sorted());
        all.sort();
        assert_eq!(all, (0..100).collect::<Vec<u8>>());
        assert_eq!(first(&data.clone().split_held_out(10, 1).unwrap().1), first(&held_out));
        assert_ne!(first(&data.clone().split_held_out(10, 2).unwrap().1), first(&held_out));
        for (image, label) in held_out.pixels.bytes().chunks_exact(4).zip(held_out.labels.iter()) {
            assert_eq!(u32::from(image[0] % 2), *label);
        }
    }

    #[test]
    fn something_must_be_left_to_train_on() {
        let data = dataset(5);
        assert!(data.clone().split_held_out(0, 0).unwrap().1.is_empty());
        assert!(data.clone().split_held_out(4, 0).is_ok());
        let message = data.split_held_out(5, 0).unwrap_err().to_string();
        assert!(message.contains("data.held_out = 5") && message.contains("5 images"), "{message}");
    }
}
