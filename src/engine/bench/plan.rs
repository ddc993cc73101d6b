//! Which measurements, and running them.

use std::sync::Arc;

use anyhow::Result;
use candle_core::Device;

use super::{BenchModel, BenchReport, Machine, Measured, Sgemm, Times, peak, sgemm};
use crate::config::Precision;
use crate::data::Dataset;
use crate::kernels::{Isa, Workers};
use crate::nn::{Flops, NetConfig, flops, parameter_count};
use crate::process::peak_resident_bytes;
use crate::sampling::{network_denoiser, starting_noise};
use crate::train::Trainer;

/// What to measure, and how often.
#[derive(Clone, Debug)]
pub struct BenchPlan {
    /// Batch sizes of training steps; may be empty.
    pub train: Vec<usize>,
    /// Batch sizes of calls of the network as samplers make them; may be empty.
    pub sample: Vec<usize>,
    /// Measure the matrix product too?
    pub sgemm: bool,
    /// Measure the machine's own limit too?
    pub peak: bool,
    /// Timed runs of each, if the machine is fast enough for so many.
    pub repeats: usize,
    /// Runs before them.
    pub warm_up: usize,
    pub device: Device,
    /// 0: one for each physical core.
    pub threads: usize,
}

impl BenchPlan {
    /// Measures. `say` is told what comes next.
    ///
    /// # Errors
    /// When the network can't be made or a step fails.
    pub fn run(&self, subject: &BenchModel, mut say: impl FnMut(&str)) -> Result<BenchReport> {
        let workers = Arc::new(Workers::new(self.threads)?);
        let net_config = subject.net_config();
        let (height, width, channels) = subject.image_shape;
        let flops = flops(&net_config, height, width)?;
        let mut report = BenchReport {
            difflab: env!("CARGO_PKG_VERSION"),
            config: subject.config.name.clone(),
            network: subject.config.model.kind.title(),
            image: [height, width, channels],
            in_latents: subject.config.diffuses_latents(),
            block_out_channels: match &net_config {
                NetConfig::UNet(config) => config.block_out_channels.clone(),
                NetConfig::Mlp(config) => vec![config.hidden_width; config.hidden_layers],
                NetConfig::Autoencoder(config) => config.widths().to_vec(),
            },
            parameters: parameter_count(&net_config)?,
            machine: Machine::new(&self.device, workers.threads()),
            train_precision: subject.multiplies_in(subject.config.train.precision, &self.device).name(),
            sample_precision: subject.multiplies_in(subject.config.sample.precision, &self.device).name(),
            train: Vec::new(),
            sample: Vec::new(),
            sgemm: None,
            peak: Vec::new(),
            peak_resident_bytes: None,
        };
        // The smallest first: each one's peak memory is then its own.
        for batch_size in ascending(&self.train) {
            say(&format!("training, {batch_size} images a step"));
            report.train.push(self.train(subject, flops, batch_size, &workers)?);
        }
        if self.sgemm {
            say(&format!("matrix product, {0} × {0}", sgemm::SIZE));
            let times = sgemm::measure(sgemm::SIZE, &self.device, &workers, self.warm_up, self.repeats)?;
            report.sgemm = Some(Sgemm::new(sgemm::SIZE, &times, sgemm::flops(sgemm::SIZE)));
        }
        if self.peak && self.device.is_cpu() {
            for precision in [Precision::F32, Precision::Bf16] {
                say(&format!("products and sums in {}", precision.name()));
                report.peak.extend(peak::measure(precision, &workers, self.warm_up, self.repeats)?);
            }
        }
        for batch_size in ascending(&self.sample) {
            say(&format!("sampling, {batch_size} images"));
            report.sample.push(self.sample(subject, flops, batch_size, &workers)?);
        }
        report.relate();
        report.peak_resident_bytes = peak_resident_bytes();
        Ok(report)
    }

    /// Whole steps of training: batch, forward, backward, clipping, optimizer, moving average.
    fn train(&self, subject: &BenchModel, flops: Flops, n: usize, workers: &Arc<Workers>) -> Result<Measured> {
        let mut trainer = trainer(subject, n, workers, &self.device)?;
        let times = Times::measure(self.warm_up, self.repeats, || {
            trainer.step()?;
            Ok(self.device.synchronize()?)
        })?;
        Ok(Measured::new(n, &times, n as u64 * flops.training, peak_resident_bytes()))
    }

