//! What the keys and the news do.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::demo::{frame, info, opened, record, running};
use super::paint::{buffer, characters};
use crate::lab::{Command, Event, Phase};
use crate::tui::action::Action;
use crate::tui::bindings::BINDINGS;
use crate::tui::effect::Effect;
use crate::tui::layout;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Overlay, State};
use crate::tui::update::update;

/// Presses a key.
pub fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    update(state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// Presses the key that an action has, in the panel where it has it.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    state.overlay = None;
    let binding = BINDINGS.iter().find(|b| b.action == action && b.context.is_none_or(|c| c == state.focus));
    let key = binding.or(BINDINGS.iter().find(|b| b.action == action)).unwrap().keys[0];
    update(state, Message::Key(KeyEvent::new(key.code, key.modifiers)))
}

fn ready(columns: u16, rows: u16) -> State {
    running(columns, rows, ScreenOptions::default())
}

#[test]
fn every_binding_does_something_that_is_seen_or_sent() {
    let before = ready(120, 40);
    for binding in BINDINGS {
        for key in binding.keys {
            let mut state = before.clone();
            state.focus = binding.context.unwrap_or(Panel::Loss);
            // Some need something to undo, and the cursor room on both sides.
            match binding.action {
                Action::Back => state.zoomed = true,
                Action::Focus(Panel::Loss) => state.focus = Panel::Schedule,
                Action::LearningRateReset => state.controls.live.learning_rate_scale = 0.5,
                Action::LaterColumn => state.cursor_step = Some(5_000),
                _ => {}
            }
            update(&mut state, Message::Tick(Duration::from_secs(61)));
            let screen = buffer(&state);
            let effects = update(&mut state, Message::Key(KeyEvent::new(key.code, key.modifiers)));
            assert!(!effects.is_empty() || buffer(&state) != screen, "{}: {}", key.label(), binding.help);
        }
    }
}

#[test]
fn training_keys_tell_the_worker_what_their_help_says() {
    let mut state = ready(120, 40);
    let sent = |state: &mut State, action| act(state, action);
    assert_eq!(sent(&mut state, Action::TogglePause), [Effect::Send(Command::Pause)]);
    update(&mut state, Message::Lab(Event::Phase(Phase::Paused)));
    assert_eq!(sent(&mut state, Action::TogglePause), [Effect::Send(Command::Resume)]);
    assert_eq!(sent(&mut state, Action::StepOnce), [Effect::Send(Command::StepOnce)]);
    assert_eq!(sent(&mut state, Action::Snapshot), [Effect::Send(Command::Snapshot)]);
    assert_eq!(sent(&mut state, Action::Checkpoint), [Effect::Send(Command::Checkpoint)]);
    assert_eq!(sent(&mut state, Action::SampleNow), [Effect::Send(Command::SampleNow)]);
    assert_eq!(sent(&mut state, Action::TogglePreview), [Effect::Send(Command::SetPreviewEnabled(false))]);
    assert_eq!(sent(&mut state, Action::TogglePreview), [Effect::Send(Command::SetPreviewEnabled(true))]);
    let Effect::Send(Command::SetPreviewBudget(budget)) = sent(&mut state, Action::MorePreview)[0] else { panic!() };
    assert!((budget - 0.15).abs() < 1e-9);
    assert_eq!(sent(&mut state, Action::LearningRateDown), [Effect::Send(Command::SetLearningRateScale(0.5))]);
    assert_eq!(sent(&mut state, Action::LearningRateDown), [Effect::Send(Command::SetLearningRateScale(0.25))]);
    assert_eq!(sent(&mut state, Action::LearningRateUp), [Effect::Send(Command::SetLearningRateScale(0.5))]);
    assert_eq!(sent(&mut state, Action::LearningRateReset), [Effect::Send(Command::SetLearningRateScale(1.0))]);
    assert_eq!(sent(&mut state, Action::LearningRateReset), []);
}

