//! A race and a sweep that train behind the screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::behaviour::{act, press};
use super::comparing::{config_of, folder, others, read};
use super::demo::running;
use super::paint::{buffer, characters, text};
use super::runs::listed;
use crate::lab::AskAll;
use crate::run::EventRecord;
use crate::run::follow::{Fresh, RunNews};
use crate::tui::action::Action;
use crate::tui::archive::{ArchiveNews, ArchiveRequest};
use crate::tui::browser::{RunsMode, RunsNews};
use crate::tui::chart::Marker;
use crate::tui::effect::Effect;
use crate::tui::experiment::{
    ExperimentEnd, ExperimentFacts, ExperimentNews, ExperimentPhase, ExperimentStanding, ExperimentView, Luck,
};
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Overlay, State};
use crate::tui::theme::{Capability, ThemeName};
use crate::tui::update::{begin_before, update};

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

fn luck(is_same: bool) -> Luck {
    let (brief, words) = match is_same {
        true => (
            "same weights, batches, noise",
            "step for step the same images, noise, timesteps and first weights: a difference is the change's, not luck",
        ),
        false => (
            "other weights, batches, noise",
            "nothing of what chance decides is the same; but other images, noise, timesteps and first weights, since seed \
             differs",
        ),
    };
    Luck { is_same, brief: brief.into(), words: words.into() }
}

fn tell(state: &mut State, news: ExperimentNews) -> Vec<Effect> {
    update(state, Message::Experiment(news))
}

fn stands(state: &mut State, standing: ExperimentStanding) {
    tell(state, ExperimentNews::Stands(standing));
}

/// A race of two before its first step.
pub fn race_begun(columns: u16, rows: u16, is_same: bool, options: ScreenOptions) -> State {
    let mut state = State::new(options);
    update(&mut state, Message::Resize(columns, rows));
    let facts = ExperimentFacts {
        kind: "race",
        title: "race of 2".into(),
        dir: "runs/race-mnist".into(),
        luck: Some(luck(is_same)),
    };
    let sides: Vec<_> = (0..2).map(|run| (folder(run), config_of(run))).collect();
    let effects = begin_before(&mut state, facts, ExperimentView::Compared(sides));
    assert!(effects.contains(&Effect::Ask(ArchiveRequest::Follow(vec![folder(0), folder(1)]))), "{effects:?}");
    state
}

/// The same in the middle.
pub fn racing(columns: u16, rows: u16, is_same: bool, options: ScreenOptions) -> State {
    let mut state = race_begun(columns, rows, is_same, options);
    read(&mut state, &[(0, 8_001), (1, 8_000)]);
    let standing = ExperimentStanding {
        phase: ExperimentPhase::Training,
        step: 8_000,
        steps: 40_000,
        left: Some(724.0),
        ..ExperimentStanding::default()
    };
    stands(&mut state, standing);
    update(&mut state, Message::Tick(Duration::from_secs(40)));
    state
}

/// A sweep in its third run.
pub fn sweeping(columns: u16, rows: u16, options: ScreenOptions) -> State {
    let mut state = State::new(options);
    update(&mut state, Message::Resize(columns, rows));
    let dir = PathBuf::from("runs");
    let facts = ExperimentFacts { kind: "sweep", title: "sweep".into(), dir: dir.clone(), luck: None };
    assert_eq!(begin_before(&mut state, facts, ExperimentView::Listed), [Effect::ListRuns(dir)]);
    update(&mut state, Message::Runs(RunsNews::Listed(Arc::new(listed()))));
    let standing = ExperimentStanding {
        phase: ExperimentPhase::Training,
        part: "run 3 of 12".into(),
        doing: "learning_rate=0.003,seed=1".into(),
        step: 120,
        steps: 600,
        failed: 1,
        left: None,
    };
    stands(&mut state, standing);
    update(&mut state, Message::Tick(Duration::from_secs(40)));
    state
}

/// The files of a run say what happened last.
fn ended_in(run: u64, step: u64, kind: &str) -> Message {
    let record = EventRecord { time: String::new(), step, kind: kind.into(), what: "the loss is NaN".into() };
    let events = Fresh { records: vec![record], ..Fresh::default() };
    let (steps, rows) = (Fresh::default(), Fresh::default());
    let news = RunNews { steps, rows, events, is_trained: kind == "resume", is_news: true };
    Message::Archive(ArchiveNews::Came { dir: folder(run), anew: false, news: Box::new(news) })
}

