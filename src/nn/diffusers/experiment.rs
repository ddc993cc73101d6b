//! From diffusers' settings back to those of an experiment.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::config::{
    DiffusionConfig, ModelConfig, PathName, PredictionType, SampleConfig, ScheduleName, TimestepSpacing, VarianceType,
};
use crate::nn::{DownBlockType, SampleSize, UNetConfig, UpBlockType};

/// The scheduler's settings in a pipeline folder: `scheduler/scheduler_config.json`, or the file at the top
/// as older folders have it. None: there are none.
///
/// # Errors
/// When the file can't be read, or is no JSON object.
pub fn read_scheduler(dir: &Path) -> Result<Option<(PathBuf, Value)>> {
    const NAME: &str = "scheduler_config.json";
    let Some(path) = [dir.join("scheduler").join(NAME), dir.join(NAME)].into_iter().find(|path| path.is_file()) else {
        return Ok(None);
    };
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let value: Value = serde_json::from_str(&text).with_context(|| format!("{} is not valid JSON", path.display()))?;
    ensure!(value.is_object(), "{} is no JSON object of settings", path.display());
    Ok(Some((path, value)))
}

/// The `[model]` section under which [`UNetConfig::new`] makes this very network.
///
/// # Errors
/// When no section does; the message names the keys that can't be said.
pub fn model_config(unet: &UNetConfig, variance_type: VarianceType) -> Result<ModelConfig> {
    let number = |value: Option<usize>| value.unwrap_or(0);
    let model = ModelConfig {
        block_out_channels: unet.block_out_channels.clone(),
        layers_per_block: unet.layers_per_block,
        attention_levels: (0..unet.down_block_types.len())
            .filter(|&level| unet.down_block_types[level] == DownBlockType::AttnDownBlock2D)
            .collect(),
        mid_attention: unet.add_attention,
        attention_head_dim: number(unet.attention_head_dim),
        norm_num_groups: unet.norm_num_groups,
        norm_eps: unet.norm_eps,
        attn_norm_num_groups: number(unet.attn_norm_num_groups),
        mid_attention_norm: unet.attn_norm_num_groups.is_some()
            || unet.resnet_time_scale_shift == crate::config::TimeScaleShift::Default,
        resnet_time_scale_shift: unet.resnet_time_scale_shift,
        dropout: unet.dropout,
        class_conditional: unet.num_class_embeds.is_some(),
        mid_block: unet.mid_block_type.is_some(),
        mid_block_scale_factor: unet.mid_block_scale_factor,
        downsample_padding: unet.downsample_padding,
        time_embedding_dim: number(unet.time_embedding_dim),
        flip_sin_to_cos: unet.flip_sin_to_cos,
        freq_shift: unet.freq_shift,
        center_input_sample: unet.center_input_sample,
        ..ModelConfig::default()
    };
    let mirrored = unet
        .up_block_types
        .iter()
        .rev()
        .zip(&unet.down_block_types)
        .all(|(up, down)| (*up == UpBlockType::AttnUpBlock2D) == (*down == DownBlockType::AttnDownBlock2D));
    ensure!(mirrored, "up_block_types has its attention on other levels than down_block_types, which is not supported");
    // What decides the network must come back as it was: whatever is forgotten above is noticed here.
    let made =
        UNetConfig::new(&model, 8, 8, unet.in_channels, unet.num_class_embeds.map(|rows| rows.saturating_sub(1)));
    // A learned variance has outputs of its own.
    let outputs = if variance_type == VarianceType::LearnedRange { 2 } else { 1 } * unet.in_channels;
    ensure!(
        unet.out_channels == outputs,
        "out_channels = {} is not supported; with in_channels = {} and variance_type = {} it must be {outputs}",
        unet.out_channels,
        unet.in_channels,
        variance_type.name()
    );
    let same = UNetConfig {
        out_channels: made.out_channels,
        class_name: made.class_name.clone(),
        diffusers_version: made.diffusers_version.clone(),
        sample_size: made.sample_size,
        act_fn: made.act_fn.clone(),
        num_train_timesteps: None,
        unknown: Default::default(),
        ..unet.clone()
    };
    let (made, same) = (serde_json::to_value(&made)?, serde_json::to_value(&same)?);
    let differ: Vec<String> = same
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| made.get(key.as_str()) != Some(value))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    ensure!(differ.is_empty(), "a network with {} is not supported", differ.join(", "));
    Ok(model)
}

