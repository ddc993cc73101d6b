//! What will be sampled, and the sampling of it.

use std::sync::Arc;

use anyhow::Result;
use candle_core::Tensor;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::Args;
use super::edit::Edit;
use super::start::Given;
use crate::cli::sampling_precision::{agreed, net_in};
use crate::cli::usage::check_steps;
use crate::cli::{UsageError, ranks};
use crate::config::{Config, Precision, PrecisionChoice, SampleConfig, SamplerName};
use crate::diffusion::Schedule;
use crate::kernels::Workers;
use crate::picture::is_points;
use crate::ranks::world;
use crate::run::{self, HowFound, LoadedModel, Recording};
use crate::sampling::editing::{self, Inpainting, SharedNoise};
use crate::sampling::{self, Churn, Denoiser, Guidance, SamplerSettings, SeededNoise, Trajectory};
use crate::thousands::numbered;

/// What will be sampled: the arguments, completed by the run's settings and checked against its model.
pub struct SamplePlan {
    noise: Tensor,
    /// One a sample; `None` for an unconditional network.
    pub classes: Option<Vec<usize>>,
    pub guidance: Guidance,
    pub settings: SamplerSettings,
    pub seed: u64,
    threads: usize,
    /// That the network multiplies in.
    precision: Precision,
    pub edit: Option<Edit>,
    /// Where sampling begins: u of the first level, 0 (clean) to 1 (noise).
    pub strength: f64,
    /// How the given noise was found.
    pub how: Option<HowFound>,
    /// What it was completed with, `--set` and all.
    pub config: Config,
    /// Was the noise read from a file?
    pub from_file: bool,
    /// Timesteps that were asked for and lie above the strength: said, because they are left out.
    pub left_out: Option<String>,
}

/// Sets what `--set` says, judged beside the flags.
///
/// # Errors
/// As [`LoadedModel::set`].
pub fn set_as_asked(args: &Args, model: &mut LoadedModel) -> Result<()> {
    let timesteps = model.parameterization.schedule.timesteps();
    model.set(&args.set, |sample| SampleConfig {
        sampler: args.sampler.unwrap_or(sample.sampler),
        // Impossible steps are refused by their flag.
        steps: args.steps.filter(|steps| (1..=timesteps).contains(steps)).unwrap_or(sample.steps),
        ..sample.clone()
    })
}

