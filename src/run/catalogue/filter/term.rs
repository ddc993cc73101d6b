//! One condition on a run.

use std::ops::Range;

use super::error::FilterError;
use crate::run::catalogue::field::{Column, FieldKind, FieldValue, RunField};
use crate::run::catalogue::listing::ListedRun;

/// How a field is held against what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    /// Of a text: is it part of it? Of everything else: is it that?
    Has,
}

impl Operator {
    fn of_sizes(self) -> bool {
        matches!(self, Self::Less | Self::AtMost | Self::More | Self::AtLeast)
    }

    /// Of two numbers or texts, by their order.
    fn holds(self, order: Option<std::cmp::Ordering>) -> bool {
        let Some(order) = order else { return false };
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Is | Self::Has => order.is_eq(),
            Self::IsNot => order.is_ne(),
        }
    }
}

/// A value as it was written, and where.
#[derive(Clone, Debug)]
pub struct Written {
    pub text: String,
    pub at: Range<usize>,
    /// In quotes nothing has a meaning of its own.
    pub quoted: bool,
}

/// What a field is held against.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Nothing,
    Number(f64),
    Flag(bool),
    /// In small letters.
    Text(String),
    List(Vec<f64>),
}

/// One condition on a run.
#[derive(Clone, Debug, PartialEq)]
pub enum FilterTerm {
    /// A part of its name, in small letters.
    Name(String),
    /// A field holds against one of these.
    Field { field: RunField, comparison: Operator, wanted: Vec<Condition> },
}

/// What one written value asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(Wanted);

impl FilterTerm {
    /// A word of the run's name.
    pub fn name(text: &str) -> Self {
        Self::Name(text.to_lowercase())
    }

    /// `field comparison values`, of which one has to hold (for [`Operator::IsNot`]: all). `raw` is the whole text of
    /// the values, `at` where `field comparison` stands.
    ///
    /// # Errors
    /// Values that a field cannot have, and comparisons that its kind does not know.
    pub fn of_field(
        field: RunField,
        (comparison, at): (Operator, Range<usize>),
        values: &[Written],
        raw: Written,
    ) -> Result<Self, FilterError> {
        let kind = field.kind();
        let sizes = comparison.of_sizes();
        let name = field.shortest();
        if sizes && !matches!(kind, FieldKind::Number | FieldKind::Duration | FieldKind::Date) {
            return Err(FilterError::new(at, format!("`{name}` is no number: write {name}=… or {name}!=…")));
        }
        let none = |written: &Written| {
            let own = matches!(kind, FieldKind::Word(Some(words)) if words.iter().any(|word| word == "none"));
            written.text == "none" && !written.quoted && !own && !sizes
        };
        let read = |written: &Written| match none(written) {
            true => Ok(Condition(Wanted::Nothing)),
            false => wanted(name, kind, comparison, written).map(Condition),
        };
        let wanted: Vec<Condition> = match kind {
            // Its commas are its own.
            FieldKind::List => vec![read(&raw)?],
            _ => values.iter().map(read).collect::<Result<_, _>>()?,
        };
        if sizes && wanted.len() > 1 {
            return Err(FilterError::new(raw.at, "one value is enough here; several with commas go with = and !="));
        }
        Ok(Self::Field { field, comparison, wanted })
    }

    /// Does it hold for `run`?
    pub fn holds(&self, run: &ListedRun) -> bool {
        match self {
            Self::Name(part) => {
                let summary = &run.summary;
                summary.run.to_lowercase().contains(part) || summary.name.to_lowercase().contains(part)
            }
            Self::Field { field, comparison, wanted } => {
                let value = field.of(run);
                let date = *field == RunField::Column(Column::Written);
                let one = |comparison| wanted.iter().any(|wanted| holds(value, comparison, &wanted.0, date));
                match comparison {
                    Operator::IsNot => !one(Operator::Is),
                    comparison => one(*comparison),
                }
            }
        }
    }
}

fn holds(value: FieldValue<'_>, comparison: Operator, wanted: &Wanted, date: bool) -> bool {
    match (value, wanted) {
        (FieldValue::None | FieldValue::Words([]), wanted) => *wanted == Wanted::Nothing,
        (FieldValue::Number(value), Wanted::Number(wanted)) => {
            let alike = (value - wanted).abs() <= 1e-9 * value.abs().max(wanted.abs());
            comparison.holds(if alike { Some(std::cmp::Ordering::Equal) } else { value.partial_cmp(wanted) })
        }
        (FieldValue::Flag(value), Wanted::Flag(wanted)) => value == *wanted,
        // As many places of the date as were written.
        (FieldValue::Word(value), Wanted::Text(wanted)) if date => {
            comparison.holds(value.get(..wanted.len()).map(|value| value.to_lowercase().as_str().cmp(wanted.as_str())))
        }
        (FieldValue::Word(value), Wanted::Text(wanted)) => match comparison {
            Operator::Has => value.to_lowercase().contains(wanted),
            _ => value.to_lowercase() == *wanted,
        },
        (FieldValue::Words(words), Wanted::Text(wanted)) => words.iter().any(|word| word.to_lowercase() == *wanted),
        (FieldValue::List(list), Wanted::List(wanted)) => list == wanted.as_slice(),
        _ => false,
    }
}

