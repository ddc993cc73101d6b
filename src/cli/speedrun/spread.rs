//! Median, least and most of several seeds, some of which may not have got there.

use serde::Serialize;

/// What the seeds' values amount to; one that never got there counts as longer than any.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// `None`: half of the seeds or more didn't get there.
    pub median: Option<f64>,
    /// `None`: none did.
    pub least: Option<f64>,
    /// `None`: not all did.
    pub most: Option<f64>,
    /// Seeds that did.
    pub reached: usize,
    pub seeds: usize,
}

impl Spread {
    pub fn of(values: &[Option<f64>]) -> Self {
        let mut sorted: Vec<f64> = values.iter().map(|value| value.unwrap_or(f64::INFINITY)).collect();
        sorted.sort_by(f64::total_cmp);
        let finite = |value: f64| value.is_finite().then_some(value);
        let half = sorted.len() / 2;
        let median = match sorted.len() {
            0 => None,
            n if n % 2 == 1 => finite(sorted[half]),
            _ => finite((sorted[half - 1] + sorted[half]) / 2.0),
        };
        Self {
            median,
            least: sorted.first().copied().and_then(finite),
            most: sorted.last().copied().and_then(finite),
            reached: values.iter().flatten().count(),
            seeds: values.len(),
        }
    }

    /// "24.1 (22.0–27.3)"; "> 60" stands for what was not reached within `limit`.
    pub fn text(&self, limit: f64) -> String {
        let shown = |value: Option<f64>| value.map_or(format!("> {limit}"), |value| format!("{value:.1}"));
        match self.seeds {
            1 => shown(self.median),
            _ if self.reached == 0 => shown(None),
            _ => format!("{} ({}–{})", shown(self.median), shown(self.least), shown(self.most)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_never_got_there_counts_as_the_slowest() {
        let all = Spread::of(&[3.0, 1.0, 2.0, 5.0, 4.0].map(Some));
        assert_eq!((all.median, all.least, all.most, all.reached), (Some(3.0), Some(1.0), Some(5.0), 5));
        assert_eq!(all.text(60.0), "3.0 (1.0–5.0)");
        let some = Spread::of(&[None, Some(1.0), Some(2.0), None, Some(4.0)]);
        assert_eq!((some.median, some.most, some.reached), (Some(4.0), None, 3));
        assert_eq!(some.text(60.0), "4.0 (1.0–> 60)");
        let few = Spread::of(&[None, Some(1.0), None]);
        assert_eq!((few.median, few.text(10.0).as_str()), (None, "> 10 (1.0–> 10)"));
        assert_eq!(Spread::of(&[None, None]).text(60.0), "> 60");
        assert_eq!(Spread::of(&[Some(1.0), Some(2.0)]).median, Some(1.5));
        assert_eq!(Spread::of(&[Some(2.25)]).text(60.0), "2.2");
        assert_eq!(Spread::of(&[]).median, None);
    }
}
