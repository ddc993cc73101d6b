//! Which actions have no use in this run, and why.

use crate::config::SamplerName;
use crate::tui::action::Action;
use crate::tui::state::State;

/// Does an action change a run, or write into its folder? Only the process that trains it can.
pub fn is_steering(action: Action) -> bool {
    matches!(
        action,
        Action::TogglePause
            | Action::StepOnce
            | Action::Snapshot
            | Action::Checkpoint
            | Action::TogglePreview
            | Action::MorePreview
            | Action::LessPreview
            | Action::LearningRateUp
            | Action::LearningRateDown
            | Action::LearningRateReset
    )
}

/// Does an action change how previews are sampled?
fn is_sampling(action: Action) -> bool {
    matches!(
        action,
        Action::ClassNext
            | Action::ClassPrevious
            | Action::GuidanceUp
            | Action::GuidanceDown
            | Action::NextSampler
            | Action::MoreSteps
            | Action::FewerSteps
            | Action::NextEta
    )
}

/// Why an action does nothing in this run, as a half-sentence; `None` where it does something.
pub fn why_not(state: &State, action: Action) -> Option<&'static str> {
    let sample = &state.controls.live.sampling.sample;
    match action {
        Action::SampleNow if state.shows_several() => None,
        Action::TogglePause if state.trains_behind() => None,
        _ if state.is_watched() && is_steering(action) => Some("this run is looked at, not trained here"),
        Action::TogglePause
        | Action::StepOnce
        | Action::Snapshot
        | Action::Checkpoint
        | Action::SampleNow
        | Action::TogglePreview
        | Action::MorePreview
        | Action::LessPreview
        | Action::LearningRateUp
        | Action::LearningRateDown
        | Action::LearningRateReset
            if state.ended =>
        {
            Some("the run has ended")
        }
        action if is_sampling(action) && state.only_compares() => {
            Some("runs that are compared are sampled as their own configs say")
        }
        action if is_sampling(action) && state.ended => Some("the run has ended"),
        Action::NextRun | Action::PreviousRun | Action::PinRun | Action::ToggleDifference | Action::Differences
            if !state.is_comparing() =>
        {
            Some("no runs are compared")
        }
        Action::ClassNext | Action::ClassPrevious | Action::GuidanceUp | Action::GuidanceDown
            if !state.is_conditional() =>
        {
            Some("this network knows no classes")
        }
        Action::NextEta if sample.sampler != SamplerName::Ddim => Some("η belongs to the sampler ddim"),
        Action::MoreSteps | Action::FewerSteps if sample.sampler.is_adaptive() => {
            Some("this sampler chooses its own steps")
        }
        Action::NextPointsView if state.plane.is_none() => Some("for data in the plane"),
        Action::ToggleBound if state.curves.as_ref().is_some_and(|curves| curves.bound.is_none()) => {
            Some("only the path vp has these terms")
        }
        _ => None,
    }
}
