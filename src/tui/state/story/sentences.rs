//! The sentences, and what must have been measured for each.

use super::facts::{Facts, Stage};
use crate::tui::format::{scientific, thousands, three_digits};

/// Which sentence it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sentence {
    /// What the worker says it is doing before the first step.
    Opening,
    /// The data are there, and no step is done.
    Ready,
    /// Up to step `FIRST_STEPS`, the target is ε under the plain squared error, and the smoothed loss is within a
    /// tenth of 1, which is what answering 0 costs: ε has variance 1.
    KnowsNothing,
    /// Up to step `FIRST_STEPS`, where nothing more can be said.
    FirstLosses,
    /// The step lies within the configured warm-up.
    WarmUp,
    /// The smoothed loss is below nine tenths of that of the first steps.
    Falling,
    /// The pixels that are the same in all training images shown (a tenth of the image or more, all black or all
    /// white) have that value in finished samples too.
    Background,
    /// The loss of the noisiest third of t has fallen below half of its start, and that of the least noisy third has
    /// at least half as much more of its own left.
    NoisyFirst,
    /// The same the other way round.
    CleanFirst,
    /// The held-out loss is 5 % above its best, and the training loss 2 % below what it was then.
    Memorizing,
    /// The smoothed loss has changed by less than 2 % over the last third of the steps, 1,000 at least.
    Plateau,
    /// The learning rate is below half of the largest so far, by the schedule alone.
    Decay,
    Paused,
    Finished,
}

impl Sentence {
    /// Is it about what comes before the first step?
    pub fn is_of_the_start(self) -> bool {
        matches!(self, Self::Opening | Self::Ready)
    }

    /// Can it be true while the worker does this?
    pub fn is_of(self, stage: &Stage) -> bool {
        match stage {
            Stage::Silent => false,
            Stage::Opening(_) => self == Self::Opening,
            Stage::Ready => self == Self::Ready,
            Stage::Paused => self == Self::Paused,
            Stage::Finished => self == Self::Finished,
            Stage::Training => !matches!(self, Self::Opening | Self::Ready | Self::Paused | Self::Finished),
        }
    }
}

/// The step up to which the beginning is spoken of.
pub const FIRST_STEPS: u64 = 20;