fn shown(state: &State) -> String {
    characters(&buffer(state))
}

#[test]
fn a_race_says_how_far_it_is_and_whether_a_difference_may_be_luck() {
    for (columns, rows) in SIZES {
        let mut state = racing(columns, rows, true, ScreenOptions::default());
        assert_snapshot!(format!("race_{columns}x{rows}"), text(&state));
        press(&mut state, KeyCode::Char('q'));
        assert_snapshot!(format!("race_quit_{columns}x{rows}"), text(&state));
        let state = racing(columns, rows, false, ScreenOptions::default());
        assert_snapshot!(format!("race_of_luck_{columns}x{rows}"), text(&state));
    }
    let plain =
        ScreenOptions { capability: Capability::None, marker: Marker::Ascii, ascii: true, ..ScreenOptions::default() };
    assert_snapshot!("race_ascii_80x24", text(&racing(80, 24, true, plain)));
    let light = ScreenOptions { theme: ThemeName::Light, ..ScreenOptions::default() };
    assert_snapshot!("race_light_80x24", text(&racing(80, 24, true, light)));
}

#[test]
fn a_sweep_says_which_run_trains_over_the_list_of_all() {
    for (columns, rows) in SIZES {
        let mut state = sweeping(columns, rows, ScreenOptions::default());
        assert_snapshot!(format!("sweep_{columns}x{rows}"), text(&state));
        press(&mut state, KeyCode::Char('q'));
        assert_snapshot!(format!("sweep_quit_{columns}x{rows}"), text(&state));
    }
}

#[test]
fn q_asks_stops_and_waits_until_all_is_saved() {
    for mut state in [
        racing(80, 24, true, ScreenOptions::default()),
        sweeping(80, 24, ScreenOptions::default()),
        race_begun(80, 24, true, ScreenOptions::default()),
    ] {
        assert_eq!(press(&mut state, KeyCode::Char('q')), []);
        assert_eq!(state.overlay, Some(Overlay::Quit));
        assert_eq!(press(&mut state, KeyCode::Char('d')), [], "nothing leaves without saving");
        assert_eq!(press(&mut state, KeyCode::Char('n')), []);
        assert_eq!(state.overlay, None);
        press(&mut state, KeyCode::Char('q'));
        assert_eq!(press(&mut state, KeyCode::Char('y')), [Effect::AskExperiment(AskAll::Stop)]);
        assert!(shown(&state).contains("leaving"), "{}", shown(&state));
        assert_eq!(press(&mut state, KeyCode::Char('q')), [], "it is being left");
        assert_eq!(tell(&mut state, ExperimentNews::Ended(ExperimentEnd::Stopped)), [Effect::Quit]);
    }
}

#[test]
fn ctrl_c_and_a_signal_stop_it_without_a_question() {
    for mut state in [racing(80, 24, true, ScreenOptions::default()), sweeping(80, 24, ScreenOptions::default())] {
        let mut signalled = state.clone();
        assert_eq!(act(&mut state, Action::Leave), [Effect::AskExperiment(AskAll::Stop)]);
        assert_eq!(act(&mut state, Action::Leave), [Effect::Quit], "asked again, at once");
        assert_eq!(update(&mut signalled, Message::Terminate), [Effect::AskExperiment(AskAll::Stop)]);
        assert!(signalled.interrupted);
        assert_eq!(update(&mut signalled, Message::Terminate), []);
        assert_eq!(tell(&mut signalled, ExperimentNews::Ended(ExperimentEnd::Stopped)), [Effect::Quit]);
    }
}

