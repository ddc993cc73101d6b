//! Images in memory, as bytes, channels last.

use std::sync::Arc;

/// A set of equally sized images with their classes.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// "mnist".
    pub name: String,
    /// Where it came from, in words: "datasets/mnist" or "embedded 10k subset".
    pub source: String,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// `[N, H, W, C]`, 0..=255.
    pub pixels: Arc<Vec<u8>>,
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
        let size = self.height * self.width * self.channels;
        if size == 0 { 0 } else { self.pixels.len() / size }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
