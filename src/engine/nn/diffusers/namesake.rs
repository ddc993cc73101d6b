//! The scheduler class that a sampler of ours is the namesake of, and the settings under which both do the same.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::classes::Class;
use super::solvers::{class_takes_ends_from_timesteps, never_clips};
use crate::config::{
    DiffusionConfig, FinalSigmasType, InterpolationType, PathName, PredictionType, SampleConfig, SamplerName,
    ScheduleName, SigmaRange, SolverType, TimestepSpacing, VarianceType,
};
use crate::diffusion::Schedule;

/// ρ of diffusers' Karras spacing, a constant there.
const RHO: f64 = 7.0;

/// A class, those of its settings that are not its defaults, and what the run does otherwise.
pub struct Namesake {
    pub class: &'static Class,
    pub settings: Map<String, Value>,
    /// A sentence each.
    pub notes: Vec<String>,
}

/// The class that samples as the run's sampler does, or comes nearest.
///
/// # Errors
/// When the schedule is impossible.
pub fn named_after(diffusion: &DiffusionConfig, sample: &SampleConfig) -> Result<Namesake> {
    let (name, mut notes) = match diffusion.path {
        PathName::Flow => of_flow(sample),
        _ => of_variance_preserving(diffusion, sample),
    };
    let class = Class::named(name).with_context(|| format!("there is no class {name}"))?;
    let mut made = Writer { class, settings: Map::new(), notes: std::mem::take(&mut notes), sample, diffusion };
    match diffusion.path {
        PathName::Flow => made.flow(),
        _ => made.variance_preserving()?,
    }
    made.whatever_the_path();
    Ok(Namesake { class, settings: made.settings, notes: made.notes })
}

fn of_flow(sample: &SampleConfig) -> (&'static str, Vec<String>) {
    const EULER: &str = "FlowMatchEulerDiscreteScheduler";
    match sample.sampler {
        // On straight lines all three are the same step.
        SamplerName::FlowEuler | SamplerName::Euler | SamplerName::Ddim => (EULER, Vec::new()),
        SamplerName::FlowHeun => ("FlowMatchHeunDiscreteScheduler", Vec::new()),
        other => (EULER, vec![without_counterpart(other, "Euler's steps")]),
    }
}

fn without_counterpart(sampler: SamplerName, instead: &str) -> String {
    format!("diffusers has no counterpart of the run's sampler {} here: the export uses {instead}", sampler.name())
}

fn of_variance_preserving(diffusion: &DiffusionConfig, sample: &SampleConfig) -> (&'static str, Vec<String>) {
    if learned(diffusion) {
        // The others take a network's learned variance for a part of its answer, or cut it off for RGB alone.
        let notes = match sample.sampler {
            SamplerName::Ddpm => Vec::new(),
            other => vec![format!(
                "the variance is learned, and only diffusers' DDPMScheduler reads it in any number of channels: it \
                 replaces the run's sampler {}",
                other.name()
            )],
        };
        return ("DDPMScheduler", notes);
    }
    let name = match sample.sampler {
        SamplerName::Ddpm => "DDPMScheduler",
        SamplerName::Ddim => "DDIMScheduler",
        SamplerName::Euler => "EulerDiscreteScheduler",
        SamplerName::EulerA => "EulerAncestralDiscreteScheduler",
        SamplerName::Heun => "HeunDiscreteScheduler",
        SamplerName::Edm if sample.s_churn == 0.0 => "HeunDiscreteScheduler",
        SamplerName::Lms => "LMSDiscreteScheduler",
        SamplerName::Dpm2 => "KDPM2DiscreteScheduler",
        SamplerName::Dpm2A => "KDPM2AncestralDiscreteScheduler",
        SamplerName::Dpmpp2m | SamplerName::Dpmpp3m | SamplerName::Dpmpp2mSde => "DPMSolverMultistepScheduler",
        SamplerName::Dpmpp2s => "DPMSolverSinglestepScheduler",
        SamplerName::Deis => "DEISMultistepScheduler",
        SamplerName::UniPc => "UniPCMultistepScheduler",
        SamplerName::Pndm => "PNDMScheduler",
        SamplerName::Edm
        | SamplerName::PfOde
        | SamplerName::Pc
        | SamplerName::FlowEuler
        | SamplerName::FlowMidpoint
        | SamplerName::FlowHeun => {
            return ("DDIMScheduler", vec![without_counterpart(sample.sampler, "DDIM's steps")]);
        }
    };
    let instead = |why: String| ("DDIMScheduler", vec![format!("{name} {why}: DDIMScheduler takes its place")]);
    let Some(class) = Class::named(name) else { return instead("is not known".into()) };
    let target = diffusion.prediction_type.name();
    if !class.prediction_types.contains(&target) {
        return instead(format!("takes no predictions of {target}"));
    }
    if diffusion.rescale_betas_zero_snr && class.key("rescale_betas_zero_snr").is_none() {
        return instead("knows no zero terminal SNR".into());
    }
    (name, Vec::new())
}