#[test]
fn space_pauses_all_sides_and_what_steers_one_run_says_why_not() {
    let mut state = racing(120, 40, true, ScreenOptions::default());
    assert!(shown(&state).contains("space pause"), "{}", shown(&state));
    assert_eq!(press(&mut state, KeyCode::Char(' ')), [Effect::AskExperiment(AskAll::Pause)]);
    let paused = ExperimentStanding { phase: ExperimentPhase::Paused, ..state.experiment.clone().unwrap().standing };
    stands(&mut state, paused);
    assert!(shown(&state).contains("race of 2 paused") && shown(&state).contains("space resume"), "{}", shown(&state));
    assert_eq!(press(&mut state, KeyCode::Char(' ')), [Effect::AskExperiment(AskAll::Resume)]);
    assert_eq!(act(&mut state, Action::LearningRateUp), []);
    assert!(shown(&state).contains("train as their configs say"), "{}", shown(&state));
}

#[test]
fn when_all_is_over_it_says_so_and_stays_until_q() {
    for mut state in [racing(120, 40, true, ScreenOptions::default()), sweeping(120, 40, ScreenOptions::default())] {
        press(&mut state, KeyCode::Char('q'));
        assert_eq!(tell(&mut state, ExperimentNews::Ended(ExperimentEnd::Done)), []);
        assert_eq!(state.overlay, None, "what it asked is answered");
        // For as long as one likes.
        update(&mut state, Message::Tick(Duration::from_secs(4000)));
        let screen = shown(&state);
        assert!(screen.contains("finished") && screen.contains("q leaves, and prints the table"), "{screen}");
        assert!(!screen.contains("space pause"), "{screen}");
        assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
    }
}

#[test]
fn what_it_says_and_why_it_fails_is_seen() {
    let mut state = racing(120, 40, true, ScreenOptions::default());
    tell(&mut state, ExperimentNews::Warned("b: lr=1: training diverged at step 7".into()));
    assert!(shown(&state).contains("training diverged at step 7"));
    let failed = ExperimentStanding { failed: 1, ..state.experiment.clone().unwrap().standing };
    stands(&mut state, failed);
    assert!(shown(&state).contains("1 failed"), "{}", shown(&state));
    tell(&mut state, ExperimentNews::Ended(ExperimentEnd::Failed("no more threads".into())));
    let screen = shown(&state);
    assert!(screen.contains("race of 2 failed") && screen.contains("no more threads"), "{screen}");
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
}

#[test]
fn runs_without_a_folder_yet_are_no_trouble_until_it_is_over() {
    let mut state = race_begun(120, 40, true, ScreenOptions::default());
    let trouble = || ArchiveNews::Trouble { dir: folder(0), why: "it is no run folder".into() };
    update(&mut state, Message::Archive(trouble()));
    assert!(!shown(&state).contains("no run folder"), "{}", shown(&state));
    let named = |name: &str| shown(&state).contains(name);
    assert!(named("2026-11-20-mnist-lr-3e-3") && !named("comparing 2 runs"), "each side has its name at once");
    tell(&mut state, ExperimentNews::Ended(ExperimentEnd::Done));
    update(&mut state, Message::Archive(trouble()));
    assert!(shown(&state).contains("no run folder"), "{}", shown(&state));
}

#[test]
fn a_side_that_failed_says_so_and_holds_the_others_difference_back_no_more() {
    let mut state = racing(120, 40, true, ScreenOptions::default());
    update(&mut state, others(1, 3));
    assert!(shown(&state).contains("at step 3 "), "{}", shown(&state));
    update(&mut state, ended_in(1, 3, "error"));
    let screen = shown(&state);
    assert!(screen.contains("at step 8,001") && screen.contains("failed"), "{screen}");
    // It goes on.
    update(&mut state, ended_in(1, 3, "resume"));
    assert!(!shown(&state).contains("failed"), "{}", shown(&state));
}

#[test]
fn from_the_list_of_a_sweep_one_looks_at_a_run_and_comes_back() {
    let mut state = sweeping(120, 40, ScreenOptions::default());
    let effects = press(&mut state, KeyCode::Enter);
    assert!(matches!(effects[0], Effect::LookAt(_)), "{effects:?}");
    tell(&mut state, ExperimentNews::Said("run 4 of 12: seed=1".into()));
    let effects = press(&mut state, KeyCode::Char('q'));
    assert!(effects.contains(&Effect::LookAway), "{effects:?}");
    assert!(shown(&state).contains("sweep") && shown(&state).contains("run 3 of 12"), "{}", shown(&state));
    // Ctrl-C stops the sweep from wherever one is.
    press(&mut state, KeyCode::Enter);
    let key = crossterm::event::KeyEvent::new(KeyCode::Char('c'), crossterm::event::KeyModifiers::CONTROL);
    let effects = update(&mut state, Message::Key(key));
    assert!(effects.contains(&Effect::AskExperiment(AskAll::Stop)) && state.interrupted, "{effects:?}");
}

