//! Whether a run keeps its history: `train.history`, and what `auto` comes to.

use super::spacing::{kept_between, listed};
use crate::config::KeepHistory;
use crate::thousands::thousands;

/// Bytes of a parameter in f16.
const A_PARAMETER: u64 = 2;
/// What `auto` allows in all: little beside three checkpoints, which have 16 bytes a parameter each.
const MOST_BYTES: u64 = 256 << 20;
/// Shorter runs have no history by `auto`. Copying the weights takes at most a tenth of a step, even with an MLP and
/// small batches: with nine of a hundred steps kept it stays below 1 % of the time, with more steps far below.
const LEAST_STEPS: u64 = 100;

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPlan {
    pub kept: bool,
    /// What the user should know of it.
    pub words: Option<String>,
}

impl HistoryPlan {
    /// For a run with so many parameters that begins after step `from` and is to do `steps` in all.
    pub fn new(asked: KeepHistory, parameters: usize, from: u64, steps: u64) -> Self {
        let kept = kept_between(from, steps);
        let bytes = A_PARAMETER * parameters as u64 * kept.len() as u64;
        let count = kept.len();
        let steps_words = format!("{count} step{}", if count == 1 { "" } else { "s" });
        let keeps = || {
            let words = format!(
                "history: the averaged weights of {steps_words} ({}) are kept, {}",
                listed(&kept),
                megabytes(bytes)
            );
            Self { kept: true, words: (count > 0).then_some(words) }
        };
        match asked {
            KeepHistory::Off => Self { kept: false, words: None },
            KeepHistory::On => keeps(),
            KeepHistory::Auto if steps < LEAST_STEPS => Self { kept: false, words: None },
            KeepHistory::Auto if bytes > MOST_BYTES => {
                let words = format!(
                    "history: none is kept, because the averaged weights of {steps_words} would take {}; train.history = \
                     \"on\" keeps them",
                    megabytes(bytes)
                );
                Self { kept: false, words: Some(words) }
            }
            KeepHistory::Auto => keeps(),
        }
    }
}

/// "4.7 MB", "1,300 MB".
fn megabytes(bytes: u64) -> String {
    match bytes as f64 / 1e6 {
        few if few < 10.0 => format!("{:.1} MB", few.max(0.1)),
        many => format!("{} MB", thousands(many.round() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_keeps_what_is_small_and_says_what_it_decided() {
        let auto = |parameters, steps| HistoryPlan::new(KeepHistory::Auto, parameters, 0, steps);
        let small = auto(1_300_000, 20_000);
        assert!(small.kept);
        let words = small.words.unwrap();
        assert!(words.contains("18 steps (1, 2, 3, 5 … 20,000)") && words.contains("47 MB"), "{words}");
        let large = auto(35_700_000, 20_000);
        assert!(!large.kept);
        let words = large.words.unwrap();
        assert!(words.contains("1,285 MB") && words.contains("train.history"), "{words}");
        // The same network, but few steps to keep.
        assert!(!auto(35_700_000, 99).kept && auto(1000, 100).kept);
        assert_eq!(auto(1000, 99), HistoryPlan { kept: false, words: None });
    }

    #[test]
    fn what_was_asked_for_is_done() {
        assert!(HistoryPlan::new(KeepHistory::On, 35_700_000, 0, 20).kept);
        assert_eq!(HistoryPlan::new(KeepHistory::Off, 10, 0, 20_000), HistoryPlan { kept: false, words: None });
        // Nothing left to keep is nothing to talk of.
        assert_eq!(HistoryPlan::new(KeepHistory::Auto, 10, 500, 900), HistoryPlan { kept: true, words: None });
        let fork = HistoryPlan::new(KeepHistory::Auto, 1_000_000, 500, 1500).words.unwrap();
        assert!(fork.contains("of 1 step (1,000) are kept, 2.0 MB"), "{fork}");
    }
}
