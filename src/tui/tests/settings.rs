//! Setting keys in the palette: what holds at once, what needs a new run, and what is refused.

use std::time::Duration;

use crossterm::event::KeyCode;

use super::behaviour::{act, press};
use super::demo::{config, opened, running};
use super::paint::{buffer, characters};
use crate::config::{Config, PathName, TimestepSpacing};
use crate::lab::{Command, SamplingSettings};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{NewRun, Overlay, State};
use crate::tui::update::update;

/// Presses the keys of a text; a line break is Enter. Returns what came of the last one.
pub fn type_in(state: &mut State, text: &str) -> Vec<Effect> {
    let code = |c| if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
    text.chars().map(|c| press(state, code(c))).last().unwrap_or_default()
}

fn ready() -> State {
    running(80, 24, ScreenOptions::default())
}

fn sampling(effects: &[Effect]) -> &SamplingSettings {
    match effects {
        [Effect::Send(Command::SetSampling(settings))] => settings,
        other => panic!("{other:?}"),
    }
}

/// The refusal that the palette shows, and its line.
fn refused(state: &State) -> (String, String) {
    match &state.overlay {
        Some(Overlay::Palette(palette)) => (palette.refusal.clone().expect("a refusal"), palette.text.clone()),
        other => panic!("{other:?}"),
    }
}

