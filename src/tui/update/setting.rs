//! `KEY=VALUE` in the palette: sets what can change in a run, and asks for another run for the rest.

use super::act::MOST_LEARNING_RATE_SCALE;
use super::sampling;
use crate::config::{Config, ConfigError, SampleConfig, UNLABELLED_POINT_SETS};
use crate::diffusion::Schedule;
use crate::lab::{Command, SamplingSettings, check_sampling};
use crate::sampling::check_config_stability;
use crate::tui::effect::Effect;
use crate::tui::state::{Gravity, Homes, NewRun, Overlay, State};

/// Does what the line says: sends what holds at once, or opens the question for a new run.
///
/// # Errors
/// Why not, in the words of `--set` and of a start with that config; nothing has changed then.
pub fn apply(state: &mut State, line: &str) -> Result<Vec<Effect>, String> {
    let Some((run, now)) = state.config.clone().zip(state.config_now()) else {
        return Err("the run's config is not known yet; wait a moment".into());
    };
    let mut after = now.clone().with_assignments(line).map_err(in_the_lab)?;
    let changed = now.changes(&after);
    if changed.is_empty() {
        state.overlay = None;
        state.news.answer(state.now, Gravity::Info, format!("{} already", line.trim()));
        return Ok(Vec::new());
    }
    let sampled = |key: &str| key.starts_with("sample.") || key == "preview.steps";
    if state.is_watched() && !changed.iter().all(|(key, _)| sampled(key)) {
        return Err(format!(
            "this run is looked at, not trained here, and only how it is sampled can be set: {}",
            state.who_steers()
        ));
    }
    let idle = after.idle_among(changed.iter().map(|(key, _)| *key));
    if state.trains_autoencoder() && !idle.is_empty() && changed.iter().all(|(key, _)| holds_at_once(key)) {
        return Err(idle.join("; "));
    }
    let live = told(run.changes(&after));
    let adapted = leave_out_classes(&now, &mut after);
    let warnings = check(state, &run, &after)?;
    let known = check(state, &run, &now).unwrap_or_default();
    let warnings: Vec<String> = adapted
        .into_iter()
        .chain(warnings.into_iter().filter(|warning| !known.contains(warning)))
        .chain(idle)
        .collect();
    if !state.ended && changed.iter().all(|(key, _)| holds_at_once(key)) {
        let effects = set(state, &run, &now, &after)?;
        state.overlay = None;
        for warning in warnings {
            state.news.tell(state.now, Gravity::Warning, warning);
        }
        return Ok(effects);
    }
    let asked = told(changed);
    let taken_along = live.into_iter().filter(|change| !asked.contains(change)).collect();
    let line = line.to_owned();
    let beside = state.live.info.as_ref().map(|info| info.run_dir.clone());
    let in_two = !state.ended;
    let wanted = NewRun { config: after, asked, taken_along, warnings, in_two, beside, line, fork: None };
    state.overlay = Some(Overlay::NewRun(Box::new(wanted)));
    Ok(Vec::new())
}

/// Another run with this config, name included, to be asked about.
///
/// # Errors
/// Why it is impossible, or needless.
pub(super) fn other_run(state: &State, config: Config) -> Result<NewRun, String> {
    let now = state.config_now().ok_or("the run has not begun yet")?;
    if state.is_watched() {
        return Err(format!("this run is looked at, not trained here: {}", state.who_steers()));
    }
    let asked = told(now.changes(&config));
    if asked.is_empty() {
        return Err("this is the run on the screen".into());
    }
    let warnings = check(state, &now, &config)?;
    let beside = state.live.info.as_ref().map(|info| info.run_dir.clone());
    let (taken_along, line, in_two) = (Vec::new(), String::new(), !state.ended);
    Ok(NewRun { config, asked, taken_along, warnings, in_two, beside, line, fork: None })
}

/// Points that have no classes need a network without them: what was left out for that, in words. What the line itself
/// asks for stays.
fn leave_out_classes(now: &Config, after: &mut Config) -> Option<String> {
    let dataset = after.data.dataset.clone();
    let had_classes = now.model.class_conditional && after.model.class_conditional;
    if dataset == now.data.dataset || !had_classes || !UNLABELLED_POINT_SETS.contains(&dataset.as_str()) {
        return None;
    }
    after.model.class_conditional = false;
    let mut left_out = "model.class_conditional = false".to_owned();
    if after.sample.guidance_scale != 0.0 {
        after.sample.guidance_scale = 0.0;
        left_out += " and sample.guidance_scale = 0.0";
    }
    Some(format!("{dataset} has no classes, so {left_out} goes with it."))
}

