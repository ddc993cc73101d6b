//! Flags and keys that were given and mean nothing beside the others: said, not passed over.

use super::args::Args;
use super::edit::{Edit, INTERPOLATED};
use super::plan::SamplePlan;
use crate::config::{IdleKey, SampleConfig};
use crate::run::LoadedModel;
use crate::sampling::null_class_otherwise;

/// A sentence for each flag that changes nothing. `own`: the run's own [sample], before `--set`.
pub fn ignored(args: &Args, plan: &SamplePlan, model: &LoadedModel, own: &SampleConfig) -> Vec<String> {
    let mut said = keys_without_effect(args, plan, model, own);
    let sampler = plan.settings.sampler.name();
    let given = plan.from_file || matches!(plan.edit, Some(Edit::Invert { .. }));
    if args.seed.is_some() && given && !plan.resolved(model).draws_noise() {
        said.push(format!("--seed has no effect here: the noise is given, and {sampler} draws none on its way"));
    }
    let begun = plan.strength;
    if args.edit.strength.is_some_and(|asked| (begun / asked - 1.0).abs() > 0.1) {
        said.push(format!("--strength begins at {begun:.4} of the way, the timestep nearest to what was asked"));
    }
    said.extend(plan.left_out.clone());
    said.extend(plan.edit.as_ref().and_then(|edit| edit.idle_jump_length(&args.edit)).map(str::to_string));
    let without_jumps = plan.edit.as_ref().and_then(|edit| edit.without_jumps(plan.settings.steps));
    said.extend(without_jumps.map(|why| format!("--inpaint: {why}")));
    for (flag, asked) in [("--class", &args.class), ("--negative-class", &args.negative_class)] {
        let called_none = asked.as_deref().and_then(|asked| null_class_otherwise(asked, &model.classes));
        said.extend(called_none.map(|why| format!("{flag} {why}")));
    }
    said
}

/// The keys that were set here and change nothing, by flag or by `--set`; and those of the run's own [sample] that do
/// without what was set here.
fn keys_without_effect(args: &Args, plan: &SamplePlan, model: &LoadedModel, own: &SampleConfig) -> Vec<String> {
    let resolved = plan.resolved(model);
    let (set, asked) = (&plan.config.sample, args.over(&plan.config.sample));
    let (flags, set_keys) = (args.flags_of_keys(), args.set_keys());
    let (over, otherwise) = (set.differing_keys(&asked), asked.differing_keys(&resolved));
    let whole_way = plan.settings.strength >= 1.0;
    let idle = resolved.idle_keys(&plan.config.diffusion, whole_way);
    let is_in = |keys: &[String], key: &str| keys.iter().any(|known| known == key);
    let idle_key = |key: &str| idle.iter().find(|idle| idle.path == key);
    let is_off = |key: &str| is_off(&asked, key);

    let mut said = Vec::new();
    let given = flags.iter().map(|(flag, key)| (*flag, *key)).chain(set_keys.iter().map(|key| (*key, *key)));
    for (called, key) in given {
        let flag = flags.iter().find(|(_, known)| *known == key).map(|(flag, _)| *flag);
        if called == key
            && let Some(flag) = flag
        {
            if is_in(&over, key) {
                said.push(format!("{called} is left out: {flag} takes its place"));
            }
        } else if is_in(&otherwise, key)
            && let Some(why) = left_out(key, args, plan)
        {
            said.push(format!("{called} is left out: {why}"));
        } else if key == "diffusion.variance_type" && matches!(plan.edit, Some(Edit::Inpaint { .. })) {
            said.push(format!("{called} is left out: RePaint draws with the variance fixed_small"));
        } else if let Some(idle) = idle_key(key)
            && !is_off(key)
        {
            said.push(idle.words(called));
        }
    }
    // What the run's own settings say nothing of was said when it began; what the flags take from them is news.
    let idle_before = own.idle_keys(&model.config.diffusion, true);
    let of_run = own.differing_keys(&SampleConfig::default());
    let is_news = |idle: &&IdleKey| {
        let key = idle.path;
        is_in(&of_run, key)
            && !idle_before.iter().any(|before| before.path == key)
            && !is_in(&otherwise, key)
            && !set_keys.contains(&key)
            && !flags.iter().any(|(_, known)| *known == key)
            && !["sample.steps", "sample.spacing"].contains(&key)
            && !key.contains("guidance")
            && key != "sample.negative_class"
    };
    said.extend(idle.iter().filter(is_news).map(|idle| idle.words(&format!("the run's own {}", idle.path))));
    said
}

/// Is the key switched off, which is no surprise where there is nothing to switch?
fn is_off(sample: &SampleConfig, key: &str) -> bool {
    let value = |sample: &SampleConfig| {
        let table = toml::Table::try_from(sample).ok()?;
        table.get(key.strip_prefix("sample.")?).cloned()
    };
    let off = match value(sample) {
        Some(toml::Value::Float(number)) => number == 0.0,
        Some(toml::Value::Integer(number)) => number == 0,
        Some(toml::Value::Boolean(yes)) => !yes,
        Some(toml::Value::String(word)) => word.is_empty() || word == "auto",
        Some(toml::Value::Array(list)) => list.is_empty(),
        _ => false,
    };
    off && value(sample) == value(&SampleConfig::default())
}

/// Why sampling goes by another value of the key than was asked for; `None` where it is the same in other words.
fn left_out(key: &str, args: &Args, plan: &SamplePlan) -> Option<String> {
    let inverted = matches!(plan.edit, Some(Edit::Invert { .. }));
    let by_edit = match plan.edit {
        Some(Edit::Inpaint { .. }) => "--inpaint samples with ddpm",
        _ => "--invert samples with ddim",
    };
    Some(match key {
        "sample.sampler" => by_edit.into(),
        "sample.steps" if !args.timesteps.is_empty() => "--timesteps takes its place".into(),
        "sample.steps" => "sample.timesteps lists the steps; --steps would take its place".into(),
        "sample.timesteps" => "--steps or --spacing takes its place".into(),
        "sample.eta" => "only ddim without noise (η = 0) can be inverted".into(),
        "sample.clip_sample" | "sample.thresholding" => "clamping cannot be inverted".into(),
        "sample.set_alpha_to_one" | "sample.equal_strides" => {
            "an inversion begins at the picture itself, and walks the levels of its spacing".into()
        }
        "sample.guidance_scale" if inverted => "an inversion is guided only by --guidance-scale".into(),
        "sample.guidance_scale" => "there is no class to guide towards; give one with --class".into(),
        "sample.num" if inverted => "one picture has one noise".into(),
        "sample.num" if plan.from_file => "the noise file says how many; --num takes fewer of them".into(),
        "sample.num" => format!("--interpolate makes {INTERPOLATED} images unless --num says otherwise"),
        _ => return None,
    })
}
