//! `difflab export`: a run for Python's diffusers.

use std::path::PathBuf;

use anyhow::Result;

use crate::run::{self, LoadedModel};
use crate::speak;

/// Write a run as a folder that Python's diffusers opens.
///
/// `DDPMPipeline.from_pretrained("DIR")` opens it: the averaged weights, and the scheduler closest to this run's
/// sampler. Where diffusers would sample otherwise, difflab says so. DIR/README.md has the code to sample it, with
/// classes and guidance if the model has them. Runs that no diffusers scheduler can sample correctly (paths ve, edm and
/// sub_vp_sde, targets flow and edm on path vp) are refused.
///
/// A run that trained an autoencoder becomes a folder of AutoencoderKL or AutoencoderTiny, whose latents have unit variance
/// on the training pictures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    run: String,
    /// The folder to write: new or empty.
    dir: PathBuf,
    /// The weights of this checkpoint. Default: the newest good one.
    #[arg(long, value_name = "STEP")]
    checkpoint: Option<u64>,
    /// Replace an older export.
    #[arg(long)]
    force: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// What keeps the run from being exported; then nothing is written.
pub fn run(args: Args) -> Result<()> {
    let dir = run::find(&args.run)?;
    let model = LoadedModel::open(&dir, args.checkpoint)?;
    for warning in &model.warnings {
        speak::warn(warning);
    }
    for note in run::export(&dir, &model, &args.dir, args.force)? {
        speak::remark(format_args!("note: {note}"));
    }
    speak::remark(format_args!(
        "wrote {} (weights of step {}); its README.md shows how to {} it",
        args.dir.display(),
        model.step,
        if model.config.trains_autoencoder() { "use" } else { "sample" }
    ));
    Ok(())
}
