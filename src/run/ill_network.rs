//! Is it the network itself, and not the way it is sampled, that gives NaN?

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use candle_core::Device;

use super::checkpoint;
use super::finite::is_finite;
use super::loaded_model::LoadedModel;
use crate::kernels::Workers;
use crate::nn::diffusers;
use crate::sampling::{network_denoiser, starting_noise};

impl LoadedModel {
    /// Where the network answers noise half-way with NaN or infinite values, asked for any of these classes or for
    /// none: a sentence that says so, with the weights that are no finite numbers (names and counts). `None` where its
    /// answers are numbers.
    ///
    /// # Errors
    /// When the network can't be asked.
    pub fn ill(&self, classes: Option<&[usize]>) -> Result<Option<String>> {
        if self.answers_with_numbers(classes)? {
            return Ok(None);
        }
        Ok(Some(match self.broken_weights()? {
            Some(broken) => format!("the network's outputs are NaN, since its weights are broken: {broken}"),
            None => {
                "the network's outputs are NaN or infinite, though its weights are finite: they have grown too large"
                    .into()
            }
        }))
    }

    /// The weights that are no finite numbers, if any: names and counts.
    ///
    /// # Errors
    /// When they can't be looked through.
    pub fn broken_weights(&self) -> Result<Option<String>> {
        diffusers::not_finite(&self.weights)
    }

    /// What can be done about such a network.
    pub fn cure(&self) -> String {
        let run = self.checkpoint.parent().and_then(Path::parent);
        let others: Vec<String> = run
            .map(checkpoint::all)
            .unwrap_or_default()
            .into_iter()
            .filter(|(step, _)| *step != self.step)
            .map(|(step, _)| step.to_string())
            .collect();
        match others.is_empty() {
            true => "no flag can fix that, and the run has no other checkpoint: train it again".into(),
            false => format!("another of its checkpoints may be intact, --checkpoint STEP: {}", others.join(", ")),
        }
    }

    fn answers_with_numbers(&self, classes: Option<&[usize]>) -> Result<bool> {
        let schedule = &self.parameterization.schedule;
        let at = schedule.level((schedule.timesteps() / 2) as f64);
        let workers = Arc::new(Workers::new(0)?);
        let mut asked = classes.unwrap_or_default().to_vec();
        asked.sort_unstable();
        asked.dedup();
        let (h, w, c) = self.sample_shape;
        for labels in [None, Some(asked).filter(|asked| !asked.is_empty())] {
            let num = labels.as_ref().map_or(1, Vec::len);
            let x_t = (starting_noise(num, h, w, c, 0, &Device::Cpu)? * at.alpha.hypot(at.sigma))?;
            let denoiser =
                network_denoiser(&self.net, &self.parameterization, labels.as_deref(), 0.0, workers.clone())?;
            let answer = denoiser.predict(&x_t, at)?;
            if !is_finite(&answer.x_0)? || !is_finite(&answer.epsilon)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
