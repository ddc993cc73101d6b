//! AdamW (Loshchilov & Hutter 2019), with moments that can be saved and restored.

use anyhow::{Context, Result, ensure};
use candle_core::{Tensor, Var};

use super::in_place::{update2, update3};
use crate::config::TrainConfig;

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

/// The optimizer: parameters and, for each, its two moments.
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

/// The numbers of one update, the same for every parameter.
#[derive(Clone, Copy)]
struct Now {
    settings: AdamWSettings,
    /// Bias corrections 1 − β₁ᵗ and 1 − β₂ᵗ.
    correct1: f64,
    correct2: f64,
    gradient_scale: f64,
    lr: f64,
}

impl Slot {
    /// Three passes over memory that stays in the cache; nothing is allocated.
    fn update_in_place(&self, gradient: &Tensor, now: Now) -> Result<()> {
        let AdamWSettings { beta1, beta2, eps, weight_decay } = now.settings;
        let scale = now.gradient_scale as f32;
        let (b1, b2) = (beta1 as f32, beta2 as f32);
        let (g1, g2) = ((1.0 - beta1) as f32 * scale, (1.0 - beta2) as f32);
        update2(&self.first, gradient, |m, g| b1 * m + g1 * g)?;
        update2(&self.second, gradient, |v, g| b2 * v + g2 * (g * scale) * (g * scale))?;
        // lr · m̂ / (√v̂ + ε) with the bias corrections pulled out of the loop.
        let rate = (now.lr / now.correct1) as f32;
        let root = (1.0 / now.correct2.sqrt()) as f32;
        let (eps, keep) = (eps as f32, (1.0 - now.lr * weight_decay) as f32);
        Ok(update3(&self.parameter, &self.first, &self.second, |p, m, v| {
            keep * p - rate * m / (v.sqrt() * root + eps)
        })?)
    }

