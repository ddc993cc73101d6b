//! What is missing or double in the steps of a history.

/// The steps of a file of metrics, as they are read.
#[derive(Clone, Default)]
pub struct StepsSeen {
    /// Where the run began.
    from: u64,
    first: Option<u64>,
    last: Option<u64>,
    /// The steps on both sides of the widest gap between two lines, and how wide the next is: lines may be far
    /// apart all along, since `train.log_every` was another once.
    widest: (u64, u64),
    second: u64,
    /// The first step that does not come after the one before it.
    back: Option<u64>,
}

impl StepsSeen {
    /// Those of a run that began at step `from`: 0, or where it was forked.
    pub fn since(from: u64) -> Self {
        Self { from, ..Self::default() }
    }

    /// The next line is one of `step`.
    pub fn see(&mut self, step: u64) {
        match self.last {
            Some(last) => {
                self.gap((last, step));
                if step <= last {
                    self.back.get_or_insert(step);
                }
            }
            None => self.first = Some(step),
        }
        self.last = Some(step);
    }

    /// Those of `next` come behind these.
    pub fn then(mut self, next: &Self) -> Self {
        let Some(first) = next.first else { return self };
        self.see(first);
        self.gap(next.widest);
        self.second = self.second.max(next.second);
        self.back = self.back.or(next.back);
        self.last = next.last;
        self
    }

    /// Between the two steps nothing is known.
    fn gap(&mut self, (from, to): (u64, u64)) {
        let (width, widest) = (to.saturating_sub(from), self.widest.1 - self.widest.0);
        if width > widest {
            (self.widest, self.second) = ((from, to), widest);
        } else {
            self.second = self.second.max(width);
        }
    }

    /// What is wrong with the history in `file` of a run of `step` steps with a line at least all `every`.
    pub fn doubts(&self, file: &str, step: u64, every: u64) -> Vec<String> {
        let mut all = Self { last: Some(self.from), ..Self::default() }.then(self);
        // Nothing is known before the first line.
        all.gap((all.last.unwrap_or(self.from), step));
        let mut doubts = Vec::new();
        let (from, to) = all.widest;
        if to - from > every.max(1).max(all.second) {
            let known = self.last.is_some_and(|last| last >= to);
            let last = if known { to - 1 } else { to };
            let missing = steps_between(from + 1, last);
            doubts.push(format!("{file} has no line of {missing}: the history has a gap there"));
        }
        if let Some(back) = self.back {
            doubts.push(format!("{file} has steps twice or out of order, the first of them {back}"));
        }
        doubts
    }
}

/// "step 5"; "steps 5 to 8".
pub fn steps_between(first: u64, last: u64) -> String {
    if first >= last { format!("step {last}") } else { format!("steps {first} to {last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(from: u64, steps: impl IntoIterator<Item = u64>) -> StepsSeen {
        let mut seen = StepsSeen::since(from);
        steps.into_iter().for_each(|step| seen.see(step));
        seen
    }

    #[test]
    fn a_fork_misses_nothing_of_the_steps_before_it_however_its_history_is_read() {
        let doubts = |seen: StepsSeen| seen.doubts("metrics.jsonl", 520, 1);
        assert!(doubts(seen(500, 501..=520)).is_empty());
        assert!(doubts(seen(500, 501..=510).then(&seen(0, 511..=520))).is_empty());
        assert!(doubts(seen(500, []).then(&seen(0, 501..=520))).is_empty());
        let gap = "metrics.jsonl has no line of steps 501 to 504: the history has a gap there";
        assert_eq!(doubts(seen(500, 505..=520)), [gap]);
        assert_eq!(doubts(seen(500, 505..=510).then(&seen(0, 511..=520))), [gap]);
        let lost = doubts(seen(500, []));
        assert!(lost[0].contains("steps 501 to 520"), "{lost:?}");
        assert!(doubts(seen(0, 505..=520))[0].contains("steps 1 to 504"));
    }
}
