//! Round numbers along an axis.

use super::scale::Scale;
use crate::tui::format::thousands;

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub value: f64,
    pub label: String,
}

/// Round numbers, so fine that an axis that ends at one moves only now and then and leaves little room empty.
const SERIES: [f64; 11] = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];

/// The largest round number not above `value`.
pub fn nice_floor(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let mantissa = value / decade;
    let step = SERIES.into_iter().rev().find(|s| mantissa >= s * (1.0 - 1e-9)).unwrap_or(1.0);
    step * decade
}

/// The smallest round number not below `value`.
pub fn nice_ceil(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let mantissa = value / decade;
    let step = SERIES.into_iter().find(|s| mantissa <= s * (1.0 + 1e-9)).unwrap_or(10.0);
    step * decade
}

/// A step of 1, 2 or 5 × 10^k, so that at most `most` steps fit into the range.
fn nice_step(range: f64, most: usize) -> f64 {
    let rough = range / most.max(1) as f64;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|s| s * decade >= rough * (1.0 - 1e-9)).unwrap_or(10.0);
    step * decade
}

fn linear(scale: &Scale, step: f64) -> impl Iterator<Item = f64> + use<> {
    let first = (scale.low / step - 1e-9).ceil() as i64;
    let last = (scale.high / step + 1e-9).floor() as i64;
    (first..=last.min(first + 64)).map(move |i| i as f64 * step)
}

/// Ticks of plain values, at most about `most`.
pub fn value_ticks(scale: &Scale, most: usize) -> Vec<Tick> {
    if most == 0 {
        return Vec::new();
    }
    if !scale.log {
        let step = nice_step(scale.high - scale.low, most);
        return linear(scale, step).map(|value| Tick { value, label: plain(value, step) }).collect();
    }
    let (low, high) = (scale.low.log10().floor() as i32, scale.high.log10().ceil() as i32);
    let inside = |v: &f64| *v >= scale.low * (1.0 - 1e-9) && *v <= scale.high * (1.0 + 1e-9);
    let of = |mantissas: &[f64], every: usize| -> Vec<f64> {
        (low..=high)
            .step_by(every)
            .flat_map(|k| mantissas.iter().map(move |m| m * 10f64.powi(k)))
            .filter(inside)
            .collect()
    };
    // As many as fit: 1-2-5, decades, every other decade …
    let mut candidates = vec![of(&[1.0, 2.0, 5.0], 1)];
    candidates.extend((1..=6).map(|every| of(&[1.0], every)));
    let values = candidates.into_iter().find(|c| c.len() <= most.max(2)).unwrap_or_default();
    // Of a small part of a decade round numbers a step apart say more.
    if values.len() < 2 {
        return value_ticks(&Scale { log: false, ..*scale }, most);
    }
    values.into_iter().map(|value| Tick { value, label: plain(value, value) }).collect()
}

/// A value to the precision that its step needs.
fn plain(value: f64, step: f64) -> String {
    let decimals = (-(step.abs().log10() + 1e-9).floor()).max(0.0) as usize;
    let text = if value == 0.0 {
        "0".to_string()
    } else if decimals > 4 || value.abs() >= 1e6 {
        let text = format!("{value:.1e}");
        text.replace(".0e", "e")
    } else {
        format!("{value:.decimals$}")
    };
    text.replace('-', "−").replace("e−", "e-")
}

/// Ticks of steps or epochs: "0", "500", "2k", "1.5M".
pub fn step_ticks(scale: &Scale, most: usize) -> Vec<Tick> {
    let step = nice_step(scale.high - scale.low, most.max(1));
    let label = |v: f64| {
        let (v, unit) = match v {
            v if v >= 1e6 => (v / 1e6, "M"),
            v if scale.high >= 10_000.0 && v >= 1e3 => (v / 1e3, "k"),
            v => (v, ""),
        };
        if v.fract().abs() < 1e-9 || unit.is_empty() && step >= 1.0 {
            format!("{}{unit}", thousands(v.round().max(0.0) as u64))
        } else {
            format!("{}{unit}", (v * 100.0).round() / 100.0)
        }
    };
    linear(scale, step).map(|value| Tick { value, label: label(value) }).collect()
}

/// Ticks of what is counted, on a logarithmic axis too: "100", "2k", "1.5M", "3G", "5e15".
pub fn count_ticks(scale: &Scale, most: usize) -> Vec<Tick> {
    let values: Vec<f64> = match scale.log {
        false => linear(scale, nice_step(scale.high - scale.low, most.max(1))).collect(),
        true => value_ticks(scale, most.max(2)).into_iter().map(|tick| tick.value).collect(),
    };
    values.into_iter().map(|value| Tick { value, label: counted(value) }).collect()
}