#[test]
fn sampling_keys_change_one_setting_each() {
    let mut state = ready(120, 40);
    let mut sampling = |action| match act(&mut state, action).pop() {
        Some(Effect::Send(Command::SetSampling(settings))) => settings,
        other => panic!("{action:?}: {other:?}"),
    };
    assert_eq!(sampling(Action::ClassNext).class, Some(0));
    assert_eq!(sampling(Action::ClassNext).class, Some(1));
    assert_eq!(sampling(Action::ClassPrevious).class, Some(0));
    assert_eq!(sampling(Action::ClassPrevious).class, None);
    assert_eq!(sampling(Action::ClassPrevious).class, Some(9));
    assert_eq!(sampling(Action::GuidanceUp).sample.guidance_scale, 1.5);
    assert_eq!(sampling(Action::GuidanceDown).sample.guidance_scale, 1.0);
    let steps = sampling(Action::MoreSteps);
    assert_eq!((steps.steps, steps.sample.steps), (50, 50));
    let steps = sampling(Action::FewerSteps);
    assert_eq!((steps.steps, steps.sample.steps), (25, 50), "where it was");
    assert_eq!(sampling(Action::NextEta).sample.eta, 0.5);
    assert_eq!(sampling(Action::NextSampler).sample.sampler, crate::config::SamplerName::Euler);
}

#[test]
fn the_sampler_key_goes_round_the_samplers_that_the_path_allows() {
    use crate::config::SamplerName;
    use crate::sampling::check_sampler;
    let mut state = ready(120, 40);
    let mut met = vec![state.controls.live.sampling.sample.sampler];
    loop {
        act(&mut state, Action::NextSampler);
        let sampler = state.controls.live.sampling.sample.sampler;
        if sampler == met[0] {
            break;
        }
        assert!(met.len() < SamplerName::ALL.len(), "it never comes round: {met:?}");
        met.push(sampler);
    }
    let run = crate::diffusion::Schedule::from_config(&super::demo::config().diffusion).unwrap();
    let allowed = SamplerName::ALL.into_iter().filter(|sampler| check_sampler(*sampler, &run).is_ok());
    assert_eq!(met.len(), allowed.count());
    assert!(met.contains(&SamplerName::PfOde) && !met.contains(&SamplerName::FlowEuler));
}

#[test]
fn an_adaptive_sampler_says_its_network_calls_and_refuses_a_number_of_steps() {
    use crate::config::SamplerName;
    let mut state = ready(120, 40);
    while state.controls.live.sampling.sample.sampler != SamplerName::PfOde {
        act(&mut state, Action::NextSampler);
    }
    let screen = characters(&buffer(&state));
    assert!(screen.contains("pf_ode NFE …"), "{screen}");
    assert_eq!(act(&mut state, Action::MoreSteps), []);
    assert!(state.news.showing().unwrap().text.contains("sample.rtol"));
}

#[test]
fn classes_and_guidance_are_refused_with_the_reason_where_there_are_none() {
    let mut state = opened(120, 40, ScreenOptions::default());
    let mut info = info(0);
    info.conditional = false;
    info.config.model.class_conditional = false;
    info.classes.clear();
    update(&mut state, Message::Lab(Event::Ready(Arc::new(info))));
    for action in [Action::ClassNext, Action::GuidanceUp] {
        assert_eq!(act(&mut state, action), []);
        assert!(state.news.showing().unwrap().text.contains("class_conditional"));
    }
}

#[test]
fn a_frozen_display_stands_while_data_arrive_and_catches_up() {
    let mut state = ready(120, 40);
    act(&mut state, Action::ToggleFreeze);
    let panels =
        |state: &State| characters(&buffer(state)).lines().skip(1).take(36).map(String::from).collect::<Vec<_>>();
    let before = panels(&state);
    for step in 12_481..=12_700 {
        update(&mut state, Message::Lab(Event::Step(record(step))));
    }
    update(&mut state, Message::Preview(frame(2, 15, 12_480)));
    assert_eq!(panels(&state), before);
    assert_eq!(state.live.history.latest.as_ref().unwrap().step, 12_700);
    act(&mut state, Action::ToggleFreeze);
    assert_ne!(panels(&state), before);
}

