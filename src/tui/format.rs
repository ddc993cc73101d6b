//! Numbers and times as people read them.

use std::time::Duration;

pub use crate::thousands::thousands;

/// Three significant digits: "0.0312", "1.05", "412", "12,500", "2.00e-4", "–" for what isn't a number.
pub fn three_digits(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "–".into()
        } else if value > 0.0 {
            "∞".into()
        } else {
            "−∞".into()
        };
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let v = value.abs();
    let exponent = exponent_of(v);
    let text = match exponent {
        -3..=1 => format!("{v:.*}", (2 - exponent) as usize),
        2 => format!("{v:.0}"),
        3..=8 => {
            let unit = 10f64.powi(exponent - 2);
            thousands(((v / unit).round() * unit).round() as u64)
        }
        _ => format!("{v:.2e}"),
    };
    format!("{sign}{text}")
}

/// Two significant digits and the exponent: "2.0e-4". For learning rates.
pub fn scientific(value: f64) -> String {
    if value == 0.0 || !value.is_finite() { three_digits(value) } else { format!("{value:.1e}") }
}

/// The decimal exponent after rounding to three digits.
fn exponent_of(v: f64) -> i32 {
    let scientific = format!("{v:.2e}");
    scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0)
}

/// Right-aligned in a fixed width, so that nothing jumps; longer text is left whole.
pub fn right(text: impl AsRef<str>, width: usize) -> String {
    let text = text.as_ref();
    let pad = width.saturating_sub(unicode_width::UnicodeWidthStr::width(text));
    format!("{}{text}", " ".repeat(pad))
}

/// As [`right`], with the room at the end: next to its name a number needs none before it.
pub fn left(text: impl AsRef<str>, width: usize) -> String {
    let text = text.as_ref();
    let pad = width.saturating_sub(unicode_width::UnicodeWidthStr::width(text));
    format!("{text}{}", " ".repeat(pad))
}

/// "45 s", "18 min", "2 h 05 min", "3 d 4 h".
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    let s = seconds.round() as u64;
    match s {
        0..=99 => format!("{s} s"),
        100..=5999 => format!("{} min", (s + 30) / 60),
        6000..=172_799 => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// "1.6 M", "52 k", "740".
pub fn count(n: usize) -> String {
    match n {
        0..=9_999 => thousands(n as u64),
        10_000..=999_499 => format!("{} k", (n + 500) / 1000),
        _ => format!("{:.1} M", n as f64 / 1e6),
    }
}

/// Minutes and seconds since the screen opened: "3:07".
pub fn clock(at: Duration) -> String {
    let s = at.as_secs();
    if s < 3600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s % 3600 / 60, s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_significant_digits() {
        let cases = [
            (0.0312, "0.0312"),
            (0.03, "0.0300"),
            (1.05, "1.05"),
            (9.999, "10.0"),
            (99.96, "100"),
            (412.4, "412"),
            (12_480.0, "12,500"),
            (2e-4, "2.00e-4"),
            (-0.53, "−0.530"),
            (0.0, "0"),
            (f64::NAN, "–"),
            (f64::INFINITY, "∞"),
        ];
        for (value, text) in cases {
            assert_eq!(three_digits(value), text);
        }
    }

    #[test]
    fn learning_rates_have_an_exponent() {
        assert_eq!(scientific(2e-4), "2.0e-4");
        assert_eq!(scientific(0.001), "1.0e-3");
        assert_eq!(scientific(0.0), "0");
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn durations_in_words() {
        assert_eq!(duration(45.2), "45 s");
        assert_eq!(duration(1080.0), "18 min");
        assert_eq!(duration(7500.0), "2 h 05 min");
        assert_eq!(duration(273_600.0), "3 d 4 h");
        assert_eq!(duration(f64::NAN), "–");
    }

    #[test]
    fn padding_keeps_the_width() {
        assert_eq!(right("7", 3), "  7");
        assert_eq!(right("σ", 2), " σ");
        assert_eq!(right("1234", 3), "1234");
        assert_eq!((left("7", 3), left("σ", 2), left("1234", 3)), ("7  ".into(), "σ ".into(), "1234".into()));
    }
}
