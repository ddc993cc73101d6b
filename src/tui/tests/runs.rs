//! The list of runs, and runs that are looked at: what keys and news do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::behaviour::{act, press};
use super::demo::{info, record, row, running};
use super::paint::{buffer, characters};
use crate::lab::{Command, Event, Phase, RunInfo};
use crate::run::catalogue::{ListedRun, RunState, test_runs};
use crate::tui::action::Action;
use crate::tui::archive::{ArchiveNews, ArchiveRequest};
use crate::tui::browser::{Browser, RunsNews, RunsRequest};
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::state::{Bench, Overlay, State};
use crate::tui::update::{open_runs, update};

/// The run of the demo.
const OWN: &str = "2026-11-22-mnist-4f2a";

/// Some runs of every kind, read once from real folders; what depends on the moment is made up.
pub fn listed() -> Vec<ListedRun> {
    static RUNS: OnceLock<Vec<ListedRun>> = OnceLock::new();
    let read = || {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str, sets: &[&str], steps: u64, end: &str| {
            test_runs::make(place.path(), name, sets, steps, end);
        };
        make(
            "2026-11-20-mnist-linear-11aa",
            &["diffusion.schedule=linear", "train.steps=400", "name=mnist"],
            400,
            "finish",
        );
        make(
            "2026-11-21-two-moons-9c0d",
            &["data.dataset=two_moons", "train.steps=60000", "name=two-moons"],
            300,
            "stop",
        );
        make(OWN, &["train.steps=40000", "name=mnist"], 120, "preview");
        make(
            "2026-11-22-mnist-flow-77b1",
            &["diffusion.path=flow", "diffusion.prediction_type=flow", "name=mnist"],
            80,
            "preview",
        );
        make("sweep/lr=0.01", &["train.learning_rate=0.01", "train.steps=200", "name=mnist"], 60, "error");
        let mut runs = test_runs::read(place.path()).runs().to_vec();
        for (i, run) in runs.iter_mut().enumerate() {
            run.path = Path::new("runs").join(&run.summary.run);
            run.summary.last_written = format!("2026-11-{:02}T05:00:00+00:00", 20 + i);
            if [OWN, "2026-11-22-mnist-flow-77b1"].contains(&run.summary.run.as_str()) {
                (run.is_trained, run.summary.state, run.summary.why) = (true, RunState::Training, None);
            }
            if run.summary.state == RunState::Failed {
                run.summary.why = Some("the loss is NaN at step 60: a smaller learning rate may help".into());
            }
        }
        runs[0].summary.tags = vec!["baseline".into(), "good".into()];
        runs[0].summary.note = "the one to beat".into();
        runs
    };
    RUNS.get_or_init(read).clone()
}

fn list(runs: Vec<ListedRun>) -> Message {
    Message::Runs(RunsNews::Listed(Arc::new(runs)))
}

/// The list alone, as `difflab runs` opens it.
pub fn browsing(columns: u16, rows: u16, options: ScreenOptions) -> State {
    let mut state = State::new(options);
    update(&mut state, Message::Resize(columns, rows));
    (state.bench, state.ended) = (Bench::Browsing, true);
    state.browser = Some(Box::new(Browser::new(Path::new("runs"))));
    assert_eq!(open_runs(&mut state), [Effect::ListRuns(PathBuf::from("runs"))]);
    update(&mut state, list(listed()));
    state
}

/// The list over a lab that trains.
fn over_a_lab(columns: u16, rows: u16) -> State {
    let mut state = running(columns, rows, ScreenOptions::default());
    let effects = press(&mut state, KeyCode::Char('R'));
    assert_eq!(effects, [Effect::ListRuns(PathBuf::from("runs")), Effect::Turn]);
    update(&mut state, list(listed()));
    state
}

fn type_in(state: &mut State, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|c| press(state, KeyCode::Char(c))).collect()
}