#[test]
fn leaving_asks_saves_and_waits_for_the_worker() {
    let mut state = ready(80, 24);
    assert_eq!(press(&mut state, KeyCode::Char('q')), []);
    assert_eq!(state.overlay, Some(Overlay::Quit));
    assert_eq!(press(&mut state, KeyCode::Char('n')), []);
    assert_eq!(state.overlay, None);
    press(&mut state, KeyCode::Char('q'));
    assert_eq!(press(&mut state, KeyCode::Char('y')), [Effect::Send(Command::Leave)]);
    assert!(characters(&buffer(&state)).contains("saving"));
    assert_eq!(update(&mut state, Message::Lab(Event::Ended(Ok(())))), [Effect::Quit]);
}

#[test]
fn ctrl_c_saves_and_the_second_time_leaves_at_once() {
    let ctrl_c = || Message::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    let mut state = ready(80, 24);
    act(&mut state, Action::Help);
    assert_eq!(update(&mut state, ctrl_c()), [Effect::Send(Command::Leave)]);
    assert_eq!(update(&mut state, ctrl_c()), [Effect::Send(Command::Quit { save: false }), Effect::Quit]);
}

#[test]
fn a_signal_saves_without_a_question_whatever_is_open() {
    let mut state = ready(80, 24);
    act(&mut state, Action::Help);
    assert_eq!(update(&mut state, Message::Terminate), [Effect::Send(Command::Quit { save: true })]);
    cannot_save(&mut state);
    assert_eq!(update(&mut state, Message::Terminate), [Effect::Send(Command::Quit { save: true })]);
    assert_eq!(state.overlay, None);
}

fn cannot_save(state: &mut State) {
    let event = Event::CannotSave { step: 7, reason: "the disk is full".into(), elsewhere: "/home/me/kept/run".into() };
    update(state, Message::Lab(event));
}

#[test]
fn a_run_that_cannot_be_saved_offers_to_stay_or_to_save_elsewhere() {
    let mut state = ready(80, 24);
    press(&mut state, KeyCode::Char('q'));
    press(&mut state, KeyCode::Char('y'));
    cannot_save(&mut state);
    let screen = characters(&buffer(&state));
    for part in ["the disk is full", "/home/me/kept/run", "Enter", "Esc", "Ctrl-D"] {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
    assert!(screen.contains("as soon as that works"), "the cause need not be room:\n{screen}");
    assert_eq!(press(&mut state, KeyCode::Esc), []);
    assert!(!state.leaving, "it stays");
    update(&mut state, Message::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    assert!(state.interrupted);
    cannot_save(&mut state);
    press(&mut state, KeyCode::Esc);
    assert!(!state.interrupted, "who stays may leave by q later");

    cannot_save(&mut state);
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Char('m'));
    let dir = "/home/me/kept/rum".into();
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Send(Command::SaveElsewhere { dir })]);
    assert_eq!(update(&mut state, Message::Lab(Event::Ended(Ok(())))), [Effect::Quit]);
}

#[test]
fn a_lab_that_waits_for_room_says_so_and_goes_on_when_asked() {
    let mut state = ready(120, 40);
    update(&mut state, Message::Lab(Event::Phase(Phase::Waiting("the disk is full".into()))));
    let screen = characters(&buffer(&state));
    assert!(screen.contains("waiting") && screen.contains("the disk is full"), "{screen}");
    assert_eq!(act(&mut state, Action::TogglePause), [Effect::Send(Command::Resume)]);
    press(&mut state, KeyCode::Char('q'));
    let screen = characters(&buffer(&state));
    assert!(screen.contains("cannot be saved here yet") && !screen.contains("--resume"), "{screen}");
}

#[test]
fn a_run_that_has_ended_is_left_without_a_question_and_hears_no_commands() {
    let mut state = ready(80, 24);
    update(&mut state, Message::Lab(Event::Ended(Ok(()))));
    assert_eq!(act(&mut state, Action::Snapshot), []);
    assert_eq!(act(&mut state, Action::GuidanceUp), []);
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
}

