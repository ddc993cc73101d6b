//! How many samples go together.

use std::ops::Range;

/// Samples of `pixels` pixels that several steps take together: few enough for what one step leaves to
/// be in the cache when the next one reads it, enough for the weights to be read for.
pub(crate) fn samples_at_once(pixels: usize) -> usize {
    const PIXELS: usize = 32 * 32;
    (PIXELS / pixels.max(1)).max(1)
}

/// `samples` cut into consecutive, nearly equal groups of at most `most`.
pub(crate) fn groups(samples: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let (start, n) = (samples.start, samples.len());
    let parts = n.div_ceil(most);
    (0..parts).map(move |k| start + k * n / parts..start + (k + 1) * n / parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_the_samples_in_order_and_are_nearly_equal() {
        assert_eq!(groups(3..20, 6).collect::<Vec<_>>(), [3..8, 8..14, 14..20]);
        assert!(groups(0..4, 16).eq(std::iter::once(0..4)));
        assert_eq!([7, 28, 64].map(|size| samples_at_once(size * size)), [20, 1, 1]);
    }
}
