//! `difflab sample`: pictures from a run, at the shell.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use indicatif::{ProgressBar, ProgressStyle};

use super::UsageError;
use super::values;
use crate::config::{SamplerName, TimestepSpacing};
use crate::kernels::Workers;
use crate::picture::{self, FilmTiming, TerminalProtocol};
use crate::run::{self, LoadedModel, Recording};
use crate::sampling::{self, Churn, SamplerSettings, Trajectory};
use crate::tui::image_protocol::ImageProtocol;

/// Draw samples from a run.
///
/// Prints them in the terminal. What you don't ask for comes from the run's own [sample] settings, so that
/// a model is sampled the way it was trained to be.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    pub run: String,
    /// How many samples. Default: as many as the noise file holds, else the run's sample.num.
    #[arg(long, value_name = "N")]
    pub num: Option<usize>,
    /// The class of all samples, by number or name. Default: each class in turn.
    #[arg(long, value_name = "K")]
    pub class: Option<String>,
    /// Classifier-free guidance: w in (1 + w)·ε_cond − w·ε_uncond. 0 is the plain conditional model,
    /// larger is clearer and less varied. Many libraries count s = 1 + w instead: their 7.5 is our 6.5.
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    pub guidance_scale: Option<f64>,
    /// `ddpm` (ancestral), `ddim`, `euler`, `euler_a`, `heun`, `edm` (Heun with churn), `dpmpp_2m`, `dpmpp_3m`,
    /// `dpmpp_2m_sde`, `unipc`, `pf_ode` (adaptive steps), `pc` (predictor–corrector); on path flow also
    /// `flow_euler`, `flow_midpoint`, `flow_heun`.
    #[arg(long, value_name = "NAME", value_parser = values::sampler)]
    pub sampler: Option<SamplerName>,
    /// Steps of a trajectory, 1 to T. Some samplers call the network twice a step; `pf_ode` chooses its steps.
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// DDIM's η: 0 deterministic, 1 as random as DDPM.
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub eta: Option<f64>,
    /// Which timesteps are visited: `leading`, `trailing`, `linspace` or `karras`.
    #[arg(long, value_name = "S", value_parser = values::spacing)]
    pub spacing: Option<TimestepSpacing>,
    /// Visit these timesteps, falling, instead of --steps of a --spacing.
    #[arg(long, value_name = "T,T,…", value_delimiter = ',', conflicts_with_all = ["steps", "spacing"])]
    pub timesteps: Vec<f64>,
    /// ρ of spacing karras: the larger, the shorter the steps near the clean image.
    #[arg(long, value_name = "RHO")]
    pub rho: Option<f64>,
    /// Noise that `edm` adds in the whole trajectory; 0 is deterministic.
    #[arg(long, value_name = "S")]
    pub s_churn: Option<f64>,
    /// Seed of the noise. The same seed draws the same first image, however many follow. Default: the
    /// run's seed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Start from this noise: a tensor `noise` [N, C, H, W], f32, unit variance.
    #[arg(long, value_name = "FILE.safetensors")]
    pub noise: Option<PathBuf>,
    /// Write the samples: a PNG grid, or a tensor `samples` [N, C, H, W] in [-1, 1].
    #[arg(long, value_name = "FILE.png|FILE.safetensors")]
    pub out: Option<PathBuf>,
    /// Film the way from noise to sample, x_t and x̂_0 side by side: a GIF, or a PNG strip.
    #[arg(long, value_name = "FILE.gif|FILE.png")]
    pub trajectory: Option<PathBuf>,
    /// The weights of this checkpoint. Default: the newest good one.
    #[arg(long, value_name = "STEP")]
    pub checkpoint: Option<u64>,
    /// How to show the picture.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    pub images: ImageProtocol,
    /// Show no picture and no progress.
    #[arg(long, short)]
    pub quiet: bool,
    /// Processor threads; 0: as many as there are physical cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

/// Frames of a film, and pictures of a strip.
const FILM_FRAMES: usize = 61;
const STRIP_PICTURES: usize = 11;
const STRIP_IMAGES: usize = 4;
const GRID_WIDTH: usize = 1120;
const FILM_WIDTH: usize = 800;

