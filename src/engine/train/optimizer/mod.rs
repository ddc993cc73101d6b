//! The optimizer: AdamW for every parameter, or Muon for the matrices inside the network and AdamW for the rest.

mod adamw;
mod muon;
mod update;

use anyhow::{Result, ensure};
use candle_core::{Tensor, Var};

pub use adamw::{AdamW, AdamWSettings};
pub use muon::Muon;
pub use update::Update;

use crate::config::{OptimizerName, TrainConfig};
use crate::kernels::Workers;

/// All parameters, each with the method that moves it.
pub struct Optimizer {
    adamw: AdamW,
    muon: Muon,
    /// Which parameters are Muon's, in their order.
    is_muon: Vec<bool>,
}

impl Optimizer {
    /// All moments zero. `matrix` says by its name whether a parameter is a matrix inside the network, which
    /// [`OptimizerName::Muon`] moves.
    ///
    /// # Errors
    /// When the device has no memory for the moments.
    pub fn new(parameters: &[(String, Var)], config: &TrainConfig, matrix: impl Fn(&str) -> bool) -> Result<Self> {
        let muon = config.optimizer == OptimizerName::Muon;
        let is_muon: Vec<bool> = parameters.iter().map(|(name, _)| muon && matrix(name)).collect();
        let of = |wanted: bool| -> Vec<(String, Var)> {
            let all = parameters.iter().zip(&is_muon);
            all.filter(|(_, is)| **is == wanted).map(|(parameter, _)| parameter.clone()).collect()
        };
        let (adamw, muon) = (AdamW::new(&of(false), config.into())?, Muon::new(&of(true), config.into())?);
        Ok(Self { adamw, muon, is_muon })
    }

    /// One update of all parameters and of their averages; `gradients` and `averages` are in the order of the
    /// parameters.
    ///
    /// # Errors
    /// When their numbers or shapes are not those of the parameters.
    pub fn step<'a>(
        &mut self,
        gradients: &[Tensor],
        averages: impl Iterator<Item = &'a Var>,
        update: Update,
        workers: &Workers,
    ) -> Result<()> {
        let count = self.is_muon.len();
        ensure!(gradients.len() == count, "{} gradients for {count} parameters", gradients.len());
        let (mut muon, mut adamw) = (Vec::new(), Vec::new());
        for ((gradient, average), is_muon) in gradients.iter().zip(averages).zip(&self.is_muon) {
            if *is_muon { &mut muon } else { &mut adamw }.push((gradient, average));
        }
        let (gradients, averages): (Vec<_>, Vec<_>) = adamw.into_iter().unzip();
        self.adamw.step(&gradients, &averages, update, workers)?;
        let (gradients, averages): (Vec<_>, Vec<_>) = muon.into_iter().unzip();
        self.muon.step(&gradients, &averages, update, workers)
    }

    /// The moments by name (`m.<parameter>`, and with AdamW `v.<parameter>`), for the checkpoint.
    pub fn moments(&self) -> Vec<(String, Tensor)> {
        self.adamw.moments().into_iter().chain(self.muon.moments()).collect()
    }

    /// Takes over saved moments; `find` looks a name of [`Self::moments`] up.
    ///
    /// # Errors
    /// When one is missing or has another shape; the message names it.
    pub fn restore(&mut self, find: impl Fn(&str) -> Option<Tensor>) -> Result<()> {
        self.adamw.restore(&find)?;
        self.muon.restore(find)
    }
}
