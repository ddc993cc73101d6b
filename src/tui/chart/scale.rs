//! From values to shares of an axis.

/// A range of values along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub log: bool,
}

impl Scale {
    /// From `low` to `high`. An empty range is widened; a logarithmic one stays above 0.
    pub fn new(low: f64, high: f64, log: bool) -> Self {
        let (mut low, mut high) = if low <= high { (low, high) } else { (high, low) };
        if !low.is_finite() || !high.is_finite() {
            (low, high) = (0.0, 1.0);
        }
        if log {
            low = low.max(1e-12);
            high = high.max(low);
            if high / low < 1.0 + 1e-9 {
                (low, high) = (low / 2.0, high * 2.0);
            }
        } else if high - low <= f64::EPSILON * high.abs().max(1e-300) {
            high = low + if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
        }
        Self { low, high, log }
    }

    /// Where a value lies: 0 at `low`, 1 at `high`, beyond outside. NaN for what has no place.
    pub fn share(&self, value: f64) -> f64 {
        if self.log {
            if value <= 0.0 {
                return if value.is_nan() { f64::NAN } else { f64::NEG_INFINITY };
            }
            (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// As [`Self::share`], and NaN too for what isn't above 0 on a logarithmic axis: of a moment there is nothing to show
    /// at an edge.
    pub fn place(&self, value: f64) -> f64 {
        let share = self.share(value);
        if share == f64::NEG_INFINITY { f64::NAN } else { share }
    }

    /// Does a value lie beyond the upper end?
    pub fn is_above(&self, value: f64) -> bool {
        self.share(value) > 1.0 + 1e-9
    }

    /// Does a value lie beyond the lower end?
    pub fn is_below(&self, value: f64) -> bool {
        self.share(value) < -1e-9
    }

    /// The value at a share.
    pub fn value(&self, share: f64) -> f64 {
        if self.log {
            (self.low.ln() + share * (self.high.ln() - self.low.ln())).exp()
        } else {
            self.low + share * (self.high - self.low)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_values_are_inverse() {
        for scale in [Scale::new(0.01, 10.0, true), Scale::new(-3.0, 5.0, false)] {
            for share in [0.0, 0.25, 1.0] {
                assert!((scale.share(scale.value(share)) - share).abs() < 1e-12);
            }
        }
        assert!((Scale::new(0.01, 1.0, true).share(0.1) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn degenerate_ranges_still_have_a_width() {
        for (low, high) in [(1.0, 1.0), (0.0, 0.0), (f64::NAN, 1.0), (2.0, -2.0), (0.0, f64::INFINITY)] {
            for log in [false, true] {
                let scale = Scale::new(low, high, log);
                assert!(scale.high > scale.low, "{low} {high} {log}: {scale:?}");
            }
        }
    }
}
