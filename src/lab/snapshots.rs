//! Snapshots are written beside the training, on a thread of their own with a frozen copy of the
//! weights, so that the training goes on.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow};
use candle_core::Device;

use super::sampling_settings::SamplingSettings;
use crate::config::Config;
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::nn::{Net, NetConfig, Weights};
use crate::run::WriteFailure;
use crate::run::snapshot::{self, SnapshotRequest};

/// Snapshots that may wait; each keeps a copy of the weights.
const MOST_WAITING: usize = 3;

/// What a snapshot is made of.
pub struct Order {
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

/// What came of beginning a snapshot.
pub enum Began {
    Thread,
    /// None waits, or another is being written.
    Nothing,
    /// The system has no thread to spare; the order waits on.
    NoThread(io::Error),
}

/// The snapshot being written, if any, and those that wait: for their turn, or for room on the disk.
#[derive(Default)]
pub struct Snapshots {
    under_way: Option<(Arc<Order>, JoinHandle<Result<PathBuf>>)>,
    waiting: VecDeque<Arc<Order>>,
}

impl Snapshots {
    /// Takes an order, with a copy of the weights. Returns the step of one that had to make room for it.
    ///
    /// # Errors
    /// When the weights cannot be copied.
    pub fn order(&mut self, mut order: Order) -> Result<Option<u64>> {
        let copies =
            order.weights.iter().map(|(name, tensor)| Ok((name.to_string(), tensor.to_device(&Device::Cpu)?.copy()?)));
        order.weights = Weights::from_map(copies.collect::<Result<_>>()?);
        self.waiting.push_back(Arc::new(order));
        let surplus = self.waiting.len() > MOST_WAITING;
        Ok(if surplus { self.waiting.pop_front().map(|order| order.step) } else { None })
    }

    /// Is one being written, or waiting?
    pub fn are_under_way(&self) -> bool {
        self.under_way.is_some() || !self.waiting.is_empty()
    }

    /// Begins to write the one that has waited longest, in `run_dir`.
    pub fn begin(&mut self, run_dir: &Path) -> Began {
        if self.under_way.is_some() {
            return Began::Nothing;
        }
        let Some(order) = self.waiting.front() else { return Began::Nothing };
        let (for_thread, run_dir) = (order.clone(), run_dir.to_path_buf());
        let thread = thread::Builder::new().name("difflab-snapshot".into()).spawn(move || write(&for_thread, &run_dir));
        match thread {
            Ok(thread) => {
                self.under_way = self.waiting.pop_front().map(|order| (order, thread));
                Began::Thread
            }
            Err(error) => Began::NoThread(error),
        }
    }

    /// Lets go of those that wait; returns their steps.
    pub fn abandon(&mut self) -> Vec<u64> {
        self.waiting.drain(..).map(|order| order.step).collect()
    }

    /// The snapshot that has become ready: its step, and its folder or what went wrong.
    pub fn ready(&mut self) -> Option<(u64, Result<PathBuf>)> {
        if self.under_way.as_ref().is_some_and(|(_, thread)| thread.is_finished()) { self.wait() } else { None }
    }

    /// Waits for the one being written. One that only could not be written waits for another try.
    pub fn wait(&mut self) -> Option<(u64, Result<PathBuf>)> {
        let (order, thread) = self.under_way.take()?;
        let result = thread.join().unwrap_or_else(|_| Err(anyhow!("writing the snapshot panicked")));
        let step = order.step;
        if result.as_ref().is_err_and(|error| WriteFailure::within(error).is_some()) {
            self.waiting.push_front(order);
        }
        Some((step, result))
    }
}

fn write(order: &Order, run_dir: &Path) -> Result<PathBuf> {
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
