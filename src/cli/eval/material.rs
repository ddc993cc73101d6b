//! The run's own data: what it trained on, and what it never saw.

use anyhow::Result;

use crate::config::Config;
use crate::data::{self, DataIdentity, Dataset};
use crate::eval::PixelLevels;
use crate::thousands::thousands;

/// The data of a run, split as its training split them.
pub struct Material {
    pub train: Dataset,
    pub held_out: Dataset,
    /// Those of both, in their order.
    pub identity: DataIdentity,
}

impl Material {
    /// Loads and splits the run's data.
    ///
    /// # Errors
    /// When they are not there any more, or not as they were.
    pub fn load(config: &Config) -> Result<Self> {
        let dataset = data::load(&config.data)?;
        let identity = DataIdentity::of(&dataset);
        let held_out = config.data.held_out.of(dataset.len());
        let (train, held_out) = dataset.split_held_out(held_out, config.seed)?;
        Ok(Self { train, held_out, identity })
    }

    /// Height, width, channels.
    pub fn shape(&self) -> (usize, usize, usize) {
        (self.train.height, self.train.width, self.train.channels)
    }

    /// What to measure likelihoods of: held-out data, or those trained on where none were held out.
    pub fn unseen(&self) -> &Dataset {
        if self.held_out.is_empty() { &self.train } else { &self.held_out }
    }

    /// "1,000 held-out images of mnist".
    pub fn words(&self) -> String {
        let seen = if self.held_out.is_empty() { "training" } else { "held-out" };
        let what = if self.levels() == PixelLevels::Real { "points" } else { "images" };
        format!("{} {seen} {what} of {}", thousands(self.unseen().len()), self.train.name)
    }

    /// Bytes or real numbers.
    pub fn levels(&self) -> PixelLevels {
        if self.train.pixels.bytes().is_empty() { PixelLevels::Real } else { PixelLevels::Grey256 }
    }
}