impl SamplePlan {
    /// # Errors
    /// A usage error for what can't be asked of this run.
    pub fn new(args: &Args, model: &LoadedModel) -> Result<Self> {
        let given = Given::read(args, model)?;
        let defaults = &given.config.sample;
        let seed = args.seed.unwrap_or(model.config.seed);
        let edit = Edit::new(&args.edit, model.image_shape, args.sampler)?;
        let noise = given.noise(args.num, model, edit.as_ref(), seed)?;
        let num_classes = model.net.num_classes();
        let class = match args.class.as_deref() {
            Some(asked) => asked_class("--class", asked, num_classes, &model.classes)?,
            None => match (&given.how, &edit) {
                (Some(how), _) => how.class.map_or(Asked::Nobody, Asked::One),
                // Without a class of its own, what is edited keeps none: the network is asked for its null class.
                (None, Some(_)) => Asked::Nobody,
                (None, None) => Asked::InTurn,
            },
        };
        let classes = match (num_classes, class) {
            (None, _) | (_, Asked::Nobody) => None,
            (Some(n), Asked::One(class)) => Some(run::classes_in_turn(noise.dims()[0], n, Some(class))),
            (Some(n), Asked::InTurn) => Some(run::classes_in_turn(noise.dims()[0], n, None)),
        };
        let guidance_scale = match (args.guidance_scale, num_classes) {
            (Some(w), None) if w != 0.0 => {
                let message = format!(
                    "--guidance-scale {w}: this network was trained without class labels, so it has no null class to \
                     guide away from. Leave it out, or train with model.class_conditional = true"
                );
                return Err(UsageError::new(message).into());
            }
            (Some(w), _) if w != 0.0 && classes.is_none() => {
                let message =
                    format!("--guidance-scale {w}: there is no class to guide towards; give one with --class");
                return Err(UsageError::new(message).into());
            }
            (Some(w), _) => w,
            (None, _) if classes.is_none() || matches!(edit, Some(Edit::Invert { .. })) => 0.0,
            (None, Some(_)) => defaults.guidance_scale,
            (None, None) => 0.0,
        };
        let negative = match args.negative_class.as_deref() {
            Some(asked) => Some(asked_class("--negative-class", asked, num_classes, &model.classes)?),
            None => None,
        };
        let usual = Guidance::from_config(defaults, guidance_scale, &model.classes).map_err(UsageError::new)?;
        let guidance = Guidance {
            rescale: args.guidance_rescale.unwrap_or(usual.rescale),
            interval: match args.guidance_interval[..] {
                [] => usual.interval,
                [from, to] => (from, to),
                _ => return Err(UsageError::new("--guidance-interval takes two numbers, such as 0.2,0.7").into()),
            },
            negative_class: match negative {
                Some(Asked::One(class)) => Some(class),
                Some(_) => None,
                None => usual.negative_class,
            },
            ..usual
        };
        guidance.check().map_err(|e| UsageError::new(format!("{e:#}")))?;
        let usual = SamplerSettings::from(defaults);
        let timesteps = match (&args.timesteps, args.steps, args.spacing) {
            (listed, None, None) if !listed.is_empty() => listed.clone(),
            (_, None, None) => usual.timesteps,
            // Steps or a spacing asked for take the place of the run's own list.
            _ => Vec::new(),
        };
        let inverted = matches!(edit, Some(Edit::Invert { .. }));
        let settings = SamplerSettings {
            sampler: args.sampler.unwrap_or(match edit {
                Some(Edit::Inpaint { .. }) => SamplerName::Ddpm,
                Some(Edit::Invert { .. }) => SamplerName::Ddim,
                _ => defaults.sampler,
            }),
            steps: args.steps.unwrap_or(if timesteps.is_empty() { defaults.steps } else { timesteps.len() }),
            eta: match edit {
                Some(Edit::Invert { .. }) => 0.0,
                _ => args.eta.unwrap_or(defaults.eta),
            },
            spacing: args.spacing.unwrap_or(defaults.spacing),
            rho: args.rho.unwrap_or(defaults.rho),
            timesteps,
            churn: Churn { s_churn: args.s_churn.unwrap_or(defaults.s_churn), ..usual.churn },
            strength: match edit {
                Some(Edit::Sdedit { strength, .. }) => strength,
                _ => 1.0,
            },
            // Clamping can't be undone, so that an inversion would miss it; and it begins at the picture itself.
            clip_sample: usual.clip_sample && !inverted,
            set_alpha_to_one: usual.set_alpha_to_one || inverted,
            equal_strides: usual.equal_strides && !inverted,
            thresholding: usual.thresholding && !inverted,
            ..usual
        };
        if let Err(why) = sampling::check_sampler(settings.sampler, &model.parameterization.schedule) {
            return Err(UsageError::new(format!("--sampler: {why}")).into());
        }
        check_steps(settings.steps, model.parameterization.schedule.timesteps())?;
        if !(0.0..=1.0).contains(&settings.eta) {
            return Err(UsageError::new(format!("--eta {}: η must be between 0 and 1", settings.eta)).into());
        }
        // What else is impossible (a spacing on this path, a list that does not fall) says so itself.
        let schedule = &model.parameterization.schedule;
        let sampler = sampling::make(schedule, &settings).map_err(|e| UsageError::new(format!("{e:#}")))?;
        let strength = schedule.u(sampler.first().t);
        let jumps_asked = args.edit.jumps.is_some() || args.edit.jump_length.is_some();
        if let Some(why) = edit.as_ref().filter(|_| jumps_asked).and_then(|edit| edit.without_jumps(settings.steps)) {
            return Err(UsageError::new(format!("--jumps, --jump-length: {why}")).into());
        }
        let left_out = above_strength(args, schedule, &settings)?;
        let mut config = given.config;
        let precision = agreed(args.precision.unwrap_or(config.sample.precision), config.model.kind)?;
        config.sample.precision = precision.into();
        Ok(Self {
            precision,
            strength,
            left_out,
            from_file: args.noise.is_some(),
            noise,
            classes,
            guidance,
            settings,
            seed,
            threads: args.threads,
            edit,
            how: given.how,
            config,
        })
    }