pub fn choose(state: &mut State, run: &str) {
    let browser = state.browser.as_mut().unwrap();
    let row = browser.listed().position(|listed| listed.summary.run == run).unwrap();
    browser.choose_row(row);
}

fn names(state: &State) -> Vec<&str> {
    state.browser.as_ref().unwrap().listed().map(|run| run.summary.run.as_str()).collect()
}

fn screen(state: &State) -> String {
    characters(&buffer(state))
}

/// Another run's facts, as a watcher tells them.
fn facts() -> Arc<RunInfo> {
    Arc::new(RunInfo { run_dir: "runs/2026-11-20-mnist-linear-11aa".into(), device: String::new(), ..info(0) })
}

/// The list over a lab, and over both a run that is looked at.
pub fn looking(columns: u16, rows: u16) -> State {
    let mut state = over_a_lab(columns, rows);
    choose(&mut state, "2026-11-22-mnist-flow-77b1");
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(effects, [Effect::LookAt("runs/2026-11-22-mnist-flow-77b1".into()), Effect::Turn]);
    let info =
        RunInfo { run_dir: "runs/2026-11-22-mnist-flow-77b1".into(), device: String::new(), threads: 0, ..info(0) };
    update(&mut state, Message::Beside(Event::Ready(Arc::new(info))));
    let (steps, rows) = ((1..=500).map(record).collect(), (1..=10).map(|i| row(i * 50)).collect());
    update(&mut state, Message::Beside(Event::History { steps, rows, marks: Vec::new() }));
    update(&mut state, Message::Beside(Event::Phase(Phase::Training)));
    update(&mut state, Message::Tick(Duration::from_secs(90)));
    state
}

#[test]
fn r_lists_the_runs_while_training_goes_on_and_leads_back() {
    let mut state = over_a_lab(120, 40);
    let shown = screen(&state);
    assert!(
        shown.contains("5 runs") && shown.contains("2 training") && shown.contains("step 12,480 / 40,000"),
        "{shown}"
    );
    update(&mut state, Message::Lab(Event::Step(record(12_481))));
    assert!(screen(&state).contains("step 12,481 / 40,000"), "the lab goes on");
    for back in ['R', 'q', '\x1b'] {
        let key = if back == '\x1b' { KeyCode::Esc } else { KeyCode::Char(back) };
        assert_eq!(press(&mut state, key), [Effect::Turn], "{back}");
        assert!(!state.is_browsing && screen(&state).contains("Loss per timestep"));
        press(&mut state, KeyCode::Char('R'));
    }
    // The one that trains here is gone back to.
    choose(&mut state, OWN);
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Turn]);
    assert!(!state.is_browsing && state.beside.is_none());
}

#[test]
fn without_a_lab_the_list_is_left_with_q() {
    let mut state = browsing(80, 24, ScreenOptions::default());
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
    let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    let effects = update(&mut state, Message::Key(ctrl_c));
    assert_eq!((effects, state.interrupted), (vec![Effect::Quit], true));
    assert_eq!(update(&mut browsing(80, 24, ScreenOptions::default()), Message::Terminate), [Effect::Quit]);
}

#[test]
fn it_is_filtered_as_one_types_and_keys_are_completed() {
    let mut state = browsing(120, 40, ScreenOptions::default());
    assert_eq!(names(&state).len(), 5);
    type_in(&mut state, "/sched");
    press(&mut state, KeyCode::Tab);
    type_in(&mut state, "=lin");
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.browser.as_ref().unwrap().filter.text(), "schedule=linear");
    assert_eq!(names(&state), ["2026-11-20-mnist-linear-11aa"]);
    // What can't be understood is said, and the last that could be holds.
    type_in(&mut state, " lr>");
    assert!(state.browser.as_ref().unwrap().filter_error.is_some() && names(&state).len() == 1);
    type_in(&mut state, "1");
    assert_eq!(names(&state), [""; 0]);
    assert!(screen(&state).contains("none of the 5 runs"));
    press(&mut state, KeyCode::Enter);
    // Letters are keys of the list again.
    assert_eq!(press(&mut state, KeyCode::Enter), [], "there is no run to open");
    press(&mut state, KeyCode::Esc);
    assert_eq!(names(&state).len(), 5, "Esc shows all");
}