    /// The same with whole tensors, on any device.
    fn update_by_tensors(&self, gradient: &Tensor, now: Now) -> Result<()> {
        let AdamWSettings { beta1, beta2, eps, weight_decay } = now.settings;
        let gradient = (gradient * now.gradient_scale)?;
        let first = ((self.first.as_tensor() * beta1)? + (&gradient * (1.0 - beta1))?)?;
        let second = ((self.second.as_tensor() * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
        let denominator = ((&second / now.correct2)?.sqrt()? + eps)?;
        let update = ((&first / denominator)? * (now.lr / now.correct1))?;
        let parameter = ((self.parameter.as_tensor() * (1.0 - now.lr * weight_decay))? - update)?;
        self.first.set(&first)?;
        self.second.set(&second)?;
        Ok(self.parameter.set(&parameter)?)
    }
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

    /// One update with learning rate `lr`; `step` counts from 1 (it corrects the moments' bias).
    /// `gradients` are in the order of the parameters, and are multiplied by `gradient_scale` first
    /// (clipping).
    ///
    /// θ ← θ − lr·(m̂ / (√v̂ + ε) + weight_decay·θ)
    pub fn step(&mut self, gradients: &[Tensor], gradient_scale: f64, lr: f64, step: u64) -> Result<()> {
        ensure!(
            gradients.len() == self.slots.len(),
            "{} gradients for {} parameters",
            gradients.len(),
            self.slots.len()
        );
        let now = Now {
            settings: self.settings,
            correct1: 1.0 - self.settings.beta1.powf(step as f64),
            correct2: 1.0 - self.settings.beta2.powf(step as f64),
            gradient_scale,
            lr,
        };
        for (slot, gradient) in self.slots.iter().zip(gradients) {
            let gradient = gradient.contiguous()?;
            match slot.parameter.device().is_cpu() {
                true => slot.update_in_place(&gradient, now)?,
                false => slot.update_by_tensors(&gradient, now)?,
            }
        }
        Ok(())
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
                let saved = saved.to_device(moment.device())?;
                moment.set(&saved).with_context(|| format!("restoring the optimizer's moment {name}"))?;
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

    #[test]
    fn it_equals_the_paper_written_out_in_f64() {
        let settings = AdamWSettings { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.05 };
        let start: Vec<f32> = (0..7).map(|i| i as f32 * 0.3 - 1.0).collect();
        let var = Var::from_vec(start.clone(), 7, &Device::Cpu).unwrap();
        let mut ours = AdamW::new(&[("p".into(), var.clone())], settings).unwrap();
        let mut plain = Plain { settings, m: vec![0.0; 7], v: vec![0.0; 7] };
        let mut expected: Vec<f64> = start.iter().map(|&x| x as f64).collect();
        for step in 1..=200 {
            let g = gradient(step);
            let lr = 1e-2 / step as f64;
            ours.step(&[Tensor::new(&g[..], &Device::Cpu).unwrap()], 0.7, lr, step as u64).unwrap();
            let g: Vec<f64> = g.iter().map(|&x| x as f64).collect();
            plain.step(&mut expected, &g, 0.7, lr, step as i32);
        }
        for (ours, expected) in var.to_vec1::<f32>().unwrap().iter().zip(&expected) {
            assert!((*ours as f64 - expected).abs() < 2e-6, "{ours} against {expected}");
        }
    }

    #[test]
    fn both_ways_to_update_agree() {
        let settings = AdamWSettings { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.05 };
        let slot = || {
            let parameter = Var::from_vec(vec![0.5f32; 7], 7, &Device::Cpu).unwrap();
            let zeros = || Var::zeros(7, candle_core::DType::F32, &Device::Cpu).unwrap();
            Slot { name: "p".into(), parameter, first: zeros(), second: zeros() }
        };
        let (a, b) = (slot(), slot());
        for step in 1..=50 {
            let g = Tensor::new(&gradient(step)[..], &Device::Cpu).unwrap();
            let (correct1, correct2) = (1.0 - 0.9f64.powi(step as i32), 1.0 - 0.999f64.powi(step as i32));
            let now = Now { settings, correct1, correct2, gradient_scale: 0.7, lr: 1e-2 };
            a.update_in_place(&g, now).unwrap();
            b.update_by_tensors(&g, now).unwrap();
        }
        for (a, b) in [(&a.parameter, &b.parameter), (&a.first, &b.first), (&a.second, &b.second)] {
            for (a, b) in a.to_vec1::<f32>().unwrap().iter().zip(b.to_vec1::<f32>().unwrap()) {
                assert!((a - b).abs() < 1e-5, "{a} against {b}");
            }
        }
    }

    #[test]
    fn restored_moments_go_on_bit_for_bit() {
        let settings = AdamWSettings { beta1: 0.9, beta2: 0.99, eps: 1e-8, weight_decay: 0.0 };
        let named = |values: Vec<f32>| vec![("p".to_string(), Var::from_vec(values, 7, &Device::Cpu).unwrap())];
        let run = |optimizer: &mut AdamW, steps: std::ops::Range<usize>| {
            for step in steps {
                let g = Tensor::new(&gradient(step)[..], &Device::Cpu).unwrap();
                optimizer.step(&[g], 1.0, 1e-2, step as u64).unwrap();
            }
        };
        let straight = named(vec![0.5; 7]);
        let mut optimizer = AdamW::new(&straight, settings).unwrap();
        run(&mut optimizer, 1..21);

        let first = named(vec![0.5; 7]);
        let mut optimizer = AdamW::new(&first, settings).unwrap();
        run(&mut optimizer, 1..11);
        let saved = optimizer.moments();
        let second = named(first[0].1.to_vec1::<f32>().unwrap());
        let mut resumed = AdamW::new(&second, settings).unwrap();
        resumed.restore(|name| saved.iter().find(|(n, _)| n == name).map(|(_, t)| t.clone())).unwrap();
        run(&mut resumed, 11..21);
        assert_eq!(straight[0].1.to_vec1::<f32>().unwrap(), second[0].1.to_vec1::<f32>().unwrap());
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
