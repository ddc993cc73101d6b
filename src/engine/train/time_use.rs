//! Does the network really use the time it is told?
//!
//! A common bug in hand-written models is a time embedding that goes nowhere: the loss still falls,
//! because x_t shows by itself how noisy it is, and only the samples stay poor.

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::times::at_share;
use crate::diffusion::{Parameterization, combine};
use crate::nn::Net;
use crate::random::{Stream, generator, normal};

/// How much a network's answers depend on t alone.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeUse {
    /// Relative change of the network's output when it is told another t for the same x_t.
    pub output: f64,
    /// The same of each block's output when that block alone is told another t.
    pub blocks: Vec<(String, f64)>,
}

/// Places on the path, as shares of it, at which a network is asked, and told of one another.
const PLACES: [f64; 3] = [0.2, 0.5, 0.8];

impl TimeUse {
    /// A network whose output changes by less hardly uses t. Those that learn change by tens of percent.
    pub const LEAST: f64 = 0.01;

    /// Asks the network about noisy versions of `x_0` `[N, H, W, C]` (about [-1, 1]) at three noise levels,
    /// each time with the true t and with those of the other two. A class-conditional network is asked for
    /// its null class. With `blocks`, every block is measured too, which takes as many times as long.
    ///
    /// Relative change: √(Σ ‖f(x_t, t') − f(x_t, t)‖² / Σ ‖f(x_t, t)‖²).
    ///
    /// # Errors
    /// When `x_0` does not fit the network.
    pub fn measure(net: &Net, parameterization: &Parameterization, x_0: &Tensor, blocks: bool) -> Result<Self> {
        let (n, device) = (x_0.dim(0)?, x_0.device());
        let names = if blocks { net.blocks() } else { Vec::new() };
        let labels = net.num_classes().map(|null| Tensor::from_vec(vec![null as u32; n], n, device)).transpose()?;
        let levels = PLACES.map(|share| {
            let schedule = &parameterization.schedule;
            schedule.level(at_share(schedule, share))
        });
        let time = |i: usize| -> Result<Tensor> {
            Ok(Tensor::from_vec(vec![parameterization.network_time(levels[i]) as f32; n], n, device)?)
        };
        let mut output = Change::default();
        let mut changes: Vec<Change> = names.iter().map(|_| Change::default()).collect();
        for (i, &at) in levels.iter().enumerate() {
            let noise = normal(&mut generator(0, Stream::HeldOutNoise, 1 + i as u64), x_0.elem_count());
            let epsilon = Tensor::from_vec(noise, x_0.shape(), &Device::Cpu)?.to_device(device)?;
            let scale = parameterization.input_scale(at);
            let x = combine(scale * at.alpha, x_0, scale * at.sigma, &epsilon)?;
            let told = (0..levels.len()).filter(|j| *j != i).map(time).collect::<Result<Vec<_>>>()?;
            let t = time(i)?;
            let ask = |t: &Tensor| net.forward(&x, t, labels.as_ref());
            output.add(&ask(&t)?, told.iter().map(ask))?;
            for (block, change) in changes.iter_mut().enumerate() {
                let ask = |told: &Tensor| net.block_output(&x, &t, labels.as_ref(), block, told);
                change.add(&ask(&t)?, told.iter().map(ask))?;
            }
        }
        let blocks = names.into_iter().zip(changes.iter().map(Change::relative)).collect();
        Ok(Self { output: output.relative(), blocks })
    }

    /// Are the network's outputs numbers? If not, nothing can be said of them.
    pub fn is_measured(&self) -> bool {
        self.output.is_finite()
    }

    /// Does the output depend on t?
    pub fn is_used(&self) -> bool {
        self.output >= Self::LEAST
    }

    /// The verdict in a sentence, with the number and, where it is bad, what to look at.
    pub fn verdict(&self) -> String {
        if !self.is_measured() {
            return "the network's outputs are NaN or infinite, whatever t it is told".into();
        }
        let percent = percent(self.output);
        if self.is_used() {
            return format!(
                "the network uses t, as it should: told another t, it changes its output for the same x_t by {percent}"
            );
        }
        format!(
            "the network hardly uses t: told another t for the same x_t, its output changes by {percent} only (those \
             that learn change by tens of percent). Does the time embedding reach every block, and is t, not 0 or a \
             constant, what the network is given?"
        )
    }
}

/// A share as a percentage, small ones with their digits.
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0 %".into(),
        p if p.is_nan() => "NaN".into(),
        p if p < 0.01 => format!("{p:.1e} %"),
        p if p < 10.0 => format!("{p:.2} %"),
        p => format!("{p:.0} %"),
    }
}

/// Sums of squares: of the changes, and of what was changed.
#[derive(Default)]
struct Change {
    changed: f64,
    whole: f64,
}

