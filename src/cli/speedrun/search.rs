//! The first checkpoint that is good, and whose successor is good as well.

/// The first of `count` checkpoints that passes and whose successor passes too: one lucky draw of samples is no record.
/// `None` where there is none. Exact, and asks no more than it must: where a checkpoint fails, neither it nor the one before
/// it can be the answer, so every second one is asked first.
///
/// # Errors
/// Those of `passes`.
pub fn first_of_two<E>(count: usize, mut passes: impl FnMut(usize) -> Result<bool, E>) -> Result<Option<usize>, E> {
    for second in (1..count).step_by(2) {
        if !passes(second)? {
            continue;
        }
        if passes(second - 1)? {
            return Ok(Some(second - 1));
        }
        if second + 1 < count && passes(second + 1)? {
            return Ok(Some(second));
        }
    }
    Ok(None)
}

/// How far the samples of a checkpoint have been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadSoFar {
    pub right: usize,
    pub read: usize,
}

impl ReadSoFar {
    /// Is a share of `target` of `num` samples right? `None` where that is open still.
    pub fn verdict(self, target: f64, num: usize) -> Option<bool> {
        let needed = needed(target, num);
        if self.right >= needed {
            return Some(true);
        }
        (self.right + (num - self.read) < needed).then_some(false)
    }
}

/// So many of `num` are a share of `target` or more.
fn needed(target: f64, num: usize) -> usize {
    // 0.98 · 200 is a little more than 196 in floating point.
    (target * num as f64 - 1e-9).ceil().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn found(passes: &[bool]) -> (Option<usize>, usize) {
        let mut asked = 0;
        let Ok(first) = first_of_two(passes.len(), |i| -> Result<bool, Infallible> {
            asked += 1;
            Ok(passes[i])
        });
        (first, asked)
    }

    #[test]
    fn the_search_finds_the_first_two_in_a_row_whatever_the_pattern() {
        for pattern in 0..1_u32 << 10 {
            for length in 0..=10 {
                let passes: Vec<bool> = (0..length).map(|i| pattern >> i & 1 == 1).collect();
                let naive = passes.windows(2).position(|two| two[0] && two[1]);
                let (first, asked) = found(&passes);
                assert_eq!(first, naive, "{passes:?}");
                assert!(asked <= length + length / 2);
            }
        }
    }

    #[test]
    fn where_all_fail_every_second_one_is_asked() {
        assert_eq!(found(&[false; 60]), (None, 30));
        assert_eq!(found(&[true]), (None, 0), "one has no successor");
    }

    #[test]
    fn a_verdict_comes_as_soon_as_it_is_sure() {
        let count = |right, read| ReadSoFar { right, read };
        assert_eq!(count(20, 40).verdict(0.9, 200), None);
        assert_eq!(count(19, 40).verdict(0.9, 200), Some(false), "21 wrong of 20 that may be");
        assert_eq!(count(180, 195).verdict(0.9, 200), Some(true));
        assert_eq!((needed(0.98, 200), needed(0.9, 200), needed(1.0, 30)), (196, 180, 30));
        assert_eq!((count(196, 200).verdict(0.98, 200), count(195, 200).verdict(0.98, 200)), (Some(true), Some(false)));
    }
}
