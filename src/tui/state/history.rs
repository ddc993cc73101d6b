//! The loss and what goes with it, over the whole run, in bounded memory.

use std::collections::VecDeque;

use super::debiased_ema::DebiasedEma;
use super::decimated::{Decimated, Merge};
use super::x_axis::{Moment, RunAxis, StepCosts, XAxis};
use crate::lab::StepRecord;

/// The smoothings to choose from: β of the exponential average; 0 is none.
pub const SMOOTHINGS: [f64; 6] = [0.0, 0.9, 0.97, 0.99, 0.997, 0.999];

const LOSS_BUCKETS: usize = 4096;
const HELD_OUT_BUCKETS: usize = 1024;
const MARKS: usize = 400;
/// Steps without a finite loss that are remembered.
pub const NOT_FINITE: usize = 200;

/// Some neighbouring training steps as one.
#[derive(Clone, Debug)]
pub struct LossBucket {
    pub first: Moment,
    pub last: Moment,
    /// The raw loss of the last step, and the smallest and the largest of all, exact.
    pub loss: f64,
    pub min: f64,
    pub max: f64,
    /// The smoothed loss after the last of the steps, for each of [`SMOOTHINGS`].
    pub smoothed: [f64; SMOOTHINGS.len()],
    /// The same averaged as logarithms, which is what a logarithmic axis should show: each decade counts alike. NaN before
    /// the first loss above 0.
    pub smoothed_log: [f64; SMOOTHINGS.len()],
    pub lr: f64,
    /// Largest gradient norm.
    pub grad_norm: f64,
    pub images_per_s: f64,
    /// The newest that is known; NaN where nothing is.
    pub memory_mib: f64,
    pub cpu_share: f64,
}

impl LossBucket {
    /// The smoothed loss at a level, as averaged for a logarithmic axis or for a linear one.
    pub fn smoothed_for(&self, level: usize, log: bool) -> f64 {
        let values = if log { &self.smoothed_log } else { &self.smoothed };
        values.get(level).copied().unwrap_or(f64::NAN)
    }
}

impl Merge for LossBucket {
    fn merge(&mut self, next: Self) {
        *self = Self {
            first: self.first,
            min: self.min.min(next.min),
            max: self.max.max(next.max),
            grad_norm: self.grad_norm.max(next.grad_norm),
            ..next
        };
    }
}

/// Some neighbouring held-out losses as one.
#[derive(Clone, Debug)]
pub struct HeldOutBucket {
    pub at: Moment,
    pub sum: f64,
    pub count: u64,
}

impl Merge for HeldOutBucket {
    fn merge(&mut self, next: Self) {
        self.at = next.at;
        self.sum += next.sum;
        self.count += next.count;
    }
}

/// What a mark on the curve stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    Snapshot,
    Checkpoint,
    Setting,
    Resume,
    /// Another run began from here, or this one from its parent.
    Fork,
    /// A person's word.
    Bookmark,
    Other,
}

impl MarkKind {
    /// From the word in events.jsonl.
    pub fn of_word(word: &str) -> Self {
        match word {
            "snapshot" => MarkKind::Snapshot,
            "checkpoint" => MarkKind::Checkpoint,
            "setting" | "setting_changed" => MarkKind::Setting,
            "resume" => MarkKind::Resume,
            "fork" => MarkKind::Fork,
            _ => MarkKind::Other,
        }
    }
}

/// An event on the curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub step: u64,
    pub kind: MarkKind,
    /// What happened, in words; empty where the kind says it all.
    pub what: String,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct History {
    losses: Decimated<LossBucket>,
    held_out: Decimated<HeldOutBucket>,
    smoothers: [DebiasedEma; SMOOTHINGS.len()],
    smoothed: [f64; SMOOTHINGS.len()],
    smoothers_log: [DebiasedEma; SMOOTHINGS.len()],
    smoothed_log: [f64; SMOOTHINGS.len()],
    usage: (f64, f64),
    costs: StepCosts,
    marks: Vec<Mark>,
    /// The newest steps whose loss was no number.
    not_finite: VecDeque<u64>,
    /// The newest record.
    pub latest: Option<StepRecord>,
    /// The newest held-out loss.
    pub latest_held_out: Option<f64>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            losses: Decimated::new(LOSS_BUCKETS),
            held_out: Decimated::new(HELD_OUT_BUCKETS),
            smoothers: SMOOTHINGS.map(DebiasedEma::new),
            smoothed: [f64::NAN; SMOOTHINGS.len()],
            smoothers_log: SMOOTHINGS.map(DebiasedEma::new),
            smoothed_log: [f64::NAN; SMOOTHINGS.len()],
            usage: (f64::NAN, f64::NAN),
            costs: StepCosts::default(),
            marks: Vec::new(),
            not_finite: VecDeque::new(),
            latest: None,
            latest_held_out: None,
        }
    }
}