#[test]
fn it_is_sorted_by_any_column_with_keys_and_the_mouse() {
    let mut state = browsing(200, 60, ScreenOptions::default());
    assert_eq!(names(&state)[0], "sweep/lr=0.01", "the newest name first");
    press(&mut state, KeyCode::Char('r'));
    assert_eq!(names(&state)[0], "2026-11-20-mnist-linear-11aa");
    let sorted = |state: &State| state.browser.as_ref().unwrap().sorted.unwrap().0;
    let first = sorted(&state);
    let mut seen = vec![first];
    loop {
        press(&mut state, KeyCode::Char('s'));
        if sorted(&state) == first {
            break;
        }
        seen.push(sorted(&state));
    }
    assert_eq!(seen.len(), crate::tui::browser::COLUMNS.len(), "every column has something in it here");
    press(&mut state, KeyCode::Char('S'));
    assert_eq!(sorted(&state), *seen.last().unwrap());
    // A click on "loss" puts the smallest first, another the largest.
    let heading = screen(&state).lines().nth(3).unwrap().to_string();
    let column = heading.chars().take_while(|c| *c != '\n').collect::<String>().find("loss").unwrap();
    let column = heading[..column].chars().count() as u16;
    let click = |state: &mut State| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        update(state, Message::Mouse(MouseEvent { kind, column, row: 3, modifiers: KeyModifiers::NONE }));
    };
    let losses = |state: &State| -> Vec<f64> {
        state.browser.as_ref().unwrap().listed().map(|run| run.summary.loss.unwrap()).collect()
    };
    click(&mut state);
    assert!(losses(&state).is_sorted());
    click(&mut state);
    assert!(losses(&state).iter().rev().is_sorted());
}

#[test]
fn a_run_that_trains_is_never_moved_and_others_after_a_question() {
    let mut state = over_a_lab(100, 30);
    for (run, why) in [(OWN, "it trains here"), ("2026-11-22-mnist-flow-77b1", "another process trains it")] {
        choose(&mut state, run);
        state.browser.as_mut().unwrap().own = Some(Path::new("runs").join(OWN));
        assert_eq!(press(&mut state, KeyCode::Char('d')), []);
        assert!(screen(&state).contains(why), "{}", screen(&state));
        assert_eq!(press(&mut state, KeyCode::Char('y')), []);
    }
    let name = "2026-11-21-two-moons-9c0d";
    choose(&mut state, name);
    press(&mut state, KeyCode::Char('d'));
    assert!(screen(&state).contains("to the trash?"));
    assert_eq!(press(&mut state, KeyCode::Char('n')), []);
    press(&mut state, KeyCode::Char('d'));
    // Meanwhile somebody trains it.
    let mut runs = listed();
    runs.iter_mut().for_each(|run| run.is_trained = true);
    update(&mut state, list(runs));
    assert_eq!(press(&mut state, KeyCode::Char('y')), [], "the question is gone");
    update(&mut state, list(listed()));
    press(&mut state, KeyCode::Char('d'));
    let dir = Path::new("runs").join(name);
    let request = RunsRequest::Trash { dir: dir.clone(), name: name.into() };
    assert_eq!(press(&mut state, KeyCode::Char('y')), [Effect::InRuns(request)]);
    let at = PathBuf::from("runs/.trash/x");
    update(&mut state, Message::Runs(RunsNews::Trashed { dir, name: name.into(), at: at.clone() }));
    update(&mut state, list(listed().into_iter().filter(|run| run.summary.run != name).collect()));
    assert!(state.browser.as_ref().unwrap().chosen_run().is_some(), "its neighbour is chosen");
    let back = RunsRequest::Restore { trashed: at.clone(), name: name.into() };
    assert_eq!(press(&mut state, KeyCode::Char('u')), [Effect::InRuns(back.clone())]);
    // What had its place may have gone when it is tried again.
    let why = "runs/x is there already".to_string();
    update(&mut state, Message::Runs(RunsNews::NotRestored { trashed: at, name: name.into(), why }));
    assert!(screen(&state).contains("is there already"));
    assert_eq!(press(&mut state, KeyCode::Char('u')), [Effect::InRuns(back)]);
    update(&mut state, Message::Runs(RunsNews::Restored { name: name.into() }));
    assert_eq!(press(&mut state, KeyCode::Char('u')), []);
}

