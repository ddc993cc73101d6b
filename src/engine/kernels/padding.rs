//! The border of an image that is convolved.

/// How a convolution treats the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros on all sides, k/2 of them (diffusers' `downsample_padding = 1` and every stride-1 layer).
    Same,
    /// One row and column of zeros at the bottom and the right (diffusers' `downsample_padding = 0`).
    RightBottom,
}
