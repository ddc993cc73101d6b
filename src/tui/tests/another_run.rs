//! From one run to another, and back where that can't begin; dialogs that let nothing through.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::behaviour::press;
use super::demo::{config, info, record, running};
use super::paint::{buffer, characters};
use super::settings::type_in;
use crate::config::{Config, TrainConfig};
use crate::lab::{Command, Event, Phase};
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::state::{ChangeStage, NewRun, Overlay, State};
use crate::tui::update::update;

fn ready() -> State {
    running(100, 30, ScreenOptions::default())
}

fn lab(state: &mut State, event: Event) -> Vec<Effect> {
    update(state, Message::Lab(event))
}

fn tried(state: &mut State, event: Event) -> Vec<Effect> {
    update(state, Message::Tried(event))
}

fn wanted(effects: &[Effect]) -> &NewRun {
    match effects {
        [Effect::Try(wanted)] => wanted,
        other => panic!("{other:?}"),
    }
}

fn ctrl_c() -> Message {
    Message::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL))
}

/// Asked for another run, with a yes.
fn asked() -> State {
    let mut state = ready();
    assert_eq!(type_in(&mut state, ":seed=3\ny"), [Effect::Send(Command::StandAside)]);
    state
}

/// The old run stands aside, and the new one is being opened.
fn opening() -> State {
    let mut state = asked();
    let effects = lab(&mut state, Event::StandsAside { step: 12_480 });
    assert_eq!((wanted(&effects).config.seed, wanted(&effects).in_two), (3, true));
    state
}

#[test]
fn the_old_run_is_left_only_when_the_new_one_has_made_a_step() {
    let mut state = asked();
    assert!(characters(&buffer(&state)).contains("Saving this run first"));
    lab(&mut state, Event::CheckpointSaved { step: 12_480, dir: "c".into(), took: Duration::ZERO });
    lab(&mut state, Event::StandsAside { step: 12_480 });
    assert_eq!(tried(&mut state, Event::Phase(Phase::Loading("loading 7 of 9 pictures".into()))), []);
    let screen = characters(&buffer(&state));
    assert!(screen.contains("stands still at step 12,480") && screen.contains("loading 7 of 9 pictures"), "{screen}");
    assert_eq!(tried(&mut state, Event::Ready(Arc::new(info(0)))), []);
    assert!(!state.leaving, "nothing is left yet");
    assert_eq!(tried(&mut state, Event::Step(record(1))), [Effect::Send(Command::Leave)]);
    assert_eq!(tried(&mut state, Event::Phase(Phase::Paused)), []);
    assert_eq!(lab(&mut state, Event::Ended(Ok(()))), [Effect::Switch]);
}

#[test]
fn a_new_run_that_fails_gives_the_old_one_back_with_the_reason_and_the_line() {
    let mut state = opening();
    tried(&mut state, Event::Phase(Phase::Failed("no such folder: /nowhere".into())));
    let effects = tried(&mut state, Event::Ended(Err("no such folder: /nowhere".into())));
    assert_eq!(effects, [Effect::Abandon, Effect::Send(Command::GoOn)]);
    assert!(!state.leaving && !state.ended && state.change.is_none());
    let screen = characters(&buffer(&state));
    assert!(screen.contains("no such folder: /nowhere") && screen.contains("This run goes on"), "{screen}");
    // Only what the dialog offers.
    let before = state.controls.clone();
    for key in ["d", "w", "+", "p", "s", " ", "q", "K"] {
        assert_eq!(type_in(&mut state, key), [], "{key}");
        assert!(matches!(state.overlay, Some(Overlay::NotBegun { .. })), "{key}");
    }
    assert_eq!(state.controls, before);
    press(&mut state, KeyCode::Char(':'));
    assert!(matches!(&state.overlay, Some(Overlay::Palette(palette)) if palette.text == "seed=3"));
}

#[test]
fn a_run_that_ends_without_a_word_has_failed_too() {
    let mut state = opening();
    assert_eq!(tried(&mut state, Event::Ended(Ok(()))), [Effect::Abandon, Effect::Send(Command::GoOn)]);
    assert!(matches!(state.overlay, Some(Overlay::NotBegun { .. })));
}

#[test]
fn a_run_that_cannot_be_saved_is_not_left() {
    let mut state = asked();
    let event = Event::CannotSave { step: 7, reason: "the disk is full".into(), elsewhere: "/home/me/kept".into() };
    assert_eq!(lab(&mut state, event), [Effect::Abandon, Effect::Send(Command::GoOn)]);
    let screen = characters(&buffer(&state));
    assert!(screen.contains("cannot be saved") && screen.contains("the disk is full"), "{screen}");
    assert!(!state.leaving && state.change.is_none());
}

#[test]
fn esc_stays_with_the_old_run_at_every_moment_before_it_is_left() {
    let mut state = opening();
    assert_eq!(type_in(&mut state, "dws q"), [], "other keys do nothing");
    assert_eq!(press(&mut state, KeyCode::Esc), [Effect::Abandon, Effect::Send(Command::GoOn)]);
    assert_eq!((state.overlay.clone(), state.change.is_none()), (None, true));
    // Late news of the run that nobody wants are no news.
    assert_eq!(tried(&mut state, Event::Step(record(1))), []);

    let mut state = asked();
    press(&mut state, KeyCode::Esc);
    // The answer comes afterwards.
    assert_eq!(lab(&mut state, Event::StandsAside { step: 12_480 }), [Effect::Send(Command::GoOn)]);
}