#[test]
fn what_is_asked_about_a_run_is_never_done_to_its_neighbour() {
    for (key, text) in [('d', "y"), ('n', "x"), ('t', "x")] {
        let mut state = browsing(100, 30, ScreenOptions::default());
        let name = "2026-11-21-two-moons-9c0d";
        choose(&mut state, name);
        press(&mut state, KeyCode::Char(key));
        update(&mut state, list(listed().into_iter().filter(|run| run.summary.run != name).collect()));
        assert!(state.browser.as_ref().unwrap().chosen_run().is_some());
        assert_eq!(type_in(&mut state, text), [], "{key}");
        let effects = press(&mut state, KeyCode::Enter);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::InRuns(_))), "{key}: {effects:?}");
    }
}

#[test]
fn notes_and_tags_are_edited_and_bad_ones_said() {
    let mut state = browsing(100, 30, ScreenOptions::default());
    choose(&mut state, "2026-11-20-mnist-linear-11aa");
    let dir = PathBuf::from("runs/2026-11-20-mnist-linear-11aa");
    press(&mut state, KeyCode::Char('n'));
    type_in(&mut state, ", qed");
    let note = RunsRequest::Note { dir: dir.clone(), note: "the one to beat, qed".into() };
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::InRuns(note)]);
    press(&mut state, KeyCode::Char('t'));
    type_in(&mut state, "-x");
    assert_eq!(press(&mut state, KeyCode::Enter), []);
    assert!(screen(&state).contains("can't be a tag"), "{}", screen(&state));
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Backspace);
    type_in(&mut state, "new");
    let tags = RunsRequest::Tags { dir, tags: vec!["baseline".into(), "good".into(), "new".into()] };
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::InRuns(tags)]);
}

#[test]
fn marks_have_a_colour_each_and_go_with_the_screen() {
    let mut state = over_a_lab(100, 30);
    choose(&mut state, "sweep/lr=0.01");
    press(&mut state, KeyCode::Char(' '));
    press(&mut state, KeyCode::Char('P'));
    let marked = state.marked.clone();
    assert_eq!(marked.runs().len(), 2);
    assert_eq!(marked.baseline().unwrap().dir, state.browser.as_ref().unwrap().chosen.clone().unwrap());
    let shown = screen(&state);
    assert!(shown.contains("■") && shown.contains("★") && shown.contains("2 marked"), "{shown}");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.beside.as_ref().unwrap().marked, marked);
    press(&mut state, KeyCode::Char('R'));
    press(&mut state, KeyCode::Char('c'));
    assert!(state.marked.runs().is_empty());
}

