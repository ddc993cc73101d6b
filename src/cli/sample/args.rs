//! The flags.

// Help speaks of sections, [sample], as the file writes them.
#![allow(rustdoc::broken_intra_doc_links)]

use std::path::PathBuf;

use super::edit::EditArgs;
use crate::cli::usage::set_in_full;
use crate::cli::values;
use crate::config::{PrecisionChoice, SampleConfig, SamplerName, TimestepSpacing};
use crate::tui::terminal::image_protocol::ImageProtocol;

/// Draw samples from a run.
///
/// Prints them in the terminal. Settings you leave out come from the run's own [sample] section.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    pub run: String,
    /// How many samples. Default: as many as the noise file holds, else the run's sample.num.
    #[arg(long, value_name = "N")]
    pub num: Option<usize>,
    /// The class of all samples, by number or name; `none` (or `null`, if a class is called none): the null class, which
    /// stands for "no class given". Default: each class in turn.
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    pub class: Option<String>,
    /// Classifier-free guidance: w in (1 + w)·ε_cond − w·ε_uncond. 0 is the conditional model, -1 the unconditional
    /// one; larger values give clearer and less varied samples. Many libraries count s = 1 + w: their 7.5 is w = 6.5.
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    pub guidance_scale: Option<f64>,
    /// CFG-rescale's φ, 0 to 1: how much of the contrast that guidance adds is removed.
    #[arg(long, value_name = "PHI", allow_negative_numbers = true)]
    pub guidance_rescale: Option<f64>,
    /// Guide only where t/T lies between A and B; elsewhere use the conditional model alone, at half the cost.
    #[arg(long, value_name = "A,B", value_delimiter = ',', num_args = 1)]
    pub guidance_interval: Vec<f64>,
    /// Guide away from this class, by number or name, instead of from the null class.
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    pub negative_class: Option<String>,
    /// `ddpm` (ancestral), `ddim`, `euler`, `euler_a`, `heun`, `edm` (Heun with churn), `dpmpp_2m`, `dpmpp_3m`,
    /// `dpmpp_2m_sde`, `dpmpp_2s`, `unipc`, `deis`, `pndm`, `lms`, `dpm_2`, `dpm_2_a`, `pf_ode` (adaptive steps, as
    /// many as the hardest sample needs, so that a sample depends slightly on --num), `pc` (predictor–corrector); on
    /// path flow also `flow_euler`, `flow_midpoint`, `flow_heun`.
    #[arg(long, value_name = "NAME", value_parser = values::sampler)]
    pub sampler: Option<SamplerName>,
    /// Sampling steps, 1 to T. Some samplers call the network twice per step; `pf_ode` chooses its own steps.
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// DDIM's η: 0 deterministic, 1 as random as DDPM.
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub eta: Option<f64>,
    /// How to choose timesteps: `leading`, `trailing` or `linspace`; or how to divide σ/α: `karras`, `exponential`,
    /// `beta` or `lu`.
    #[arg(long, value_name = "S", value_parser = values::spacing)]
    pub spacing: Option<TimestepSpacing>,
    /// Visit these timesteps, in descending order, instead of using --steps and --spacing.
    #[arg(long, value_name = "T,T,…", value_delimiter = ',', conflicts_with_all = ["steps", "spacing"])]
    pub timesteps: Vec<f64>,
    /// ρ of spacing karras: larger values make the steps near the clean image shorter.
    #[arg(long, value_name = "RHO")]
    pub rho: Option<f64>,
    /// How much noise `edm` adds over all steps; 0 is deterministic.
    #[arg(long, value_name = "S")]
    pub s_churn: Option<f64>,
    /// How precisely the network multiplies: f32, bf16, or auto for the faster one here. Default: the run's own.
    #[arg(long, value_name = "PRECISION", value_parser = values::precision)]
    pub precision: Option<PrecisionChoice>,
    /// Any other key of [sample], e.g. --set sample.clip_sample=true; may be repeated. Also
    /// diffusion.variance_type, and on path flow diffusion.shift.
    #[arg(long, value_name = "KEY=VALUE", value_parser = set_in_full)]
    pub set: Vec<String>,
    /// Seed of the noise. The same seed always gives the same first image, whatever --num is. Default: the run's seed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Start from this noise: a tensor `noise` [N, C, H, W], f32, unit variance.
    #[arg(long, value_name = "FILE.safetensors")]
    pub noise: Option<PathBuf>,
    /// Write the samples: a PNG grid (a single sample: itself, enlarged), or a tensor `samples` [N, C, H, W] in [-1, 1].
    /// With --grid the table, with --through-training the strip or the film.
    #[arg(long, value_name = "FILE.png|FILE.safetensors|FILE.gif")]
    pub out: Option<PathBuf>,
    /// Save the path from noise to sample, x_t beside x̂_0: a GIF of up to 61 frames, or a PNG strip of up to 11 moments
    /// of 4 samples; of longer paths, evenly spread ones.
    #[arg(long, value_name = "FILE.gif|FILE.png")]
    pub trajectory: Option<PathBuf>,
    /// Draw a table of samples from the same noise: this key of [sample] takes each of these values, as in --grid
    /// sampler=ddim,unipc --grid guidance_scale=0,1,3; may be repeated. The values of the last key go across, those of
    /// the others down. `weights=raw,ema` compares the raw weights with the averaged ones.
    #[arg(long, value_name = "KEY=V,V,…", conflicts_with_all = ["trajectory", "invert"])]
    pub grid: Vec<String>,
    /// Show how the run learned, in samples from the same noise with the weights of every step that its history has
    /// kept and of its newest checkpoint. --out FILE.png: a strip of one sample (--num for more), training steps across
    /// and denoising steps down; FILE.gif: a film of the finished samples, step after step.
    #[arg(long, conflicts_with_all = ["grid", "checkpoint", "trajectory", "invert"])]
    pub through_training: bool,
    #[command(flatten)]
    pub edit: EditArgs,
    /// The weights of this step: a checkpoint, or one that the run's history has kept. Default: the newest good
    /// checkpoint.
    #[arg(long, visible_alias = "step", value_name = "STEP")]
    pub checkpoint: Option<u64>,
    /// How to show the picture.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    pub images: ImageProtocol,
    /// Show no picture and no progress.
    #[arg(long, short)]
    pub quiet: bool,
    /// Processor threads; 0: one per physical core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

