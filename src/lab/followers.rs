//! Several processes that train one run: rank 0 has the lab, the run folder and the last word; the others follow.
//!
//! ```text
//! rank 0   announces a config ─ loads, opens ─ shares what it trains on ─ trains ─ ends the run ─ the next, or lets go
//! others   hear it            ─ load         ─ compare                  ─ follow ─ …            ─ hear of it
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::precision::decide;
use crate::config::Config;
use crate::data::{self, DataIdentity, Dataset, Pixels};
use crate::kernels::Workers;
use crate::process::interrupt;
use crate::ranks::{Collective, world};
use crate::train::{RunEnd, Trainer};

/// Ranks were started with different things.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RanksDiffer(pub String);

/// Do the others wait to hear what comes next? Of rank 0.
static OTHERS_WAIT: AtomicBool = AtomicBool::new(false);

/// What rank 0 has to say between runs.
#[derive(Serialize, Deserialize)]
enum Word {
    /// A run is opened; this is its config, as far as it is known.
    Run(String),
    /// No more runs.
    End { code: u8 },
}

/// What a run is trained on, once rank 0 knows it.
#[derive(Serialize, Deserialize)]
struct Shared {
    config: String,
    /// [`DataIdentity::content`].
    data: String,
    latents: Option<LatentShape>,
}

/// Latents, whose numbers follow.
#[derive(Serialize, Deserialize)]
struct LatentShape {
    height: usize,
    width: usize,
    channels: usize,
    mirrored: bool,
}

/// Rank 0 begins to open a run: the others may load its data.
///
/// # Errors
/// When the connection to them has ended; the same below.
pub(super) fn announce(ranks: &dyn Collective, config: &Config) -> Result<()> {
    if !ranks.is_alone() {
        OTHERS_WAIT.store(false, Ordering::SeqCst);
        ranks.broadcast(serde_json::to_vec(&Word::Run(config.to_toml()))?)?;
    }
    Ok(())
}

/// Tells the others the config as it is trained, compares their data with these, and gives them the latents of those, where
/// the run trains on such.
///
/// # Errors
/// [`RanksDiffer`] names each rank that has other data.
pub(super) fn share_data(
    ranks: &dyn Collective,
    config: &Config,
    identity: &DataIdentity,
    latents: Option<&Dataset>,
) -> Result<()> {
    if ranks.is_alone() {
        return Ok(());
    }
    let parts = match latents.map(|data| &data.pixels) {
        Some(Pixels::Latents { plain, mirrored }) => Some((plain, mirrored)),
        _ => None,
    };
    let latents = latents.zip(parts).map(|(data, (_, mirrored))| LatentShape {
        height: data.height,
        width: data.width,
        channels: data.channels,
        mirrored: mirrored.is_some(),
    });
    let shared = Shared { config: config.to_toml(), data: identity.content.clone(), latents };
    ranks.broadcast(serde_json::to_vec(&shared)?)?;
    let theirs = ranks.all_gather(own_data(ranks, &identity.content))?;
    for (rank, said) in theirs.iter().enumerate() {
        let said = String::from_utf8_lossy(said);
        let (content, host) = said.split_once(' ').unwrap_or((&said, ""));
        if content != identity.content {
            let message = format!(
                "rank {rank} on {host} has other data than rank 0: {} is not the same there\n  give every rank the same \
                 files, by a path that all machines share",
                config.data.dataset
            );
            return Err(RanksDiffer(message).into());
        }
    }
    if let Some((plain, mirrored)) = parts {
        ranks.broadcast(bytes_of(plain))?;
        if let Some(mirrored) = mirrored {
            ranks.broadcast(bytes_of(mirrored))?;
        }
    }
    Ok(())
}

fn own_data(ranks: &dyn Collective, content: &str) -> Vec<u8> {
    format!("{content} {}", ranks.host()).into_bytes()
}

/// The run has ended: the others wait for the next word.
///
/// # Errors
/// When the connection to them has ended.
pub(super) fn release(trainer: &Trainer, end: RunEnd) -> Result<()> {
    trainer.end_for_all(end)?;
    OTHERS_WAIT.store(!trainer.ranks().is_alone(), Ordering::SeqCst);
    Ok(())
}

/// Lets the others end with `code`, if they wait to hear what comes next; `false` where they are in the middle of something.
///
/// # Errors
/// When the connection to them has ended.
pub fn let_go(code: u8) -> Result<bool> {
    let wait = OTHERS_WAIT.swap(false, Ordering::SeqCst);
    if wait {
        world().broadcast(serde_json::to_vec(&Word::End { code })?)?;
    }
    Ok(wait)
}

/// Trains what rank 0 trains, run by run, on so many threads, until it lets go; returns the exit code, which is rank 0's.
///
/// # Errors
/// What ends the whole job: data that can't be loaded, or a fault.
pub fn follow(threads: usize) -> Result<u8> {
    let ranks = world();
    let workers = Arc::new(Workers::new(threads)?);
    loop {
        let word: Word = serde_json::from_slice(&ranks.broadcast(Vec::new())?).context("hearing from rank 0")?;
        match word {
            Word::Run(config) => follow_run(&ranks, &config, &workers)?,
            Word::End { code } => return Ok(code),
        }
    }
}

fn follow_run(ranks: &Arc<dyn Collective>, announced: &str, workers: &Arc<Workers>) -> Result<()> {
    let data_of = |config: &str| Config::from_toml(config, "the config of rank 0");
    let mut announced = data_of(announced)?;
    decide(&mut announced, &Device::Cpu, &**ranks)?;
    let loaded = data::load(&announced.data)?;
    interrupt::check()?;
    let identity = DataIdentity::of(&loaded);
    let shared: Shared = serde_json::from_slice(&ranks.broadcast(Vec::new())?).context("hearing from rank 0")?;
    ranks.all_gather(own_data(&**ranks, &identity.content))?;
    let mut config = data_of(&shared.config)?;
    let data = match shared.latents {
        None => loaded,
        Some(latents) => {
            let plain = floats_of(&ranks.broadcast(Vec::new())?)?;
            let mirrored = latents.mirrored.then(|| floats_of(&ranks.broadcast(Vec::new())?)).transpose()?;
            loaded.in_latents((latents.height, latents.width, latents.channels), plain, mirrored)
        }
    };
    if identity.content != shared.data {
        // Rank 0 has seen it, says so and ends the job.
        ranks.barrier()?;
        bail!("the data differ from those of rank 0");
    }
    let held_out = config.data.held_out.of(data.len());
    let (train, held_out) = data.split_held_out(held_out, config.seed)?;
    config.count_epochs(train.len());
    let mut trainer = Trainer::new(&config, train, &held_out, &Device::Cpu, workers.clone())?.over(ranks.clone())?;
    trainer.begin_together()?;
    trainer.follow()?;
    Ok(())
}

fn bytes_of(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn floats_of(bytes: &[u8]) -> Result<Vec<f32>> {
    let (floats, rest) = bytes.as_chunks::<4>();
    ensure!(rest.is_empty(), "{} bytes of latents are no whole numbers", bytes.len());
    Ok(floats.iter().map(|x| f32::from_le_bytes(*x)).collect())
}