/// Runs the subcommand.
///
/// # Errors
/// A usage error for what can't be asked of this run; else what went wrong while sampling or writing.
pub fn run(args: Args) -> Result<()> {
    let out = args.out.as_deref().map(|path| Output::new(path, "--out", &["png", "safetensors"])).transpose()?;
    let film = args.trajectory.as_deref().map(|path| Output::new(path, "--trajectory", &["gif", "png"])).transpose()?;
    let model = LoadedModel::open(&run::find(&args.run)?, args.checkpoint)?;
    for warning in &model.warnings {
        eprintln!("warning: {warning}");
    }
    let plan = Plan::new(&args, &model)?;

    let started = Instant::now();
    let recording = plan.sample(&model, if film.is_some() { FILM_FRAMES } else { 0 }, !args.quiet)?;
    let took = started.elapsed();

    let columns = run::columns_for(plan.num(), plan.classes.as_deref().unwrap_or(&[]));
    let grid = recording.grid(columns, GRID_WIDTH)?;
    if !args.quiet {
        picture::print_in_terminal(&grid, at_the_shell(args.images))?;
        // Whoever closed the pipe has seen enough.
        let _ = writeln!(std::io::stdout(), "{} · {:.1} s", plan.caption(&model, recording.calls), took.as_secs_f64());
    }
    if let Some(out) = out {
        out.write(|path, kind| match kind {
            "png" => grid.save_with_format(path, image::ImageFormat::Png).context("encoding the PNG"),
            _ => run::write_samples(path, &recording.samples),
        })?;
        eprintln!("wrote {}", out.path.display());
    }
    if let Some(film) = film {
        film.write(|path, kind| match kind {
            "gif" => {
                let frames = recording.film(picture::square_columns(plan.num()), FILM_WIDTH);
                picture::save_film(&frames, path, FilmTiming::default())
            }
            _ => recording
                .strip(STRIP_IMAGES, STRIP_PICTURES)
                .save_with_format(path, image::ImageFormat::Png)
                .context("encoding the PNG"),
        })?;
        eprintln!("wrote {}", film.path.display());
    }
    Ok(())
}

/// The lab's choice of pictures, for printing.
pub(super) fn at_the_shell(images: ImageProtocol) -> TerminalProtocol {
    match images {
        ImageProtocol::Auto => TerminalProtocol::Auto,
        ImageProtocol::Kitty => TerminalProtocol::Kitty,
        ImageProtocol::Iterm => TerminalProtocol::Iterm,
        ImageProtocol::Sixel => TerminalProtocol::Sixel,
        ImageProtocol::Halfblock => TerminalProtocol::HalfBlock,
        ImageProtocol::Ascii => TerminalProtocol::Ascii,
    }
}

/// What will be sampled: the arguments, completed by the run's settings and checked against its model.
struct Plan {
    noise: Tensor,
    /// One a sample; `None` for an unconditional network.
    classes: Option<Vec<usize>>,
    guidance_scale: f64,
    settings: SamplerSettings,
    seed: u64,
    threads: usize,
}

