//! The exponential moving average of the weights: what previews, snapshots and samples use.

use anyhow::Result;
use candle_core::{Tensor, Var};

/// An average of the weights over the recent past, kept beside them.
pub struct Ema {
    largest_decay: f64,
    averages: Vec<(String, Var)>,
}

impl Ema {
    /// Starts as a copy of the weights. `largest_decay` is in [0, 1).
    ///
    /// # Errors
    /// When the device has no memory for the copy.
    pub fn new(parameters: &[(String, Var)], largest_decay: f64) -> Result<Self> {
        let averages = parameters
            .iter()
            .map(|(name, parameter)| Ok((name.clone(), Var::from_tensor(&parameter.as_tensor().copy()?)?)))
            .collect::<Result<_>>()?;
        Ok(Self { largest_decay, averages })
    }

    /// Decay after `step` steps: min(largest, (1 + n)/(10 + n)). Early averages would otherwise be
    /// mostly the random start, and their samples noise.
    pub fn decay(&self, step: u64) -> f64 {
        self.largest_decay.min((1.0 + step as f64) / (10.0 + step as f64))
    }

    /// average ← average + (1 − decay)·(parameter − average), after the step number `step` (from 1).
    /// `parameters` are in the order of [`Self::new`]. Written as a step towards the parameter: exact
    /// when both are equal.
    pub fn update<'a>(&mut self, parameters: impl IntoIterator<Item = &'a Var>, step: u64) -> Result<()> {
        let fresh = 1.0 - self.decay(step);
        for (average, parameter) in self.averages().zip(parameters) {
            let change = ((parameter.as_tensor() - average.as_tensor())? * fresh)?;
            average.set(&(average.as_tensor() + change)?)?;
        }
        Ok(())
    }

    /// The averages in the order of the parameters.
    pub(super) fn averages(&self) -> impl Iterator<Item = &Var> {
        self.averages.iter().map(|(_, average)| average)
    }

    /// The averages by name. They share storage with the ones kept here, and so are always the
    /// newest; no gradient is recorded through them.
    pub fn weights(&self) -> Vec<(String, Tensor)> {
        self.averages.iter().map(|(name, average)| (name.clone(), average.as_detached_tensor())).collect()
    }

    /// Takes over saved averages.
    ///
    /// # Errors
    /// When one is missing or has another shape; the message names it.
    pub fn restore(&mut self, find: impl Fn(&str) -> Option<Tensor>) -> Result<()> {
        super::state::set_all(&self.averages, find, "the average of")
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn parameter(value: f32) -> Vec<(String, Var)> {
        vec![("p".into(), Var::from_vec(vec![value; 2], 2, &Device::Cpu).unwrap())]
    }

    #[test]
    fn the_decay_warms_up_to_its_largest_value() {
        let ema = Ema::new(&parameter(0.0), 0.999).unwrap();
        assert!((ema.decay(1) - 2.0 / 11.0).abs() < 1e-12);
        assert!((ema.decay(90) - 0.91).abs() < 1e-12);
        assert_eq!(ema.decay(1_000_000), 0.999);
    }

    #[test]
    fn it_follows_the_recurrence_and_shares_its_storage() {
        let parameters = parameter(0.0);
        let mut ema = Ema::new(&parameters, 0.9).unwrap();
        let view = ema.weights();
        let mut expected = 0.0f64;
        for step in 1..=50u64 {
            let value = (step as f32 * 0.37).sin();
            parameters[0].1.set(&Tensor::new(&[value, value], &Device::Cpu).unwrap()).unwrap();
            ema.update(parameters.iter().map(|(_, var)| var), step).unwrap();
            let decay = ((1.0 + step as f64) / (10.0 + step as f64)).min(0.9);
            expected = decay * expected + (1.0 - decay) * value as f64;
        }
        let seen = view[0].1.to_vec1::<f32>().unwrap()[0] as f64;
        assert!((seen - expected).abs() < 1e-6, "{seen} against {expected}");
    }

    #[test]
    fn the_average_of_a_constant_is_that_constant() {
        let parameters = parameter(0.1);
        let mut ema = Ema::new(&parameters, 0.999).unwrap();
        for step in 1..100 {
            ema.update(parameters.iter().map(|(_, var)| var), step).unwrap();
        }
        assert_eq!(ema.weights()[0].1.to_vec1::<f32>().unwrap(), [0.1, 0.1]);
    }
}
