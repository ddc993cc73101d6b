//! From a scheduler's settings to those of an experiment.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::classes::{CLASSES, Class};
use super::settings::Settings;
use super::solvers;
use crate::config::{
    DiffusionConfig, PathName, PredictionType, SampleConfig, SamplerName, ScheduleName, SigmaRange, TimestepSpacing,
    VarianceType,
};
use crate::nn::wrong_type::wrong_type;

/// The class whose settings a folder without any has.
pub const USUAL_CLASS: &str = "DDPMScheduler";
/// In our own exports: what diffusers' settings have no words for. It passes over keys that begin so.
pub(super) const OURS: &str = "_difflab";
const MOST_TIMESTEPS: usize = 1_000_000;

/// What a scheduler's settings mean for us.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduling {
    pub diffusion: DiffusionConfig,
    pub sample: SampleConfig,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// The process and the way of sampling that a scheduler of `class` with the `settings` of its
/// `scheduler_config.json` has, missing keys taken as the class takes them.
///
/// # Errors
/// When the class, or one of its settings, has no counterpart here; the message names it.
pub fn scheduling(class: &str, settings: &Value) -> Result<Scheduling> {
    let given = settings.as_object().context("the settings are no JSON object")?;
    let class = known(class)?;
    let settings = Settings::new(class, given);
    let timesteps = settings.whole("num_train_timesteps", 1000, 1, MOST_TIMESTEPS)?;
    let sampler = solvers::sampler(&settings)?;
    let mut sample = SampleConfig {
        sampler,
        steps: timesteps.min(50),
        guidance_scale: 0.0,
        clip_sample: false,
        spacing: TimestepSpacing::Linspace,
        ..SampleConfig::default()
    };
    let diffusion = match class.name.starts_with("FlowMatch") {
        true => flow(&settings, timesteps, &mut sample)?,
        false => variance_preserving(&settings, timesteps, &mut sample)?,
    };
    if sampler == SamplerName::Ddpm {
        // DDPMPipeline's number; an offset moves the last timesteps beyond T.
        sample.steps = (timesteps - sample.steps_offset).max(1);
    }
    let of_solver = solvers::options(&settings, &diffusion, &mut sample)?;
    let mut notes = settings.finish()?;
    notes.extend(of_solver);
    notes.extend(take_ours(class, &given.get(OURS), &mut sample));
    Ok(Scheduling { diffusion, sample, notes })
}

/// Takes what our own export has written down beside the scheduler's settings, as long as they are of that class.
/// Returns what is to be said.
fn take_ours(class: &Class, ours: &Option<&Value>, sample: &mut SampleConfig) -> Option<String> {
    let ours = ours.as_ref()?;
    let given = ours["sample"].as_object().filter(|_| ours["_class_name"] == class.name)?;
    let usual = serde_json::to_value(&*sample).ok()?;
    let mut all = usual.clone();
    all.as_object_mut()?.extend(given.clone());
    match serde_json::from_value(all) {
        Ok(read) => {
            *sample = read;
            None
        }
        Err(error) => {
            let why = wrong_type::<SampleConfig>(given, &usual).unwrap_or_else(|| error.to_string());
            Some(format!("{OURS} is not what this difflab writes, and is ignored: {why}"))
        }
    }
}

/// The class of this name.
///
/// # Errors
/// When it is not supported; the message lists those that are.
pub(super) fn known(name: &str) -> Result<&'static Class> {
    if name.starts_with("EDM") {
        bail!(
            "{name} tells the network its time as 0.25·ln σ; networks here are told 250·ln σ, so that this one would \
             be told something that it never saw"
        );
    }
    Class::named(name).with_context(|| {
        let names: Vec<&str> = CLASSES.iter().filter_map(|class| class.name.strip_suffix("Scheduler")).collect();
        format!("the scheduler {name} is not supported; supported are {}", names.join(", "))
    })
}

