//! As many lines of a long metrics.jsonl as a screen can show.

use std::panic::resume_unwind;
use std::thread;

use super::records::StepRecord;
use super::skim::Skimmed;

/// Stretches of the file of which the lines with the least and the largest loss are kept, and the newest with a held-out
/// loss; more could not be told apart on any screen.
const STRETCHES: u64 = 10_000;

/// Keeps lines as they are read; short files whole.
pub struct Thinned {
    /// Bytes of a stretch.
    length: u64,
    /// Bytes read, and where the current stretch ends.
    read: u64,
    end: u64,
    least: Option<Line>,
    most: Option<Line>,
    held_out: Option<Line>,
    /// In the order of the file, not parsed yet.
    kept: Vec<Vec<u8>>,
}

struct Line {
    skimmed: Skimmed,
    text: Vec<u8>,
}

impl Thinned {
    /// For the part from byte `start` on of a file of `bytes`.
    pub fn of(bytes: u64, start: u64) -> Self {
        let length = bytes.div_ceil(STRETCHES).max(1);
        let end = (start / length + 1) * length;
        Self { length, read: start, end, least: None, most: None, held_out: None, kept: Vec::new() }
    }

    /// Those of `next` come behind these.
    pub fn then(mut self, mut next: Self) -> Self {
        self.close();
        next.close();
        self.kept.append(&mut next.kept);
        self
    }

    /// The next line, without its end.
    pub fn see(&mut self, line: &[u8], skimmed: Skimmed) {
        if self.read >= self.end {
            self.close();
            self.end = (self.read / self.length + 1) * self.length;
        }
        self.read += line.len() as u64 + 1;
        let is = |kept: &Option<Line>, better: fn(f64, f64) -> bool| {
            kept.as_ref().is_none_or(|kept| better(skimmed.loss, kept.skimmed.loss))
        };
        if is(&self.least, |new, old| new < old) {
            put(&mut self.least, line, skimmed);
        }
        if is(&self.most, |new, old| new >= old) {
            put(&mut self.most, line, skimmed);
        }
        if skimmed.held_out {
            put(&mut self.held_out, line, skimmed);
        }
    }

    /// The lines kept, in their order, and the `newest` of all.
    pub fn finish(mut self, newest: Option<StepRecord>) -> Vec<StepRecord> {
        self.close();
        let mut kept = self.parsed();
        let last = kept.last().map(|record| record.step);
        kept.extend(newest.filter(|newest| last.is_none_or(|last| last < newest.step)));
        kept
    }

    /// Both halves at once: they are most of what a long file costs beyond being looked through.
    fn parsed(&self) -> Vec<StepRecord> {
        let parse = |lines: &[Vec<u8>]| -> Vec<StepRecord> {
            lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect()
        };
        let (front, back) = self.kept.split_at(self.kept.len() / 2);
        thread::scope(|scope| {
            let back = scope.spawn(|| parse(back));
            let mut all = parse(front);
            // A panic goes on here.
            all.extend(back.join().unwrap_or_else(|panic| resume_unwind(panic)));
            all
        })
    }

    fn close(&mut self) {
        let lines = [self.least.take(), self.most.take(), self.held_out.take()];
        let mut lines: Vec<Line> = lines.into_iter().flatten().collect();
        lines.sort_by_key(|line| line.skimmed.step);
        lines.dedup_by_key(|line| line.skimmed.step);
        self.kept.extend(lines.into_iter().map(|line| line.text));
    }
}

fn put(place: &mut Option<Line>, line: &[u8], skimmed: Skimmed) {
    let kept = place.get_or_insert_with(|| Line { skimmed, text: Vec::new() });
    kept.skimmed = skimmed;
    kept.text.clear();
    kept.text.extend_from_slice(line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::skim::skim;

    fn lines(n: u64) -> Vec<Vec<u8>> {
        let record = |step: u64| StepRecord {
            epoch: 0.0,
            loss: if step == 55_555 { 9.0 } else { 0.5 + (step % 97) as f64 / 1000.0 },
            loss_smoothed: 0.0,
            val_loss: (step == 77_777).then_some(0.1),
            lr: 0.0,
            grad_norm: 0.0,
            images_per_s: 0.0,
            elapsed_s: 0.0,
            ..StepRecord::at(step)
        };
        (1..=n).map(|step| serde_json::to_vec(&record(step)).unwrap()).collect()
    }

    fn thinned(n: u64) -> Vec<StepRecord> {
        let lines = lines(n);
        let mut thinned = Thinned::of(lines.iter().map(|line| line.len() as u64 + 1).sum(), 0);
        lines.iter().for_each(|line| thinned.see(line, skim(line).unwrap()));
        thinned.finish(lines.last().map(|line| serde_json::from_slice(line).unwrap()))
    }

    #[test]
    fn a_long_curve_keeps_its_extremes_its_end_and_its_held_out_losses() {
        let kept = thinned(200_000);
        assert!((STRETCHES as usize..=3 * STRETCHES as usize + 1).contains(&kept.len()), "{}", kept.len());
        assert!(kept.is_sorted_by(|a, b| a.step < b.step));
        let at = |step: u64| kept.iter().find(|record| record.step == step);
        assert_eq!(at(200_000).map(|record| record.step), Some(200_000));
        assert_eq!(at(55_555).map(|record| record.loss), Some(9.0), "the one spike is kept");
        assert!(at(77_777).is_some_and(|record| record.val_loss.is_some()));
        let least = kept.iter().map(|record| record.loss).fold(f64::INFINITY, f64::min);
        assert_eq!(least, 0.5);
    }

    #[test]
    fn a_short_curve_is_kept_whole() {
        for n in [0, 1, 2, 1000, 10_000] {
            assert_eq!(thinned(n).iter().map(|record| record.step).collect::<Vec<_>>(), (1..=n).collect::<Vec<_>>());
        }
    }
}