/// Height and width that the folder names.
pub fn image_size(unet: &UNetConfig) -> Option<(usize, usize)> {
    match unet.sample_size? {
        SampleSize::Square(size) => Some((size, size)),
        SampleSize::Rectangle([height, width]) => Some((height, width)),
    }
}

/// What a scheduler's settings mean for us.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduling {
    pub diffusion: DiffusionConfig,
    pub sample: SampleConfig,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// The process and the way of sampling that a `scheduler_config.json` describes, missing keys taken as its
/// class takes them.
///
/// # Errors
/// When the class, or one of its settings, has no counterpart here; the message names it.
pub fn scheduling(settings: &Value) -> Result<Scheduling> {
    let settings = Settings(settings);
    let class = settings.text("_class_name", "DDPMScheduler")?;
    let mut notes = Vec::new();
    let sampler = sampler_of(&settings, class, &mut notes)?;
    let timesteps = settings.number("num_train_timesteps", 1000.0)?;
    ensure!(
        timesteps.fract() == 0.0 && (1.0..=1e6).contains(&timesteps),
        "num_train_timesteps = {timesteps} is outside 1 to 1000000"
    );
    let timesteps = timesteps as usize;
    let mut sample = SampleConfig {
        sampler: by_name(sampler).with_context(|| format!("{class} is sampled with {sampler}"))?,
        // What DDPMPipeline and the others take when they are not told.
        steps: if class == "DDPMScheduler" { timesteps } else { timesteps.min(50) },
        clip_sample: settings.flag("clip_sample", true)?,
        guidance_scale: 0.0,
        ..SampleConfig::default()
    };
    let diffusion = if class.starts_with("FlowMatch") {
        flow(&settings, timesteps, &mut sample, &mut notes)?
    } else {
        variance_preserving(&settings, class, timesteps, &mut sample, &mut notes)?
    };
    Ok(Scheduling { diffusion, sample, notes })
}

/// Our name of what the class does.
fn sampler_of(settings: &Settings, class: &str, notes: &mut Vec<String>) -> Result<&'static str> {
    Ok(match class {
        "DDPMScheduler" => "ddpm",
        "DDIMScheduler" => "ddim",
        "PNDMScheduler" => {
            notes.push("PNDM is not among the samplers here: sample.sampler is ddim".into());
            "ddim"
        }
        "EulerDiscreteScheduler" => "euler",
        "EulerAncestralDiscreteScheduler" => "euler_a",
        "HeunDiscreteScheduler" => "heun",
        "UniPCMultistepScheduler" => "unipc",
        "DPMSolverMultistepScheduler" => {
            let algorithm = settings.text("algorithm_type", "dpmsolver++")?;
            match (algorithm, settings.number("solver_order", 2.0)? as u64) {
                ("dpmsolver++", 3) => "dpmpp_3m",
                ("dpmsolver++", _) => "dpmpp_2m",
                ("sde-dpmsolver++", _) => "dpmpp_2m_sde",
                _ => bail!("algorithm_type = {algorithm:?} is not supported; dpmsolver++ and sde-dpmsolver++ are"),
            }
        }
        "FlowMatchEulerDiscreteScheduler" => "flow_euler",
        "FlowMatchHeunDiscreteScheduler" => "flow_heun",
        "EDMEulerScheduler" | "EDMDPMSolverMultistepScheduler" => bail!(
            "{class} tells the network its time as 0.25·ln σ; networks here are told 250·ln σ, so that this one would \
             be told something that it never saw"
        ),
        _ => bail!(
            "the scheduler {class} is not supported; supported are DDPM, DDIM, PNDM (as DDIM), EulerDiscrete, \
             EulerAncestralDiscrete, HeunDiscrete, DPMSolverMultistep, UniPCMultistep, FlowMatchEulerDiscrete and \
             FlowMatchHeunDiscrete"
        ),
    })
}

