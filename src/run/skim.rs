//! A line of metrics.jsonl read only as far as one needs it to find one's way: a run of a million steps has two hundred
//! megabytes of them.

use std::str::from_utf8;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memchr2, memrchr};

use super::records::StepRecord;

/// What is read of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skimmed {
    pub step: u64,
    pub loss: f64,
    /// Does it have a held-out loss?
    pub held_out: bool,
}

/// The keys in front, as this program writes them.
const STEP: &[u8] = b"{\"step\":";
const EPOCH: &[u8] = b"\"epoch\":";
const LOSS: &[u8] = b"\"loss\":";
/// The last one.
const ELAPSED: &[u8] = b",\"elapsed_s\"";
/// Finds the key that not every line has; made once.
static HELD_OUT: LazyLock<Finder> = LazyLock::new(|| Finder::new(b",\"val_loss\":"));

/// Step and loss of a line; `None` when it can't be read. Lines of another form than this program's are parsed whole; of
/// those in its form the beginning and the end are read, and of the middle only that it isn't zeroed, nor another line's.
pub fn skim(line: &[u8]) -> Option<Skimmed> {
    quick(line).or_else(|| {
        let record: StepRecord = serde_json::from_slice(line).ok()?;
        Some(Skimmed { step: record.step, loss: record.loss, held_out: record.val_loss.is_some() })
    })
}

fn quick(line: &[u8]) -> Option<Skimmed> {
    // What kills and full disks leave: lines that are torn, run together, or zeros.
    if memchr2(0, b'{', line.get(1..)?).is_some() {
        return None;
    }
    let (rest, elapsed) = line.strip_suffix(b"}")?.split_at(memrchr(b':', line)?);
    let (step, rest) = value(rest.strip_suffix(ELAPSED)?.strip_prefix(STEP)?)?;
    let (_, rest) = value(rest.strip_prefix(EPOCH)?)?;
    let (loss, rest) = value(rest.strip_prefix(LOSS)?)?;
    number(&elapsed[1..])?;
    let loss = from_utf8(number(loss)?).ok()?.parse().ok()?;
    Some(Skimmed { step: whole(step)?, loss, held_out: HELD_OUT.find(rest).is_some() })
}

/// Up to the next comma, and what is behind it.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b',', text)?;
    Some((&text[..end], &text[end + 1..]))
}

/// What begins as a number does.
fn number(text: &[u8]) -> Option<&[u8]> {
    text.first().filter(|byte| byte.is_ascii_digit() || **byte == b'-').map(|_| text)
}

/// A whole number without sign.
pub fn whole(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        n.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = StepRecord> {
        let number = || prop_oneof![Just(0.0), -1e30..1e30f64, 0.0..1.0f64, Just(1e-300), Just(f64::MAX)];
        let optional = || prop::option::of(0.0..10.0f64);
        (any::<u64>(), number(), number(), number(), optional(), optional()).prop_map(
            |(step, a, loss, b, val_loss, range)| StepRecord {
                epoch: a,
                loss,
                loss_min: range,
                loss_max: range.map(|least| least + 1.0),
                loss_smoothed: b,
                val_loss,
                lr: a,
                grad_norm: b,
                images_per_s: a,
                elapsed_s: b,
                ..StepRecord::at(step)
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_skimmed_is_what_the_line_says(record in record()) {
            let line = serde_json::to_vec(&record).unwrap();
            let Skimmed { step, loss, held_out } = quick(&line).expect("our own form is read quickly");
            prop_assert_eq!((step, held_out), (record.step, record.val_loss.is_some()));
            // To the bit, unlike serde_json's own reading of it.
            prop_assert_eq!(loss, record.loss);
        }

        #[test]
        fn a_line_that_is_cut_or_overwritten_is_never_taken_for_another_step(record in record(), at in 0usize..100, byte: u8) {
            let line = serde_json::to_vec(&record).unwrap();
            prop_assert_eq!(skim(&line[..at.min(line.len() - 1)]), None);
            let mut zeros = line.clone();
            zeros[at.min(line.len() - 1)] = 0;
            prop_assert_eq!(skim(&zeros), None);
            let mut other = line.clone();
            let at = at.min(line.len() - 1);
            other[at] = byte;
            if let (Some(skimmed), Ok(parsed)) = (skim(&other), serde_json::from_slice::<StepRecord>(&other)) {
                prop_assert_eq!(skimmed.step, parsed.step);
            }
        }
    }

    #[test]
    fn lines_of_another_form_are_read_too() {
        let line = br#"{"elapsed_s": 1, "step": 7, "loss": 0.5, "epoch": 0, "loss_smoothed": 1, "lr": 1, "val_loss": 2,
            "grad_norm": 1, "images_per_s": 3, "note": "by hand"}"#;
        assert_eq!(skim(line), Some(Skimmed { step: 7, loss: 0.5, held_out: true }));
        for bad in ["", "noise", "{\"step\":31,\"los", "{}", "null"] {
            assert_eq!(skim(bad.as_bytes()), None, "{bad}");
        }
    }
}