impl Plan {
    fn new(args: &Args, model: &LoadedModel) -> Result<Self> {
        let defaults = &model.config.sample;
        let seed = args.seed.unwrap_or(model.config.seed);
        let (h, w, c) = model.image_shape;
        let noise = match (&args.noise, args.num) {
            (_, Some(0)) => return Err(UsageError::new("--num 0: there is nothing to sample").into()),
            (None, num) => sampling::starting_noise(num.unwrap_or(defaults.num).max(1), h, w, c, seed, &Device::Cpu)?,
            (Some(path), num) => {
                let noise =
                    run::read_noise(path, model.image_shape).map_err(|e| UsageError::new(format!("--noise: {e:#}")))?;
                let held = noise.dim(0)?;
                match num {
                    Some(num) if num > held => {
                        let message = format!("--num {num}: the noise file starts only {held} samples");
                        return Err(UsageError::new(message).into());
                    }
                    num => noise.narrow(0, 0, num.unwrap_or(held))?,
                }
            }
        };
        let num_classes = model.net.num_classes();
        let class = args.class.as_deref().map(|class| find_class(class, num_classes, &model.classes)).transpose()?;
        let classes = num_classes.map(|n| run::classes_in_turn(noise.dims()[0], n, class));
        let guidance_scale = match (args.guidance_scale, num_classes) {
            (Some(w), None) if w != 0.0 => {
                let message = format!(
                    "--guidance-scale {w}: this network was trained without class labels, so it has no null class to \
                     guide away from. Leave it out, or train with model.class_conditional = true"
                );
                return Err(UsageError::new(message).into());
            }
            (Some(w), _) if !w.is_finite() => {
                return Err(UsageError::new(format!("--guidance-scale {w} is not a number")).into());
            }
            (Some(w), _) => w,
            (None, Some(_)) => defaults.guidance_scale,
            (None, None) => 0.0,
        };
        let usual = SamplerSettings::from(defaults);
        let timesteps = match (&args.timesteps, args.steps, args.spacing) {
            (listed, None, None) if !listed.is_empty() => listed.clone(),
            (_, None, None) => usual.timesteps,
            // Steps or a spacing asked for take the place of the run's own list.
            _ => Vec::new(),
        };
        let settings = SamplerSettings {
            sampler: args.sampler.unwrap_or(defaults.sampler),
            steps: args.steps.unwrap_or(if timesteps.is_empty() { defaults.steps } else { timesteps.len() }),
            eta: args.eta.unwrap_or(defaults.eta),
            spacing: args.spacing.unwrap_or(defaults.spacing),
            rho: args.rho.unwrap_or(defaults.rho),
            timesteps,
            churn: Churn { s_churn: args.s_churn.unwrap_or(defaults.s_churn), ..usual.churn },
            ..usual
        };
        if let Err(why) = sampling::check_sampler(settings.sampler, &model.parameterization.schedule) {
            return Err(UsageError::new(format!("--sampler: {why}")).into());
        }
        let train_timesteps = model.parameterization.schedule.timesteps();
        if settings.steps == 0 || settings.steps > train_timesteps {
            let message = format!("--steps {}: this run has 1 to {train_timesteps} timesteps", settings.steps);
            return Err(UsageError::new(message).into());
        }
        if !(0.0..=1.0).contains(&settings.eta) {
            return Err(UsageError::new(format!("--eta {}: η lies between 0 and 1", settings.eta)).into());
        }
        // What else is impossible (a spacing on this path, a list that does not fall) says so itself.
        sampling::make(&model.parameterization.schedule, &settings).map_err(|e| UsageError::new(format!("{e:#}")))?;
        Ok(Self { noise, classes, guidance_scale, settings, seed, threads: args.threads })
    }

    fn num(&self) -> usize {
        self.noise.dims()[0]
    }

    fn sample(&self, model: &LoadedModel, frames: usize, show_progress: bool) -> Result<Recording> {
        let workers = std::sync::Arc::new(Workers::new(self.threads)?);
        let denoiser = sampling::network_denoiser(
            &model.net,
            &model.parameterization,
            self.classes.as_deref(),
            self.guidance_scale,
            workers,
        )?;
        let trajectory = Trajectory::new(
            denoiser,
            model.parameterization.schedule.clone(),
            &self.settings,
            self.noise.clone(),
            self.seed,
        )?;
        // indicatif draws on standard error, and only where that is a terminal.
        let bar = if show_progress { ProgressBar::new(trajectory.total() as u64) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("sampling {bar:30} {pos}/{len} · {eta} left")?);
        let recording = Recording::of(trajectory, frames, |frame| {
            bar.set_length(frame.total as u64);
            bar.set_position(frame.index as u64);
        });
        bar.finish_and_clear();
        recording
    }

    /// "16 samples of 7 · ddim 50 · w 1.5 (s 2.5) · EMA weights of step 2000 · seed 0"; the number of network
    /// calls (NFE) where it is not that of the steps.
    fn caption(&self, model: &LoadedModel, calls: usize) -> String {
        let mut parts = vec![format!("{} sample{}", self.num(), if self.num() == 1 { "" } else { "s" })];
        if let Some(classes) = &self.classes {
            let one = classes.iter().all(|c| c == &classes[0]);
            let name = model.classes.get(classes[0]).cloned().unwrap_or_else(|| classes[0].to_string());
            parts[0] += &if one { format!(" of “{name}”") } else { ", each class in turn".to_string() };
        }
        let SamplerSettings { sampler, steps, .. } = self.settings;
        parts.push(match sampler.is_adaptive() {
            true => format!("{} NFE {calls}", sampler.name()),
            false if calls == steps => format!("{} {steps}", sampler.name()),
            false => format!("{} {steps} (NFE {calls})", sampler.name()),
        });
        if self.classes.is_some() {
            parts.push(format!("w {} (s {})", self.guidance_scale, 1.0 + self.guidance_scale));
        }
        parts.push(format!("EMA weights of step {}", model.step));
        parts.push(format!("seed {}", self.seed));
        parts.join(" · ")
    }
}

