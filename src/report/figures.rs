//! Numbers as a report writes them.

/// Four digits that count: "0.03142", "31.42", "3.142e-7".
pub fn figure(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "not a number".into() } else { format!("{value}") };
    }
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return format!("{value}");
    }
    let power = value.abs().log10().floor();
    if (-4.0..6.0).contains(&power) {
        format!("{value:.*}", (3.0 - power).max(0.0) as usize)
    } else {
        format!("{value:.3e}")
    }
}

/// Seconds for people: "12 s", "3 min 20 s", "2 h 5 min".
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A number of bytes: "1.4 MB".
pub fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The same number in as few letters as four digits take, for data inside the page.
pub fn brief(value: f64) -> serde_json::Value {
    if !value.is_finite() {
        return serde_json::Value::Null;
    }
    let rounded: f64 = format!("{value:.4e}").parse().unwrap_or(value);
    match rounded.fract() == 0.0 && rounded.abs() < 1e9 {
        true => (rounded as i64).into(),
        false => rounded.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_say_something() {
        let shown = [0.0314159, 31.4159, 3.14159e-7, 12.0, 123456.789, f64::NAN].map(figure);
        assert_eq!(shown, ["0.03142", "31.42", "3.142e-7", "12", "123457", "not a number"]);
        assert_eq!([12.4, 200.0, 7500.0].map(duration), ["12 s", "3 min 20 s", "2 h 5 min"]);
        assert_eq!([0.123456, 3.0, f64::NAN].map(|v| brief(v).to_string()), ["0.12346", "3", "null"]);
    }
}
