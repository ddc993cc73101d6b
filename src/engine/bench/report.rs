//! What came out of a benchmark. The field names are those of `--format json`.

use serde::Serialize;

use super::Times;

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    pub difflab: &'static str,
    /// Name of the experiment.
    pub config: String,
    /// "U-Net".
    pub network: &'static str,
    /// Height, width, channels of what it sees.
    pub image: [usize; 3],
    /// Are those latents?
    pub in_latents: bool,
    pub block_out_channels: Vec<usize>,
    pub parameters: usize,
    pub machine: Machine,
    /// How precisely a step multiplies, and a call of the network.
    pub train_precision: &'static str,
    pub sample_precision: &'static str,
    /// Steps of training, the smallest batch first.
    pub train: Vec<Measured>,
    /// Calls of the network without gradients, as samplers make them.
    pub sample: Vec<Measured>,
    pub sgemm: Option<Sgemm>,
    /// Where it was asked for: in f32, and in bf16 where the processor has instructions for that.
    pub peak: Vec<Peak>,
    /// The most memory that the process has had in RAM at once.
    pub peak_resident_bytes: Option<u64>,
}

/// What it ran on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub device: String,
    pub threads: usize,
    /// The instruction set that the kernels use.
    pub isa: &'static str,
    /// Those that this processor has.
    pub isas_available: Vec<&'static str>,
}

/// One kind of work at one batch size.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    pub batch_size: usize,
    pub median_ms: f64,
    pub min_ms: f64,
    pub all_ms: Vec<f64>,
    pub images_per_second: f64,
    /// 10⁹ floating-point operations of one run, convolutions counted as computed directly.
    pub gflop: f64,
    pub gflop_per_second: f64,
    /// That rate as a share of the machine's matrix product.
    pub of_sgemm: Option<f64>,
    /// The process's peak so far.
    pub peak_resident_bytes: Option<u64>,
}

impl Measured {
    /// `flops` are those of the whole batch.
    pub fn new(batch_size: usize, times: &Times, flops: u64, peak_resident_bytes: Option<u64>) -> Self {
        let median = times.median();
        let gflop = flops as f64 / 1e9;
        Self {
            batch_size,
            median_ms: 1e3 * median,
            min_ms: 1e3 * times.min(),
            all_ms: times.seconds().iter().map(|s| 1e3 * s).collect(),
            images_per_second: batch_size as f64 / median,
            gflop,
            gflop_per_second: gflop / median,
            of_sgemm: None,
            peak_resident_bytes,
        }
    }
}

/// The machine's own matrix product in f32.
#[derive(Clone, Debug, Serialize)]
pub struct Sgemm {
    /// Rows and columns of the matrices.
    pub size: usize,
    pub median_ms: f64,
    pub gflop_per_second: f64,
    /// Of the fastest run.
    pub best_gflop_per_second: f64,
}

impl Sgemm {
    pub fn new(size: usize, times: &Times, flops: u64) -> Self {
        let gflop = flops as f64 / 1e9;
        Self {
            size,
            median_ms: 1e3 * times.median(),
            gflop_per_second: gflop / times.median(),
            best_gflop_per_second: gflop / times.min(),
        }
    }
}

/// The most arithmetic that all workers do at once, from registers to registers.
#[derive(Clone, Debug, Serialize)]
pub struct Peak {
    /// Of the products; sums are f32.
    pub precision: &'static str,
    pub median_ms: f64,
    pub gflop_per_second: f64,
    /// Of the fastest run.
    pub best_gflop_per_second: f64,
}

impl Peak {
    pub fn new(precision: &'static str, times: &Times, operations: u64) -> Self {
        let gflop = operations as f64 / 1e9;
        Self {
            precision,
            median_ms: 1e3 * times.median(),
            gflop_per_second: gflop / times.median(),
            best_gflop_per_second: gflop / times.min(),
        }
    }
}

impl BenchReport {
    /// Puts every rate in relation to the matrix product's, where that was measured.
    pub(super) fn relate(&mut self) {
        let Some(sgemm) = &self.sgemm else { return };
        for measured in self.train.iter_mut().chain(&mut self.sample) {
            measured.of_sgemm = Some(measured.gflop_per_second / sgemm.gflop_per_second);
        }
    }
}