/// Every sentence that is true, the newest phase of a run first.
pub fn true_ones(facts: &Facts) -> Vec<(Sentence, String)> {
    let step = thousands(facts.step);
    let (loss, start) = (three_digits(facts.loss), three_digits(facts.start));
    match &facts.stage {
        Stage::Silent => return Vec::new(),
        Stage::Opening(what) => return vec![(Sentence::Opening, format!("{what} …"))],
        Stage::Ready => {
            return vec![(Sentence::Ready, "the data are loaded; the first step is under way".into())];
        }
        Stage::Paused => {
            let text = format!("paused after step {step}: space goes on, n does one step");
            return vec![(Sentence::Paused, text)];
        }
        Stage::Finished => {
            let text = match facts.loss < facts.start {
                true => format!("all {step} steps are done: the loss went from {start} to {loss}"),
                false => format!("all {step} steps are done"),
            };
            return vec![(Sentence::Finished, text)];
        }
        Stage::Training => {}
    }
    let mut found = Vec::new();
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    if facts.step <= FIRST_STEPS {
        let nothing = facts.loss_of_zero.filter(|zero| (facts.loss / zero - 1.0).abs() < 0.1);
        found.push(match nothing {
            Some(_) => {
                let text = format!("its loss, {loss}, is that of answering 0");
                (Sentence::KnowsNothing, format!("step {step}: the network knows nothing; {text}"))
            }
            None => (Sentence::FirstLosses, format!("step {step}: the first losses, {loss} on average")),
        });
    }
    if let Some(held_out) = facts.held_out.filter(|h| h.now > 1.05 * h.best && h.train_now < 0.98 * h.train_then) {
        let rise = percent(held_out.now / held_out.best - 1.0);
        let best = thousands(held_out.best_step);
        let text = format!("memorizing: held-out is {rise} above its best (step {best}), training falls");
        found.push((Sentence::Memorizing, text));
    }
    if let Some(background) = facts.background.filter(|b| b.distance < 0.1) {
        let text = format!("the samples' backgrounds are {} by now, as in the data", background.word);
        found.push((Sentence::Background, format!("step {}: {text}", thousands(background.step))));
    }
    if let Some((noisy, clean)) = facts.thirds {
        let [much, little] = [percent(noisy), percent(clean)];
        let text = format!("strong noise has {much} of its loss left, weak noise {little}");
        let text = |moral: &str| if facts.is_images { format!("{moral}: {text}") } else { text.clone() };
        if noisy < 0.5 && clean > 1.5 * noisy {
            found.push((Sentence::NoisyFirst, text("coarse before fine")));
        } else if clean < 0.5 && noisy > 1.5 * clean {
            found.push((Sentence::CleanFirst, text("fine before coarse")));
        }
    }
    if facts.step < facts.warmup_steps && facts.lr > 0.0 {
        let (until, lr) = (thousands(facts.warmup_steps), scientific(facts.lr));
        found.push((Sentence::WarmUp, format!("warm-up: the learning rate rises until step {until}; it is {lr} now")));
    }
    if facts.step >= facts.warmup_steps && facts.lr > 0.0 && facts.lr < 0.5 * facts.peak_lr {
        let share = percent(facts.lr / facts.peak_lr);
        found.push((
            Sentence::Decay,
            format!("the learning rate is down to {share} of its peak: smaller steps from now on"),
        ));
    }
    if let Some((then, before)) = facts.before.filter(|(_, before)| (facts.loss / before - 1.0).abs() < 0.02) {
        let text = format!("the loss hardly moves: {loss} now, {} at step {}", three_digits(before), thousands(then));
        found.push((Sentence::Plateau, text));
    } else if facts.step > FIRST_STEPS && facts.loss < 0.9 * facts.start {
        found.push((Sentence::Falling, format!("step {step}: the loss is {loss}; in the first steps it was {start}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::facts::{Background, HeldOutRise};
    use super::*;

    fn kinds(facts: &Facts) -> Vec<Sentence> {
        true_ones(facts).into_iter().map(|(sentence, _)| sentence).collect()
    }

    fn training(step: u64, loss: f64) -> Facts {
        Facts { stage: Stage::Training, step, steps: 40_000, loss, start: 1.0, is_images: true, ..Facts::default() }
    }

    #[test]
    fn knowing_nothing_is_said_only_of_a_loss_that_is_that_of_answering_zero() {
        let first = |loss, loss_of_zero| kinds(&Facts { loss_of_zero, ..training(1, loss) });
        assert_eq!(first(1.03, Some(1.0)), [Sentence::KnowsNothing]);
        assert_eq!(first(1.4, Some(1.0)), [Sentence::FirstLosses]);
        assert_eq!(first(0.7, Some(1.0)), [Sentence::FirstLosses]);
        assert_eq!(first(1.03, None), [Sentence::FirstLosses]);
        assert!(!kinds(&Facts { loss_of_zero: Some(1.0), ..training(21, 1.0) }).contains(&Sentence::KnowsNothing));
    }

    #[test]
    fn backgrounds_are_learned_when_they_have_been_measured() {
        let with = |distance| {
            let background = Some(Background { word: "black", step: 40, distance });
            true_ones(&Facts { background, ..training(60, 0.5) })
        };
        let said = with(0.05);
        assert_eq!(said[0].1, "step 40: the samples' backgrounds are black by now, as in the data");
        assert!(with(0.4).iter().all(|(sentence, _)| *sentence != Sentence::Background));
    }

    #[test]
    fn which_noise_is_learned_first_is_said_as_it_is() {
        let thirds = |thirds, is_images| true_ones(&Facts { thirds: Some(thirds), is_images, ..training(300, 0.95) });
        assert!(thirds((0.06, 0.58), true)[0].1.starts_with("coarse before fine: strong noise has 6 %"));
        assert!(thirds((0.06, 0.58), false)[0].1.starts_with("strong noise has"));
        assert_eq!(thirds((0.8, 0.2), true)[0].0, Sentence::CleanFirst);
        assert_eq!(thirds((0.4, 0.45), true), []);
        assert_eq!(thirds((0.7, 0.99), true), []);
    }

    #[test]
    fn memorizing_needs_both_losses() {
        let with = |now, train_now| {
            let held_out = HeldOutRise { best: 0.05, best_step: 2000, now, train_then: 0.04, train_now };
            kinds(&Facts { held_out: Some(held_out), ..training(9000, 0.95) })
        };
        assert_eq!(with(0.06, 0.03), [Sentence::Memorizing]);
        assert_eq!(with(0.06, 0.04), [], "the training loss does not fall");
        assert_eq!(with(0.051, 0.03), [], "noise");
    }

    #[test]
    fn warm_up_decay_plateau_and_the_end() {
        let facts = Facts { lr: 4e-4, peak_lr: 4e-4, warmup_steps: 100, ..training(40, 0.95) };
        assert_eq!(kinds(&facts), [Sentence::WarmUp]);
        let facts = Facts { lr: 4e-4, peak_lr: 1e-3, warmup_steps: 100, ..training(30_000, 0.95) };
        assert_eq!(kinds(&facts), [Sentence::Decay]);
        let facts = Facts { before: Some((20_000, 0.0312)), ..training(30_000, 0.0315) };
        assert_eq!(kinds(&facts), [Sentence::Plateau]);
        let facts = Facts { before: Some((20_000, 0.05)), ..training(30_000, 0.03) };
        assert_eq!(kinds(&facts), [Sentence::Falling]);
        let facts = Facts { stage: Stage::Finished, ..training(40_000, 0.03) };
        assert_eq!(true_ones(&facts)[0].1, "all 40,000 steps are done: the loss went from 1.00 to 0.0300");
        let facts = Facts { stage: Stage::Finished, ..training(40_000, 1.3) };
        assert_eq!(true_ones(&facts)[0].1, "all 40,000 steps are done");
    }

    #[test]
    fn every_sentence_fits_in_80_columns() {
        let far = Facts {
            warmup_steps: 1_000_000,
            lr: 4e-4,
            peak_lr: 1e-2,
            thirds: Some((0.06, 0.58)),
            background: Some(Background { word: "black", step: 999_999, distance: 0.0 }),
            before: Some((600_000, 0.0312)),
            held_out: Some(HeldOutRise {
                best: 0.05,
                best_step: 200_000,
                now: 0.06,
                train_then: 0.04,
                train_now: 0.03,
            }),
            ..training(999_999, 0.0312)
        };
        let done = Facts { warmup_steps: 100, before: None, ..far.clone() };
        let first = Facts { loss_of_zero: Some(1.0), ..training(20, 0.984) };
        let stage = |stage| Facts { stage, ..training(1_000_000, 0.0312) };
        for facts in [far, done, first, stage(Stage::Ready), stage(Stage::Paused), stage(Stage::Finished)] {
            for (_, line) in true_ones(&facts) {
                assert!(line.chars().count() <= 78, "{line}");
            }
        }
    }

    #[test]
    fn nothing_is_said_of_what_is_no_number() {
        let facts = Facts {
            start: f64::NAN,
            thirds: Some((f64::NAN, f64::NAN)),
            before: Some((9, f64::NAN)),
            lr: f64::NAN,
            ..training(500, f64::NAN)
        };
        assert_eq!(kinds(&facts), []);
    }
}