#[test]
fn the_lab_draws_the_marked_runs_over_one_another_in_the_colours_of_the_list() {
    let mut state = over_a_lab(100, 30);
    let (sweep, moons) = (PathBuf::from("runs/sweep/lr=0.01"), PathBuf::from("runs/2026-11-21-two-moons-9c0d"));
    choose(&mut state, "sweep/lr=0.01");
    press(&mut state, KeyCode::Char(' '));
    choose(&mut state, "2026-11-21-two-moons-9c0d");
    press(&mut state, KeyCode::Char('P'));
    let effects = press(&mut state, KeyCode::Esc);
    assert!(effects.contains(&Effect::Ask(ArchiveRequest::Follow(vec![sweep, moons]))), "{effects:?}");
    let names: Vec<&str> = state.compared().iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names, [OWN, "lr=0.01", "2026-11-21-two-moons-9c0d"]);
    assert_eq!(state.pinned_run().unwrap().name, "2026-11-21-two-moons-9c0d");
    for run in state.compared() {
        assert_eq!(state.marked.of(&run.dir).map(|marked| marked.color), Some(run.color), "{}", run.name);
    }
    // There and back changes nothing.
    press(&mut state, KeyCode::Char('R'));
    assert_eq!(press(&mut state, KeyCode::Esc), [Effect::Turn]);
    // What is pinned here is pinned there.
    act(&mut state, Action::PinRun);
    press(&mut state, KeyCode::Char('R'));
    assert_eq!(state.marked.baseline().unwrap().dir, Path::new("runs").join(OWN));
    let own = screen(&state).lines().find(|line| line.contains(OWN)).unwrap().to_string();
    assert!(own.contains('★'), "{own}");
    press(&mut state, KeyCode::Char('c'));
    assert!(press(&mut state, KeyCode::Esc).contains(&Effect::Ask(ArchiveRequest::Follow(vec![]))));
    assert!(!state.is_comparing());
}

#[test]
fn without_a_lab_the_marked_runs_have_a_screen_of_their_own() {
    let mut state = browsing(100, 30, ScreenOptions::default());
    assert_eq!(press(&mut state, KeyCode::Char('V')), []);
    assert!(screen(&state).contains("two runs or more are compared; space marks one"), "{}", screen(&state));
    type_in(&mut state, "  ");
    let dirs: Vec<PathBuf> = state.marked.runs().iter().map(|run| run.dir.clone()).collect();
    let follow = Effect::AskBeside(ArchiveRequest::Follow(dirs.clone()));
    let effects = press(&mut state, KeyCode::Char('V'));
    assert!(effects.contains(&follow) && effects.contains(&Effect::Turn), "{effects:?}");
    assert!(state.shown().only_compares() && !state.is_comparing());
    let opened = |dir: &PathBuf| ArchiveNews::Opened { dir: dir.clone(), config: Box::default(), flops: 0.0 };
    for dir in &dirs {
        update(&mut state, Message::BesideArchive(opened(dir)));
    }
    assert!(state.shown().compared().iter().all(|run| run.config.is_some()));
    assert!(screen(&state).contains("comparing 2 runs"), "{}", screen(&state));
    assert_eq!(press(&mut state, KeyCode::Char('s')), []);
    assert!(screen(&state).contains("these runs are only looked at"), "{}", screen(&state));
    // The pin goes back with it.
    act(&mut state, Action::NextRun);
    act(&mut state, Action::PinRun);
    let effects = press(&mut state, KeyCode::Char('q'));
    assert!(effects.contains(&Effect::LookAway) && state.is_browsing && state.beside.is_none(), "{effects:?}");
    assert_eq!(state.marked.baseline().unwrap().dir, dirs[1]);
}