/// What `written` asks of a field of this kind.
fn wanted(name: &str, kind: FieldKind, comparison: Operator, written: &Written) -> Result<Wanted, FilterError> {
    let text = written.text.as_str();
    let refuse = |message: String| Err(FilterError::new(written.at.clone(), message));
    match kind {
        FieldKind::Number => match number(text) {
            Some(number) => Ok(Wanted::Number(number)),
            None => refuse(format!("`{name}` is a number, as in {name}>1e-3; \"{text}\" is none")),
        },
        FieldKind::Duration => match seconds(text) {
            Some(seconds) => Ok(Wanted::Number(seconds)),
            None => refuse(format!("`{name}` needs a number and its unit, as in {name}>90s, 10m, 2h or 1d")),
        },
        FieldKind::Date if is_date(text) && is_possible(text) => Ok(Wanted::Text(text.to_lowercase())),
        FieldKind::Date if is_date(text) => refuse(format!("there is no date {text}")),
        FieldKind::Date => refuse(format!("`{name}` is a date, as in {name}>=2026-11-27 or {name}<2026-11-27T18:30")),
        FieldKind::Flag => match text {
            "true" | "yes" => Ok(Wanted::Flag(true)),
            "false" | "no" => Ok(Wanted::Flag(false)),
            _ => refuse(format!("`{name}` is true or false")),
        },
        FieldKind::Word(Some(words)) if comparison != Operator::Has => {
            let lower = text.to_lowercase();
            match words.contains(&lower) {
                true => Ok(Wanted::Text(lower)),
                false => refuse(format!("no `{name}` is called \"{text}\": there are {}", words.join(", "))),
            }
        }
        FieldKind::Word(_) | FieldKind::Words => Ok(Wanted::Text(text.to_lowercase())),
        FieldKind::List => {
            let inner = text.trim().trim_start_matches('[').trim_end_matches(']').trim();
            let list: Option<Vec<f64>> = match inner {
                "" => Some(Vec::new()),
                // As the column of networks writes it.
                _ if !inner.contains(',') && number(inner).is_none() => inner.split('-').map(number).collect(),
                _ => inner.split(',').map(|item| number(item.trim())).collect(),
            };
            match list {
                Some(list) => Ok(Wanted::List(list)),
                None => refuse(format!("`{name}` is a list of numbers, as in {name}=16,32,64")),
            }
        }
    }
}

/// 0.001, 1e-3, 20k, 2M.
fn number(text: &str) -> Option<f64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 1e3),
        b'M' => (&text[..text.len() - 1], 1e6),
        _ => (text, 1.0),
    };
    let begins = digits.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = begins.then(|| digits.parse::<f64>().ok())??;
    number.is_finite().then_some(number * factor)
}

/// 90s, 10m, 10min, 1.5h, 2d; 0 needs no unit.
fn seconds(text: &str) -> Option<f64> {
    let units = [("min", 60.0), ("m", 60.0), ("s", 1.0), ("h", 3600.0), ("d", 86_400.0)];
    match units.into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds))) {
        Some((digits, seconds)) => Some(number(digits.trim_end())? * seconds),
        None => number(text).filter(|number| *number == 0.0),
    }
}

/// The beginning of a date and time, down to whole parts of it: 2026, 2026-11, …, 2026-11-27T18:30.
fn is_date(text: &str) -> bool {
    const FORM: &str = "0000-00-00t00:00:00";
    let whole = [4, 7, 10, 13, 16, 19].contains(&text.len());
    let fits = |(form, found): (char, char)| if form == '0' { found.is_ascii_digit() } else { form == found };
    whole && FORM.chars().zip(text.to_lowercase().chars()).all(fits)
}

/// Is there such a day and time, of what [`is_date`] takes?
fn is_possible(text: &str) -> bool {
    let part = |range: Range<usize>| text.get(range).and_then(|digits| digits.parse::<i8>().ok());
    let year = text.get(..4).and_then(|digits| digits.parse::<i16>().ok()).unwrap_or(0);
    // What was not written is possible.
    let (month, day) = (part(5..7).unwrap_or(1), part(8..10).unwrap_or(1));
    let time = (part(11..13).unwrap_or(0), part(14..16).unwrap_or(0), part(17..19).unwrap_or(0));
    jiff::civil::DateTime::new(year, month, day, time.0, time.1, time.2, 0).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_dates_are_told_from_possible_ones() {
        for text in ["2026", "2026-12", "2024-02-29", "2026-11-27T23:59:59"] {
            assert!(is_date(text) && is_possible(text), "{text}");
        }
        for text in ["2026-13", "2026-00", "2026-11-99", "2026-02-29", "2026-11-27T24", "2026-11-27T18:60"] {
            assert!(is_date(text) && !is_possible(text), "{text}");
        }
    }

    #[test]
    fn numbers_have_suffixes_and_times_have_units() {
        for (text, value) in [("1e-3", 1e-3), ("20k", 20_000.0), ("2M", 2e6), ("-1", -1.0), (".5", 0.5), ("0", 0.0)] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in ["", "k", "inf", "nan", "-inf", "1e999", "x", "1,5", "1 k", "ü"] {
            assert_eq!(number(text), None, "{text}");
        }
        for (text, value) in [("90s", 90.0), ("10m", 600.0), ("10min", 600.0), ("1.5h", 5400.0), ("2d", 172_800.0)] {
            assert_eq!(seconds(text), Some(value), "{text}");
        }
        assert_eq!((seconds("0"), seconds("10"), seconds("h"), seconds("10x")), (Some(0.0), None, None, None));
    }

    #[test]
    fn dates_are_whole_parts() {
        for text in ["2026", "2026-11", "2026-11-27", "2026-11-27T18", "2026-11-27t18:30", "2026-11-27T18:30:05"] {
            assert!(is_date(text), "{text}");
        }
        for text in ["", "26", "2026-1", "2026/11/27", "yesterday", "2026-11-27T", "2026-11-2ü"] {
            assert!(!is_date(text), "{text}");
        }
    }
}
