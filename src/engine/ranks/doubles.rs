//! Numbers as the bytes that ranks send each other.

/// One f64 after the other, least byte first.
pub fn bytes_of(numbers: impl IntoIterator<Item = f64>) -> Vec<u8> {
    numbers.into_iter().flat_map(f64::to_le_bytes).collect()
}

/// Reads what [`bytes_of`] has written.
pub fn doubles_of(bytes: &[u8]) -> Vec<f64> {
    let (numbers, _) = bytes.as_chunks();
    numbers.iter().map(|x| f64::from_le_bytes(*x)).collect()
}
