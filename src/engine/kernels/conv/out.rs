//! Where a convolution's result goes.

use crate::kernels::buffers::Part;

/// What is added to a convolution's result.
#[derive(Clone, Copy)]
pub(crate) enum Add<'a> {
    Nothing,
    /// As many numbers as the output has.
    Numbers(&'a [f32]),
}

/// Where a convolution's result goes, and what is added to it: null, or as many numbers.
pub(super) struct Out<'a> {
    pub numbers: Part<'a>,
    pub add: *const f32,
}

impl<'a> Out<'a> {
    pub fn new(numbers: Part<'a>, add: Add) -> Self {
        let add = match add {
            Add::Nothing => std::ptr::null(),
            Add::Numbers(add) => {
                assert_eq!(add.len(), numbers.len());
                add.as_ptr()
            }
        };
        Self { numbers, add }
    }
}

/// Numbers from sample to sample of `bias`, which is nothing, a row of `width` for all n samples, or a row for each: none, or
/// `width`.
///
/// # Panics
/// When it is none of these.
pub(super) fn bias_sample(bias: &[f32], n: usize, width: usize) -> usize {
    assert!(bias.is_empty() || bias.len() == width || bias.len() == n * width);
    if bias.len() > width { width } else { 0 }
}