fn variance_preserving(
    settings: &Settings,
    class: &str,
    timesteps: usize,
    sample: &mut SampleConfig,
    notes: &mut Vec<String>,
) -> Result<DiffusionConfig> {
    let word = settings.text("prediction_type", "epsilon")?;
    let prediction_type = match word {
        "epsilon" => PredictionType::Epsilon,
        "sample" => PredictionType::Sample,
        "v_prediction" => PredictionType::VPrediction,
        _ => bail!("prediction_type = {word:?} is not supported by {class} here; epsilon, sample and v_prediction are"),
    };
    let word = settings.text("variance_type", "fixed_small")?;
    let variance_type = match word {
        "fixed_small" => VarianceType::FixedSmall,
        "fixed_large" => VarianceType::FixedLarge,
        "learned_range" => VarianceType::LearnedRange,
        _ => bail!("variance_type = {word:?} is not supported; fixed_small, fixed_large and learned_range are"),
    };
    let (start, end) = if class == "HeunDiscreteScheduler" { (0.00085, 0.012) } else { (1e-4, 0.02) };
    let betas = settings.numbers("trained_betas")?;
    let word = settings.text("beta_schedule", "linear")?;
    let schedule = match word {
        _ if betas.is_some() => ScheduleName::Given,
        "linear" => ScheduleName::Linear,
        "scaled_linear" => ScheduleName::ScaledLinear,
        "squaredcos_cap_v2" => ScheduleName::Cosine,
        "sigmoid" => ScheduleName::Sigmoid,
        _ => bail!(
            "beta_schedule = {word:?} is not supported; linear, scaled_linear, squaredcos_cap_v2, sigmoid and any list \
             in trained_betas are"
        ),
    };
    // Absent, it is what each scheduler takes by itself; the two that pipelines are made of take leading.
    let word = settings.text("timestep_spacing", "leading")?;
    sample.spacing = match word {
        "leading" => TimestepSpacing::Leading,
        "trailing" => TimestepSpacing::Trailing,
        "linspace" => TimestepSpacing::Linspace,
        _ => bail!("timestep_spacing = {word:?} is not supported; leading, trailing and linspace are"),
    };
    if settings.flag("use_karras_sigmas", false)? {
        sample.spacing = TimestepSpacing::Karras;
    }
    let offset = settings.number("steps_offset", 0.0)?;
    ensure!(offset.fract() == 0.0 && (0.0..1e6).contains(&offset), "steps_offset = {offset} is no whole number");
    sample.steps_offset = offset as usize;
    sample.equal_strides = true;
    sample.set_alpha_to_one = settings.flag("set_alpha_to_one", true)?;
    for key in ["use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas"] {
        ensure!(!settings.flag(key, false)?, "{key} = true is not supported");
    }
    if settings.flag("thresholding", false)? {
        notes.push("thresholding = true: x_0 is not thresholded here; samples differ from those of diffusers".into());
    }
    let range = settings.number("clip_sample_range", 1.0)?;
    if sample.clip_sample && range != 1.0 {
        notes.push(format!(
            "clip_sample_range = {range}: x_0 is clamped to [-1, 1] here; samples differ from those of diffusers"
        ));
    }
    Ok(DiffusionConfig {
        path: PathName::Vp,
        timesteps: betas.as_ref().map_or(timesteps, Vec::len),
        schedule,
        beta_start: settings.number("beta_start", start)?,
        beta_end: settings.number("beta_end", end)?,
        betas: betas.unwrap_or_default(),
        rescale_betas_zero_snr: settings.flag("rescale_betas_zero_snr", false)?,
        prediction_type,
        variance_type,
        ..DiffusionConfig::default()
    })
}

fn flow(
    settings: &Settings,
    timesteps: usize,
    sample: &mut SampleConfig,
    notes: &mut Vec<String>,
) -> Result<DiffusionConfig> {
    for key in
        ["use_dynamic_shifting", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "invert_sigmas"]
    {
        ensure!(!settings.flag(key, false)?, "{key} = true is not supported");
    }
    let shift = settings.number("shift", 1.0)?;
    if settings.flag("stochastic_sampling", false)? {
        notes.push("stochastic_sampling = true: sampling is deterministic here".into());
    }
    sample.clip_sample = false;
    sample.spacing = TimestepSpacing::Linspace;
    Ok(DiffusionConfig {
        path: PathName::Flow,
        prediction_type: PredictionType::Flow,
        shift,
        timesteps,
        ..DiffusionConfig::default()
    })
}

/// A word of our config.
fn by_name<T: serde::de::DeserializeOwned>(word: &str) -> Result<T> {
    serde_json::from_value(word.into()).with_context(|| format!("{word:?} is not known here"))
}

