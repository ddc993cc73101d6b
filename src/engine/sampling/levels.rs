//! The list of noise levels that most samplers walk down.

use crate::diffusion::NoiseLevel;

/// Levels from the noisiest to the cleanest, and where a trajectory stands on them.
#[derive(Clone, Debug)]
pub struct Levels {
    all: Vec<NoiseLevel>,
    /// Where the last step leads.
    end: NoiseLevel,
    at: usize,
}

impl From<Vec<NoiseLevel>> for Levels {
    fn from(all: Vec<NoiseLevel>) -> Self {
        Self::new(all)
    }
}

impl Levels {
    /// `all` has at least one level, the noisiest first; the last step leads to the clean image.
    pub fn new(all: Vec<NoiseLevel>) -> Self {
        Self::ending(all, NoiseLevel::CLEAN)
    }

    /// The same with the last step leading to `end`, where the network is not asked.
    pub fn ending(all: Vec<NoiseLevel>, end: NoiseLevel) -> Self {
        Self { all, end, at: 0 }
    }

    pub fn all(&self) -> &[NoiseLevel] {
        &self.all
    }

    /// Number of the step that comes next, from 0.
    pub fn index(&self) -> usize {
        self.at
    }

    /// Steps to come.
    pub fn left(&self) -> usize {
        self.all.len().saturating_sub(self.at)
    }

    /// The level that x_t stands at; the end after the last.
    pub fn from(&self) -> NoiseLevel {
        self.all.get(self.at).copied().unwrap_or(self.end)
    }

    /// The level that the coming step leads to; the end after the last.
    pub fn to(&self) -> NoiseLevel {
        self.all.get(self.at + 1).copied().unwrap_or(self.end)
    }

    /// Is the coming step the last?
    pub fn is_last(&self) -> bool {
        self.at + 1 >= self.all.len()
    }

    /// Goes on by one level; where the network is asked next, or `None` at the end.
    pub fn advance(&mut self) -> Option<NoiseLevel> {
        self.at += 1;
        self.all.get(self.at).copied()
    }
}