impl History {
    /// Takes in one step. Steps that are already there are ignored; a loss that isn't finite is
    /// kept as the latest, but not drawn.
    pub fn push(&mut self, record: StepRecord) {
        if self.latest.as_ref().is_some_and(|latest| record.step <= latest.step) {
            return;
        }
        let at = Moment::of(&record);
        self.usage = (record.memory_mib.unwrap_or(self.usage.0), record.cpu_share.unwrap_or(self.usage.1));
        if record.loss.is_finite() {
            for (smoother, value) in self.smoothers.iter_mut().zip(&mut self.smoothed) {
                *value = smoother.push(record.loss);
            }
            if record.loss > 0.0 {
                for (smoother, value) in self.smoothers_log.iter_mut().zip(&mut self.smoothed_log) {
                    *value = smoother.push(record.loss.ln()).exp();
                }
            }
            self.losses.push(LossBucket {
                first: at,
                last: at,
                min: record.loss_min.unwrap_or(record.loss),
                max: record.loss_max.unwrap_or(record.loss),
                loss: record.loss,
                smoothed: self.smoothed,
                smoothed_log: self.smoothed_log,
                lr: record.lr,
                grad_norm: record.grad_norm,
                images_per_s: record.images_per_s,
                memory_mib: self.usage.0,
                cpu_share: self.usage.1,
            });
        } else {
            if self.not_finite.len() == NOT_FINITE {
                self.not_finite.pop_front();
            }
            self.not_finite.push_back(record.step);
        }
        if let Some(loss) = record.val_loss.filter(|loss| loss.is_finite()) {
            self.latest_held_out = Some(loss);
            self.held_out.push(HeldOutBucket { at, sum: loss, count: 1 });
        }
        self.latest = Some(record);
    }

    /// Puts a mark on the curve. Beyond a bound the oldest checkpoint marks go first.
    pub fn mark(&mut self, step: u64, kind: MarkKind) {
        self.mark_with(step, kind, String::new());
    }

    /// As [`Self::mark`], with what happened in words.
    pub fn mark_with(&mut self, step: u64, kind: MarkKind, what: impl Into<String>) {
        if self.marks.len() >= MARKS {
            let oldest = self.marks.iter().position(|m| m.kind == MarkKind::Checkpoint).unwrap_or(0);
            self.marks.remove(oldest);
        }
        self.marks.push(Mark { step, kind, what: what.into() });
    }

    /// Puts the marks of a person in the place of those before.
    pub fn bookmark(&mut self, bookmarks: impl IntoIterator<Item = (u64, String)>) {
        self.marks.retain(|mark| mark.kind != MarkKind::Bookmark);
        for (step, word) in bookmarks {
            self.mark_with(step, MarkKind::Bookmark, word);
        }
    }

    /// What a step costs, so that images and arithmetic can be counted.
    pub fn set_costs(&mut self, costs: StepCosts) {
        self.costs = costs;
    }

    /// An empty one of the same run: what a step costs and the bookmarks stay.
    pub fn anew(&self) -> Self {
        let marks = self.marks.iter().filter(|mark| mark.kind == MarkKind::Bookmark).cloned().collect();
        Self { marks, costs: self.costs, ..Self::default() }
    }

    pub fn costs(&self) -> StepCosts {
        self.costs
    }

    /// An axis, as it counts this run's steps.
    pub fn axis(&self, axis: XAxis) -> RunAxis {
        RunAxis { axis, costs: self.costs }
    }

    pub fn losses(&self) -> &[LossBucket] {
        self.losses.buckets()
    }

    pub fn held_out(&self) -> &[HeldOutBucket] {
        self.held_out.buckets()
    }