/// JSON settings, read with their defaults.
struct Settings<'a>(&'a Value);

impl<'a> Settings<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &str, default: &'a str) -> Result<&'a str> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_str().with_context(|| format!("{key} = {value} is no text"))
    }

    fn number(&self, key: &str, default: f64) -> Result<f64> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_f64().with_context(|| format!("{key} = {value} is no number"))
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_bool().with_context(|| format!("{key} = {value} is neither true nor false"))
    }

    fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let list: Option<Vec<f64>> = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        list.map(Some).with_context(|| format!("{key} is no list of numbers"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SamplerName;
    use serde_json::json;

    #[test]
    fn every_golden_network_comes_back_from_its_section() {
        for name in ["uncond_default", "cond_scale_shift", "bare_scale_shift", "ddpm_cifar10_family"] {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
            let unet = UNetConfig::from_json(&fs::read_to_string(dir.join("unet/config.json")).unwrap()).unwrap();
            let model = model_config(&unet, VarianceType::FixedSmall).unwrap();
            let (height, width) = image_size(&unet).unwrap();
            let classes = unet.num_class_embeds.map(|rows| rows - 1);
            // Two names of one function.
            let unet = UNetConfig { act_fn: "silu".into(), ..unet };
            assert_eq!(UNetConfig::new(&model, height, width, unet.in_channels, classes), unet, "{name}");
        }
    }

    #[test]
    fn networks_that_no_section_describes_are_refused_by_the_name_of_the_key() {
        let refusal = |unet: UNetConfig| model_config(&unet, VarianceType::FixedSmall).unwrap_err().to_string();
        let unet = UNetConfig { out_channels: 6, ..UNetConfig::default() };
        assert!(refusal(unet).contains("out_channels = 6"));
        let mut lopsided = UNetConfig::default();
        lopsided.up_block_types[0] = UpBlockType::UpBlock2D;
        assert!(refusal(lopsided).contains("up_block_types"));
    }

    #[test]
    fn settings_become_those_of_an_experiment() {
        let read = scheduling(&json!({
            "_class_name": "DDIMScheduler", "num_train_timesteps": 200, "beta_schedule": "scaled_linear",
            "beta_end": 0.012, "clip_sample": false, "prediction_type": "v_prediction", "timestep_spacing": "trailing",
        }))
        .unwrap();
        assert_eq!(read.diffusion.schedule, ScheduleName::ScaledLinear);
        assert_eq!((read.diffusion.timesteps, read.diffusion.beta_end), (200, 0.012));
        assert_eq!(read.diffusion.prediction_type, PredictionType::VPrediction);
        assert_eq!((read.sample.sampler, read.sample.spacing), (SamplerName::Ddim, TimestepSpacing::Trailing));
        assert!(!read.sample.clip_sample);
        let minimal = scheduling(&json!({"_class_name": "DDPMScheduler"})).unwrap();
        assert_eq!((minimal.sample.spacing, minimal.sample.steps), (TimestepSpacing::Leading, 1000));
        assert!(minimal.sample.clip_sample, "as DDPMScheduler does unless told otherwise");
        let given = scheduling(&json!({"_class_name": "DDPMScheduler", "trained_betas": [0.1, 0.2]})).unwrap();
        assert_eq!((given.diffusion.schedule, given.diffusion.timesteps), (ScheduleName::Given, 2));
    }

    #[test]
    fn what_has_no_counterpart_is_refused_by_name() {
        for (settings, named) in [
            (json!({"_class_name": "EDMEulerScheduler"}), "0.25"),
            (json!({"_class_name": "ScoreSdeVeScheduler"}), "ScoreSdeVeScheduler"),
            (json!({"prediction_type": "flow_prediction"}), "flow_prediction"),
            (json!({"beta_schedule": "laplace"}), "laplace"),
            (json!({"timestep_spacing": "random"}), "random"),
            (json!({"num_train_timesteps": 0}), "num_train_timesteps"),
            (json!({"num_train_timesteps": "many"}), "num_train_timesteps"),
            (json!({"trained_betas": "many"}), "trained_betas"),
            (json!({"use_beta_sigmas": true}), "use_beta_sigmas"),
        ] {
            let message = format!("{:#}", scheduling(&settings).unwrap_err());
            assert!(message.contains(named), "{settings}: {message}");
        }
    }
}