fn variance_preserving(settings: &Settings, timesteps: usize, sample: &mut SampleConfig) -> Result<DiffusionConfig> {
    let class = settings.class();
    let prediction_type = prediction_type(settings)?;
    let betas = settings.numbers("trained_betas")?;
    if let Some(betas) = &betas {
        ensure!(
            betas.len() == timesteps,
            "trained_betas has {} numbers and num_train_timesteps is {timesteps}: they must agree",
            betas.len()
        );
    }
    let word = settings.text("beta_schedule", "linear")?;
    let schedule = match word {
        _ if betas.is_some() => ScheduleName::Given,
        "linear" => ScheduleName::Linear,
        "scaled_linear" => ScheduleName::ScaledLinear,
        "squaredcos_cap_v2" => ScheduleName::Cosine,
        "sigmoid" if class.beta_schedules.contains(&word) => ScheduleName::Sigmoid,
        _ => bail!(
            "beta_schedule = {word:?} is not supported with {}; {} and any list in trained_betas are",
            class.name,
            class.beta_schedules.join(", ")
        ),
    };
    let zero_snr = settings.flag("rescale_betas_zero_snr")?;
    ensure!(
        !zero_snr || prediction_type != PredictionType::Epsilon,
        "rescale_betas_zero_snr = true with prediction_type = \"epsilon\" is not supported: at the last step there is no \
         signal, and no x_0 follows from ε; with \"v_prediction\" or \"sample\" it is"
    );
    let variance_type = variance_type(settings)?;
    spacing(settings, timesteps, sample)?;
    sample.clip_sample = settings.flag("clip_sample")?;
    let range = settings.finite("clip_sample_range", 1.0)?;
    if sample.clip_sample {
        ensure!(range > 0.0, "clip_sample_range = {range} leaves no image: it must be above 0");
        sample.clip_sample_range = range;
    }
    thresholding(settings, sample)?;
    ends_without_noise(variance_type, sample)?;
    Ok(DiffusionConfig {
        path: PathName::Vp,
        timesteps,
        schedule,
        beta_start: settings.finite("beta_start", 1e-4)?,
        beta_end: settings.finite("beta_end", 0.02)?,
        betas: betas.unwrap_or_default(),
        rescale_betas_zero_snr: zero_snr,
        prediction_type,
        variance_type,
        ..DiffusionConfig::default()
    })
}

fn prediction_type(settings: &Settings) -> Result<PredictionType> {
    let word = settings.text("prediction_type", "epsilon")?;
    let class = settings.class();
    ensure!(
        class.prediction_types.contains(&word),
        "prediction_type = {word:?} is not supported with {}; {} are",
        class.name,
        class.prediction_types.join(", ")
    );
    Ok(match word {
        "sample" => PredictionType::Sample,
        "v_prediction" => PredictionType::VPrediction,
        _ => PredictionType::Epsilon,
    })
}

/// DDPM's `variance_type`; DPM-Solver's, whose networks may have learned one that it leaves aside.
fn variance_type(settings: &Settings) -> Result<VarianceType> {
    if settings.class().name.starts_with("DDPM") {
        return settings.choice(
            "variance_type",
            "fixed_small",
            &[
                ("fixed_small", VarianceType::FixedSmall),
                // Its logarithm, and back again.
                ("fixed_small_log", VarianceType::FixedSmall),
                ("fixed_large", VarianceType::FixedLarge),
                ("learned_range", VarianceType::LearnedRange),
            ],
        );
    }
    settings.choice(
        "variance_type",
        "",
        &[
            ("", VarianceType::FixedSmall),
            // DDPM's words, which DPM-Solver has no use for: made `from_config` of its settings, it keeps them.
            ("fixed_small", VarianceType::FixedSmall),
            ("fixed_small_log", VarianceType::FixedSmall),
            ("fixed_large", VarianceType::FixedSmall),
            ("fixed_large_log", VarianceType::FixedSmall),
            ("learned", VarianceType::LearnedRange),
            ("learned_range", VarianceType::LearnedRange),
        ],
    )
}

/// diffusers' DDPM adds the noise of its last step wherever that does not begin at t = 0, and of these variances
/// some is left.
fn ends_without_noise(variance_type: VarianceType, sample: &SampleConfig) -> Result<()> {
    let last_is_zero = match sample.spacing {
        TimestepSpacing::Trailing => false,
        TimestepSpacing::Leading => sample.steps_offset == 0,
        _ => true,
    };
    let (key, value) = match sample.spacing {
        TimestepSpacing::Trailing => ("timestep_spacing", "\"trailing\"".to_string()),
        _ => ("steps_offset", sample.steps_offset.to_string()),
    };
    ensure!(
        sample.sampler != SamplerName::Ddpm || variance_type == VarianceType::FixedSmall || last_is_zero,
        "variance_type = {:?} with {key} = {value} is not supported: diffusers then leaves noise in the finished \
         image; variance_type = \"fixed_small\" or timestep_spacing = \"linspace\" does not",
        variance_type.name()
    );
    Ok(())
}