    /// How many samples.
    pub fn num(&self) -> usize {
        self.noise.dims()[0]
    }

    /// Are the samples points in the plane?
    pub fn is_in_plane(&self) -> bool {
        matches!(self.noise.dims(), [_, h, w, c] if is_points((*h, *w, *c)))
    }

    /// [sample] as it will be sampled: the run's own, `--set`, the flags, and what an edit leaves out.
    pub fn resolved(&self, model: &LoadedModel) -> SampleConfig {
        let SamplerSettings { sampler, steps, eta, spacing, rho, timesteps, clip_sample, .. } = self.settings.clone();
        let SamplerSettings { set_alpha_to_one, equal_strides, .. } = self.settings;
        let Guidance { scale, rescale, interval: (from, to), negative_class } = self.guidance;
        let name = |class: usize| model.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
        SampleConfig {
            sampler,
            steps,
            eta,
            spacing,
            rho,
            timesteps,
            s_churn: self.settings.churn.s_churn,
            clip_sample,
            set_alpha_to_one,
            equal_strides,
            thresholding: self.settings.thresholding,
            guidance_scale: scale,
            guidance_rescale: rescale,
            guidance_interval: vec![from, to],
            negative_class: negative_class.map_or(String::new(), name),
            num: self.num(),
            ..self.config.sample.clone()
        }
    }

    /// All of it, for the noise that an inversion finds.
    pub fn how_found(&self, model: &LoadedModel) -> HowFound {
        // How many a snapshot shows is no matter of this picture.
        let sample = SampleConfig { num: self.config.sample.num, ..self.resolved(model) };
        HowFound { sample, class: self.classes.as_ref().and_then(|classes| classes.first().copied()) }
    }

    /// The run's network, guided.
    ///
    /// # Errors
    /// When the network can't be asked for these classes, or no thread be started.
    pub fn denoiser(&self, model: &LoadedModel) -> Result<Box<dyn Denoiser + Send>> {
        let workers = Arc::new(Workers::over(world(), ranks::threads(self.threads))?);
        let classes = self.classes.as_deref();
        let net = net_in(model, self.precision)?;
        sampling::network_denoiser(&net, &model.parameterization, classes, self.guidance, workers)
    }

    /// The way that the flags ask for.
    fn trajectory(&self, model: &LoadedModel) -> Result<Trajectory> {
        Ok(self.way(model)?.in_latents(model.latents.as_ref()))
    }

    fn way(&self, model: &LoadedModel) -> Result<Trajectory> {
        let denoiser = self.denoiser(model)?;
        let schedule = &model.parameterization.schedule;
        let (settings, noise) = (&self.settings, self.noise.clone());
        if !matches!(&self.edit, Some(Edit::Interpolate { .. } | Edit::Sdedit { .. } | Edit::Inpaint { .. })) {
            return Trajectory::new(denoiser, schedule.clone(), settings, noise, self.seed);
        }
        let seeded = SeededNoise::new(self.seed);
        let mut sampler = sampling::make(schedule, settings)?;
        let scale = sampler.noise_scale().unwrap_or_else(|| schedule.noise_scale(sampler.first()));
        let clip = settings.clamp();
        match &self.edit {
            Some(Edit::Sdedit { image, .. }) => {
                let start = editing::noised(&model.seen(image)?, &noise, sampler.first())?;
                Trajectory::with(denoiser, sampler, Box::new(seeded), start, clip)
            }
            Some(Edit::Inpaint { image, mask, resampling, .. }) => {
                let levels = sampling::levels(schedule, settings)?;
                sampler = Box::new(Inpainting::new(
                    levels,
                    model.seen(image)?,
                    model.latents.as_ref().map_or_else(|| Ok(mask.clone()), |latents| latents.mask(mask))?,
                    *resampling,
                )?);
                Trajectory::with(denoiser, sampler, Box::new(seeded), (noise * scale)?, clip)
            }
            _ => Trajectory::with(denoiser, sampler, Box::new(SharedNoise(seeded)), (noise * scale)?, clip),
        }
    }

