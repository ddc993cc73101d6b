//! Which actions have no use in this run, and why.

use crate::config::SamplerName;
use crate::tui::action::Action;
use crate::tui::panel::Panel;
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

/// Why an action means nothing to a run that trains an autoencoder.
pub fn of_autoencoder(state: &State, action: Action) -> Option<&'static str> {
    if !state.trains_autoencoder() || state.only_compares() {
        return None;
    }
    match action {
        action if is_sampling(action) => Some("an autoencoder draws no samples"),
        Action::Beside | Action::TrainingTime | Action::LearningStrip => Some("an autoencoder draws no samples"),
        Action::EarlierColumn
        | Action::LaterColumn
        | Action::ToggleHeatScale
        | Action::ToggleBound
        | Action::NextScheduleView
        | Action::NextTimeAxis
        | Action::NextExample => Some("an autoencoder knows no noise and no t"),
        Action::NextPointsView => Some("for data in the plane"),
        Action::Explain => Some("the explanations are of diffusion, and this run trains an autoencoder"),
        _ => None,
    }
}

/// What a key does where an autoencoder is trained, if that is something else than elsewhere.
pub fn autoencoder_words(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::Focus(Panel::Heatmap) => "focus Error map",
        Action::Focus(Panel::Schedule) => "focus Latents",
        Action::Focus(Panel::Denoising) => "focus Reconstruction",
        Action::Snapshot => "save the picture of the reconstructions, in previews/",
        Action::SampleNow => "begin a new film now, with the weights of now",
        Action::FramePrevious => "one frame back, towards the picture itself",
        Action::FrameNext => "one frame on, towards the next picture",
        Action::CursorUp | Action::CursorOneUp => "the film one frame on",
        Action::CursorDown | Action::CursorOneDown => "the film one frame back",
        Action::CursorFarUp => "the film a quarter on",
        Action::CursorFarDown => "the film a quarter back",
        Action::CursorFirst => "the film's first frame: each picture from its own latents",
        Action::CursorLast => "the film's last frame: each picture has become the next",
        _ => return None,
    })
}

/// Why an action does nothing in this run, as a half-sentence; `None` where it does something.
pub fn why_not(state: &State, action: Action) -> Option<&'static str> {
    let sample = &state.controls.live.sampling.sample;
    if let Some(why) = of_autoencoder(state, action) {
        return Some(why);
    }
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
