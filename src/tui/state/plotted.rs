//! Which of a run's curves the loss panel draws.

use super::history::History;
use super::x_axis::Moment;

/// A curve over the steps of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plotted {
    /// The training loss, smoothed.
    Loss,
    HeldOut,
    GradientNorm,
    LearningRate,
    /// Images a second.
    Speed,
    /// Of the process, MiB.
    Memory,
    /// Share of the machine's processors, %.
    Processor,
}

impl Plotted {
    pub const ALL: [Plotted; 7] = [
        Plotted::Loss,
        Plotted::HeldOut,
        Plotted::GradientNorm,
        Plotted::LearningRate,
        Plotted::Speed,
        Plotted::Memory,
        Plotted::Processor,
    ];

    /// The one after, round and round.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The one before, round and round.
    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }

    /// What it is called, where points are trained on or images.
    pub fn name(self, of_points: bool) -> &'static str {
        match self {
            Plotted::Loss => "loss",
            Plotted::HeldOut => "held-out loss",
            Plotted::GradientNorm => "gradient norm ‖g‖",
            Plotted::LearningRate => "learning rate",
            Plotted::Speed if of_points => "points/s",
            Plotted::Speed => "images/s",
            Plotted::Memory => "memory, MiB",
            Plotted::Processor => "processors, %",
        }
    }

    /// Do its values span decades, so that the choice of a logarithmic axis is heard?
    pub fn may_be_log(self) -> bool {
        matches!(self, Plotted::Loss | Plotted::HeldOut | Plotted::GradientNorm | Plotted::LearningRate)
    }

    /// How many values it has in a run.
    pub fn len(self, history: &History) -> usize {
        if self == Plotted::HeldOut { history.held_out().len() } else { history.losses().len() }
    }

    /// The `i`-th of them, with the moment that it was logged at; the loss smoothed at a level, for a logarithmic axis or a
    /// linear one. NaN where there is none.
    pub fn value(self, history: &History, i: usize, level: usize, log: bool) -> (Moment, f64) {
        if self == Plotted::HeldOut {
            let Some(b) = history.held_out().get(i) else { return (Moment::default(), f64::NAN) };
            return (b.at, b.sum / b.count.max(1) as f64);
        }
        let Some(b) = history.losses().get(i) else { return (Moment::default(), f64::NAN) };
        let value = match self {
            Plotted::Loss | Plotted::HeldOut => b.smoothed_for(level, log),
            Plotted::GradientNorm => b.grad_norm,
            Plotted::LearningRate => b.lr,
            Plotted::Speed => b.images_per_s,
            Plotted::Memory => b.memory_mib,
            Plotted::Processor => 100.0 * b.cpu_share,
        };
        (b.last, value)
    }

    /// All of them.
    pub fn values(self, history: &History, level: usize, log: bool) -> impl Iterator<Item = (Moment, f64)> + '_ {
        (0..self.len(history)).map(move |i| self.value(history, i, level, log))
    }
}
