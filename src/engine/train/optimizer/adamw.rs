//! AdamW (Loshchilov & Hutter 2019), with moments that can be saved and restored.

use anyhow::{Context, Result, ensure};
use candle_core::{Tensor, Var};

use super::update::Update;
use crate::config::TrainConfig;
use crate::kernels::optimizer::{self, AdamWStep};
use crate::kernels::{Workers, device};
use crate::train::ema::approach;
use crate::train::state::put;

/// The settings of AdamW that stay the same over a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWSettings {
    /// Decay of the first moment, in [0, 1).
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1).
    pub beta2: f64,
    /// ε in the denominator.
    pub eps: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl From<&TrainConfig> for AdamWSettings {
    fn from(config: &TrainConfig) -> Self {
        Self { beta1: config.beta1, beta2: config.beta2, eps: config.adam_eps, weight_decay: config.weight_decay }
    }
}

/// Parameters and, for each, its two moments.
pub struct AdamW {
    settings: AdamWSettings,
    slots: Vec<Slot>,
}

/// One parameter with its moments, all of one shape.
struct Slot {
    name: String,
    parameter: Var,
    /// m: exponential mean of the gradient.
    first: Var,
    /// v: exponential mean of the squared gradient.
    second: Var,
}

impl AdamW {
    /// All moments zero.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn new(parameters: &[(String, Var)], settings: AdamWSettings) -> Result<Self> {
        let slots = parameters
            .iter()
            .map(|(name, parameter)| {
                Ok(Slot {
                    name: name.clone(),
                    parameter: parameter.clone(),
                    first: Var::from_tensor(&parameter.zeros_like()?)?,
                    second: Var::from_tensor(&parameter.zeros_like()?)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { settings, slots })
    }

    /// One update of the parameters and of their averages; `gradients` and `averages` are in the order of the
    /// parameters.
    ///
    /// θ ← θ − lr·(m̂ / (√v̂ + ε) + weight_decay·θ)
    ///
    /// # Errors
    /// When the numbers or shapes of the gradients are not those of the parameters.
    pub fn step(&mut self, gradients: &[&Tensor], averages: &[&Var], update: Update, workers: &Workers) -> Result<()> {
        let count = self.slots.len();
        ensure!(gradients.len() == count, "{} gradients for {count} parameters", gradients.len());
        ensure!(averages.len() == count, "{} averages for {count} parameters", averages.len());
        let on_cpu = self.slots.iter().all(|slot| slot.parameter.device().is_cpu());
        let on_gpu =
            device::takes(gradients) && self.slots.iter().all(|slot| device::takes(&[slot.parameter.as_tensor()]));
        if on_cpu || on_gpu {
            self.step_fused(gradients, averages, update, on_cpu.then_some(workers))
        } else {
            self.step_by_tensors(gradients, averages, update)
        }
    }

    /// One pass over everything, by the workers or on a GPU.
    fn step_fused(
        &self,
        gradients: &[&Tensor],
        averages: &[&Var],
        update: Update,
        workers: Option<&Workers>,
    ) -> Result<()> {
        let AdamWSettings { beta1, beta2, eps, weight_decay } = self.settings;
        let (correct1, correct2) = self.corrections(update.updates);
        let fused = AdamWStep {
            gradient_scale: update.gradient_scale,
            betas: (beta1, beta2),
            eps,
            rate: update.lr / correct1,
            root: 1.0 / correct2.sqrt(),
            keep: 1.0 - update.lr * weight_decay,
            fresh: update.fresh,
        };
        let slots: Vec<optimizer::Slot> = self
            .slots
            .iter()
            .zip(averages)
            .zip(gradients)
            .map(|((slot, average), gradient)| optimizer::Slot {
                parameter: &slot.parameter,
                first_moment: &slot.first,
                second_moment: &slot.second,
                average,
                gradient,
            })
            .collect();
        match workers {
            Some(workers) => Ok(optimizer::adamw_ema_step(workers, &slots, &fused)?),
            None if slots.is_empty() => Ok(()),
            None => Ok(device::adamw_ema_step(&slots, &fused)?),
        }
    }

    /// The same with whole tensors, on any device.
    fn step_by_tensors(&self, gradients: &[&Tensor], averages: &[&Var], update: Update) -> Result<()> {
        let AdamWSettings { beta1, beta2, eps, weight_decay } = self.settings;
        let (correct1, correct2) = self.corrections(update.updates);
        for ((slot, average), gradient) in self.slots.iter().zip(averages).zip(gradients) {
            let gradient = (*gradient * update.gradient_scale)?;
            let first = ((slot.first.as_tensor() * beta1)? + (&gradient * (1.0 - beta1))?)?;
            let second = ((slot.second.as_tensor() * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let denominator = ((&second / correct2)?.sqrt()? + eps)?;
            let change = ((&first / denominator)? * (update.lr / correct1))?;
            let parameter = ((slot.parameter.as_tensor() * (1.0 - update.lr * weight_decay))? - change)?;
            slot.first.set(&first)?;
            slot.second.set(&second)?;
            slot.parameter.set(&parameter)?;
            approach(average, &slot.parameter, update.fresh)?;
        }
        Ok(())
    }

    /// Bias corrections 1 − β₁ᵗ and 1 − β₂ᵗ.
    fn corrections(&self, updates: u64) -> (f64, f64) {
        (1.0 - self.settings.beta1.powf(updates as f64), 1.0 - self.settings.beta2.powf(updates as f64))
    }

    /// The moments by name (`m.<parameter>`, `v.<parameter>`), for the checkpoint.
    pub fn moments(&self) -> Vec<(String, Tensor)> {
        self.slots
            .iter()
            .flat_map(|slot| {
                [
                    (format!("m.{}", slot.name), slot.first.as_detached_tensor()),
                    (format!("v.{}", slot.name), slot.second.as_detached_tensor()),
                ]
            })
            .collect()
    }

    /// Takes over saved moments; `find` looks a name of [`Self::moments`] up.
    ///
    /// # Errors
    /// When one is missing or has another shape; the message names it.
    pub fn restore(&mut self, find: impl Fn(&str) -> Option<Tensor>) -> Result<()> {
        for slot in &self.slots {
            for (prefix, moment) in [("m", &slot.first), ("v", &slot.second)] {
                let name = format!("{prefix}.{}", slot.name);
                let saved = find(&name).with_context(|| format!("the optimizer's moment {name} is missing"))?;
                put(moment, &saved, &format!("the optimizer's moment {name}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// AdamW as the paper writes it, one parameter at a time, in f64.
    struct Plain {
        settings: AdamWSettings,
        m: Vec<f64>,
        v: Vec<f64>,
    }

    impl Plain {
        fn step(&mut self, p: &mut [f64], g: &[f64], scale: f64, lr: f64, t: i32) {
            let s = self.settings;
            for i in 0..p.len() {
                let g = g[i] * scale;
                self.m[i] = s.beta1 * self.m[i] + (1.0 - s.beta1) * g;
                self.v[i] = s.beta2 * self.v[i] + (1.0 - s.beta2) * g * g;
                let m_hat = self.m[i] / (1.0 - s.beta1.powi(t));
                let v_hat = self.v[i] / (1.0 - s.beta2.powi(t));
                p[i] -= lr * (m_hat / (v_hat.sqrt() + s.eps) + s.weight_decay * p[i]);
            }
        }
    }

    fn gradient(step: usize) -> Vec<f32> {
        (0..7).map(|i| ((i * 31 + step * 17) % 23) as f32 / 11.0 - 1.0).collect()
    }

    /// One parameter of seven numbers with its optimizer and its average.
    struct Bench {
        parameter: Vec<(String, Var)>,
        optimizer: AdamW,
        average: Var,
        workers: Workers,
    }

    fn bench(settings: AdamWSettings, start: Vec<f32>) -> Bench {
        let parameter = vec![("p".to_string(), Var::from_vec(start, 7, &Device::Cpu).unwrap())];
        Bench {
            optimizer: AdamW::new(&parameter, settings).unwrap(),
            average: Var::from_tensor(&parameter[0].1.copy().unwrap()).unwrap(),
            workers: Workers::new(2).unwrap(),
            parameter,
        }
    }

    impl Bench {
        fn values(&self) -> Vec<f32> {
            self.parameter[0].1.to_vec1().unwrap()
        }

        fn step(&mut self, update: Update) {
            let gradient = Tensor::new(&gradient(update.updates as usize)[..], &Device::Cpu).unwrap();
            self.optimizer.step(&[&gradient], &[&self.average], update, &self.workers).unwrap();
        }
    }

    fn update(step: u64) -> Update {
        Update { updates: step, lr: 1e-2 / step as f64, gradient_scale: 0.7, fresh: 0.1 }
    }

    const SETTINGS: AdamWSettings = AdamWSettings { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.05 };

    #[test]
    fn it_equals_the_paper_written_out_in_f64() {
        let start: Vec<f32> = (0..7).map(|i| i as f32 * 0.3 - 1.0).collect();
        let mut ours = bench(SETTINGS, start.clone());
        let mut plain = Plain { settings: SETTINGS, m: vec![0.0; 7], v: vec![0.0; 7] };
        let mut expected: Vec<f64> = start.iter().map(|&x| x as f64).collect();
        for step in 1..=200 {
            ours.step(update(step));
            let g: Vec<f64> = gradient(step as usize).iter().map(|&x| x as f64).collect();
            plain.step(&mut expected, &g, 0.7, update(step).lr, step as i32);
        }
        for (ours, expected) in ours.values().iter().zip(&expected) {
            assert!((*ours as f64 - expected).abs() < 2e-6, "{ours} against {expected}");
        }
    }

    #[test]
    fn both_ways_to_step_agree() {
        let (mut fused, tensors) = (bench(SETTINGS, vec![0.5; 7]), bench(SETTINGS, vec![0.5; 7]));
        for step in 1..=50 {
            fused.step(update(step));
            let g = Tensor::new(&gradient(step as usize)[..], &Device::Cpu).unwrap();
            tensors.optimizer.step_by_tensors(&[&g], &[&tensors.average], update(step)).unwrap();
        }
        let all = |bench: &Bench| {
            let mut all = bench.values();
            for (_, tensor) in bench.optimizer.moments() {
                all.extend(tensor.to_vec1::<f32>().unwrap());
            }
            all.extend(bench.average.to_vec1::<f32>().unwrap());
            all
        };
        let (fused, tensors) = (all(&fused), all(&tensors));
        assert_eq!(fused.len(), 4 * 7, "parameter, two moments, average");
        for (a, b) in fused.iter().zip(&tensors) {
            assert!((a - b).abs() < 1e-5, "{a} against {b}");
        }
    }

    #[test]
    fn restored_moments_go_on_bit_for_bit() {
        let mut straight = bench(SETTINGS, vec![0.5; 7]);
        (1..=20).for_each(|step| straight.step(update(step)));
        let mut first = bench(SETTINGS, vec![0.5; 7]);
        (1..=10).for_each(|step| first.step(update(step)));
        let saved = first.optimizer.moments();
        let mut resumed = bench(SETTINGS, first.values());
        resumed.optimizer.restore(|name| saved.iter().find(|(n, _)| n == name).map(|(_, t)| t.clone())).unwrap();
        (11..=20).for_each(|step| resumed.step(update(step)));
        assert_eq!(straight.values(), resumed.values());
    }

    #[test]
    fn a_missing_moment_is_named() {
        let settings = AdamWSettings { beta1: 0.9, beta2: 0.99, eps: 1e-8, weight_decay: 0.0 };
        let var = Var::from_vec(vec![0f32; 3], 3, &Device::Cpu).unwrap();
        let mut optimizer = AdamW::new(&[("conv_in.weight".into(), var)], settings).unwrap();
        let error = optimizer.restore(|_| None).unwrap_err().to_string();
        assert!(error.contains("m.conv_in.weight"), "{error}");
    }
}
