//! Live changes are taken back one by one, and opposite keys take each other back.

use crossterm::event::KeyCode;

use super::behaviour::{act, press};
use super::demo::{config, info, opened, running};
use super::settings::type_in;
use crate::config::TimestepSpacing;
use crate::lab::{Command, Event, Live};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::state::State;
use crate::tui::update::update;

fn ready() -> State {
    running(120, 40, ScreenOptions::default())
}

fn said(state: &State) -> String {
    state.news.items().next_back().unwrap().text.clone()
}

/// What the worker has after these commands.
fn heard(live: &mut Live, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::Send(Command::SetSampling(settings)) => live.sampling = settings.as_ref().clone(),
            Effect::Send(Command::SetLearningRateScale(scale)) => live.learning_rate_scale = *scale,
            Effect::Send(Command::SetPreviewEnabled(enabled)) => live.previews = *enabled,
            Effect::Send(Command::SetPreviewBudget(budget)) => live.preview_budget = *budget,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_live_change_is_taken_back_in_turn_and_made_again() {
    let mut state = ready();
    let mut worker = state.controls.live.clone();
    let mut past = vec![worker.clone()];
    let actions = [
        Action::LearningRateDown,
        Action::GuidanceUp,
        Action::ClassNext,
        Action::NextSampler,
        Action::MoreSteps,
        Action::TogglePreview,
        Action::MorePreview,
        Action::GuidanceDown,
    ];
    for action in actions {
        let effects = act(&mut state, action);
        heard(&mut worker, &effects);
        past.push(worker.clone());
    }
    let effects = type_in(&mut state, ":spacing=karras\n");
    heard(&mut worker, &effects);
    assert_eq!(worker.sampling.sample.spacing, TimestepSpacing::Karras);
    past.push(worker.clone());
    let newest = past.pop().unwrap();
    for before in past.iter().rev() {
        let effects = press(&mut state, KeyCode::Char('u'));
        heard(&mut worker, &effects);
        assert_eq!((&worker, &state.controls.live), (before, before), "{}", said(&state));
        assert!(said(&state).ends_with("(undone)"), "{}", said(&state));
    }
    assert_eq!(press(&mut state, KeyCode::Char('u')), []);
    assert!(said(&state).contains("nothing to undo"));
    for after in past[1..].iter().chain([&newest]) {
        let effects = press(&mut state, KeyCode::Char('U'));
        heard(&mut worker, &effects);
        assert_eq!((&worker, &state.controls.live), (after, after), "{}", said(&state));
    }
    assert_eq!(press(&mut state, KeyCode::Char('U')), []);
    assert!(said(&state).contains("nothing to redo"));
}

#[test]
fn it_says_what_was_and_what_is() {
    let mut state = ready();
    act(&mut state, Action::GuidanceUp);
    press(&mut state, KeyCode::Char('u'));
    assert_eq!(said(&state), "guidance_scale 1.5 → 1.0 (undone)");
    press(&mut state, KeyCode::Char('U'));
    assert_eq!(said(&state), "guidance_scale 1.0 → 1.5 (redone)");
    act(&mut state, Action::ClassNext);
    press(&mut state, KeyCode::Char('u'));
    assert_eq!(said(&state), "class 0 → each in turn (undone)");
    act(&mut state, Action::LearningRateDown);
    press(&mut state, KeyCode::Char('u'));
    assert_eq!(said(&state), "learning_rate 0.0005 → 0.001 (undone)");
    act(&mut state, Action::TogglePreview);
    press(&mut state, KeyCode::Char('u'));
    assert_eq!(said(&state), "preview.enabled false → true (undone)");
}

#[test]
fn something_new_forgets_what_was_undone() {
    let mut state = ready();
    act(&mut state, Action::GuidanceUp);
    press(&mut state, KeyCode::Char('u'));
    act(&mut state, Action::NextSampler);
    assert_eq!(press(&mut state, KeyCode::Char('U')), []);
    // A run that has ended hears nothing.
    update(&mut state, Message::Lab(Event::Ended(Ok(()))));
    assert_eq!(press(&mut state, KeyCode::Char('u')), []);
    assert!(said(&state).contains("has ended"));
}

#[test]
fn more_and_fewer_steps_return_where_they_were() {
    for (preview, sample) in [(25, 50), (50, 50), (30, 7), (1000, 1000), (2, 2), (1, 999)] {
        let mut state = ready();
        type_in(&mut state, &format!(":preview.steps={preview} sample.steps={sample}\n"));
        let steps = |state: &State| (state.controls.live.sampling.steps, state.controls.live.sampling.sample.steps);
        for times in 1..4 {
            (0..times).for_each(|_| drop(press(&mut state, KeyCode::Char('d'))));
            let up = steps(&state);
            (0..times).for_each(|_| drop(press(&mut state, KeyCode::Char('D'))));
            // From the highest rung there is no way up.
            if up.0 < 1000 {
                assert_eq!(steps(&state), (preview, sample), "{times} times");
            }
        }
        type_in(&mut state, &format!(":preview.steps={preview} sample.steps={sample}\n"));
        for key in ['D', 'd'] {
            press(&mut state, KeyCode::Char(key));
        }
        if preview > 2 {
            assert_eq!(steps(&state), (preview, sample), "down and up");
        }
    }
}

#[test]
fn guidance_and_the_previews_share_return_too() {
    let mut state = ready();
    type_in(&mut state, ":guidance_scale=0.3 preview.budget=0.12\n");
    for keys in ["ww", "WW", "ii", "II"] {
        type_in(&mut state, keys);
    }
    assert_eq!(state.controls.live.sampling.sample.guidance_scale, 0.3);
    assert_eq!(state.controls.live.preview_budget, 0.12);
    type_in(&mut state, "Ww");
    assert_eq!(state.controls.live.sampling.sample.guidance_scale, 0.3);
}

#[test]
fn what_is_set_before_the_run_has_opened_stays_on_the_screen() {
    let mut state = opened(120, 40, ScreenOptions::default());
    assert_eq!(act(&mut state, Action::LearningRateDown), [Effect::Send(Command::SetLearningRateScale(0.5))]);
    update(&mut state, Message::Lab(Event::Ready(std::sync::Arc::new(info(0)))));
    assert_eq!(state.controls.live.learning_rate_scale, 0.5, "the worker is about to hear it");
    assert_eq!(state.config, Some(config()));
}