#[test]
fn enter_answers_no_question_whether_to_leave() {
    for mut state in [
        racing(80, 24, true, ScreenOptions::default()),
        sweeping(80, 24, ScreenOptions::default()),
        running(80, 24, ScreenOptions::default()),
    ] {
        press(&mut state, KeyCode::Char('q'));
        assert_eq!(press(&mut state, KeyCode::Enter), []);
        assert_eq!((&state.overlay, state.leaving), (&Some(Overlay::Quit), false), "only y and n are offered");
    }
}

#[test]
fn a_fork_is_refused_before_anything_is_typed_and_later_asked_of_the_run_under_the_cursor() {
    for mut state in [racing(120, 40, true, ScreenOptions::default()), sweeping(120, 40, ScreenOptions::default())] {
        let (browsing, kind) = (state.is_browsing, state.experiment.as_ref().unwrap().facts.kind);
        let effects = press(&mut state, KeyCode::Char('F'));
        assert_eq!((effects.as_slice(), state.is_browsing), (&[][..], browsing));
        assert!(!state.browser.as_ref().is_some_and(|list| matches!(list.mode, RunsMode::Fork(_))));
        let said = format!("the {kind} trains here; a fork can begin when it is over");
        assert!(shown(&state).contains(&said), "{}", shown(&state));
    }
    let mut state = racing(120, 40, true, ScreenOptions::default());
    tell(&mut state, ExperimentNews::Ended(ExperimentEnd::Done));
    press(&mut state, KeyCode::Char('F'));
    let list = state.browser.as_ref().unwrap();
    assert!(state.is_browsing && matches!(list.mode, RunsMode::Fork(_)), "{:?}", list.mode);
    assert!(list.chosen.as_ref().is_some_and(|dir| dir.ends_with(folder(0).file_name().unwrap())), "{:?}", list.chosen);
}

#[test]
fn keys_that_set_nothing_in_a_race_say_why_and_are_not_offered() {
    let mut state = racing(200, 60, true, ScreenOptions::default());
    let mut config = config_of(0);
    config.model.class_conditional = true;
    state.config = Some(config);
    act(&mut state, Action::Focus(Panel::Denoising));
    for offered in ["c class", "w guidance"] {
        assert!(!shown(&state).contains(offered), "{offered}: {}", shown(&state));
    }
    for key in ['c', 'w', 'm', 'e'] {
        assert_eq!(press(&mut state, KeyCode::Char(key)), []);
        assert!(shown(&state).contains("sampled as their own configs say"), "{key}: {}", shown(&state));
        let later = state.now + Duration::from_secs(60);
        update(&mut state, Message::Tick(later));
    }
    press(&mut state, KeyCode::Char('u'));
    assert!(shown(&state).contains("nothing to undo: the runs train as their configs say"), "{}", shown(&state));
}

#[test]
fn what_is_over_names_no_step() {
    let mut state = sweeping(120, 40, ScreenOptions::default());
    assert!(shown(&state).contains("run 3 of 12") && shown(&state).contains("120 / 600"));
    tell(&mut state, ExperimentNews::Ended(ExperimentEnd::Done));
    let screen = shown(&state);
    assert!(screen.contains("sweep finished · 1 failed"), "{screen}");
    assert!(!screen.contains("run 3 of 12") && !screen.contains("120 / 600"), "{screen}");
}

#[test]
fn where_there_is_no_room_the_question_whether_to_leave_is_asked_nevertheless() {
    for (mut state, kind) in
        [(racing(20, 5, true, ScreenOptions::default()), "race"), (sweeping(20, 5, ScreenOptions::default()), "sweep")]
    {
        press(&mut state, KeyCode::Char('q'));
        let words = shown(&state).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("Leave the {kind}?")) && words.contains("n stays"), "{words}");
    }
}
