//! The flags.

// Help speaks of sections, [sample], as the file writes them.
#![allow(rustdoc::broken_intra_doc_links)]

use crate::cli::usage::set_in_full;
use crate::cli::values;
use crate::config::{PrecisionChoice, SamplerName};
use crate::run::LoadedModel;

/// Measure how good a run's model is: the likelihood of held-out images, and the quality of its samples.
///
/// vlb: the variational bound in bits/dim (bits per pixel and channel), term by term. nll: the likelihood along the
/// probability-flow ODE, estimated; for images a bound, too. fid, pr, accuracy, diversity: judge-FID, precision and
/// recall, the share of samples that read as the class asked for, and the variety within a class. Two judges
/// are bundled, classifiers of 28×28 pictures, one of digits (99.06 % right on MNIST's test set) and one of clothes (89 %
/// right on pictures of Fashion-MNIST that it was not trained on): the classes say which is asked. judge-FID, on its
/// features, compares runs of difflab with each other, and never with the FID of papers. energy_distance: the distance between sampled and
/// held-out points in the plane, as distributions. Of a run that trained an autoencoder, reconstruction: the error, PSNR and
/// KL of held-out pictures that it gives back, and its latents' channels; fid, pr and accuracy are of those reconstructions.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    pub run: String,
    /// The weights of this step: a checkpoint, or one that the run's history has kept. Default: the newest good
    /// checkpoint.
    #[arg(long, visible_alias = "step", value_name = "STEP")]
    pub checkpoint: Option<u64>,
    /// What to measure: vlb, nll, fid, pr, accuracy, diversity, energy_distance, reconstruction. Default: everything that the
    /// run allows.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_enum)]
    pub metrics: Vec<Metric>,
    /// How many samples to judge, cycling through the classes, or held-out images to reconstruct. Default: 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub num: Option<u64>,
    /// Held-out images for the bound. Default: 512, or 2000 points.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub vlb_images: Option<u64>,
    /// Held-out images for nll, which is slow. Default: 32, or 1000 points.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub nll_images: Option<u64>,
    /// Tolerance of the ODE solver (rtol and atol) for nll. Default: 0.001.
    #[arg(long, value_name = "X")]
    pub tolerance: Option<f64>,
    /// w in (1 + w)·ε_cond − w·ε_uncond; many libraries count s = 1 + w. Default: the run's own.
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    pub guidance_scale: Option<f64>,
    /// What draws the samples. Default: ddim.
    #[arg(long, value_name = "NAME", value_parser = values::sampler)]
    pub sampler: Option<SamplerName>,
    /// Sampling steps. Default: 50, or T if the run has fewer timesteps.
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// How precisely the network multiplies while it samples: f32, bf16, or auto for the faster one here. Default: the
    /// run's own.
    #[arg(long, value_name = "PRECISION", value_parser = values::precision)]
    pub precision: Option<PrecisionChoice>,
    /// Seed of all draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Measure on the current data, even if the run was trained on other data.
    #[arg(long)]
    pub accept_data: bool,
    /// Measure on other data: a key of [data], e.g. --set data.path=IMAGES for an imported run, which has none, or
    /// after its images have moved; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = set_in_full)]
    pub set: Vec<String>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = EvalFormat::Table)]
    pub format: EvalFormat,
    /// Processor threads; 0: one per physical core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EvalFormat {
    Table,
    Json,
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Metric {
    /// The variational bound.
    Vlb,
    /// The likelihood along the probability-flow ODE, estimated.
    Nll,
    /// judge-FID: the Fréchet distance on the judge's features.
    Fid,
    /// Precision and recall on the judge's features.
    Pr,
    /// Samples that read as the class asked for.
    Accuracy,
    /// Variety within a class.
    Diversity,
    /// Distance of points in the plane from held-out ones.
    #[value(name = "energy_distance")]
    EnergyDistance,
    /// How far an autoencoder's reconstructions are from the pictures, and what its latents are like.
    Reconstruction,
}

impl Metric {
    pub(super) const ALL: [Self; 8] = [
        Self::Vlb,
        Self::Nll,
        Self::Fid,
        Self::Pr,
        Self::Accuracy,
        Self::Diversity,
        Self::EnergyDistance,
        Self::Reconstruction,
    ];
    /// Those of an autoencoder. The judge sees its reconstructions.
    pub(super) const OF_AUTOENCODERS: [Self; 4] = [Self::Reconstruction, Self::Fid, Self::Pr, Self::Accuracy];
    /// Those that samples are drawn for.
    pub(super) const DRAWN: [Self; 5] = [Self::Fid, Self::Pr, Self::Accuracy, Self::Diversity, Self::EnergyDistance];
    /// Those that ask the judge.
    pub(super) const JUDGED: [Self; 4] = [Self::Fid, Self::Pr, Self::Accuracy, Self::Diversity];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vlb => "vlb",
            Self::Nll => "nll",
            Self::Fid => "fid",
            Self::Pr => "pr",
            Self::Accuracy => "accuracy",
            Self::Diversity => "diversity",
            Self::EnergyDistance => "energy_distance",
            Self::Reconstruction => "reconstruction",
        }
    }
}

impl Args {
    /// Samples to judge.
    pub(super) fn num(&self) -> u64 {
        self.num.unwrap_or(1000)
    }

    pub(super) fn tolerance(&self) -> f64 {
        self.tolerance.unwrap_or(1e-3)
    }

    pub(super) fn sampler(&self) -> SamplerName {
        self.sampler.unwrap_or(SamplerName::Ddim)
    }
}

/// Steps of a trajectory unless told otherwise, where the run has as many timesteps.
const STEPS: usize = 50;

/// Steps of a trajectory.
pub(super) fn steps(args: &Args, model: &LoadedModel) -> usize {
    args.steps.unwrap_or(STEPS.min(model.parameterization.schedule.timesteps()))
}
