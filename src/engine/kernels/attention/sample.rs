//! What attention looks at.

/// One sample: q, k, v of `[positions, channels]`, the channels whole heads.
#[derive(Clone, Copy)]
pub(super) struct HeadsSample<'a> {
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    pub channels: usize,
    pub heads: usize,
}

impl<'a> HeadsSample<'a> {
    /// # Panics
    /// When the lengths differ, or are no whole positions of whole heads.
    pub fn new([q, k, v]: [&'a [f32]; 3], channels: usize, heads: usize) -> Self {
        assert!(channels.is_multiple_of(heads) && q.len().is_multiple_of(channels));
        assert!(q.len() == k.len() && q.len() == v.len());
        Self { q, k, v, channels, heads }
    }
}
