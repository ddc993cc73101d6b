//! What the judge sees in images: one row of numbers each.

/// Features of N images, the judge's penultimate layer: N rows of [`Features::WIDTH`] numbers, 0 or more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    numbers: Vec<f32>,
}

impl Features {
    /// Numbers a row.
    pub const WIDTH: usize = 256;

    /// Of whole rows, one after the other; a broken last row is left out.
    pub fn new(mut numbers: Vec<f32>) -> Self {
        numbers.truncate(numbers.len() / Self::WIDTH * Self::WIDTH);
        Self { numbers }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.numbers.len() / Self::WIDTH
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Image by image.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.numbers.chunks_exact(Self::WIDTH)
    }

    /// The rows whose index `keep` accepts.
    pub fn select(&self, keep: impl Fn(usize) -> bool) -> Self {
        let rows = self.rows().enumerate().filter(|(i, _)| keep(*i));
        Self { numbers: rows.flat_map(|(_, row)| row).copied().collect() }
    }

    /// Every other row behind these.
    pub fn extend(&mut self, more: &Self) {
        self.numbers.extend_from_slice(&more.numbers);
    }
}

/// Squared Euclidean distance of two rows.
pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    // Several sums side by side: the compiler makes vectors of them.
    let mut sums = [0f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += (a - b) * (a - b);
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_picked_and_measured() {
        let numbers = (0..3 * Features::WIDTH + 5).map(|i| (i / Features::WIDTH) as f32).collect();
        let features = Features::new(numbers);
        assert_eq!(features.len(), 3);
        let mut outer = features.select(|i| i != 1);
        let rows: Vec<&[f32]> = outer.rows().collect();
        assert_eq!(squared_distance(rows[0], rows[1]), 4.0 * Features::WIDTH as f32);
        outer.extend(&features);
        assert_eq!(outer.len(), 5);
    }
}