struct Writer<'a> {
    class: &'static Class,
    settings: Map<String, Value>,
    notes: Vec<String>,
    sample: &'a SampleConfig,
    diffusion: &'a DiffusionConfig,
}

impl Writer<'_> {
    /// Sets a key, where the class has it.
    fn set(&mut self, key: &str, value: impl Into<Value>) -> bool {
        let known = self.class.key(key).is_some();
        if known {
            self.settings.insert(key.into(), value.into());
        }
        known
    }

    /// Says that diffusers does something otherwise than the run.
    fn differs(&mut self, what: impl std::fmt::Display) {
        self.notes.push(format!("{what}; {} does not do so", self.class.name));
    }

    fn variance_preserving(&mut self) -> Result<()> {
        let diffusion = self.diffusion;
        let listed = || -> Result<_> { Ok(Schedule::from_config(diffusion).context("the run's path")?.betas) };
        let (beta_schedule, trained_betas) = match (diffusion.path, diffusion.schedule) {
            (PathName::Vp, ScheduleName::Linear) => ("linear", None),
            (PathName::Vp, ScheduleName::ScaledLinear) => ("scaled_linear", None),
            (PathName::Vp, ScheduleName::Cosine) if diffusion.is_usual_cosine() => ("squaredcos_cap_v2", None),
            // diffusers has 0.008 and 0.999 built in. Listed β come first; the name still decides how it rounds timesteps.
            (PathName::Vp, ScheduleName::Cosine) => ("squaredcos_cap_v2", Some(listed()?)),
            _ => ("linear", Some(listed()?)),
        };
        self.set("beta_schedule", beta_schedule);
        self.set("beta_start", diffusion.beta_start);
        self.set("beta_end", diffusion.beta_end);
        self.set("trained_betas", json!(trained_betas));
        self.set("num_train_timesteps", diffusion.timesteps);
        self.set("prediction_type", diffusion.prediction_type.name());
        // Of listed β, which are rescaled already, it makes the same once more.
        self.set("rescale_betas_zero_snr", diffusion.rescale_betas_zero_snr && diffusion.path == PathName::Vp);
        if self.class.name == "DDPMScheduler" {
            self.set("variance_type", diffusion.variance_type.name());
        }
        self.spacing();
        self.clamping();
        self.solver();
        Ok(())
    }

    fn flow(&mut self) {
        self.set("num_train_timesteps", self.diffusion.timesteps);
        self.set("shift", self.diffusion.shift);
        self.sigma_spacing();
        let sample = self.sample;
        if sample.spacing == TimestepSpacing::Leading {
            self.differs("the run's spacing leading begins below u = 1");
        }
        if sample.shift_terminal != 0.0 && !self.set("shift_terminal", sample.shift_terminal) {
            self.differs(format!("sample.shift_terminal = {} stretches the levels", sample.shift_terminal));
        }
        if sample.clip_sample || sample.thresholding {
            self.differs("the run clamps its estimates of x_0");
        }
    }

    fn spacing(&mut self) {
        let sample = self.sample;
        if self.sigma_spacing() {
            let word = match (class_takes_ends_from_timesteps(self.class.name), sample.sigma_range) {
                // A single step of linspace is at t = 0, and one of trailing where the whole range begins.
                (true, SigmaRange::Whole) if sample.steps == 1 => "trailing",
                (_, SigmaRange::Whole | SigmaRange::Linspace) => "linspace",
                (true, SigmaRange::Leading) => "leading",
                (true, SigmaRange::Trailing) => "trailing",
                (false, _) => {
                    self.differs("the run's spacing of σ divides less than the whole schedule (sample.sigma_range)");
                    "linspace"
                }
            };
            self.set("timestep_spacing", word);
            if word == "leading" {
                self.set("steps_offset", sample.steps_offset);
            }
            return;
        }
        let noise_would_stay = self.class.name == "DDPMScheduler"
            && self.diffusion.variance_type != VarianceType::FixedSmall
            && (sample.spacing == TimestepSpacing::Trailing
                || sample.spacing.divides_sigmas()
                || sample.spacing == TimestepSpacing::Leading && sample.steps_offset > 0);
        let word = match sample.spacing {
            _ if noise_would_stay => "linspace",
            TimestepSpacing::Leading => "leading",
            TimestepSpacing::Linspace => "linspace",
            _ => "trailing",
        };
        // That the class can't have a spacing of σ is said already.
        let said = sample.spacing.divides_sigmas();
        if noise_would_stay && !said {
            self.notes.push(format!(
                "with variance_type {} DDPMScheduler leaves noise in the finished image unless it ends at t = 0: the \
                 timesteps are exported as linspace, not as {}",
                self.diffusion.variance_type.name(),
                sample.spacing.name()
            ));
        }
        if !self.set("timestep_spacing", word) && word != "linspace" && !said {
            self.differs(format!("the run's spacing is {word}"));
        }
        if word == "leading" {
            self.set("steps_offset", sample.steps_offset);
        }
    }

    /// Writes the spacing of σ, if the run has one; otherwise false, and so where the class can't have it.
    fn sigma_spacing(&mut self) -> bool {
        let sample = self.sample;
        let key = match sample.spacing {
            TimestepSpacing::Karras => "use_karras_sigmas",
            TimestepSpacing::Exponential => "use_exponential_sigmas",
            TimestepSpacing::Beta => "use_beta_sigmas",
            TimestepSpacing::Lu => "use_lu_lambdas",
            TimestepSpacing::Leading | TimestepSpacing::Trailing | TimestepSpacing::Linspace => return false,
        };
        let spacing = sample.spacing.name();
        if !self.set(key, true) {
            self.differs(format!("the run's spacing is {spacing}"));
            return false;
        }
        if sample.spacing == TimestepSpacing::Karras && sample.rho != RHO {
            self.notes
                .push(format!("the run's spacing karras has ρ = {}, and diffusers' always ρ = {RHO}", sample.rho));
        }
        for (key, end) in [("sigma_min", sample.sigma_min), ("sigma_max", sample.sigma_max)] {
            if end != 0.0 && !self.set(key, end) {
                self.differs(format!("the run's spacing {spacing} ends at {key} = {end}"));
            }
        }
        true
    }

    fn clamping(&mut self) {
        let sample = self.sample;
        if never_clips(sample.sampler) && self.class.key("clip_sample").is_none() {
            // Neither does it here.
        } else if self.set("clip_sample", sample.clip_sample) {
            self.set("clip_sample_range", sample.clip_sample_range);
        } else if sample.clip_sample && !sample.thresholding {
            self.differs("the run clamps its estimates of x_0 (sample.clip_sample)");
        }
        if !sample.thresholding {
            return;
        }
        if self.set("thresholding", true) {
            self.set("dynamic_thresholding_ratio", sample.dynamic_thresholding_ratio);
            self.set("sample_max_value", sample.sample_max_value);
        } else if !never_clips(sample.sampler) {
            self.differs("the run thresholds its estimates of x_0 (sample.thresholding)");
        }
    }

    fn solver(&mut self) {
        let sample = self.sample;
        match self.class.name {
            "DDIMScheduler" => self.ddim(),
            "PNDMScheduler" => {
                self.set("skip_prk_steps", sample.skip_prk_steps);
                self.set("set_alpha_to_one", sample.set_alpha_to_one);
                self.strides();
                if sample.pndm_velocity != (self.diffusion.prediction_type == PredictionType::VPrediction) {
                    self.differs(format!("the run has sample.pndm_velocity = {}", sample.pndm_velocity));
                }
            }
            "LMSDiscreteScheduler" if !matches!(sample.solver_order, 0 | 4) => {
                self.differs(format!("the run's sampler lms has order {}", sample.solver_order));
            }
            _ => {}
        }
        let order = match (sample.solver_order, sample.sampler) {
            (0, SamplerName::Dpmpp3m) => 3,
            (0, _) => 2,
            (order, _) => order,
        };
        self.set("solver_order", order);
        if sample.sampler == SamplerName::Dpmpp2mSde {
            self.set("algorithm_type", "sde-dpmsolver++");
        }
        let solver_type = match sample.solver_type {
            SolverType::Auto => None,
            other => Some(other.name()),
        };
        if let Some(word) = solver_type.filter(|_| self.class.name != "DEISMultistepScheduler") {
            self.set("solver_type", word);
        }
        self.set("lower_order_final", sample.lower_order_final);
        self.set("euler_at_final", sample.euler_at_final);
        if sample.interpolation_type == InterpolationType::LogLinear && !sample.spacing.divides_sigmas() {
            self.set("interpolation_type", "log_linear");
        }
        if sample.lambda_min_clipped != 0.0 {
            self.set("lambda_min_clipped", sample.lambda_min_clipped);
        }
        self.set("predict_x0", sample.predict_x0);
        self.set("disable_corrector", json!(sample.disable_corrector));
        self.final_sigma();
    }

    fn final_sigma(&mut self) {
        let ends_with_noise = self.sample.final_sigmas_type == FinalSigmasType::SigmaMin;
        let word = if ends_with_noise { "sigma_min" } else { "zero" };
        // diffusers' DEIS has no such key, and ends with noise.
        let deis = self.class.name == "DEISMultistepScheduler";
        if deis && !ends_with_noise {
            self.differs("the run's last step leads to the clean image");
        }
        if !self.set("final_sigmas_type", word) && !deis && ends_with_noise && self.sample.sampler == SamplerName::Lms {
            self.differs("the run's last step ends with a little noise (sample.final_sigmas_type)");
        }
    }

    fn ddim(&mut self) {
        let sample = self.sample;
        self.set("set_alpha_to_one", sample.set_alpha_to_one);
        if sample.sampler == SamplerName::Ddim {
            self.strides();
            if sample.eta != 0.0 {
                self.notes.push(format!(
                    "the run samples with eta = {}, which DDPMPipeline's own call does not pass on: README.md's loop does",
                    sample.eta
                ));
            }
        }
    }

    /// DDIM and PNDM step down by ⌊T/n⌋ in diffusers, whatever comes next.
    fn strides(&mut self) {
        let sample = self.sample;
        let (total, steps) = (self.diffusion.timesteps, sample.steps.max(1));
        let next_is_stride = match sample.spacing {
            TimestepSpacing::Leading => true,
            TimestepSpacing::Trailing => total.is_multiple_of(steps),
            _ => false,
        };
        if !sample.equal_strides && !next_is_stride && sample.timesteps.is_empty() {
            self.notes.push(format!(
                "diffusers' {} leads ⌊T/n⌋ = {} timesteps down with each step, and the run's sampler to the timestep that \
                 is visited next; with spacing leading, or trailing and a number of steps that divides T, both are the \
                 same",
                self.class.name,
                total / steps
            ));
        }
    }

    fn whatever_the_path(&mut self) {
        if !self.sample.timesteps.is_empty() {
            self.differs(format!(
                "the run visits {} timesteps of its own (sample.timesteps)",
                self.sample.timesteps.len()
            ));
        }
    }
}

/// Is the variance one that a network says?
fn learned(diffusion: &DiffusionConfig) -> bool {
    diffusion.variance_type == VarianceType::LearnedRange
}
