//! Which steps are kept: 1, 2, 3, 5 and these times every power of ten.
//!
//! A loss falls about as a power of the steps (Hestness et al. 2017, arXiv:1712.00409; Kaplan et al. 2020,
//! arXiv:2001.08361), so that equal ratios of steps show about equal progress; Pythia (Biderman et al. 2023,
//! arXiv:2304.01373) keeps its early checkpoints so, at powers of two. Neighbours are a factor of 1.5 to 2 apart here as
//! well, and the steps are round numbers. A decade has four of them: a run of any length has few.

use crate::thousands::thousands;

/// The leading digits.
const LEADING: [u64; 4] = [1, 2, 3, 5];

/// Is `step` kept?
pub fn is_kept(step: u64) -> bool {
    let mut leading = step;
    while leading >= 10 && leading.is_multiple_of(10) {
        leading /= 10;
    }
    LEADING.contains(&leading)
}

/// The steps after `from` and up to `to` that are kept.
pub fn kept_between(from: u64, to: u64) -> Vec<u64> {
    let decades = (0..20).map_while(|power| 10u64.checked_pow(power));
    let all = decades.flat_map(|decade| LEADING.into_iter().filter_map(move |digit| decade.checked_mul(digit)));
    all.filter(|step| (from + 1..=to).contains(step)).collect()
}

/// "1, 2, 3, 5 … 20,000".
pub fn listed(steps: &[u64]) -> String {
    const FIRST: usize = 4;
    let words = |steps: &[u64]| steps.iter().map(thousands).collect::<Vec<_>>().join(", ");
    match steps.split_last() {
        Some((last, front)) if front.len() > FIRST + 1 => format!("{} … {}", words(&front[..FIRST]), thousands(last)),
        _ => words(steps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_steps_a_decade_are_kept_and_no_others() {
        let first = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000];
        assert_eq!(kept_between(0, 1999), first);
        assert_eq!(kept_between(50, 200), [100, 200]);
        assert!(kept_between(20, 20).is_empty() && kept_between(5, 3).is_empty());
        for step in 0..=2000 {
            assert_eq!(is_kept(step), kept_between(0, 2000).contains(&step), "{step}");
        }
        assert!(kept_between(0, u64::MAX).len() <= 4 * 20 && kept_between(0, u64::MAX).is_sorted());
        assert_eq!(kept_between(0, 1_000_000).len(), 25);
    }

    #[test]
    fn long_lists_are_told_by_their_ends() {
        assert_eq!(listed(&kept_between(0, 20_000)), "1, 2, 3, 5 … 20,000");
        assert_eq!(listed(&[1, 2, 3, 5, 10]), "1, 2, 3, 5, 10");
        assert_eq!(listed(&[]), "");
    }
}