/// The class that a person means, by number or by name.
fn find_class(asked: &str, num_classes: Option<usize>, names: &[String]) -> Result<usize> {
    let Some(num_classes) = num_classes else {
        let message = format!("--class {asked}: this network was trained without class labels");
        return Err(UsageError::new(message).into());
    };
    let by_name = || names.iter().position(|name| name.eq_ignore_ascii_case(asked));
    let by_number = || asked.parse::<usize>().ok().filter(|&k| k < num_classes);
    by_name().or_else(by_number).ok_or_else(|| {
        // Digits are named by their numbers: nothing more to say then.
        let named = |&(i, name): &(usize, &String)| *name != i.to_string();
        let known: Vec<String> =
            names.iter().enumerate().filter(named).map(|(i, name)| format!("{i} {name}")).collect();
        let listed = if known.is_empty() { String::new() } else { format!(": {}", known.join(", ")) };
        UsageError::new(format!("--class {asked}: this run knows the classes 0 to {}{listed}", num_classes - 1)).into()
    })
}

/// A file to write, checked before the work begins.
struct Output {
    path: PathBuf,
    kind: &'static str,
}

impl Output {
    fn new(path: &Path, flag: &str, kinds: &[&'static str]) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        let Some(kind) = kinds.iter().find(|kind| **kind == extension) else {
            let known: Vec<String> = kinds.iter().map(|kind| format!(".{kind}")).collect();
            let message = format!("{flag} {}: the name must end in {}", path.display(), known.join(" or "));
            return Err(UsageError::new(message).into());
        };
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            let message = format!("{flag} {}: there is no folder {}", path.display(), parent.display());
            return Err(UsageError::new(message).into());
        }
        Ok(Self { path: path.to_path_buf(), kind })
    }

    /// Writes under another name, then renames: an older file stays whole until the new one is.
    fn write(&self, write: impl FnOnce(&Path, &'static str) -> Result<()>) -> Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let partial = self.path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let result = write(&partial, self.kind).and_then(|()| Ok(std::fs::rename(&partial, &self.path)?));
        if result.is_err() {
            // Best effort: the error that matters is the one being returned.
            let _ = std::fs::remove_file(&partial);
        }
        result.with_context(|| format!("writing {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_number_and_name_and_unknown_ones_list_what_there_is() {
        let names: Vec<String> = ["flags", "objects"].map(String::from).to_vec();
        assert_eq!(find_class("1", Some(2), &names).unwrap(), 1);
        assert_eq!(find_class("Flags", Some(2), &names).unwrap(), 0);
        let message = find_class("7", Some(2), &names).unwrap_err().to_string();
        assert!(message.contains("0 to 1") && message.contains("1 objects"), "{message}");
        let message = find_class("3", None, &[]).unwrap_err().to_string();
        assert!(message.contains("without class labels"), "{message}");
    }

    #[test]
    fn outputs_of_unknown_kind_or_in_no_folder_are_refused_before_the_work() {
        let message = |path: &str| Output::new(Path::new(path), "--out", &["png"]).err().unwrap().to_string();
        assert!(message("grid.jpg").contains(".png"));
        assert!(message("nowhere/at/all/grid.png").contains("nowhere/at/all"));
        assert!(Output::new(Path::new("grid.PNG"), "--out", &["png"]).is_ok());
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grid.png");
        std::fs::write(&path, "old").unwrap();
        let output = Output::new(&path, "--out", &["png"]).unwrap();
        let failed = output.write(|partial, _| {
            std::fs::write(partial, "half")?;
            anyhow::bail!("the disk is full")
        });
        assert!(format!("{:#}", failed.unwrap_err()).contains("the disk is full"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        output.write(|partial, _| Ok(std::fs::write(partial, "new")?)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    }
}
