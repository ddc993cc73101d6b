//! The range of an axis that no single odd value decides.

/// Of this share of the values at either end nothing is expected.
const TAIL: usize = 10;

/// The range that shows the bulk of `values`, at most from the smallest to the largest: the middle eight tenths, and
/// beyond them `reach` times as far again. On a logarithmic axis distances are factors, and what isn't above 0 has no
/// place. `None` when no value has a place.
pub fn robust_range(values: impl IntoIterator<Item = f64>, log: bool, reach: f64) -> Option<(f64, f64)> {
    let place = |v: f64| if log { (v > 0.0).then(|| v.ln()) } else { Some(v) };
    let mut places: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).filter_map(place).collect();
    let last = places.len().checked_sub(1)?;
    let tail = places.len() / TAIL;
    let (_, low, above) = places.select_nth_unstable_by(tail, f64::total_cmp);
    let low = *low;
    // What is left are the values from the lower tail on.
    let high = match (last - tail).checked_sub(tail + 1) {
        Some(index) => *above.select_nth_unstable_by(index, f64::total_cmp).1,
        None => low,
    };
    let (smallest, largest) = places.iter().fold((low, high), |(a, b), v| (a.min(*v), b.max(*v)));
    // Where all are nearly equal, small differences are no oddities.
    let least = if log { 1.5f64.ln() } else { low.abs().max(high.abs()) / 2.0 };
    let beyond = ((high - low) * reach).max(least);
    let (low, high) = ((low - beyond).max(smallest), (high + beyond).min(largest));
    Some(if log { (low.exp(), high.exp()) } else { (low, high) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => 0.01f64..1.0,
            1 => any::<f64>(),
            1 => prop::sample::select(vec![0.0, -1.0, 1e300, -1e300, 1e-300, f64::NAN, f64::INFINITY]),
        ]
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter_and_the_bulk_is_inside(
            values in prop::collection::vec(value(), 0..200),
            log in any::<bool>(),
            reach in 0.0f64..3.0,
            seed in any::<u64>(),
        ) {
            let range = robust_range(values.iter().copied(), log, reach);
            let mut shuffled = values.clone();
            shuffled.sort_by_key(|v| v.to_bits().wrapping_mul(seed | 1));
            prop_assert_eq!(range, robust_range(shuffled, log, reach));
            let placed: Vec<f64> = values.into_iter().filter(|v| v.is_finite() && (!log || *v > 0.0)).collect();
            let Some((low, high)) = range else {
                prop_assert!(placed.is_empty());
                return Ok(());
            };
            prop_assert!(low <= high && low.is_finite(), "{} {}", low, high);
            let near = |v: f64| v.abs() * 1e-9;
            let inside = placed.iter().filter(|v| **v >= low - near(low) && **v <= high + near(high)).count();
            prop_assert!(inside * 10 >= placed.len() * 8, "{} of {}", inside, placed.len());
        }

        #[test]
        fn one_spike_changes_nothing_much(base in 0.01f64..10.0, spike in 1e3f64..1e12, at in 0usize..100) {
            for log in [false, true] {
                let mut values: Vec<f64> = (0..100).map(|i| base * (1.0 + 0.3 * (f64::from(i) * 0.7).sin())).collect();
                values[at] = base * spike;
                let (low, high) = robust_range(values, log, 1.0).unwrap();
                prop_assert!(low >= base * 0.69 && high < base * 3.0, "{} {} {}", base, low, high);
            }
        }
    }

    #[test]
    fn degenerate_values_have_a_range_when_they_have_a_place() {
        assert_eq!(robust_range([], false, 1.0), None);
        assert_eq!(robust_range([f64::NAN, f64::INFINITY], true, 1.0), None);
        assert_eq!(robust_range([0.0, -3.0], true, 1.0), None);
        assert_eq!(robust_range([0.0; 40], false, 1.0), Some((0.0, 0.0)));
        assert_eq!(robust_range([2.0], false, 1.0), Some((2.0, 2.0)));
        // Of few nobody can say which is the odd one.
        assert_eq!(robust_range([1.0, 2.0, 900.0], false, 1.0), Some((1.0, 900.0)));
    }

    #[test]
    fn what_belongs_to_the_rest_is_never_cut_off() {
        let falling = (0..400).map(|i| (-f64::from(i) / 100.0).exp());
        assert_eq!(robust_range(falling, true, 1.0), Some(((-3.99f64).exp(), 1.0)));
    }
}
