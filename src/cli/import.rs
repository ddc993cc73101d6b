//! `difflab import`: a network of Python's diffusers as a run.

use std::path::PathBuf;

use anyhow::Result;

use crate::run::{self, ImportOptions};
use crate::speak;

/// Make a run of a folder that Python's diffusers wrote.
///
/// Takes a pipeline folder with a UNet2DModel, or the network's folder alone, with weights as safetensors; or the folder of
/// an AutoencoderKL or AutoencoderTiny. The run samples as the folder's scheduler does. To train it further, name the data: difflab --resume RUN --set
/// data.path=IMAGES
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder that diffusers wrote.
    dir: PathBuf,
    /// The run folder to make: new or empty.
    run: PathBuf,
    /// Height and width of the images, if the network's config.json has no sample_size.
    #[arg(long, value_name = "N")]
    image_size: Option<usize>,
    /// Treat every row of the class table as a class. By default the last row becomes the null class of guidance.
    #[arg(long)]
    no_null_class: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// What keeps the folder from being imported; then no run is made.
pub fn run(args: Args) -> Result<()> {
    let options = ImportOptions { image_size: args.image_size, no_null_class: args.no_null_class };
    let imported = run::import(&args.dir, &args.run, options)?;
    for note in &imported.notes {
        speak::remark(format_args!("note: {note}"));
    }
    let run = args.run.display();
    if imported.config.trains_autoencoder() {
        speak::remark(format_args!(
            "made the run {run}: an autoencoder of {} parameters\n  difflab eval {run} --set data.path=IMAGES       how well \
             it gives them back\n  difflab --resume {run} --set data.path=IMAGES   trains it further",
            imported.parameters
        ));
        return Ok(());
    }
    speak::remark(format_args!(
        "made the run {run}: {} parameters, sampled with {} in {} steps by default\n  difflab sample {run}\n  \
         difflab --resume {run} --set data.path=IMAGES   trains it further",
        imported.parameters,
        imported.config.sample.sampler.name(),
        imported.config.sample.steps
    ));
    Ok(())
}
