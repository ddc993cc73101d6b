//! The list of noise levels that most samplers walk down.

use crate::diffusion::NoiseLevel;

/// Levels from the noisiest to the cleanest, and where a trajectory stands on them.
#[derive(Clone, Debug)]
pub struct Levels {
    all: Vec<NoiseLevel>,
    at: usize,
}

impl Levels {
    /// `all` has at least one level, the noisiest first.
    pub fn new(all: Vec<NoiseLevel>) -> Self {
        Self { all, at: 0 }
    }

    pub fn all(&self) -> &[NoiseLevel] {
        &self.all
    }

    /// Number of the step that comes next, from 0.
    pub fn index(&self) -> usize {
        self.at
    }

    /// The level that x_t stands at; the clean image after the last.
    pub fn from(&self) -> NoiseLevel {
        self.all.get(self.at).copied().unwrap_or(NoiseLevel::CLEAN)
    }

    /// The level that the coming step leads to; the clean image after the last.
    pub fn to(&self) -> NoiseLevel {
        self.all.get(self.at + 1).copied().unwrap_or(NoiseLevel::CLEAN)
    }

    /// Does the coming step lead to the clean image?
    pub fn is_last(&self) -> bool {
        self.at + 1 >= self.all.len()
    }

    /// Goes on by one level; where the network is asked next, or `None` at the clean image.
    pub fn advance(&mut self) -> Option<NoiseLevel> {
        self.at += 1;
        self.all.get(self.at).copied()
    }
}
