//! The live settings of previews and snapshots.

use super::film;
use super::ladder::{self, above, below};
use crate::config::SamplerName;
use crate::lab::{Command, SamplingSettings};
use crate::sampling::check_sampler;
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::state::{Gravity, Homes, State};

const STEPS: [usize; 10] = [2, 5, 10, 15, 25, 50, 100, 250, 500, 1000];
const ETAS: [f64; 3] = [0.0, 0.5, 1.0];
const GUIDANCE_STEP: f64 = 0.5;
const MOST_GUIDANCE: f64 = 20.0;

/// Changes one setting and tells the worker; says why when it can't be.
pub fn change(state: &mut State, action: Action) -> Vec<Effect> {
    match changed(state, action) {
        Ok((settings, homes)) => {
            state.controls.homes = homes;
            set(state, settings)
        }
        Err(why) => {
            state.news.answer(state.now, Gravity::Info, why);
            Vec::new()
        }
    }
}

/// Takes the settings over and tells the worker, where they are other ones.
pub fn set(state: &mut State, settings: SamplingSettings) -> Vec<Effect> {
    if settings == state.controls.live.sampling {
        return Vec::new();
    }
    state.controls.live.sampling = settings.clone();
    state.controls.sampling_touched = true;
    film::hurry(state);
    vec![Effect::Send(Command::SetSampling(Box::new(settings)))]
}

fn changed(state: &State, action: Action) -> Result<(SamplingSettings, Homes), &'static str> {
    let mut settings = state.controls.live.sampling.clone();
    let mut homes = state.controls.homes;
    match action {
        Action::ClassNext | Action::ClassPrevious => {
            let classes = state.live.info.as_ref().map_or(0, |info| info.classes.len());
            if !state.is_conditional() || classes == 0 {
                return Err("this network was built without classes: train with model.class_conditional = true");
            }
            // None stands before class 0: each class in turn.
            let place = settings.class.map_or(0, |class| class + 1);
            let step = if action == Action::ClassNext { 1 } else { classes };
            settings.class = ((place + step) % (classes + 1)).checked_sub(1);
        }
        Action::GuidanceUp | Action::GuidanceDown => {
            if !state.is_conditional() {
                return Err("guidance needs a null class: train with model.class_conditional = true");
            }
            let scale = settings.sample.guidance_scale;
            let home = *homes.guidance.get_or_insert(scale);
            let rungs = ladder::multiples(GUIDANCE_STEP, MOST_GUIDANCE).chain([0.0, home]);
            let next = if action == Action::GuidanceUp { above(rungs, scale) } else { below(rungs, scale) };
            settings.sample.guidance_scale = next.unwrap_or(scale);
        }
        Action::NextSampler => {
            let all = SamplerName::ALL;
            let at = all.iter().position(|s| *s == settings.sample.sampler).unwrap_or(0);
            let possible =
                |s: &SamplerName| state.curves.as_ref().is_none_or(|curves| check_sampler(*s, &curves.run).is_ok());
            let next = (1..=all.len()).map(|i| all[(at + i) % all.len()]).find(possible);
            settings.sample.sampler = next.unwrap_or(settings.sample.sampler);
        }
        Action::MoreSteps | Action::FewerSteps if settings.sample.sampler.is_adaptive() => {
            return Err("pf_ode chooses its steps by sample.rtol and sample.atol; m goes to the next sampler");
        }
        Action::MoreSteps | Action::FewerSteps if !settings.sample.timesteps.is_empty() => {
            return Err("sample.timesteps lists the steps; :sample.timesteps=[] goes back to a number of them");
        }
        // Who changes the steps means snapshots too.
        Action::MoreSteps | Action::FewerSteps => {
            let most = state.timesteps();
            let home = *homes.steps.get_or_insert((settings.steps, settings.sample.steps));
            let rungs = STEPS.into_iter().chain([home.0]).map(|steps| steps.min(most));
            let up = action == Action::MoreSteps;
            let next = if up { above(rungs, settings.steps) } else { below(rungs, settings.steps) };
            if let Some(next) = next {
                settings.sample.steps = if next == home.0 { home.1 } else { next };
                settings.steps = next;
            }
        }
        Action::NextEta => {
            if settings.sample.sampler != SamplerName::Ddim {
                return Err("η belongs to DDIM; m goes to the next sampler");
            }
            settings.sample.eta = ETAS.into_iter().find(|e| *e > settings.sample.eta).unwrap_or(0.0);
        }
        _ => {}
    }
    Ok((settings, homes))
}