/// "100", "2k", "1.5M", "3G", "5e15"; "0.01" below 1.
fn counted(value: f64) -> String {
    let rounded = |v: f64| format!("{}", (v * 100.0).round() / 100.0);
    match value.abs() {
        v if v >= 1e15 => format!("{value:.1e}").replace(".0e", "e"),
        v if v >= 1e12 => format!("{}T", rounded(value / 1e12)),
        v if v >= 1e9 => format!("{}G", rounded(value / 1e9)),
        v if v >= 1e6 => format!("{}M", rounded(value / 1e6)),
        v if v >= 1e3 => format!("{}k", rounded(value / 1e3)),
        v if v >= 0.01 || v == 0.0 => rounded(value),
        _ => format!("{value:.0e}"),
    }
}

/// Ticks of seconds, in the unit that fits: "30 s", "5 min", "2 h".
pub fn time_ticks(scale: &Scale, most: usize) -> Vec<Tick> {
    let (unit, name) = match scale.high {
        s if s < 150.0 => (1.0, "s"),
        s if s < 9_000.0 => (60.0, "min"),
        s if s < 260_000.0 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    };
    if scale.log {
        return log_time_ticks(scale);
    }
    let inner = Scale::new(scale.low / unit, scale.high / unit, false);
    let step = nice_step(inner.high - inner.low, most.max(1));
    let label = |v: f64| if v == 0.0 { "0".into() } else { format!("{} {name}", (v * 100.0).round() / 100.0) };
    linear(&inner, step).map(|v| Tick { value: v * unit, label: label(v) }).collect()
}

/// Round times over decades.
fn log_time_ticks(scale: &Scale) -> Vec<Tick> {
    const TIMES: [(f64, &str); 12] = [
        (0.01, "10 ms"),
        (0.1, "0.1 s"),
        (1.0, "1 s"),
        (10.0, "10 s"),
        (60.0, "1 min"),
        (600.0, "10 min"),
        (3_600.0, "1 h"),
        (36_000.0, "10 h"),
        (86_400.0, "1 d"),
        (864_000.0, "10 d"),
        (8_640_000.0, "100 d"),
        (86_400_000.0, "1000 d"),
    ];
    let inside = |value: f64| value >= scale.low * (1.0 - 1e-9) && value <= scale.high * (1.0 + 1e-9);
    TIMES
        .iter()
        .filter(|(value, _)| inside(*value))
        .map(|(value, label)| Tick { value: *value, label: (*label).into() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: Vec<Tick>) -> Vec<String> {
        ticks.into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn round_values_on_linear_and_log_axes() {
        assert_eq!(labels(value_ticks(&Scale::new(0.0, 1.0, false), 5)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(value_ticks(&Scale::new(0.01, 1.0, true), 3)), ["0.01", "0.1", "1"]);
        assert_eq!(labels(value_ticks(&Scale::new(0.02, 0.2, true), 6)), ["0.02", "0.05", "0.1", "0.2"]);
        assert_eq!(labels(value_ticks(&Scale::new(-40.0, 20.0, false), 4)), ["−40", "−20", "0", "20"]);
        assert_eq!(labels(value_ticks(&Scale::new(0.0, 4e-5, false), 2)), ["0", "2e-5", "4e-5"]);
    }

    #[test]
    fn steps_and_times_have_units() {
        assert_eq!(labels(step_ticks(&Scale::new(0.0, 12_480.0, false), 4)), ["0", "5k", "10k"]);
        assert_eq!(labels(step_ticks(&Scale::new(0.0, 600.0, false), 3)), ["0", "200", "400", "600"]);
        assert_eq!(labels(step_ticks(&Scale::new(0.0, 2.0, false), 4)), ["0", "0.5", "1", "1.5", "2"]);
        assert_eq!(
            labels(time_ticks(&Scale::new(0.0, 1200.0, false), 4)),
            ["0", "5 min", "10 min", "15 min", "20 min"]
        );
    }

    #[test]
    fn the_ends_of_axes_are_round_and_include_the_value() {
        for value in [0.0123, 0.9999, 1.0, 7.3, 12_480.0, 99_999.0] {
            assert!(nice_floor(value) <= value * (1.0 + 1e-6) && nice_floor(value) >= value / 1.36);
            assert!(nice_ceil(value) >= value * (1.0 - 1e-6) && nice_ceil(value) <= value * 1.36);
        }
    }

    #[test]
    fn there_are_never_very_many() {
        for (low, high) in [(1e-9, 1e9), (0.5, 0.50001), (3.0, 4.0)] {
            for log in [false, true] {
                for most in 0..8 {
                    assert!(value_ticks(&Scale::new(low, high, log), most).len() <= most.max(2) + 2);
                }
            }
        }
    }
}