impl Args {
    /// The flags that set a key of [sample] and were given: flag and key.
    pub fn flags_of_keys(&self) -> Vec<(&'static str, &'static str)> {
        [
            ("--sampler", "sample.sampler", self.sampler.is_some()),
            ("--steps", "sample.steps", self.steps.is_some()),
            ("--eta", "sample.eta", self.eta.is_some()),
            ("--spacing", "sample.spacing", self.spacing.is_some()),
            ("--timesteps", "sample.timesteps", !self.timesteps.is_empty()),
            ("--rho", "sample.rho", self.rho.is_some()),
            ("--s-churn", "sample.s_churn", self.s_churn.is_some()),
            ("--guidance-scale", "sample.guidance_scale", self.guidance_scale.is_some()),
            ("--guidance-rescale", "sample.guidance_rescale", self.guidance_rescale.is_some()),
            ("--guidance-interval", "sample.guidance_interval", !self.guidance_interval.is_empty()),
            ("--negative-class", "sample.negative_class", self.negative_class.is_some()),
            ("--num", "sample.num", self.num.is_some()),
            ("--precision", "sample.precision", self.precision.is_some()),
        ]
        .into_iter()
        .filter_map(|(flag, key, given)| given.then_some((flag, key)))
        .collect()
    }

    /// The keys of `--set` that say how to sample, in the order given, each once.
    pub fn set_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for key in self.set.iter().map(|set| set.split('=').next().unwrap_or_default().trim()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// `sample` with the flags in the place of its keys.
    pub fn over(&self, sample: &SampleConfig) -> SampleConfig {
        let listed = |given: &Vec<f64>, own: &Vec<f64>| if given.is_empty() { own.clone() } else { given.clone() };
        SampleConfig {
            sampler: self.sampler.unwrap_or(sample.sampler),
            steps: self.steps.unwrap_or(sample.steps),
            eta: self.eta.unwrap_or(sample.eta),
            spacing: self.spacing.unwrap_or(sample.spacing),
            timesteps: listed(&self.timesteps, &sample.timesteps),
            rho: self.rho.unwrap_or(sample.rho),
            s_churn: self.s_churn.unwrap_or(sample.s_churn),
            guidance_scale: self.guidance_scale.unwrap_or(sample.guidance_scale),
            guidance_rescale: self.guidance_rescale.unwrap_or(sample.guidance_rescale),
            guidance_interval: listed(&self.guidance_interval, &sample.guidance_interval),
            negative_class: self.negative_class.clone().unwrap_or_else(|| sample.negative_class.clone()),
            num: self.num.unwrap_or(sample.num),
            precision: self.precision.unwrap_or(sample.precision),
            ..sample.clone()
        }
    }
}
