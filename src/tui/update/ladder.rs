//! Steps up and down that take each other back.

/// The rung above `at`; none when it is the highest.
pub fn above<T: PartialOrd + Copy>(rungs: impl Iterator<Item = T>, at: T) -> Option<T> {
    rungs.filter(|rung| *rung > at).reduce(|best, rung| if rung < best { rung } else { best })
}

/// The rung below `at`; none when it is the lowest.
pub fn below<T: PartialOrd + Copy>(rungs: impl Iterator<Item = T>, at: T) -> Option<T> {
    rungs.filter(|rung| *rung < at).reduce(|best, rung| if rung > best { rung } else { best })
}

/// `step`, 2·`step`, … up to `most`.
pub fn multiples(step: f64, most: f64) -> impl Iterator<Item = f64> {
    let count = (most / step).round() as usize;
    // Divided, as 3 × 0.05 is a little more than 0.15.
    (1..=count).map(move |i| i as f64 / (1.0 / step).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_lies_between_the_rungs_up_and_down_take_each_other_back() {
        for home in [0.05, 0.07, 0.12, 0.5, 0.02, 0.9] {
            let rungs = || multiples(0.05, 0.5).chain([home]);
            let mut at = home;
            let mut way = vec![at];
            while let Some(next) = above(rungs(), at) {
                at = next;
                way.push(at);
            }
            while let Some(before) = way.pop() {
                assert_eq!(at, before);
                at = below(rungs(), at).unwrap_or(at);
            }
        }
        assert_eq!(multiples(0.05, 0.5).nth(2), Some(0.15));
    }
}
