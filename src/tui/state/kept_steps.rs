//! Which of the steps that a run has kept are shown.

use crate::config::KeepHistory;
use crate::run::KeptStep;
use crate::run::history::is_kept;
use crate::thousands::thousands;
use crate::tui::archive::KeptOf;

/// Steps of a run that has nothing but checkpoints.
pub(super) const MOST_CHECKPOINTS: usize = 24;
/// Checkpoints that are told by their steps.
const TOLD: usize = 4;

/// The steps of a run that are shown: its history and what it can do now; where it has no history, its checkpoints. And what
/// it has not kept, in words.
pub(super) fn shown_steps(kept: &KeptOf) -> (Vec<u64>, Option<String>) {
    let all = &kept.steps;
    let Some(newest) = all.last() else { return (Vec::new(), Some("it has kept no step yet".into())) };
    if all.iter().any(|kept| !kept.is_checkpoint) {
        let shown = |kept: &&KeptStep| !kept.is_checkpoint || is_kept(kept.step) || *kept == newest;
        return (all.iter().filter(shown).map(|kept| kept.step).collect(), None);
    }
    let why = match kept.history {
        KeepHistory::Off => "train.history is off",
        KeepHistory::On | KeepHistory::Auto => "it has no history",
    };
    let told: Vec<String> = all.iter().take(TOLD).map(|kept| thousands(kept.step)).collect();
    let more = if all.len() > TOLD { format!(" … {}", thousands(newest.step)) } else { String::new() };
    let one = if all.len() == 1 { "only the checkpoint" } else { "only checkpoints" };
    let note = format!("{why}: {one} at {}{more}", told.join(", "));
    let shown = all.len().min(MOST_CHECKPOINTS);
    let place = |i: usize| if shown > 1 { i * (all.len() - 1) / (shown - 1) } else { all.len() - 1 };
    ((0..shown).map(|i| all[place(i)].step).collect(), Some(note))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(history: &[u64], checkpoints: &[u64]) -> KeptOf {
        let mut steps: Vec<KeptStep> = checkpoints.iter().map(|&step| KeptStep { step, is_checkpoint: true }).collect();
        steps.extend(history.iter().map(|&step| KeptStep { step, is_checkpoint: false }));
        steps.sort();
        KeptOf { dir: "a".into(), steps, history: KeepHistory::Auto }
    }

    #[test]
    fn the_history_and_what_the_run_can_do_now_are_shown_and_without_one_the_checkpoints() {
        assert_eq!(shown_steps(&kept(&[1, 2, 3, 10, 20], &[17, 25])), (vec![1, 2, 3, 10, 20, 25], None));
        assert_eq!(shown_steps(&kept(&[1, 2, 30], &[10, 25])), (vec![1, 2, 10, 30], None));
        let off = KeptOf { history: KeepHistory::Off, ..kept(&[], &[1000, 2000]) };
        let note = "train.history is off: only checkpoints at 1,000, 2,000";
        assert_eq!(shown_steps(&off), (vec![1000, 2000], Some(note.into())));
        let many: Vec<u64> = (1..=100).map(|i| i * 10).collect();
        let (steps, note) = shown_steps(&kept(&[], &many));
        assert_eq!((steps.len(), steps[0], steps[MOST_CHECKPOINTS - 1]), (MOST_CHECKPOINTS, 10, 1000));
        assert_eq!(note.unwrap(), "it has no history: only checkpoints at 10, 20, 30, 40 … 1,000");
        assert_eq!(shown_steps(&kept(&[], &[])).0, Vec::<u64>::new());
    }
}