    /// Samples, keeping `frames` of the way.
    ///
    /// # Errors
    /// What the sampler or the network reports.
    pub fn sample(&self, model: &LoadedModel, frames: usize, show_progress: bool) -> Result<Recording> {
        let trajectory = self.trajectory(model)?;
        // indicatif draws on standard error, and only where that is a terminal.
        let bar = if show_progress { ProgressBar::new(trajectory.total() as u64) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("sampling {bar:30} {pos}/{len} · {eta} left")?);
        let recording = Recording::of(trajectory, frames, |frame| {
            bar.set_length(frame.total as u64);
            bar.set_position(frame.index as u64);
        });
        bar.finish_and_clear();
        self.with_kept_pixels(model, recording?)
    }

    /// What is inpainted in latents has the picture's own pixels where the mask keeps them.
    fn with_kept_pixels(&self, model: &LoadedModel, mut recording: Recording) -> Result<Recording> {
        if let (Some(Edit::Inpaint { image, mask, .. }), Some(_)) = (&self.edit, &model.latents) {
            let new = recording.samples.broadcast_mul(&mask.affine(-1.0, 1.0)?)?;
            recording.samples = new.broadcast_add(&(image * mask)?)?;
        }
        Ok(recording)
    }

    /// Samples, keeping `rows` of the way: see [`Recording::of_way`].
    ///
    /// # Errors
    /// As [`Self::sample`].
    pub fn sample_way(&self, model: &LoadedModel, rows: usize) -> Result<Recording> {
        Recording::of_way(self.trajectory(model)?, rows)
    }

    /// "16 samples of 7 · ddim 50 · w 1.5 (s 2.5) · EMA weights of step 2000 · seed 0"; the number of network
    /// calls (NFE) where it is not that of the steps.
    pub fn caption(&self, model: &LoadedModel, calls: usize) -> String {
        let mut parts = self.settings_in_words(model, calls);
        parts.push(model.weights_in_words());
        parts.push(format!("seed {}", self.seed));
        parts.join(" · ")
    }

    /// The same without weights and seed, in parts.
    pub fn settings_in_words(&self, model: &LoadedModel, calls: usize) -> Vec<String> {
        let mut parts = vec![format!("{} sample{}", self.num(), if self.num() == 1 { "" } else { "s" })];
        if let Some(classes) = &self.classes {
            let one = classes.iter().all(|c| c == &classes[0]);
            let name = model.classes.get(classes[0]).cloned().unwrap_or_else(|| classes[0].to_string());
            parts[0] += &if one { format!(" of “{name}”") } else { ", each class in turn".to_string() };
        } else if !model.classes.is_empty() {
            parts[0] += " of no class";
        }
        let SamplerSettings { sampler, steps, .. } = self.settings;
        parts.push(match sampler.is_adaptive() {
            true => format!("{} NFE {calls}", sampler.name()),
            false if calls == steps => format!("{} {steps}", sampler.name()),
            false => format!("{} {steps} (NFE {calls})", sampler.name()),
        });
        parts.extend((self.config.sample.precision == PrecisionChoice::Bf16).then(|| "bf16".into()));
        parts.extend(self.edit.as_ref().map(|edit| edit.words(steps)));
        if self.classes.is_some() {
            let Guidance { scale, rescale, interval: (from, to), negative_class } = self.guidance;
            parts.push(format!("w {scale} (s {})", 1.0 + scale));
            if scale != 0.0 {
                parts.extend((rescale != 0.0).then(|| format!("φ {rescale}")));
                parts.extend(((from, to) != (0.0, 1.0)).then(|| format!("for t/T in {from} to {to}")));
                parts.extend(negative_class.map(|class| format!("away from {class}")));
            }
        }
        parts
    }
}

