//! Snapshots are written beside the training, on a thread of their own with a frozen copy of the
//! weights, so that the training goes on.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use candle_core::Device;

use super::sampling_settings::SamplingSettings;
use crate::config::Config;
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::kernels::precision::taken;
use crate::nn::autoencoder::LatentSpace;
use crate::nn::{Net, NetConfig, Weights};
use crate::process::interrupt::{Interrupted, Token};
use crate::process::partial;
use crate::run::WriteFailure;
use crate::run::snapshot::{self, SnapshotRequest};

/// Snapshots that may wait; each keeps a copy of the weights.
const MOST_WAITING: usize = 3;

/// What a snapshot is made of.
pub struct Order {
    /// Training step of the weights.
    pub step: u64,
    /// By the config; not by a person's wish.
    pub due: bool,
    pub config: Config,
    pub net_config: NetConfig,
    /// Averaged weights; copied when the order is taken.
    pub weights: Weights,
    pub parameterization: Parameterization,
    pub image_shape: (usize, usize, usize),
    /// In which it diffuses.
    pub latents: Option<LatentSpace>,
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

/// How long a snapshot that was cancelled has to notice it, before it is left alone.
const GRACE: Duration = Duration::from_millis(1500);
/// How often to look at one that is waited for.
const LOOK: Duration = Duration::from_millis(10);

/// The snapshot being written, if any, and those that wait: for their turn, or for room on the disk.
#[derive(Default)]
pub struct Snapshots {
    under_way: Option<UnderWay>,
    waiting: VecDeque<Arc<Order>>,
}

struct UnderWay {
    order: Arc<Order>,
    thread: JoinHandle<Result<PathBuf>>,
    token: Token,
    /// Where it writes before it is whole.
    partial: PathBuf,
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
        let Some(order) = self.waiting.front().cloned() else { return Began::Nothing };
        let (token, partial) = (Token::default(), snapshot::partial_folder(run_dir, order.step));
        let (scope, for_thread, run_dir) = (token.clone(), order.clone(), run_dir.to_path_buf());
        let thread = thread::Builder::new()
            .name("difflab-snapshot".into())
            .spawn(move || scope.scope(|| write(&for_thread, &run_dir)));
        match thread {
            Ok(thread) => {
                self.waiting.pop_front();
                self.under_way = Some(UnderWay { order, thread, token, partial });
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
        let ready = self.under_way.as_ref().is_some_and(|snapshot| snapshot.thread.is_finished());
        let snapshot = self.under_way.take_if(|_| ready)?;
        Some(self.result(snapshot))
    }

    /// Waits for the one being written, until `enough` says that nobody wants to wait any longer: then it is
    /// cancelled, and leaves nothing.
    pub fn wait(&mut self, enough: impl Fn() -> bool) -> Option<(u64, Result<PathBuf>)> {
        let snapshot = self.under_way.take()?;
        let mut cancelled: Option<Instant> = None;
        while !snapshot.thread.is_finished() {
            match cancelled {
                // In the middle of a long network call. When that is done, it ends by itself.
                Some(since) if since.elapsed() > GRACE => {
                    partial::remove(&snapshot.partial);
                    return Some((snapshot.order.step, Err(Interrupted.into())));
                }
                None if enough() => {
                    snapshot.token.cancel();
                    cancelled = Some(Instant::now());
                }
                _ => thread::sleep(LOOK),
            }
        }
        Some(self.result(snapshot))
    }

    /// What came of one that has ended. One that only could not be written waits for another try.
    fn result(&mut self, snapshot: UnderWay) -> (u64, Result<PathBuf>) {
        let result = snapshot.thread.join().unwrap_or_else(|_| Err(anyhow!("writing the snapshot panicked")));
        let step = snapshot.order.step;
        if result.as_ref().is_err_and(|error| WriteFailure::within(error).is_some()) {
            self.waiting.push_front(snapshot.order);
        }
        (step, result)
    }
}

fn write(order: &Order, run_dir: &Path) -> Result<PathBuf> {
    // One thread: the training keeps the other cores.
    let workers = Arc::new(Workers::new(1)?);
    let precision = taken(order.settings.sample.precision, order.config.model.kind, &Device::Cpu);
    let net = Net::with_precision(&order.net_config, &order.weights, precision)?;
    snapshot::write(&SnapshotRequest {
        run_dir,
        step: order.step,
        net: &net,
        config: &order.config,
        parameterization: &order.parameterization,
        image_shape: order.image_shape,
        latents: order.latents.as_ref(),
        class_names: &order.class_names,
        sample: &order.settings.sample,
        class: order.settings.class,
        seed: order.config.seed,
        keep_the_same: order.due,
        workers: &workers,
    })
}
