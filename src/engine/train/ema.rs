//! The exponential moving average of the weights: what previews, snapshots and samples use.

use anyhow::Result;
use candle_core::{Tensor, Var};

use crate::kernels::changes;

/// An average of the weights over the recent past, kept beside them.
pub struct Ema {
    largest_decay: f64,
    power: f64,
    averages: Vec<(String, Var)>,
}

impl Ema {
    /// Starts as a copy of the weights. `largest_decay` is in [0, 1), `power` is γ or 0.
    ///
    /// # Errors
    /// When the device has no memory for the copy.
    pub fn new(parameters: &[(String, Var)], (largest_decay, power): (f64, f64)) -> Result<Self> {
        let averages = parameters
            .iter()
            .map(|(name, parameter)| Ok((name.clone(), Var::from_tensor(&parameter.as_tensor().copy()?)?)))
            .collect::<Result<_>>()?;
        Ok(Self { largest_decay, power, averages })
    }

    /// Decay after `step` steps (from 1): min(largest, (1 + n)/(10 + n)), or with a power γ above 0 min(largest,
    /// (1 − 1/n)^(γ + 1)), whose average weights step i by i^γ (Karras et al. 2024, arXiv:2312.02696, eq. 2). Early
    /// averages would otherwise be mostly the random start, and their samples noise.
    pub fn decay(&self, step: u64) -> f64 {
        let n = step as f64;
        let rising = if self.power > 0.0 { (1.0 - 1.0 / n).powf(self.power + 1.0) } else { (1.0 + n) / (10.0 + n) };
        self.largest_decay.min(rising)
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

/// average ← average + fresh·(parameter − average). Written as a step towards the parameter: exact when both are equal.
pub(super) fn approach(average: &Var, parameter: &Var, fresh: f64) -> Result<()> {
    let change = ((parameter.as_tensor() - average.as_tensor())? * fresh)?;
    average.set(&(average.as_tensor() + change)?)?;
    changes::note();
    Ok(())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn parameter(value: f32) -> Vec<(String, Var)> {
        vec![("p".into(), Var::from_vec(vec![value; 2], 2, &Device::Cpu).unwrap())]
    }

    fn update(ema: &mut Ema, parameters: &[(String, Var)], step: u64) {
        let fresh = 1.0 - ema.decay(step);
        for (average, (_, parameter)) in ema.averages().zip(parameters) {
            approach(average, parameter, fresh).unwrap();
        }
    }

    #[test]
    fn a_power_weights_each_step_by_it() {
        let gamma = 2.0;
        let parameters = parameter(0.0);
        let mut ema = Ema::new(&parameters, (0.9999, gamma)).unwrap();
        let value = |step: u64| (step as f64 * 0.11).sin() + 2.0;
        for step in 1..=2000u64 {
            parameters[0].1.set(&Tensor::new(&[value(step) as f32; 2], &Device::Cpu).unwrap()).unwrap();
            update(&mut ema, &parameters, step);
        }
        let sum = |f: &dyn Fn(u64) -> f64| (1..=2000).map(f).sum::<f64>();
        let power = |step: u64| (step as f64).powf(gamma);
        let want = sum(&|step| power(step) * value(step)) / sum(&power);
        let seen = ema.weights()[0].1.to_vec1::<f32>().unwrap()[0] as f64;
        assert!((seen - want).abs() < 2e-3, "{seen}, not {want}");
        assert_eq!(Ema::new(&parameters, (0.99, gamma)).unwrap().decay(1_000_000), 0.99);
    }

    #[test]
    fn the_decay_warms_up_to_its_largest_value() {
        let ema = Ema::new(&parameter(0.0), (0.999, 0.0)).unwrap();
        assert!((ema.decay(1) - 2.0 / 11.0).abs() < 1e-12);
        assert!((ema.decay(90) - 0.91).abs() < 1e-12);
        assert_eq!(ema.decay(1_000_000), 0.999);
    }

    #[test]
    fn it_follows_the_recurrence_and_shares_its_storage() {
        let parameters = parameter(0.0);
        let mut ema = Ema::new(&parameters, (0.9, 0.0)).unwrap();
        let view = ema.weights();
        let mut expected = 0.0f64;
        for step in 1..=50u64 {
            let value = (step as f32 * 0.37).sin();
            parameters[0].1.set(&Tensor::new(&[value, value], &Device::Cpu).unwrap()).unwrap();
            update(&mut ema, &parameters, step);
            let decay = ((1.0 + step as f64) / (10.0 + step as f64)).min(0.9);
            expected = decay * expected + (1.0 - decay) * value as f64;
        }
        let seen = view[0].1.to_vec1::<f32>().unwrap()[0] as f64;
        assert!((seen - expected).abs() < 1e-6, "{seen} against {expected}");
    }

    #[test]
    fn the_average_of_a_constant_is_that_constant() {
        let parameters = parameter(0.1);
        let mut ema = Ema::new(&parameters, (0.999, 0.0)).unwrap();
        for step in 1..100 {
            update(&mut ema, &parameters, step);
        }
        assert_eq!(ema.weights()[0].1.to_vec1::<f32>().unwrap(), [0.1, 0.1]);
    }

    #[test]
    fn weights_that_were_packed_of_the_averages_are_packed_anew_after_a_step() {
        use crate::config::Precision::F32;
        use crate::kernels::{Padding, conv2d, keeping_weights};
        let of = |value: f32, shape: &[usize]| Tensor::full(value, shape, &Device::Cpu).unwrap();
        let parameter = Var::from_tensor(&of(3.0, &[3, 3, 16, 16])).unwrap();
        let average = Var::from_tensor(&of(1.0, &[3, 3, 16, 16])).unwrap();
        let (x, bias, weights) = (of(1.0, &[1, 4, 4, 16]), of(0.0, &[16]), average.as_detached_tensor());
        let kept = Default::default();
        let middle = || -> f32 {
            let y = keeping_weights(&kept, || conv2d(&x, &weights, &bias, 1, Padding::Same, F32)).unwrap();
            y.flatten_all().unwrap().get(5 * 16).unwrap().to_scalar().unwrap()
        };
        assert!((middle() - 144.0).abs() < 1e-3);
        approach(&average, &parameter, 0.5).unwrap();
        assert!((middle() - 288.0).abs() < 1e-3);
        super::super::state::put(&average, &parameter, "average").unwrap();
        assert!((middle() - 432.0).abs() < 1e-3);
    }
}