/// The listed timesteps that an SDEdit of this strength leaves out, in words.
///
/// # Errors
/// A usage error when it leaves out all of them.
fn above_strength(args: &Args, schedule: &Arc<Schedule>, settings: &SamplerSettings) -> Result<Option<String>> {
    let listed = &settings.timesteps;
    if listed.is_empty() || settings.strength >= 1.0 || settings.sampler.is_adaptive() {
        return Ok(None);
    }
    let levels = sampling::levels(schedule, settings)?;
    let (first, visited) = (levels[0].t, |t: f64| levels.iter().any(|level| level.t == t));
    let above: Vec<String> = listed.iter().filter(|&&t| !visited(t)).map(f64::to_string).collect();
    if above.is_empty() {
        return Ok(None);
    }
    let called = if args.timesteps.is_empty() { "sample.timesteps" } else { "--timesteps" };
    let begins = format!("--strength {} begins at t = {first}", settings.strength);
    if above.len() == listed.len() {
        let message = format!(
            "{called} {}: {begins}, and none of these timesteps lies below that: list lower ones, or raise --strength",
            above.join(",")
        );
        return Err(UsageError::new(message).into());
    }
    Ok(Some(format!("{called}: {begins}; left out, because not below that: {}", above.join(", "))))
}

/// What samples are asked to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    /// Each class in turn.
    InTurn,
    One(usize),
    /// Of no class: the network is asked for its null class.
    Nobody,
}

/// A class, or none; a class that is called so comes first.
fn asked_class(flag: &str, asked: &str, num_classes: Option<usize>, names: &[String]) -> Result<Asked> {
    if sampling::means_no_class(asked, names) {
        return Ok(Asked::Nobody);
    }
    Ok(Asked::One(find_class(flag, asked, num_classes, names)?))
}

/// The class that a person means, by number or by name.
fn find_class(flag: &str, asked: &str, num_classes: Option<usize>, names: &[String]) -> Result<usize> {
    let Some(num_classes) = num_classes else {
        let message = format!("{flag} {asked}: this network was trained without class labels");
        return Err(UsageError::new(message).into());
    };
    sampling::find_class(asked, num_classes, names).ok_or_else(|| {
        // Digits are named by their numbers: nothing more to say then.
        let named = |&(i, name): &(usize, &String)| *name != i.to_string();
        let known: Vec<String> =
            names.iter().enumerate().filter(named).map(|(i, name)| format!("{i} {name}")).collect();
        let listed = if known.is_empty() { String::new() } else { format!(": {}", known.join(", ")) };
        UsageError::new(format!(
            "{flag} {asked}: this run knows {}{listed}",
            numbered("class", "classes", num_classes - 1)
        ))
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_number_and_name_and_unknown_ones_list_what_there_is() {
        let names: Vec<String> = ["flags", "objects"].map(String::from).to_vec();
        assert_eq!(find_class("--class", "1", Some(2), &names).unwrap(), 1);
        assert_eq!(find_class("--class", "Flags", Some(2), &names).unwrap(), 0);
        let message = find_class("--class", "7", Some(2), &names).unwrap_err().to_string();
        assert!(message.contains("0 to 1") && message.contains("1 objects"), "{message}");
        let asked = |asked: &str, names: &[String]| asked_class("--class", asked, Some(2), names).unwrap();
        assert_eq!((asked("none", &names), asked("1", &names)), (Asked::Nobody, Asked::One(1)));
        let has_none = ["some", "none"].map(String::from);
        assert_eq!((asked("none", &has_none), asked("null", &has_none)), (Asked::One(1), Asked::Nobody));
        let message = find_class("--class", "3", None, &[]).unwrap_err().to_string();
        assert!(message.contains("without class labels"), "{message}");
    }
}
