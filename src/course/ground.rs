//! What a question is about: a config, its path, and the numbers that are drawn.

use anyhow::{Result, ensure};

use super::drawn::TaskDraws;
use crate::config::{Config, PathName};
use crate::diffusion::{Parameterization, Schedule};

pub struct Ground {
    pub config: Config,
    pub parameterization: Parameterization,
    pub drawn: TaskDraws,
    range: Option<(usize, usize)>,
}

impl Ground {
    /// `range`: the timesteps that t is drawn from, both ends included; else the middle eight tenths.
    ///
    /// # Errors
    /// When the config makes no path, or the range leaves it.
    pub fn new(config: Config, drawn: TaskDraws, range: Option<(usize, usize)>) -> Result<Self> {
        let parameterization = Parameterization::from_config(&config.diffusion)?;
        let last = parameterization.schedule.timesteps() - 1;
        if let Some((least, most)) = range {
            ensure!(
                least <= most && most <= last,
                "range = [{least}, {most}]: two timesteps from 0 to {last} are needed, the smaller first"
            );
        }
        Ok(Self { config, parameterization, drawn, range })
    }

    pub fn schedule(&self) -> &Schedule {
        &self.parameterization.schedule
    }

    /// A timestep, drawn.
    pub fn t(&mut self) -> usize {
        let last = self.schedule().timesteps() - 1;
        let (least, most) = self.range.unwrap_or((last.div_ceil(10), last * 9 / 10));
        self.drawn.whole(least, most)
    }

    /// A timestep that has one before it.
    pub fn t_above_0(&mut self) -> usize {
        self.t().max(1)
    }

    /// "Schedule cosine, $T = 1000$, $t = 0, …, 999$."
    pub fn words(&self) -> String {
        let (schedule, timesteps) = (self.schedule(), self.schedule().timesteps());
        let what = if schedule.path == PathName::Vp { "Schedule" } else { "Path" };
        let zero = if self.config.diffusion.rescale_betas_zero_snr { " with zero terminal SNR" } else { "" };
        format!("{what} {}{zero}, $T = {timesteps}$.", schedule.label())
    }

    /// # Errors
    /// When the path is another.
    pub fn need(&self, kind: &str, path: PathName) -> Result<()> {
        let own = self.schedule().path;
        ensure!(own == path, "{kind} is a question about diffusion.path = \"{}\", not \"{}\"", path.name(), own.name());
        Ok(())
    }
}