#[test]
fn a_failure_says_why_and_where_the_run_is() {
    let mut state = ready(120, 40);
    update(&mut state, Message::Lab(Event::Ended(Err("the disk is full".into()))));
    let screen = characters(&buffer(&state));
    assert!(screen.contains("the disk is full") && screen.contains("runs/2026-11-22-mnist-4f2a"), "{screen}");
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
}

#[test]
fn the_palette_finds_and_does() {
    let mut state = ready(80, 24);
    press(&mut state, KeyCode::Char(':'));
    for c in "checkpoint".chars() {
        press(&mut state, KeyCode::Char(c));
    }
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Send(Command::Checkpoint)]);
    assert_eq!(state.overlay, None);
}

#[test]
fn a_click_focuses_and_puts_the_cursor_and_the_wheel_moves_it() {
    let mut state = ready(120, 40);
    let mouse = |state: &mut State, kind, column, row| {
        update(state, Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
    };
    let place = *state.layout().unwrap().place(Panel::Schedule).unwrap();
    let plot = layout::plot(layout::schedule_full(place.inner()).chart).plot;
    mouse(&mut state, MouseEventKind::Down(MouseButton::Left), plot.right() - 1, plot.y + 2);
    assert_eq!((state.focus, state.cursor_t), (Panel::Schedule, 999));
    mouse(&mut state, MouseEventKind::ScrollDown, plot.x, plot.y);
    assert_eq!(state.cursor_t, 959, "to the next frame of the film");
    let place = *state.layout().unwrap().place(Panel::Heatmap).unwrap();
    let map = layout::heatmap_full(place.inner()).map;
    mouse(&mut state, MouseEventKind::Down(MouseButton::Left), map.x, map.bottom() - 1);
    assert_eq!((state.focus, state.cursor_t), (Panel::Heatmap, 439), "as far as the film is");
    assert!(state.cursor_step.is_some());
}

#[test]
fn before_the_first_preview_the_cursor_sweeps_and_the_image_noises() {
    let mut state = opened(120, 40, ScreenOptions::default());
    update(&mut state, Message::Lab(Event::Ready(Arc::new(info(0)))));
    let mut seen = Vec::new();
    for second in 1..14 {
        update(&mut state, Message::Tick(Duration::from_secs(second)));
        seen.push((state.cursor_t, state.gallery.forward().unwrap().picture.version));
    }
    assert!(seen.windows(2).all(|w| w[0].0 != w[1].0 && w[0].1 != w[1].1), "{seen:?}");
}

#[test]
fn pictures_are_made_anew_only_when_they_change() {
    let mut state = ready(120, 40);
    let version = |state: &State| state.gallery.clean().unwrap().picture.version;
    let before = version(&state);
    update(&mut state, Message::Lab(Event::Step(record(12_481))));
    update(&mut state, Message::Tick(Duration::from_secs(61)));
    assert_eq!(version(&state), before);
    update(&mut state, Message::Preview(frame(2, 15, 12_480)));
    update(&mut state, Message::Tick(Duration::from_secs(62)));
    assert_ne!(version(&state), before);
}

#[test]
fn a_resumed_run_shows_its_past() {
    let mut state = opened(120, 40, ScreenOptions::default());
    update(&mut state, Message::Lab(Event::Ready(Arc::new(info(500)))));
    let steps = (1..=500).map(record).collect();
    update(&mut state, Message::Lab(Event::History { steps, rows: vec![], marks: vec![] }));
    assert_eq!(state.live.history.latest.as_ref().unwrap().step, 500);
    assert!(characters(&buffer(&state)).contains('↻'));
}

#[test]
fn labels_of_the_heatmap_are_whole_in_every_unit() {
    let mut state = ready(200, 60);
    for expected in [["999", "0"], ["1.000", "0.006"], ["−19.8", "10.1"]] {
        let screen = characters(&buffer(&state));
        let words: Vec<&str> = screen.split(['│', '╭', '╮', ' ', '▸']).collect();
        assert!(expected.iter().all(|label| words.contains(label)), "{expected:?} in {screen}");
        act(&mut state, Action::NextTimeAxis);
    }
}
