//! A line of metrics.jsonl read only as far as one needs it to find one's way: a run of a million steps has two hundred
//! megabytes of them.

use memchr::memchr;

use super::records::StepRecord;

/// What is read of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skimmed {
    pub step: u64,
    pub loss: f64,
    /// Does it have a held-out loss?
    pub held_out: bool,
}

/// Keys as this program writes them: in this order, some of them not in every line.
static KEYS: [(&[u8], bool); 11] = [
    (b"{\"step\":", true),
    (b"\"epoch\":", true),
    (b"\"loss\":", true),
    (b"\"loss_min\":", false),
    (b"\"loss_max\":", false),
    (b"\"loss_smoothed\":", true),
    (b"\"val_loss\":", false),
    (b"\"lr\":", true),
    (b"\"grad_norm\":", true),
    (b"\"images_per_s\":", true),
    (b"\"elapsed_s\":", true),
];
const STEP: usize = 0;
const LOSS: usize = 2;
const HELD_OUT: usize = 6;

/// Step and loss of a line; `None` when it can't be read. Lines of another form than this program's are parsed whole; of
/// those in its form all other numbers are only looked at.
pub fn skim(line: &[u8]) -> Option<Skimmed> {
    quick(line).or_else(|| {
        let record: StepRecord = serde_json::from_slice(line).ok()?;
        Some(Skimmed { step: record.step, loss: record.loss, held_out: record.val_loss.is_some() })
    })
}

fn quick(line: &[u8]) -> Option<Skimmed> {
    // A fold without branches, so that the compiler looks at many bytes at once.
    if line.iter().fold(0, |bad, &byte| bad | u8::from(byte.wrapping_sub(b' ') >= 0x5f)) != 0 {
        return None;
    }
    let mut rest = line.strip_suffix(b"}")?;
    let (mut step, mut loss, mut held_out) = (None, None, false);
    for (i, &(key, always)) in KEYS.iter().enumerate() {
        let Some(behind) = rest.strip_prefix(key) else {
            if always {
                return None;
            }
            continue;
        };
        let end = memchr(b',', behind).unwrap_or(behind.len());
        let value = &behind[..end];
        match i {
            STEP => step = Some(whole(value)?),
            LOSS => loss = Some(std::str::from_utf8(value).ok()?.parse::<f64>().ok()?),
            HELD_OUT => held_out = true,
            _ => {}
        }
        if !value.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-') {
            return None;
        }
        rest = behind.get(end + 1..).unwrap_or_default();
    }
    Some(Skimmed { step: step?, loss: loss.filter(|_| rest.is_empty())?, held_out })
}

/// A whole number without sign.
fn whole(digits: &[u8]) -> Option<u64> {
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
                step,
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
