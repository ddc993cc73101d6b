//! What will be sampled, and the sampling of it.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};
use indicatif::{ProgressBar, ProgressStyle};

use super::command::Args;
use super::edit::{Edit, INTERPOLATED};
use crate::cli::UsageError;
use crate::config::SamplerName;
use crate::kernels::Workers;
use crate::run::{self, LoadedModel, Recording};
use crate::sampling::editing::{self, Inpainting, SharedNoise};
use crate::sampling::{self, Churn, Denoiser, Guidance, SamplerSettings, SeededNoise, Trajectory};

/// What will be sampled: the arguments, completed by the run's settings and checked against its model.
pub struct Plan {
    noise: Tensor,
    /// One a sample; `None` for an unconditional network.
    pub classes: Option<Vec<usize>>,
    pub guidance: Guidance,
    pub settings: SamplerSettings,
    pub seed: u64,
    threads: usize,
    pub edit: Option<Edit>,
}

impl Plan {
    /// # Errors
    /// A usage error for what can't be asked of this run.
    pub fn new(args: &Args, model: &LoadedModel) -> Result<Self> {
        let defaults = &model.config.sample;
        let seed = args.seed.unwrap_or(model.config.seed);
        let (h, w, c) = model.image_shape;
        let edit = Edit::new(&args.edit, model.image_shape, args.sampler)?;
        let noise = match (&args.noise, args.num) {
            _ if matches!(edit, Some(Edit::Invert { .. })) => {
                if args.num.is_some_and(|num| num != 1) {
                    return Err(UsageError::new("--invert: one picture has one noise; leave --num out").into());
                }
                sampling::starting_noise(1, h, w, c, seed, &Device::Cpu)?
            }
            (_, Some(0)) => return Err(UsageError::new("--num 0: there is nothing to sample").into()),
            (None, num) if matches!(edit, Some(Edit::Interpolate { .. })) => {
                let Some(Edit::Interpolate { seeds: (a, b) }) = edit else { unreachable!("just matched") };
                let end = |seed| sampling::starting_noise(1, h, w, c, seed, &Device::Cpu);
                editing::slerp(&end(a)?, &end(b)?, num.unwrap_or(INTERPOLATED))
                    .map_err(|e| UsageError::new(format!("{e:#}")))?
            }
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
        let class =
            args.class.as_deref().map(|class| find_class("--class", class, num_classes, &model.classes)).transpose()?;
        // Without a class of its own, what is edited keeps none: the network is asked for its null class.
        let num_classes_asked = if edit.is_some() { num_classes.filter(|_| class.is_some()) } else { num_classes };
        let classes = num_classes_asked.map(|n| run::classes_in_turn(noise.dims()[0], n, class));
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
            (Some(w), _) if w != 0.0 && classes.is_none() => {
                let message =
                    format!("--guidance-scale {w}: there is no class to guide towards; give one with --class");
                return Err(UsageError::new(message).into());
            }
            (Some(w), _) if w != 0.0 && matches!(edit, Some(Edit::Invert { .. })) => {
                let message = "--invert: guidance drives the way back away from the picture; use --guidance-scale 0";
                return Err(UsageError::new(message).into());
            }
            (Some(w), _) => w,
            (None, _) if classes.is_none() || matches!(edit, Some(Edit::Invert { .. })) => 0.0,
            (None, Some(_)) => defaults.guidance_scale,
            (None, None) => 0.0,
        };
        let negative = args.negative_class.as_deref();
        let negative =
            negative.map(|class| find_class("--negative-class", class, num_classes, &model.classes)).transpose()?;
        let usual = Guidance::from_config(defaults, guidance_scale, &model.classes).map_err(UsageError::new)?;
        let guidance = Guidance {
            rescale: args.guidance_rescale.unwrap_or(usual.rescale),
            interval: match args.guidance_interval[..] {
                [] => usual.interval,
                [from, to] => (from, to),
                _ => return Err(UsageError::new("--guidance-interval takes two numbers, such as 0.2,0.7").into()),
            },
            negative_class: negative.or(usual.negative_class),
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
            // Clamping can't be undone, so that an inversion would miss it.
            clip_sample: usual.clip_sample && !matches!(edit, Some(Edit::Invert { .. })),
            thresholding: usual.thresholding && !matches!(edit, Some(Edit::Invert { .. })),
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
        Ok(Self { noise, classes, guidance, settings, seed, threads: args.threads, edit })
    }

    /// How many samples.
    pub fn num(&self) -> usize {
        self.noise.dims()[0]
    }

    /// The run's network, guided.
    ///
    /// # Errors
    /// When the network can't be asked for these classes, or no thread be started.
    pub fn denoiser(&self, model: &LoadedModel) -> Result<Box<dyn Denoiser + Send>> {
        let workers = Arc::new(Workers::new(self.threads)?);
        let classes = self.classes.as_deref();
        sampling::network_denoiser(&model.net, &model.parameterization, classes, self.guidance, workers)
    }

    /// The way that the flags ask for.
    fn trajectory(&self, model: &LoadedModel) -> Result<Trajectory> {
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
                let start = editing::noised(image, &noise, sampler.first())?;
                Trajectory::with(denoiser, sampler, Box::new(seeded), start, clip)
            }
            Some(Edit::Inpaint { image, mask, resampling, .. }) => {
                let levels = sampling::levels(schedule, settings)?;
                sampler = Box::new(Inpainting::new(levels, image.clone(), mask.clone(), *resampling)?);
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
        recording
    }

    /// "16 samples of 7 · ddim 50 · w 1.5 (s 2.5) · EMA weights of step 2000 · seed 0"; the number of network
    /// calls (NFE) where it is not that of the steps.
    pub fn caption(&self, model: &LoadedModel, calls: usize) -> String {
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
        parts.extend(self.edit.as_ref().map(Edit::words));
        if self.classes.is_some() {
            let Guidance { scale, rescale, interval: (from, to), negative_class } = self.guidance;
            parts.push(format!("w {scale} (s {})", 1.0 + scale));
            if scale != 0.0 {
                parts.extend((rescale != 0.0).then(|| format!("φ {rescale}")));
                parts.extend(((from, to) != (0.0, 1.0)).then(|| format!("for t/T in {from} to {to}")));
                parts.extend(negative_class.map(|class| format!("away from {class}")));
            }
        }
        parts.push(format!("EMA weights of step {}", model.step));
        parts.push(format!("seed {}", self.seed));
        parts.join(" · ")
    }
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
        UsageError::new(format!("{flag} {asked}: this run knows the classes 0 to {}{listed}", num_classes - 1)).into()
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
        let message = find_class("--class", "3", None, &[]).unwrap_err().to_string();
        assert!(message.contains("without class labels"), "{message}");
    }
}