fn thresholding(settings: &Settings, sample: &mut SampleConfig) -> Result<()> {
    sample.thresholding = settings.flag("thresholding")?;
    let ratio = settings.finite("dynamic_thresholding_ratio", 0.995)?;
    let most = settings.finite("sample_max_value", 1.0)?;
    if sample.thresholding {
        ensure!((0.0..=1.0).contains(&ratio), "dynamic_thresholding_ratio = {ratio} is outside 0 to 1");
        ensure!(most >= 1.0, "sample_max_value = {most} is below 1, the least that thresholding divides by");
        (sample.dynamic_thresholding_ratio, sample.sample_max_value) = (ratio, most);
    }
    Ok(())
}

/// Which timesteps, or which σ, are visited.
fn spacing(settings: &Settings, timesteps: usize, sample: &mut SampleConfig) -> Result<()> {
    let spacing = settings.choice(
        "timestep_spacing",
        "linspace",
        &[
            ("leading", TimestepSpacing::Leading),
            ("trailing", TimestepSpacing::Trailing),
            ("linspace", TimestepSpacing::Linspace),
        ],
    )?;
    let offset = settings.whole("steps_offset", 0, 0, MOST_TIMESTEPS)?;
    ensure!(
        offset < timesteps,
        "steps_offset = {offset} leads beyond the timesteps: it must be below num_train_timesteps = {timesteps}"
    );
    sample.steps_offset = if spacing == TimestepSpacing::Leading { offset } else { 0 };
    // With no effect on other samplers than ddim and pndm, but they may be chosen when sampling.
    sample.equal_strides = true;
    if settings.knows("set_alpha_to_one") {
        sample.set_alpha_to_one = settings.flag("set_alpha_to_one")?;
    }
    sample.spacing = spacing;
    if let Some(of_sigmas) = sigma_spacing(settings)? {
        ensure!(
            spacing != TimestepSpacing::Leading || settings.text("interpolation_type", "linear")? == "linear",
            "interpolation_type = \"log_linear\" with timestep_spacing = \"leading\" and a spacing of σ is not supported; \
             without one of the three it is"
        );
        sample.spacing = of_sigmas;
        sample.sigma_range = match spacing {
            _ if !solvers::takes_ends_from_timesteps(settings)? => SigmaRange::Whole,
            TimestepSpacing::Leading => SigmaRange::Leading,
            TimestepSpacing::Trailing => SigmaRange::Trailing,
            TimestepSpacing::Linspace => SigmaRange::Linspace,
            _ => SigmaRange::Whole,
        };
        if sample.sigma_range != SigmaRange::Leading {
            sample.steps_offset = 0;
        }
    }
    Ok(())
}

/// The spacing of σ that takes the place of `timestep_spacing`, if one does.
fn sigma_spacing(settings: &Settings) -> Result<Option<TimestepSpacing>> {
    let mut found = None;
    for (key, spacing) in [
        ("use_karras_sigmas", TimestepSpacing::Karras),
        ("use_lu_lambdas", TimestepSpacing::Lu),
        ("use_exponential_sigmas", TimestepSpacing::Exponential),
        ("use_beta_sigmas", TimestepSpacing::Beta),
    ] {
        if settings.flag(key)? {
            if let Some((first, _)) = found {
                bail!("{first} and {key} are both true: at most one can be");
            }
            found = Some((key, spacing));
        }
    }
    Ok(found.map(|(_, spacing)| spacing))
}

fn flow(settings: &Settings, timesteps: usize, sample: &mut SampleConfig) -> Result<DiffusionConfig> {
    if let Some(of_sigmas) = sigma_spacing(settings)? {
        sample.spacing = of_sigmas;
    }
    let terminal = settings.finite("shift_terminal", 0.0)?;
    ensure!((0.0..1.0).contains(&terminal), "shift_terminal = {terminal} is outside 0 to 1");
    sample.shift_terminal = terminal;
    let shift = settings.finite("shift", 1.0)?;
    ensure!(shift > 0.0, "shift = {shift} must be above 0");
    Ok(DiffusionConfig {
        path: PathName::Flow,
        prediction_type: PredictionType::Flow,
        shift,
        timesteps,
        ..DiffusionConfig::default()
    })
}