fn asked(state: &State) -> &NewRun {
    match &state.overlay {
        Some(Overlay::NewRun(asked)) => asked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_of_sample_hold_at_once() {
    let mut state = ready();
    let effects = type_in(&mut state, ":spacing=karras\n");
    assert_eq!(sampling(&effects).sample.spacing, TimestepSpacing::Karras);
    assert_eq!((sampling(&effects).steps, &state.overlay), (25, &None));
    let line = ":sample.guidance_rescale=0.7 guidance_interval=[0.2,0.8] negative_class=3\n";
    let effects = type_in(&mut state, line);
    let sample = &sampling(&effects).sample;
    assert_eq!((sample.guidance_rescale, sample.negative_class.as_str()), (0.7, "3"));
    assert_eq!(sample.guidance_interval, [0.2, 0.8]);
    assert_eq!(sample.spacing, TimestepSpacing::Karras, "what was set before stays");
    assert_eq!(state.config_now().unwrap().sample, *sample);
    let effects = type_in(&mut state, ":preview.steps=40\n");
    assert_eq!((sampling(&effects).steps, sampling(&effects).sample.steps), (40, 50));
}

#[test]
fn the_panel_says_what_holds_now() {
    let mut state = running(120, 40, ScreenOptions::default());
    type_in(&mut state, ":guidance_scale=2.5 sampler=heun preview.steps=12\n");
    let screen = characters(&buffer(&state));
    assert!(screen.contains("next: heun 12, w 2.5"), "{screen}");
    type_in(&mut state, ":sample.timesteps=900,500,0\n");
    assert!(characters(&buffer(&state)).contains("next: heun 3,"));
    assert_eq!(act(&mut state, Action::MoreSteps), []);
    assert!(state.news.showing().unwrap().text.contains("sample.timesteps"));
}

#[test]
fn the_highlighted_word_is_the_one_that_enter_takes() {
    let mut state = ready();
    assert_eq!(sampling(&type_in(&mut state, ":spacing=ka\n")).sample.spacing, TimestepSpacing::Karras);
    // Nothing was said yet: no word is taken for granted.
    assert_eq!(type_in(&mut state, ":sampler=\n"), []);
    assert!(refused(&state).0.contains("must be one of"));
    press(&mut state, KeyCode::Down);
    press(&mut state, KeyCode::Down);
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(effects, [], "ddim is what it is already");
    assert!(state.news.showing().unwrap().text.contains("already"));
}

#[test]
fn tab_and_enter_complete_a_key() {
    for key in [KeyCode::Tab, KeyCode::Enter] {
        let mut state = ready();
        type_in(&mut state, ":spacing");
        assert_eq!(press(&mut state, key), []);
        assert!(matches!(&state.overlay, Some(Overlay::Palette(palette)) if palette.text == "sample.spacing="));
    }
    let mut state = ready();
    type_in(&mut state, ":seed=3 lossw");
    press(&mut state, KeyCode::Tab);
    type_in(&mut state, "min");
    press(&mut state, KeyCode::Tab);
    assert_eq!(type_in(&mut state, "\n"), []);
    assert_eq!(asked(&state).asked, ["seed = 3", "train.loss_weighting = \"min_snr\""]);
}

#[test]
fn a_refusal_says_why_and_leaves_the_line_to_be_mended() {
    for (line, why) in [
        ("spacin=karras", "did you mean `sample.spacing`?"),
        ("sampler=flow_heun", "only path flow has"),
        ("rho=-1", "use a number above 0; 7 is usual"),
        ("negative_class=cow", "no class \"cow\" to guide away from; there are 0, 1"),
        ("steps=5", "`train.steps`, `preview.steps` or `sample.steps`"),
        ("guidance_interval=0.8,0.2", "the first the smaller"),
        ("train.learning_rate=1000", "+ and - double and halve it"),
        ("block_out_channels=7", "model.norm_num_groups"),
        ("block_out_channels=8,8,8,8", "28"),
        ("diffusion.schedule=given", "diffusion.betas"),
        ("seed=x", "must be a whole number"),
    ] {
        let mut state = ready();
        let before = state.controls.clone();
        assert_eq!(type_in(&mut state, &format!(":{line}\n")), [], "{line}");
        let (refusal, text) = refused(&state);
        assert!(refusal.contains(why) && !refusal.contains("--set"), "{line}: {refusal}");
        assert_eq!((text.as_str(), &state.controls), (line, &before));
        press(&mut state, KeyCode::Backspace);
        assert!(matches!(&state.overlay, Some(Overlay::Palette(palette)) if palette.refusal.is_none()));
    }
}

#[test]
fn previews_and_the_learning_rate_follow_their_keys() {
    let mut state = ready();
    assert_eq!(type_in(&mut state, ":enabled=false\n"), [Effect::Send(Command::SetPreviewEnabled(false))]);
    assert_eq!(type_in(&mut state, ":preview.budget=0.5\n"), [Effect::Send(Command::SetPreviewBudget(0.5))]);
    assert_eq!(type_in(&mut state, ":learning_rate=5e-4\n"), [Effect::Send(Command::SetLearningRateScale(0.5))]);
    assert_eq!(type_in(&mut state, ":learning_rate=5e-4\n"), [], "it is that already");
    assert_eq!(act(&mut state, Action::LearningRateReset), [Effect::Send(Command::SetLearningRateScale(1.0))]);
    assert!(!state.controls.live.previews && state.controls.live.preview_budget == 0.5);
}

#[test]
fn other_keys_ask_for_a_new_run_with_everything_that_was_set() {
    let mut state = ready();
    type_in(&mut state, ":rho=5\n");
    assert_eq!(type_in(&mut state, ":path=flow prediction_type=flow sampler=euler\n"), []);
    let wanted = asked(&state).clone();
    assert_eq!((wanted.asked.len(), wanted.taken_along.clone()), (3, vec!["sample.rho = 5.0".to_string()]));
    assert_eq!((wanted.config.diffusion.path, wanted.config.sample.rho), (PathName::Flow, 5.0));
    let screen = characters(&buffer(&state));
    assert!(screen.contains("diffusion.path = \"flow\"") && screen.contains("Save this one and start another"));

    press(&mut state, KeyCode::Char('n'));
    assert!(matches!(&state.overlay, Some(Overlay::Palette(palette)) if palette.text.starts_with("path=flow")));
    press(&mut state, KeyCode::Enter);
    assert_eq!(asked(&state), &wanted);
}

#[test]
fn another_run_begins_on_the_same_screen_with_nothing_of_the_old_one() {
    let mut state = ready();
    act(&mut state, Action::Focus(Panel::Schedule));
    act(&mut state, Action::Zoom);
    act(&mut state, Action::NextTheme);
    let wanted = Config { seed: 9, ..config() };
    let (mut next, before) = state.again(wanted.clone());
    assert_eq!((next.focus, next.zoomed, next.size, next.theme), (state.focus, true, state.size, state.theme));
    assert!(next.live.history.latest.is_none() && next.live.info.is_none() && !next.leaving);
    assert_eq!(next.config_now(), Some(wanted));
    update(&mut next, Message::Tick(Duration::from_millis(10)));
    let words = "the run before is saved at step 12,000: difflab --resume runs/2026-11-22-mnist-4f2a goes on with it";
    assert_eq!(before.as_deref(), Some(words));
}

#[test]
fn before_the_config_is_known_nothing_is_set() {
    let mut state = State::new(ScreenOptions::default());
    update(&mut state, Message::Resize(80, 24));
    assert_eq!(type_in(&mut state, ":rho=5\n"), []);
    assert!(refused(&state).0.contains("not known yet"));
}

#[test]
fn a_class_is_not_taken_for_granted_before_the_data_are_loaded() {
    let mut state = opened(80, 24, ScreenOptions::default());
    assert_eq!(type_in(&mut state, ":negative_class=3\n"), []);
    assert!(refused(&state).0.contains("wait for the first step"));
    press(&mut state, KeyCode::Esc);
    assert_eq!(sampling(&type_in(&mut state, ":rho=5\n")).sample.rho, 5.0);
}
