//! Is there memory for so many samples?

use super::UsageError;
use crate::process::free_memory;

/// Bytes that sampling takes for each number of a sample, all of them being sampled at once: x_t, x̂_0, ε̂ and
/// what samplers remember, in f32, and the network's own.
const BYTES_A_NUMBER: u64 = 100;

/// Refuses `num` samples of `(height, width, channels)` that can't fit, before the system ends the process for it.
///
/// # Errors
/// How much is needed, and how much is free.
pub fn check(flag: &str, num: usize, (h, w, c): (usize, usize, usize)) -> Result<(), UsageError> {
    let needed = [num, h, w, c].iter().fold(BYTES_A_NUMBER, |bytes, &n| bytes.saturating_mul(n as u64));
    match free_memory() {
        Some(free) if needed > free => Err(UsageError::new(format!(
            "{flag} {num}: so many samples at once need about {} of memory, and {} are free; ask for fewer",
            gibibytes(needed),
            gibibytes(free)
        ))),
        _ => Ok(()),
    }
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_fit_is_refused_with_both_numbers() {
        assert!(check("--num", 16, (28, 28, 1)).is_ok());
        if free_memory().is_some() {
            let said = check("--num", usize::MAX, (28, 28, 1)).unwrap_err().to_string();
            assert!(said.contains("GiB of memory, and"), "{said}");
        }
    }
}
