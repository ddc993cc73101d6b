//! Who does which part.

use std::ops::Range;

/// The `i`-th of `parts` consecutive, nearly equal parts of `0..n`. Of fewer than `parts` things some parts are empty.
pub fn share(n: usize, parts: usize, i: usize) -> Range<usize> {
    let parts = parts.max(1);
    i * n / parts..(i + 1) * n / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_everything_once_and_differ_by_one_at_most() {
        for (n, parts) in [(0, 3), (1, 4), (7, 3), (8, 3), (32, 5)] {
            let all: Vec<_> = (0..parts).map(|i| share(n, parts, i)).collect();
            assert_eq!(all.iter().cloned().flatten().collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
            let lengths = all.iter().map(ExactSizeIterator::len);
            assert!(lengths.clone().max().unwrap() - lengths.min().unwrap() <= 1);
        }
    }
}
