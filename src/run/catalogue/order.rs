//! The order of a list of runs.

use std::cmp::Ordering;

use super::field::{FieldValue, RunField};
use super::listing::ListedRun;

/// By which fields runs are sorted: the first that differs decides; where none does, the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOrder {
    /// Each with whether the largest comes first.
    fields: Vec<(RunField, bool)>,
}

impl RunOrder {
    /// From what a person writes: fields with commas between them, a `-` before those of which the largest comes first.
    ///
    /// # Errors
    /// A sentence on the first that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let field = |part: &str| {
            let (name, descending) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
            RunField::named(name.trim()).map(|field| (field, descending))
        };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Self { fields: parts.map(field).collect::<Result<_, _>>()? })
    }

    /// By one field alone.
    pub fn by(field: RunField, descending: bool) -> Self {
        Self { fields: vec![(field, descending)] }
    }

    /// Each field with whether the largest comes first.
    pub fn fields(&self) -> &[(RunField, bool)] {
        &self.fields
    }

    /// Sorts runs.
    pub fn sort(&self, runs: &mut [&ListedRun]) {
        runs.sort_by(|a, b| self.compare(a, b));
    }

    /// Which of two runs comes first. Those that have nothing in a field come last, whichever way it is sorted.
    pub fn compare(&self, a: &ListedRun, b: &ListedRun) -> Ordering {
        let mut by_fields =
            self.fields.iter().map(|&(field, descending)| compare(field.of(a), field.of(b), descending));
        let first = by_fields.find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        first.then_with(|| a.summary.run.cmp(&b.summary.run))
    }
}

fn compare(a: FieldValue<'_>, b: FieldValue<'_>, descending: bool) -> Ordering {
    let nothing = |value: FieldValue<'_>| match value {
        FieldValue::None => true,
        FieldValue::Number(number) => number.is_nan(),
        FieldValue::Words(words) => words.is_empty(),
        _ => false,
    };
    let order = match (a, b) {
        _ if nothing(a) || nothing(b) => return nothing(a).cmp(&nothing(b)),
        (FieldValue::Number(a), FieldValue::Number(b)) => a.total_cmp(&b),
        (FieldValue::Flag(a), FieldValue::Flag(b)) => a.cmp(&b),
        (FieldValue::Word(a), FieldValue::Word(b)) => a.cmp(b),
        (FieldValue::Words(a), FieldValue::Words(b)) => a.cmp(b),
        (FieldValue::List(a), FieldValue::List(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        // A field has values of one kind.
        _ => Ordering::Equal,
    };
    if descending { order.reverse() } else { order }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_nothing_comes_last_both_ways() {
        let number = FieldValue::Number;
        for descending in [false, true] {
            for nothing in [FieldValue::None, number(f64::NAN), FieldValue::Words(&[])] {
                assert_eq!(compare(nothing, number(1.0), descending), Ordering::Greater);
                assert_eq!(compare(number(1.0), nothing, descending), Ordering::Less);
                assert_eq!(compare(nothing, nothing, descending), Ordering::Equal);
            }
        }
        assert_eq!(compare(number(2.0), number(10.0), false), Ordering::Less);
        assert_eq!(compare(number(2.0), number(10.0), true), Ordering::Greater);
        assert_eq!(compare(FieldValue::List(&[8.0, 8.0]), FieldValue::List(&[16.0]), false), Ordering::Less);
    }

    #[test]
    fn fields_are_named_with_commas_and_a_hyphen() {
        let order = RunOrder::parse("schedule, -lr").unwrap();
        let lr = RunField::named("train.learning_rate").unwrap();
        assert_eq!(order.fields(), [(RunField::named("schedule").unwrap(), false), (lr, true)]);
        assert_eq!(RunOrder::parse("-lr").unwrap(), RunOrder::by(lr, true));
        assert_eq!(RunOrder::parse(" ").unwrap(), RunOrder::default());
        assert!(RunOrder::parse("loss,num").unwrap_err().contains("`preview.num` or `sample.num`"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = RunOrder::parse(&text);
        }
    }
}