#[test]
fn ctrl_c_and_signals_leave_with_everything_saved_at_every_moment() {
    let leaving = || {
        let mut state = opening();
        tried(&mut state, Event::Step(record(1)));
        state
    };
    for mut state in [asked(), opening()] {
        assert_eq!(update(&mut state, ctrl_c()), [Effect::Abandon, Effect::Send(Command::Leave)]);
        assert_eq!(lab(&mut state, Event::Ended(Ok(()))), [Effect::Quit]);
    }
    // Being left already, it need not be told again; who insists leaves at once.
    let mut state = leaving();
    assert_eq!(state.change.as_ref().map(|change| change.stage), Some(ChangeStage::Leaving));
    assert_eq!(update(&mut state, ctrl_c()), [Effect::Abandon]);
    let mut insists = state.clone();
    assert_eq!(lab(&mut state, Event::Ended(Ok(()))), [Effect::Quit]);
    assert_eq!(update(&mut insists, ctrl_c()), [Effect::Send(Command::Quit { save: false }), Effect::Quit]);
    for mut state in [asked(), opening(), leaving()] {
        let quit = Effect::Send(Command::Quit { save: true });
        assert_eq!(update(&mut state, Message::Terminate), [Effect::Abandon, quit]);
        assert_eq!(lab(&mut state, Event::Ended(Ok(()))), [Effect::Quit]);
    }
}

#[test]
fn an_old_run_that_fails_meanwhile_says_so_and_the_new_one_is_dropped() {
    let mut state = opening();
    lab(&mut state, Event::Phase(Phase::Failed("the disk is full".into())));
    assert_eq!(lab(&mut state, Event::Ended(Err("the disk is full".into()))), [Effect::Abandon]);
    assert!(matches!(state.overlay, Some(Overlay::Failure)) && state.change.is_none());
}

#[test]
fn a_failed_run_is_mended_from_its_dialog_and_nothing_else_gets_through() {
    let mut state = ready();
    lab(&mut state, Event::Ended(Err("the data are gone".into())));
    let before = (state.controls.clone(), state.focus, state.zoomed);
    for key in ["d", "w", "z", "\t", " ", "t", "4", "?", "f"] {
        assert_eq!(type_in(&mut state, key), [], "{key:?}");
        assert_eq!(state.overlay, Some(Overlay::Failure), "{key:?}");
    }
    assert_eq!((state.controls.clone(), state.focus, state.zoomed), before);
    type_in(&mut state, ":learning_rate=1e-4\n");
    assert!(characters(&buffer(&state)).contains("This run has ended. Start another with it?"));
    let effects = press(&mut state, KeyCode::Char('y'));
    let mended = Config { train: TrainConfig { learning_rate: 1e-4, ..config().train }, ..config() };
    assert_eq!((&wanted(&effects).config, wanted(&effects).in_two), (&mended, false));
    assert!(wanted(&effects).beside.is_some());
    // Nothing has to be saved any more.
    let mut fails = state.clone();
    assert_eq!(tried(&mut state, Event::Step(record(1))), [Effect::Switch]);
    assert_eq!(tried(&mut fails, Event::Ended(Err("not this either".into()))), [Effect::Abandon]);
    press(&mut fails, KeyCode::Esc);
    assert_eq!(press(&mut fails, KeyCode::Char('q')), [Effect::Quit]);
}

#[test]
fn f1_helps_over_every_dialog_and_comes_back_to_it() {
    let mut state = ready();
    type_in(&mut state, ":spacing=ka");
    press(&mut state, KeyCode::F(1));
    assert!(matches!(state.overlay, Some(Overlay::Help { .. })));
    press(&mut state, KeyCode::Esc);
    assert!(matches!(&state.overlay, Some(Overlay::Palette(palette)) if palette.text == "spacing=ka"));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.overlay, None);
    for key in ["q", "!"] {
        type_in(&mut state, key);
        let dialog = state.overlay.clone();
        press(&mut state, KeyCode::F(1));
        assert!(matches!(state.overlay, Some(Overlay::Help { .. })), "{key}");
        press(&mut state, KeyCode::F(1));
        assert_eq!(state.overlay, dialog, "{key}");
        press(&mut state, KeyCode::Esc);
    }
    press(&mut state, KeyCode::F(1));
    assert!(matches!(state.overlay, Some(Overlay::Help { .. })));
}

#[test]
fn a_finished_run_is_left_in_its_own_words() {
    let mut state = ready();
    let saved = |state: &mut State| {
        lab(state, Event::CheckpointSaved { step: 12_480, dir: "c".into(), took: Duration::ZERO });
    };
    saved(&mut state);
    lab(&mut state, Event::Phase(Phase::Finished));
    type_in(&mut state, "q");
    let screen = characters(&buffer(&state));
    assert!(screen.contains("All 12,480 steps are done and saved."), "{screen}");
    for absent in ["stops", "without saving", "save and leave", "--resume"] {
        assert!(!screen.contains(absent), "{absent}: {screen}");
    }
    assert_eq!(type_in(&mut state, "d"), [], "it is not offered");
    assert_eq!(type_in(&mut state, "y"), [Effect::Send(Command::Leave)]);
    assert!(!characters(&buffer(&state)).contains("saving"), "there is nothing to save");

    // Something was set after that.
    let mut state = ready();
    saved(&mut state);
    lab(&mut state, Event::Phase(Phase::Finished));
    type_in(&mut state, "wq");
    let screen = characters(&buffer(&state));
    assert!(screen.contains("What was set since") && screen.contains("save and leave"), "{screen}");
    // A run that a signal ended is not said to have all its steps done.
    let mut state = ready();
    lab(&mut state, Event::Ended(Ok(())));
    assert!(!state.news.items().any(|item| item.text.contains("steps are done")));
}