    /// Calls of the network with its averaged weights, halfway through a trajectory.
    fn sample(&self, subject: &BenchModel, flops: Flops, n: usize, workers: &Arc<Workers>) -> Result<Measured> {
        let trainer = trainer(subject, 1, workers, &self.device)?;
        let config = &subject.config;
        let classes: Vec<usize> = (0..n).map(|i| i % subject.num_classes).collect();
        let classes = config.model.class_conditional.then_some(classes.as_slice());
        let denoiser = network_denoiser(
            &trainer.ema_net(subject.multiplies_in(config.sample.precision, &self.device))?,
            trainer.parameterization(),
            classes,
            0.0,
            workers.clone(),
        )?;
        let (height, width, channels) = subject.image_shape;
        let x_t = starting_noise(n, height, width, channels, config.seed, &self.device)?;
        let halfway = trainer.schedule().at(trainer.schedule().timesteps() / 2);
        let times = Times::measure(self.warm_up, self.repeats, || {
            denoiser.predict(&x_t, halfway)?;
            Ok(self.device.synchronize()?)
        })?;
        Ok(Measured::new(n, &times, n as u64 * flops.forward, peak_resident_bytes()))
    }
}

/// A trainer of the subject, with nothing held out.
///
/// # Errors
/// When the network can't be made.
pub(super) fn trainer(
    subject: &BenchModel,
    batch_size: usize,
    workers: &Arc<Workers>,
    device: &Device,
) -> Result<Trainer> {
    let mut config = subject.config.clone();
    config.train.batch_size = batch_size;
    let data = subject.dataset();
    let none = Dataset { pixels: Vec::<u8>::new().into(), labels: Arc::default(), ..data.clone() };
    Trainer::new(&config, data, &none, device, workers.clone())
}

fn ascending(sizes: &[usize]) -> Vec<usize> {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

impl Machine {
    /// This machine, with so many threads at work.
    pub fn new(device: &Device, threads: usize) -> Self {
        let device = match device {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            Device::Metal(_) => "metal",
        };
        Self {
            cpu: processor(),
            device: device.into(),
            threads,
            isa: Isa::current().name(),
            isas_available: Isa::available().into_iter().map(Isa::name).collect(),
        }
    }
}

/// "AMD EPYC 9R14", where the system says so in a file, else the architecture.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or(std::env::consts::ARCH, |(_, name)| name.trim()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_measured_in_order_of_size() {
        let tiny = ["model.block_out_channels=[8, 8]", "model.norm_num_groups=4"].map(String::from);
        for name in ["mnist-quick", "reference"] {
            let attention = ["model.attention_levels=[]".to_string()];
            let subject = BenchModel::named(name, &[&tiny[..], &attention].concat()).unwrap();
            let plan = BenchPlan {
                train: vec![4, 2, 4],
                sample: vec![3],
                sgemm: false,
                peak: false,
                repeats: 2,
                warm_up: 1,
                device: Device::Cpu,
                threads: 2,
            };
            let mut said = Vec::new();
            let report = plan.run(&subject, |what| said.push(what.to_string())).unwrap();
            assert_eq!(report.train.iter().map(|m| m.batch_size).collect::<Vec<_>>(), [2, 4]);
            assert_eq!((report.sample.len(), said.len(), report.machine.threads), (1, 3, 2));
            for measured in report.train.iter().chain(&report.sample) {
                assert_eq!(measured.all_ms.len(), 2);
                assert!(measured.min_ms > 0.0 && measured.min_ms <= measured.median_ms);
                assert!(measured.images_per_second > 0.0 && measured.of_sgemm.is_none());
            }
            assert_eq!(report.train[1].gflop, 2.0 * report.train[0].gflop);
        }
    }

    #[test]
    fn rates_are_put_in_relation_to_the_matrix_product() {
        let subject = BenchModel::named("mnist-quick", &[]).unwrap();
        let plan = BenchPlan {
            train: vec![],
            sample: vec![2],
            sgemm: true,
            peak: true,
            repeats: 1,
            warm_up: 0,
            device: Device::Cpu,
            threads: 1,
        };
        let report = plan.run(&subject, |_| {}).unwrap();
        let (sample, sgemm) = (&report.sample[0], report.sgemm.unwrap());
        let share = sample.of_sgemm.unwrap() * sgemm.gflop_per_second / sample.gflop_per_second;
        assert!((share - 1.0).abs() < 1e-9 && sgemm.best_gflop_per_second >= sgemm.gflop_per_second);
    }
}