#[test]
fn a_run_is_looked_at_and_keys_that_would_steer_say_so() {
    let mut state = looking(120, 40);
    let shown = screen(&state);
    assert!(
        shown.contains("watched") && shown.contains("step 500 / 40,000") && shown.contains("mnist-flow-77b1"),
        "{shown}"
    );
    assert!(shown.contains("g draws samples from its newest checkpoint"), "{shown}");
    for key in [' ', 'n', 's', 'K', '+', '-', '0', 'p', 'i'] {
        assert_eq!(press(&mut state, KeyCode::Char(key)), [], "{key}");
        assert!(screen(&state).contains("this run is looked at, not trained here"), "{key}");
    }
    assert_eq!(press(&mut state, KeyCode::Char('g')), [Effect::SendBeside(Command::SampleNow)]);
    assert!(matches!(&press(&mut state, KeyCode::Char('w'))[..], [Effect::SendBeside(Command::SetSampling(_))]));
    type_in(&mut state, ":train.learning_rate=1e-4");
    assert_eq!(press(&mut state, KeyCode::Enter), []);
    assert!(screen(&state).contains("only how it is sampled"), "{}", screen(&state));
    press(&mut state, KeyCode::Esc);
    // News of both go where they belong.
    update(&mut state, Message::Beside(Event::Step(record(501))));
    update(&mut state, Message::Lab(Event::Step(record(12_481))));
    assert!(screen(&state).contains("step 501 / 40,000"));
    assert_eq!(state.live.history.latest.as_ref().unwrap().step, 12_481);
    // It was set back: all of it comes again.
    update(&mut state, Message::Beside(Event::Anew { why: "the run was set back to an earlier step".into() }));
    let steps = (1..=300).map(record).collect();
    update(&mut state, Message::Beside(Event::History { steps, rows: Vec::new(), marks: Vec::new() }));
    assert!(screen(&state).contains("step 300 / 40,000"));
    let resting = Phase::Resting { state: RunState::Failed, why: Some("it ended without a word".into()) };
    update(&mut state, Message::Beside(Event::Phase(resting)));
    assert!(screen(&state).contains("✗ failed"), "{}", screen(&state));
    // What was said before is read first.
    update(&mut state, Message::Tick(Duration::from_secs(100)));
    assert!(screen(&state).contains("it ended without a word"), "{}", screen(&state));
}

#[test]
fn one_goes_back_from_a_run_to_the_list_and_from_there_to_the_lab() {
    for key in [KeyCode::Esc, KeyCode::Char('q'), KeyCode::Char('R')] {
        let mut state = looking(120, 40);
        let effects = press(&mut state, key);
        assert!(effects.contains(&Effect::LookAway) && effects.contains(&Effect::Turn), "{key:?}: {effects:?}");
        assert!(state.is_browsing && state.beside.is_none());
        assert_eq!(state.browser.as_ref().unwrap().chosen_run().unwrap().1.summary.run, "2026-11-22-mnist-flow-77b1");
        press(&mut state, KeyCode::Esc);
        assert!(!state.is_covered());
    }
    // What lies over the run is closed first.
    let mut state = looking(120, 40);
    press(&mut state, KeyCode::Char('z'));
    press(&mut state, KeyCode::Esc);
    assert!(state.beside.as_ref().is_some_and(|run| !run.zoomed));
    // Ctrl-C and signals leave the lab, wherever one is.
    let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    let effects = update(&mut looking(120, 40), Message::Key(ctrl_c));
    assert!(effects.contains(&Effect::Send(Command::Leave)) && effects.contains(&Effect::LookAway), "{effects:?}");
    let effects = update(&mut looking(120, 40), Message::Terminate);
    assert!(effects.contains(&Effect::Send(Command::Quit { save: true })), "{effects:?}");
}

#[test]
fn a_run_that_is_watched_alone_is_left_with_q_and_lists_others() {
    let mut state = running(120, 40, ScreenOptions::default());
    state.bench = Bench::Watching;
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit], "nothing has to be saved");
    assert_eq!(press(&mut state, KeyCode::Esc), []);
    press(&mut state, KeyCode::Char('R'));
    assert!(state.is_browsing);
    update(&mut state, list(listed()));
    choose(&mut state, OWN);
    press(&mut state, KeyCode::Enter);
    assert!(!state.is_covered(), "it is the one that is watched");
    let mut cannot = looking(120, 40);
    update(&mut cannot, Message::Beside(Event::Phase(Phase::Failed("config.toml is missing".into()))));
    assert!(screen(&cannot).contains("This run can't be looked at"));
    let effects = press(&mut cannot, KeyCode::Char('q'));
    assert!(effects.contains(&Effect::LookAway) && cannot.is_browsing);
}

