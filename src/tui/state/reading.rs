//! The cursor that reads curves: it stands on steps that were logged, and shows every curve's value there.

use super::history::{History, Mark};
use super::plotted::Plotted;
use super::screen::State;
use super::x_axis::{Moment, XAxis};

/// What a curve says at the cursor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurveReading {
    /// The logged moment that is nearest to the cursor.
    pub at: Moment,
    pub value: f64,
}

impl CurveReading {
    /// The difference from another, and as a share of it (NaN where that is 0).
    pub fn less(&self, other: &Self) -> (f64, f64) {
        let difference = self.value - other.value;
        (difference, if other.value == 0.0 { f64::NAN } else { difference / other.value.abs() })
    }
}

impl State {
    /// The logged moment under the cursor, in the run that is read.
    pub fn reading_moment(&self) -> Option<Moment> {
        let losses = self.read_history().losses();
        let step = self.reading?;
        let at = losses.partition_point(|b| b.last.step < step).min(losses.len().checked_sub(1)?);
        Some(losses[at].last)
    }

    /// Where curves are read on the x axis: under the cursor; without one where they end, of several runs where all of
    /// them still go on. One that has failed holds none of the others back.
    pub fn reading_place(&self) -> Option<f64> {
        let axis = self.plots.x_axis;
        if let Some(moment) = self.reading_moment() {
            return Some(moment.on(self.read_history().axis(axis)));
        }
        let last = |history: &History| history.losses().last().map(|b| b.last.on(history.axis(axis)));
        let well = self.compared().iter().filter(|run| !run.has_failed).map(|run| self.history_of(run));
        let ends = well.filter_map(last).reduce(f64::min);
        ends.or_else(|| self.shown_histories().into_iter().filter_map(last).reduce(f64::min))
    }

    /// A run's curve at a place of the x axis, at the nearest moment that was logged; `None` where it has no value, begins
    /// later or ended before.
    pub fn curve_at(&self, history: &History, plotted: Plotted, place: f64) -> Option<CurveReading> {
        let axis = history.axis(self.plots.x_axis);
        let value = |i: usize| plotted.value(history, i, self.plots.smoothing, self.plots.log_y);
        let at = |i: usize| value(i).0.on(axis);
        let last = plotted.len(history).checked_sub(1)?;
        // Before its beginning (a fork's, say) and beyond its end there is nothing to read.
        let air = 2.0 * ((at(last) - at(0)) / last.max(1) as f64).abs();
        if place < at(0) - air || place > at(last) + air {
            return None;
        }
        let (mut before, mut after) = (0, last);
        while after - before > 1 {
            let middle = usize::midpoint(before, after);
            if at(middle) < place { before = middle } else { after = middle }
        }
        let nearest = if (at(before) - place).abs() < (at(after) - place).abs() { before } else { after };
        let (at, value) = value(nearest);
        value.is_finite().then_some(CurveReading { at, value })
    }

    /// Moves the cursor by so many logged steps of the run that is read; the first time it comes to the newest.
    pub fn move_reading(&mut self, by: isize) {
        let losses = self.read_history().losses();
        let Some(last) = losses.len().checked_sub(1) else { return };
        let at = match self.reading {
            None => last,
            Some(step) => losses.partition_point(|b| b.last.step < step).min(last).saturating_add_signed(by).min(last),
        };
        self.reading = Some(losses[at].last.step);
    }

    /// Puts the cursor on the logged step that is nearest to a share of the chart.
    pub fn read_at(&mut self, share: f64) {
        let (history, scale) = (self.read_history(), self.loss_axis());
        let (losses, axis) = (history.losses(), history.axis(self.plots.x_axis));
        let place = scale.value(share);
        let nearest = losses.iter().min_by(|a, b| {
            let distance = |moment: &Moment| (moment.on(axis) - place).abs();
            distance(&a.last).total_cmp(&distance(&b.last))
        });
        if let Some(bucket) = nearest {
            self.reading = Some(bucket.last.step);
        }
    }

    /// The next mark of the run that is read on one side of the cursor, and which of how many it is.
    pub fn mark_beside(&self, later: bool) -> Option<(Mark, usize, usize)> {
        let history = self.read_history();
        let mut marks: Vec<&Mark> = history.marks().iter().collect();
        marks.sort_by_key(|mark| mark.step);
        // Without a cursor as from beyond the newest step.
        let at = match self.told_mark {
            Some(told) if marks.get(told).is_some_and(|mark| Some(mark.step) == self.reading) => {
                if later {
                    told.checked_add(1)?
                } else {
                    told.checked_sub(1)?
                }
            }
            _ => {
                let from = self.reading.unwrap_or(u64::MAX);
                match later {
                    true => marks.partition_point(|mark| mark.step <= from),
                    false => marks.partition_point(|mark| mark.step < from).checked_sub(1)?,
                }
            }
        };
        Some(((*marks.get(at)?).clone(), at, marks.len()))
    }

    /// Can arithmetic be counted in every run that is drawn?
    pub fn counts_flops(&self) -> bool {
        self.shown_histories().iter().all(|history| history.costs().flops > 0.0)
    }

    /// The axis after the one that is shown.
    pub fn next_x_axis(&self) -> XAxis {
        self.plots.x_axis.next(self.counts_flops())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_as_such_and_as_a_share() {
        let of = |value| CurveReading { at: Moment::default(), value };
        let (difference, share) = of(0.12).less(&of(0.1));
        assert!((difference - 0.02).abs() < 1e-12 && (share - 0.2).abs() < 1e-12);
        assert!(of(1.0).less(&of(0.0)).1.is_nan());
    }
}
