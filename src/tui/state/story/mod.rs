//! A line that says what is going on, from what has been measured; and what a newcomer may press.

mod facts;
mod hello;
mod sentences;

use std::time::Duration;

pub use facts::{Background, Facts, HeldOutRise, Stage};
pub use hello::Hello;
pub use sentences::Sentence;

/// A sentence stays for at least this long.
const LEAST: Duration = Duration::from_secs(4);
/// After this long another true one takes its turn.
const TURN: Duration = Duration::from_secs(12);

/// The sentence that shows, since when, and which were told before.
#[derive(Clone, Debug, Default)]
pub struct Story {
    shown: Option<(Sentence, String, Duration)>,
    /// When its numbers were read, and of which step.
    read: Duration,
    step: u64,
    told: Vec<Sentence>,
    pub hello: Hello,
}

impl Story {
    /// Of another run, for whoever has seen one.
    pub fn of(hello: Hello) -> Self {
        Self { hello, ..Self::default() }
    }

    /// The line.
    pub fn line(&self) -> Option<&str> {
        self.shown.as_ref().map(|(_, line, _)| line.as_str())
    }

    /// Has the sentence stood long enough for another, or is it untrue by what the worker does now, at this step?
    pub fn is_due(&self, now: Duration, stage: &Stage, step: u64) -> bool {
        let Some((sentence, ..)) = &self.shown else { return true };
        // What is said before the first step is soon untrue.
        let untrue = sentence.is_of_the_start() || !sentence.is_of(stage);
        // A run that stands still goes on by single steps.
        let has_moved = *stage == Stage::Paused && step != self.step;
        untrue || has_moved || now >= self.read + LEAST
    }

    /// Goes on to what is true now: what has not been told before goes first, then each in turn.
    pub fn go_on(&mut self, now: Duration, facts: &Facts) {
        if !self.is_due(now, &facts.stage, facts.step) {
            return;
        }
        self.step = facts.step;
        let (old, since) = match &self.shown {
            Some((sentence, _, since)) => (Some(*sentence), *since),
            None => (None, now),
        };
        let all = sentences::true_ones(facts);
        let stands = all.iter().any(|(sentence, _)| Some(*sentence) == old);
        let new = all.iter().position(|(sentence, _)| !self.told.contains(sentence));
        let next = match new {
            Some(new) => new,
            // The same with the numbers of now.
            None if stands && now < since + TURN => {
                let line = all.into_iter().find(|(sentence, _)| Some(*sentence) == old).map(|(_, line)| line);
                if let (Some((_, shown, _)), Some(line)) = (&mut self.shown, line) {
                    *shown = line;
                }
                self.read = now;
                return;
            }
            // The one after it, round and round.
            None => {
                let at = all.iter().position(|(sentence, _)| Some(*sentence) == old);
                at.map_or(0, |at| (at + 1) % all.len())
            }
        };
        self.read = now;
        self.shown = all.into_iter().nth(next).map(|(sentence, line)| {
            if !self.told.contains(&sentence) {
                self.told.push(sentence);
            }
            (sentence, line, now)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn training(step: u64, loss: f64) -> Facts {
        Facts { stage: Stage::Training, step, steps: 1000, loss, start: 1.0, ..Facts::default() }
    }

    #[test]
    fn a_sentence_stays_for_some_seconds_whatever_happens() {
        let mut story = Story::default();
        story.go_on(second(0), &Facts { stage: Stage::Opening("loading 60,000 digits".into()), ..Facts::default() });
        assert_eq!(story.line(), Some("loading 60,000 digits …"));
        story.go_on(second(1), &training(40, 0.5));
        assert!(story.line().unwrap().starts_with("step 40: the loss is 0.500"), "not loading any more: {story:?}");
        for s in 2..5 {
            story.go_on(second(s), &training(80, 0.25));
            assert!(story.line().unwrap().starts_with("step 40"), "{s}: {story:?}");
        }
        // Then its number is read anew.
        story.go_on(second(6), &training(80, 0.25));
        assert!(story.line().unwrap().starts_with("step 80: the loss is 0.250"), "{story:?}");
    }

    #[test]
    fn what_is_new_goes_first_and_then_each_has_its_turn() {
        let mut story = Story::default();
        let mut facts = training(200, 0.3);
        story.go_on(second(0), &facts);
        facts.thirds = Some((0.06, 0.6));
        facts.is_images = true;
        story.go_on(second(5), &facts);
        assert!(story.line().unwrap().contains("coarse before fine"), "{:?}", story.line());
        let mut seen = Vec::new();
        for s in 6..60 {
            story.go_on(second(s), &facts);
            let line = story.line().unwrap().to_string();
            if seen.last() != Some(&line) {
                seen.push(line);
            }
        }
        assert!(seen.len() >= 4 && seen[0] == seen[2] && seen[1] == seen[3] && seen[0] != seen[1], "{seen:?}");
    }

    #[test]
    fn a_paused_run_that_goes_on_is_not_called_paused() {
        let mut story = Story::default();
        let paused = |step| Facts { stage: Stage::Paused, ..training(step, 0.3) };
        story.go_on(second(0), &training(400, 0.3));
        story.go_on(second(1), &paused(401));
        assert!(story.line().unwrap().starts_with("paused after step 401"), "{story:?}");
        // One step by hand, and it stands still again.
        story.go_on(second(1), &paused(402));
        assert!(story.line().unwrap().starts_with("paused after step 402"), "{story:?}");
        story.go_on(second(2), &training(403, 0.3));
        assert!(story.line().unwrap().contains("step 403"), "{story:?}");
        story.go_on(second(3), &Facts { stage: Stage::Finished, ..training(404, 0.3) });
        assert!(story.line().unwrap().starts_with("all 404 steps are done"), "{story:?}");
    }

    #[test]
    fn what_is_no_longer_true_goes() {
        let mut story = Story::default();
        story.go_on(second(0), &Facts { stage: Stage::Paused, step: 7, ..Facts::default() });
        assert!(story.line().unwrap().contains("paused"));
        story.go_on(second(5), &Facts { stage: Stage::Silent, ..Facts::default() });
        assert_eq!(story.line(), None);
    }
}
