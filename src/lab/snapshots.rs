//! Snapshots are written beside the training, on a thread of their own with a frozen copy of the
//! weights, so that the training goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use candle_core::Device;

use super::sampling_settings::SamplingSettings;
use crate::config::Config;
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::nn::{Net, NetConfig, Weights};
use crate::run::snapshot::{self, SnapshotRequest};

/// What a snapshot is made of.
pub struct Order {
    pub run_dir: PathBuf,
    /// Training step of the weights.
    pub step: u64,
    pub config: Config,
    pub net_config: NetConfig,
    /// Averaged weights; copied when the order is taken.
    pub weights: Weights,
    pub parameterization: Parameterization,
    pub image_shape: (usize, usize, usize),
    pub class_names: Vec<String>,
    pub settings: SamplingSettings,
}

/// The snapshot being written, if any.
#[derive(Default)]
pub struct Snapshots {
    under_way: Option<(u64, JoinHandle<Result<PathBuf>>)>,
}

impl Snapshots {
    /// Starts to write one; `false` when another is still being written.
    ///
    /// # Errors
    /// When the weights cannot be copied or no thread started.
    pub fn start(&mut self, mut order: Order) -> Result<bool> {
        if self.under_way.is_some() {
            return Ok(false);
        }
        let copies =
            order.weights.iter().map(|(name, tensor)| Ok((name.to_string(), tensor.to_device(&Device::Cpu)?.copy()?)));
        order.weights = Weights::from_map(copies.collect::<Result<_>>()?);
        let step = order.step;
        let thread = thread::Builder::new()
            .name("difflab-snapshot".into())
            .spawn(move || write(&order))
            .context("starting a thread for the snapshot")?;
        self.under_way = Some((step, thread));
        Ok(true)
    }

    /// The snapshot that has become ready: its step, and its folder or what went wrong.
    pub fn ready(&mut self) -> Option<(u64, Result<PathBuf>)> {
        if self.under_way.as_ref().is_some_and(|(_, thread)| thread.is_finished()) { self.wait() } else { None }
    }

    /// Waits for the one being written.
    pub fn wait(&mut self) -> Option<(u64, Result<PathBuf>)> {
        let (step, thread) = self.under_way.take()?;
        Some((step, thread.join().unwrap_or_else(|_| Err(anyhow!("writing the snapshot panicked")))))
    }
}

fn write(order: &Order) -> Result<PathBuf> {
    let run_dir: &Path = &order.run_dir;
    // One thread: the training keeps the other cores.
    let workers = Arc::new(Workers::new(1)?);
    let net = Net::new(&order.net_config, &order.weights)?;
    snapshot::write(&SnapshotRequest {
        run_dir,
        step: order.step,
        net: &net,
        config: &order.config,
        parameterization: &order.parameterization,
        image_shape: order.image_shape,
        class_names: &order.class_names,
        sample: &order.settings.sample,
        class: order.settings.class,
        seed: order.config.seed,
        workers: &workers,
    })
}
