//! A line of timestep_loss.jsonl, read quickly: a long run has a hundred thousand of them, with as many numbers each.

use std::str::{FromStr, from_utf8};

use memchr::{memchr, memchr_iter};

use super::records::{TimestepLossLine, TimestepLossRow};
use super::skim::whole;

/// The row of a line; `None` when it can't be read.
pub fn read_row(line: &[u8]) -> Option<TimestepLossRow> {
    let row = quick(line).or_else(|| Some(serde_json::from_slice::<TimestepLossLine>(line).ok()?.into_row()))?;
    (row.mean.len() == row.count.len()).then_some(row)
}

/// Of a line in the form that this program writes.
fn quick(line: &[u8]) -> Option<TimestepLossRow> {
    let rest = line.strip_prefix(b"{\"step\":")?;
    let (step, rest) = rest.split_at(memchr(b',', rest)?);
    let (times, rest) = list(rest.strip_prefix(b",\"t\":[")?)?;
    let (mean, rest) = list(rest.strip_prefix(b",\"mean\":[")?)?;
    let (count, rest) = list(rest.strip_prefix(b",\"count\":[")?)?;
    let bins = memchr_iter(b',', times.as_bytes()).count() + 1;
    let mean = numbers(mean, bins, |word| if word == "null" { Some(f32::NAN) } else { json_number(word) })?;
    (rest == b"}").then_some(TimestepLossRow {
        step: json_number(from_utf8(step).ok()?)?,
        mean,
        count: numbers(count, bins, |word| u32::try_from(whole(word.as_bytes())?).ok())?,
    })
}

/// Up to the bracket that ends a list of numbers, and what is behind it.
fn list(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = memchr(b']', text)?;
    Some((from_utf8(&text[..end]).ok()?, &text[end + 1..]))
}

/// About `expected` numbers, with a comma between them.
fn numbers<T>(list: &str, expected: usize, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    if list.is_empty() {
        return Some(Vec::new());
    }
    let mut values = Vec::with_capacity(expected);
    let mut start = 0;
    for end in memchr_iter(b',', list.as_bytes()).chain([list.len()]) {
        values.push(read(list.get(start..end)?)?);
        start = end + 1;
    }
    Some(values)
}

/// Rust reads words that JSON doesn't have, such as `inf`.
fn json_number<T: FromStr>(word: &str) -> Option<T> {
    let first = word.as_bytes().first()?;
    (first.is_ascii_digit() || *first == b'-' && word.as_bytes().get(1)?.is_ascii_digit()).then(|| word.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(
            step: u64,
            bins in prop::collection::vec((prop_oneof![Just(f32::NAN), -1e30f32..1e30, 0f32..1.0], any::<u32>()), 0..50),
        ) {
            let (mean, count) = bins.into_iter().unzip();
            let row = TimestepLossRow { step, mean, count };
            let line = serde_json::to_vec(&TimestepLossLine::new(&row, 1000)).unwrap();
            let read = quick(&line).expect("our own form is read quickly");
            prop_assert_eq!((read.step, &read.count), (row.step, &row.count));
            let bits = |row: &TimestepLossRow| row.mean.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&read), bits(&row));
            // Torn anywhere, it is no row.
            for at in 0..line.len() {
                prop_assert!(read_row(&line[..at]).is_none());
            }
        }
    }

    #[test]
    fn rows_of_another_form_are_read_too() {
        let row = read_row(br#"{"count": [1, 0], "mean": [0.5, null], "t": [0, 5], "step": 7}"#).unwrap();
        assert_eq!((row.step, row.count), (7, vec![1, 0]));
        assert!(row.mean[0] == 0.5 && row.mean[1].is_nan());
        for bad in [
            "",
            "noise",
            r#"{"step":7,"t":[0],"mean":[inf],"count":[1]}"#,
            r#"{"step":7,"t":[0],"mean":[-inf],"count":[1]}"#,
            r#"{"step":7,"t":[0],"mean":[0.5],"count":[1,2]}"#,
        ] {
            assert!(read_row(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
