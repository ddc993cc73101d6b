//! Snapshots are written beside the training, on a thread of their own with a frozen copy of the
//! weights, so that the training goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use candle_core::Device;

use super::sampling_settings::SamplingSettings;
use crate::config::Config;
use crate::diffusion::Parameterization;
use crate::kernels::Workers;
use crate::nn::{Net, NetConfig, Weights};
use crate::process::interrupt::{Interrupted, Token};
use crate::process::partial;
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

/// How long a snapshot that was cancelled has to notice it, before it is left alone.
const GRACE: Duration = Duration::from_millis(1500);
/// How often to look at one that is waited for.
const LOOK: Duration = Duration::from_millis(10);

/// The snapshot being written, if any.
#[derive(Default)]
pub struct Snapshots {
    under_way: Option<UnderWay>,
}

struct UnderWay {
    step: u64,
    thread: JoinHandle<Result<PathBuf>>,
    token: Token,
    /// Where it writes before it is whole.
    partial: PathBuf,
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
        let (step, token) = (order.step, Token::default());
        let partial = snapshot::partial_folder(&order.run_dir, step);
        let scope = token.clone();
        let thread = thread::Builder::new()
            .name("difflab-snapshot".into())
            .spawn(move || scope.scope(|| write(&order)))
            .context("starting a thread for the snapshot")?;
        self.under_way = Some(UnderWay { step, thread, token, partial });
        Ok(true)
    }

    /// The snapshot that has become ready: its step, and its folder or what went wrong.
    pub fn ready(&mut self) -> Option<(u64, Result<PathBuf>)> {
        let ready = self.under_way.as_ref().is_some_and(|snapshot| snapshot.thread.is_finished());
        if ready { self.under_way.take().map(UnderWay::result) } else { None }
    }

    /// Waits for the one being written, until `enough` says that nobody wants to wait any longer: then it is
    /// cancelled, and leaves nothing.
    pub fn wait(&mut self, mut enough: impl FnMut() -> bool) -> Option<(u64, Result<PathBuf>)> {
        let snapshot = self.under_way.take()?;
        let mut cancelled: Option<Instant> = None;
        while !snapshot.thread.is_finished() {
            match cancelled {
                // In the middle of a long network call. When that is done, it ends by itself.
                Some(since) if since.elapsed() > GRACE => {
                    partial::remove(&snapshot.partial);
                    return Some((snapshot.step, Err(Interrupted.into())));
                }
                None if enough() => {
                    snapshot.token.cancel();
                    cancelled = Some(Instant::now());
                }
                _ => thread::sleep(LOOK),
            }
        }
        Some(snapshot.result())
    }
}

impl UnderWay {
    fn result(self) -> (u64, Result<PathBuf>) {
        (self.step, self.thread.join().unwrap_or_else(|_| Err(anyhow!("writing the snapshot panicked"))))
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
