//! The four panels.

/// A panel of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Panel {
    Loss,
    Heatmap,
    Schedule,
    Denoising,
}

impl Panel {
    /// In the order of the keys 1 to 4.
    pub const ALL: [Panel; 4] = [Panel::Loss, Panel::Heatmap, Panel::Schedule, Panel::Denoising];

    pub fn title(self) -> &'static str {
        match self {
            Panel::Loss => "Loss",
            Panel::Heatmap => "Loss per timestep",
            Panel::Schedule => "Schedule",
            Panel::Denoising => "Denoising",
        }
    }

    /// The one after, round and round.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % 4]
    }

    /// The one before, round and round.
    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + 3) % 4]
    }
}