#[test]
fn f_forks_the_run_on_the_screen_or_the_chosen_one() {
    let mut state = running(120, 40, ScreenOptions::default());
    press(&mut state, KeyCode::Char('F'));
    update(&mut state, list(listed()));
    assert!(state.is_browsing && screen(&state).contains("fork with:"), "{}", screen(&state));
    type_in(&mut state, "lr=3e-4 at=80");
    let request = RunsRequest::Fork { dir: Path::new("runs").join(OWN), line: "lr=3e-4 at=80".into() };
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::InRuns(request)]);
    update(&mut state, Message::Runs(RunsNews::Refused("there is no checkpoint of step 80".into())));
    assert!(
        screen(&state).contains("no checkpoint of step 80") && screen(&state).contains("at=80"),
        "it can be mended"
    );
    press(&mut state, KeyCode::Esc);
    assert!(state.is_browsing);
    // Beside a lab: of a run that is looked at.
    let mut state = looking(120, 40);
    press(&mut state, KeyCode::Char('F'));
    assert!(screen(&state).contains("fork with:"), "{}", screen(&state));
    assert_eq!(state.browser.as_ref().unwrap().chosen.as_deref(), Some(Path::new("runs/2026-11-22-mnist-flow-77b1")));
}

#[test]
fn what_happens_to_the_lab_is_seen_over_the_list() {
    let mut state = over_a_lab(120, 40);
    update(&mut state, Message::Lab(Event::Warning { step: 1, message: "the disk is full".into() }));
    assert!(screen(&state).contains("the disk is full"));
    update(&mut state, Message::Lab(Event::Phase(Phase::Failed("the loss is NaN".into()))));
    assert!(matches!(state.overlay, Some(Overlay::Failure)) && screen(&state).contains("The run has failed"));
}

#[test]
fn with_2_000_runs_a_key_is_answered_within_16_ms() {
    let some = listed();
    let runs: Vec<ListedRun> = (0..2000)
        .map(|i| {
            let mut run = some[i % some.len()].clone();
            run.summary.run = format!("2026-11-{:02}-run-{:04x}", 1 + i % 28, i * 7919 % 65_536);
            run.path = Path::new("runs").join(&run.summary.run);
            run.summary.loss = Some(1.0 / (1 + i * 31 % 977) as f64);
            run
        })
        .collect();
    let mut state = browsing(200, 60, ScreenOptions::default());
    let begin = Instant::now();
    update(&mut state, list(runs));
    println!("taken in within {:?}", begin.elapsed());
    let mut worst = (Duration::ZERO, ' ');
    let keys = "sssssrjjjGg / t/schedule=cosine loss<0.5 -run:ff".replace('t', "");
    for c in keys.chars() {
        // The best of three: what it costs when nothing else runs.
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let mut state = state.clone();
            let begin = Instant::now();
            press(&mut state, KeyCode::Char(c));
            buffer(&state);
            best = best.min(begin.elapsed());
        }
        worst = worst.max((best, c));
        press(&mut state, KeyCode::Char(c));
    }
    println!("the slowest key: {worst:?}");
    assert!(worst.0 < Duration::from_millis(16), "{worst:?}");
}

#[test]
fn another_run_has_its_own_facts() {
    let mut state = over_a_lab(120, 40);
    choose(&mut state, "2026-11-20-mnist-linear-11aa");
    press(&mut state, KeyCode::Enter);
    update(&mut state, Message::Beside(Event::Ready(facts())));
    assert_eq!(state.live.info.as_ref().unwrap().run_dir, PathBuf::from("runs").join(OWN));
    assert!(screen(&state).contains("mnist-linear-11aa"));
}
