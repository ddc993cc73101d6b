//! Axes: the range that data need, and round numbers to mark on it.

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotTick {
    pub value: f64,
    pub label: String,
}

/// A range of values along one side of a plot.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Ends, already in log₁₀ if `log`.
    low: f64,
    high: f64,
    log: bool,
    pub ticks: Vec<PlotTick>,
}

/// Values beyond this would overflow when ranges are taken.
const LARGEST: f64 = 1e300;

impl Axis {
    /// A linear axis that begins and ends on ticks; about `ticks` of them.
    pub fn linear(values: impl Iterator<Item = f64>, ticks: usize) -> Self {
        let (low, high) = range(values);
        let step = round_step((high - low) / ticks.clamp(2, 20) as f64);
        let (low, high) = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
        Self { low, high, log: false, ticks: every(low, high, step) }
    }

    /// A linear axis that begins and ends where the data do.
    pub fn linear_tight(values: impl Iterator<Item = f64>, ticks: usize) -> Self {
        let (low, high) = range(values);
        let step = round_step((high - low) / ticks.clamp(2, 20) as f64);
        Self { low, high, log: false, ticks: every(low, high, step) }
    }

    /// A logarithmic axis for positive values, with ticks at powers of ten; where the data span less
    /// than two of them, also at 2 and 5 times these.
    pub fn logarithmic(values: impl Iterator<Item = f64>, ticks: usize) -> Self {
        let (low, high) = range(values.map(f64::log10));
        let decades = high - low;
        if decades < 2.0 {
            let marks = (low.floor() as i32 - 1..=high.ceil() as i32)
                .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)))
                .filter(|mark| (low - 0.31..=high + 0.31).contains(&mark.log10()));
            let ticks: Vec<PlotTick> = marks.map(|value| PlotTick { value, label: plain(value) }).collect();
            let ends = ticks.iter().map(|tick| tick.value.log10());
            let (first, last) = (ends.clone().fold(low, f64::min), ends.fold(high, f64::max));
            return Self { low: first, high: last, log: true, ticks };
        }
        let step = (decades / ticks.clamp(2, 20) as f64).ceil().max(1.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        let count = ((high - low) / step).round() as i32;
        let power = |i: i32| (low + i as f64 * step) as i32;
        let ticks = (0..=count).map(|i| PlotTick { value: 10f64.powi(power(i)), label: format!("1e{}", power(i)) });
        Self { low, high, log: true, ticks: ticks.collect() }
    }

    /// The low and the high end; of a logarithmic axis their log₁₀.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub fn place(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value.clamp(-LARGEST, LARGEST) };
        (value - self.low) / (self.high - self.low)
    }
}

/// Smallest and largest finite value, widened where they are the same; 0 to 1 without values.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends = values.filter(|v| v.is_finite()).map(|v| v.clamp(-LARGEST, LARGEST));
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return (0.0, 1.0);
    }
    let smallest = low.abs().max(high.abs()) * 1e-9;
    match (high - low > smallest, low == 0.0 && high == 0.0) {
        (true, _) => (low, high),
        (false, true) => (0.0, 1.0),
        (false, false) => {
            let half = low.abs().max(high.abs()) / 2.0;
            (low - half, high + half)
        }
    }
}

/// The nearest of 1, 2, 5, 10 times a power of ten that is not below `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| rough <= digit * power * (1.0 + 1e-9)).unwrap_or(10.0);
    digit * power
}

/// Multiples of `step` from `low` to `high`.
fn every(low: f64, high: f64, step: f64) -> Vec<PlotTick> {
    let first = (low / step - 1e-9).ceil();
    let count = ((high / step + 1e-9).floor() - first).clamp(0.0, 100.0) as usize;
    let largest = low.abs().max(high.abs());
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    (0..=count)
        .map(|i| {
            // Adding 0 turns −0 into 0.
            let value = (first + i as f64) * step + 0.0;
            let label =
                if largest >= 1e6 || step < 1e-6 { format!("{value:.1e}") } else { format!("{value:.decimals$}") };
            PlotTick { value, label }
        })
        .collect()
}

/// A number as one would write it: 0.002, 5, 3e7.
fn plain(value: f64) -> String {
    let power = value.log10().floor();
    if (-4.0..5.0).contains(&power) {
        format!("{value:.*}", (-power).max(0.0) as usize)
    } else {
        format!("{value:.0e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_enclose_the_data() {
        let axis = Axis::linear([0.02, 0.97].into_iter(), 5);
        assert_eq!(labels(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!((axis.place(0.0), axis.place(1.0)), (0.0, 1.0));
        let axis = Axis::linear([-43.0, 38.0].into_iter(), 5);
        assert_eq!(labels(&axis), ["-60", "-40", "-20", "0", "20", "40"]);
    }

    #[test]
    fn a_tight_axis_ends_with_the_data() {
        let axis = Axis::linear_tight([1.0, 1000.0].into_iter(), 5);
        assert_eq!(labels(&axis), ["200", "400", "600", "800", "1000"]);
        assert_eq!((axis.place(1.0), axis.place(1000.0)), (0.0, 1.0));
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten_or_finer() {
        let wide = Axis::logarithmic([3e-5, 0.5].into_iter(), 8);
        assert_eq!(labels(&wide), ["1e-5", "1e-4", "1e-3", "1e-2", "1e-1", "1e0"]);
        assert!((wide.place(1e-3) - 0.4).abs() < 1e-12);
        let narrow = Axis::logarithmic([0.03, 0.4].into_iter(), 8);
        assert_eq!(labels(&narrow), ["0.02", "0.05", "0.1", "0.2", "0.5"]);
        assert!(narrow.place(0.03) >= 0.0 && narrow.place(0.4) <= 1.0);
    }

    #[test]
    fn one_value_or_none_still_makes_an_axis() {
        for values in [vec![], vec![0.0], vec![7.0], vec![f64::NAN]] {
            let axis = Axis::linear(values.into_iter(), 5);
            assert!(axis.ticks.len() >= 2);
            assert!(axis.place(0.5).is_finite());
        }
    }
}
