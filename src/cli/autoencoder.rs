//! `difflab autoencoder [CONFIG]`: trains the first stage of latent diffusion.

use anyhow::Result;

use super::lab;
use crate::lab::Outcome;

/// Train an autoencoder on a config's data, for diffusion in its latents.
///
/// Its keys are those of [autoencoder]; the rest of the config is the data's and the training's. It has a run folder like
/// any other run, goes on with --resume, and each of its checkpoints holds a `vae/` that diffusers opens.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    lab: lab::Args,
}

/// Opens the lab on it.
///
/// # Errors
/// As [`lab::run`].
pub fn run(args: Args) -> Result<Outcome> {
    lab::run_autoencoder(args.lab)
}