    /// Steps whose loss was NaN or infinite, oldest first, at most [`NOT_FINITE`].
    pub fn not_finite(&self) -> impl Iterator<Item = u64> + '_ {
        self.not_finite.iter().copied()
    }

    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The newest smoothed loss; `level` is an index into [`SMOOTHINGS`].
    pub fn smoothed(&self, level: usize) -> Option<f64> {
        self.smoothed.get(level).copied().filter(|v| v.is_finite())
    }

    /// When a step was, to the resolution kept.
    pub fn moment_of(&self, step: u64) -> Moment {
        let buckets = self.losses();
        let index = buckets.partition_point(|b| b.last.step < step);
        match buckets.get(index).or(buckets.last()) {
            Some(b) if index < buckets.len() && b.last.step > b.first.step => {
                let share = step.saturating_sub(b.first.step) as f64 / (b.last.step - b.first.step) as f64;
                let between = |a: f64, z: f64| a + (z - a) * share.clamp(0.0, 1.0);
                Moment {
                    step,
                    epoch: between(b.first.epoch, b.last.epoch),
                    elapsed_s: between(b.first.elapsed_s, b.last.elapsed_s),
                }
            }
            Some(b) => Moment { step, ..b.last },
            None => Moment { step, ..Moment::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64, loss: f64) -> StepRecord {
        StepRecord {
            epoch: step as f64 / 100.0,
            loss,
            loss_smoothed: loss,
            val_loss: step.is_multiple_of(100).then_some(loss),
            grad_norm: 0.5,
            images_per_s: 200.0,
            elapsed_s: step as f64 * 0.3,
            ..StepRecord::at(step)
        }
    }

    #[test]
    fn the_envelope_is_exact_however_long_the_run() {
        let mut history = History::default();
        for step in 1..=100_000 {
            let spike = if step == 54_321 { 9.0 } else { 0.0 };
            let dip = if step == 77_777 { -0.4 } else { 0.0 };
            history.push(record(step, 0.5 + spike + dip));
        }
        assert!(history.losses().len() <= LOSS_BUCKETS);
        assert_eq!(history.losses().iter().map(|b| b.max).fold(0.0, f64::max), 9.5);
        assert!((history.losses().iter().map(|b| b.min).fold(9.0, f64::min) - 0.1).abs() < 1e-12);
        assert_eq!(history.losses().last().map(|b| b.last.step), Some(100_000));
    }

    #[test]
    fn a_hundred_thousand_steps_stay_under_two_megabytes() {
        let bytes = LOSS_BUCKETS * size_of::<LossBucket>() + HELD_OUT_BUCKETS * size_of::<HeldOutBucket>();
        assert!(bytes < 2 << 20, "{bytes} bytes");
    }

    #[test]
    fn every_smoothing_is_exact_on_a_constant_after_decimation() {
        let mut history = History::default();
        for step in 1..=20_000 {
            history.push(record(step, 0.1));
        }
        assert!(history.losses().iter().all(|b| b.smoothed.iter().all(|&s| s == 0.1)));
    }

    #[test]
    fn doubled_steps_and_values_that_are_not_finite_do_no_harm() {
        let mut history = History::default();
        history.push(record(1, 0.5));
        history.push(record(1, 7.0));
        history.push(record(2, f64::NAN));
        assert_eq!(history.losses().len(), 1);
        assert_eq!(history.latest.as_ref().map(|r| r.step), Some(2));
        assert_eq!(history.smoothed(3), Some(0.5));
    }

    #[test]
    fn a_step_is_found_on_every_axis() {
        let mut history = History::default();
        for step in 1..=50_000 {
            history.push(record(step, 0.5));
        }
        let moment = history.moment_of(30_000);
        assert!((moment.epoch - 300.0).abs() < 0.5, "{moment:?}");
        assert!((moment.elapsed_s - 9000.0).abs() < 10.0, "{moment:?}");
    }

    #[test]
    fn marks_are_bounded_and_snapshots_outlive_checkpoints() {
        let mut history = History::default();
        history.mark(1, MarkKind::Snapshot);
        for step in 0..2000 {
            history.mark(step, MarkKind::Checkpoint);
        }
        assert_eq!(history.marks().len(), MARKS);
        assert_eq!(history.marks()[0].kind, MarkKind::Snapshot);
    }
}