/// Can this key change in a run?
pub fn holds_at_once(key: &str) -> bool {
    let live = ["preview.enabled", "preview.budget", "preview.steps", "train.learning_rate"];
    key.starts_with("sample.") || live.contains(&key)
}

/// The warnings of a run with the config `after`, where it is possible: everything that a start checks before it
/// loads the data.
fn check(state: &State, run: &Config, after: &Config) -> Result<Vec<String>, String> {
    let mut warnings = after.validate().map_err(in_the_lab)?;
    let schedule = Schedule::from_config(&after.diffusion).map_err(|error| format!("{error:#}"))?;
    match state.live.info.as_ref().filter(|_| run.data == after.data) {
        Some(info) => {
            check_sampling(&after.sample, &schedule, &info.classes).map_err(in_the_lab)?;
            let (classes, (height, width, channels), seen) = (info.classes.len(), info.image_shape, info.sample_shape);
            let fits = match after.diffuses_latents() {
                false => after.validate_for_data(height, width, channels, classes),
                // How large those of another autoencoder are, a start says.
                true if run.autoencoder != after.autoencoder => Ok(Vec::new()),
                true => after.validate_for_latents(seen, (height / seen.0.max(1)).max(1), classes),
            };
            warnings.extend(fits.map_err(in_the_lab)?);
        }
        None if run.data == after.data && !after.sample.negative_class.is_empty() && !state.ended => {
            return Err("the names of the classes are not known yet; wait for the first step".into());
        }
        // The classes are not known; the rest is.
        None => {
            let sample = SampleConfig { negative_class: String::new(), ..after.sample.clone() };
            check_sampling(&sample, &schedule, &[]).map_err(in_the_lab)?;
        }
    }
    warnings.extend(check_config_stability(after));
    Ok(warnings)
}

/// Sends what is otherwise in `after`, of the keys that hold at once.
fn set(state: &mut State, run: &Config, now: &Config, after: &Config) -> Result<Vec<Effect>, String> {
    state.news.listen();
    let mut effects = Vec::new();
    if after.train.learning_rate != now.train.learning_rate {
        let scale = after.train.learning_rate / run.train.learning_rate;
        if !(1.0 / MOST_LEARNING_RATE_SCALE..=MOST_LEARNING_RATE_SCALE).contains(&scale) {
            return Err(format!(
                "train.learning_rate goes from a {MOST_LEARNING_RATE_SCALE}th to {MOST_LEARNING_RATE_SCALE} times the \
                 run's own {}; + and - double and halve it, 0 goes back",
                run.train.learning_rate
            ));
        }
        state.controls.live.learning_rate_scale = scale;
        effects.push(Effect::Send(Command::SetLearningRateScale(scale)));
    }
    if after.preview.enabled != now.preview.enabled {
        state.controls.live.previews = after.preview.enabled;
        effects.push(Effect::Send(Command::SetPreviewEnabled(after.preview.enabled)));
    }
    if after.preview.budget != now.preview.budget {
        state.controls.live.preview_budget = after.preview.budget;
        effects.push(Effect::Send(Command::SetPreviewBudget(after.preview.budget)));
    }
    // Where the keys step from next.
    state.controls.homes = Homes::default();
    let class = state.controls.live.sampling.class;
    let settings = SamplingSettings { sample: after.sample.clone(), steps: after.preview.steps, class };
    effects.extend(sampling::set(state, settings));
    Ok(effects)
}

/// `diffusion.path = "flow"` for each change.
fn told(changes: Vec<(&str, String)>) -> Vec<String> {
    changes.into_iter().map(|(key, value)| format!("{key} = {value}")).collect()
}

/// The error's text, without the flag that nobody has typed here.
fn in_the_lab(error: ConfigError) -> String {
    let text = error.to_string();
    text.strip_prefix("--set ").map_or(text.clone(), str::to_owned)
}