impl Change {
    fn add(&mut self, plain: &Tensor, others: impl Iterator<Item = Result<Tensor>>) -> Result<()> {
        let squares = |x: &Tensor| -> Result<f64> { Ok(f64::from(x.sqr()?.sum_all()?.to_scalar::<f32>()?)) };
        let whole = squares(plain)?;
        for other in others {
            self.changed += squares(&(other? - plain)?)?;
            self.whole += whole;
        }
        Ok(())
    }

    fn relative(&self) -> f64 {
        // Only an output of zeros is 0; NaN stays NaN.
        if self.whole == 0.0 { 0.0 } else { (self.changed / self.whole).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, DiffusionConfig, ModelConfig, NetworkKind};
    use crate::nn::{NetConfig, Weights};

    fn measured(kind: NetworkKind, change: impl Fn(&str, Tensor) -> Tensor) -> TimeUse {
        let model = ModelConfig {
            kind,
            block_out_channels: vec![8, 16],
            norm_num_groups: 4,
            hidden_width: 32,
            hidden_layers: 2,
            ..ModelConfig::default()
        };
        let config = NetConfig::new(&Config { model, ..Config::default() }, 4, 4, 1, None);
        let weights = Weights::init(&config, 0, &Device::Cpu).unwrap();
        let weights = weights.iter().map(|(name, tensor)| (name.to_string(), change(name, tensor.clone()))).collect();
        let net = Net::new(&config, &Weights::from_map(weights)).unwrap();
        let parameterization = Parameterization::from_config(&DiffusionConfig::default()).unwrap();
        let x_0 = Tensor::arange(0f32, 64.0, &Device::Cpu).unwrap().reshape((4, 4, 4, 1)).unwrap();
        let x_0 = x_0.affine(1.0 / 32.0, -1.0).unwrap();
        TimeUse::measure(&net, &parameterization, &x_0, true).unwrap()
    }

    /// Weights that carry the time into the blocks.
    fn carries_time(name: &str) -> bool {
        name.contains("time_emb_proj") || name.contains(".time.")
    }

    #[test]
    fn a_time_path_of_zeros_is_noticed_and_a_healthy_one_is_not() {
        for (kind, blocks) in [(NetworkKind::Unet, 5), (NetworkKind::Mlp, 2)] {
            let healthy = measured(kind, |_, tensor| tensor);
            assert!(healthy.is_used(), "{healthy:?}");
            assert!(healthy.verdict().starts_with("the network uses t"), "{}", healthy.verdict());
            assert_eq!(healthy.blocks.len(), blocks);
            assert!(healthy.blocks.iter().all(|(_, change)| *change > 0.0), "{healthy:?}");
            let blind = measured(kind, |name, tensor| match carries_time(name) {
                true => tensor.zeros_like().unwrap(),
                false => tensor,
            });
            assert_eq!(blind.output, 0.0);
            assert!(!blind.is_used() && blind.verdict().contains("by 0 % only"), "{}", blind.verdict());
            assert!(blind.blocks.iter().all(|(_, change)| *change == 0.0), "{blind:?}");
            let faint = measured(kind, |name, tensor| match carries_time(name) {
                true => (tensor * 1e-4).unwrap(),
                false => tensor,
            });
            assert!(faint.output > 0.0 && !faint.is_used(), "{faint:?}");
        }
    }

    #[test]
    fn a_network_that_says_nan_is_not_taken_for_one_that_ignores_t() {
        let broken = measured(NetworkKind::Unet, |name, tensor| match name {
            "conv_in.bias" => (tensor + f64::NAN).unwrap(),
            _ => tensor,
        });
        assert!(!broken.is_measured() && !broken.is_used(), "{broken:?}");
        assert!(broken.verdict().starts_with("the network's outputs are NaN"), "{}", broken.verdict());
        let silent = measured(NetworkKind::Unet, |name, tensor| match name.starts_with("conv_out") {
            true => tensor.zeros_like().unwrap(),
            false => tensor,
        });
        assert!(silent.is_measured() && silent.output == 0.0, "{silent:?}");
    }

    #[test]
    fn one_deaf_block_is_told_apart() {
        let one =
            measured(NetworkKind::Unet, |name, tensor| match name.starts_with("mid_block") && carries_time(name) {
                true => tensor.zeros_like().unwrap(),
                false => tensor,
            });
        for (name, change) in &one.blocks {
            assert_eq!(*change == 0.0, name == "mid_block", "{name}: {change}");
        }
        assert!(one.is_used());
    }

    #[test]
    fn percentages_keep_their_digits() {
        assert_eq!([0.0, 0.00001, 0.0123, 0.634].map(percent), ["0 %", "1.0e-3 %", "1.23 %", "63 %"]);
    }
}
