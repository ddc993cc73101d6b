//! The digits inside the binary: the first 1,000 of each digit of MNIST's training files, gzipped as
//! they lie in datasets/mnist-10k, so that an installed difflab runs anywhere.

/// Bytes of the images file.
pub(super) static IMAGES: &[u8] = include_bytes!("../../datasets/mnist-10k/train-images-idx3-ubyte.gz");

/// Bytes of the labels file.
pub(super) static LABELS: &[u8] = include_bytes!("../../datasets/mnist-10k/train-labels-idx1-ubyte.gz");
