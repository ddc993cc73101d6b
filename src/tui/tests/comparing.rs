//! Runs drawn over one another.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::behaviour::{act, press};
use super::demo::{config, frame, record, row, running, watch};
use super::paint::{buffer, characters, text};
use super::settings::type_in;
use crate::config::{Config, ScheduleName};
use crate::lab::{Phase, StepRecord, TimestepLossRow};
use crate::run::EventRecord;
use crate::run::follow::{Fresh, RunNews};
use crate::tui::action::Action;
use crate::tui::archive::{ArchiveNews, ArchiveRequest};
use crate::tui::chart::Marker;
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Plotted, State};
use crate::tui::theme::{Capability, ThemeName};
use crate::tui::update::update;

/// The folder of a made-up run.
pub fn folder(run: u64) -> PathBuf {
    let names = ["2026-11-21-mnist-linear", "2026-11-20-mnist-lr-3e-3", "2026-11-19-mnist-small"];
    PathBuf::from("runs").join(names.get(run as usize).unwrap_or(&"another"))
}

pub fn config_of(run: u64) -> Config {
    let mut config = config();
    match run {
        0 => config.diffusion.schedule = ScheduleName::Linear,
        1 => config.train.learning_rate = 3e-3,
        _ => config.model.block_out_channels = vec![16, 32],
    }
    config
}

fn step(run: u64, step: u64) -> StepRecord {
    let own = record(step);
    let factor = [1.12, 0.93, 1.4][(run % 3) as usize];
    StepRecord {
        loss: own.loss * factor,
        loss_smoothed: own.loss_smoothed * factor,
        val_loss: own.val_loss.map(|loss| loss * factor),
        memory_mib: Some(180.0 + step as f64 / 1000.0),
        cpu_share: Some(0.93),
        ..own
    }
}

/// Bins that a learning rate or a schedule changes: one end of the timesteps more than the other.
fn bins(run: u64, step: u64) -> TimestepLossRow {
    let mut row = row(step);
    let n = row.mean.len() as f32;
    for (i, mean) in row.mean.iter_mut().enumerate() {
        let t = i as f32 / n;
        *mean *= 1.0 + [0.4, -0.25, 0.1][(run % 3) as usize] * (t - 0.4);
    }
    row
}

/// What the files of a run say, from its beginning to a step.
pub fn others(run: u64, steps: u64) -> Message {
    let news = RunNews {
        steps: Fresh { records: (1..=steps).map(|n| step(run, n)).collect(), ..Fresh::default() },
        rows: Fresh { records: (1..=steps / 50).map(|n| bins(run, 50 * n)).collect(), ..Fresh::default() },
        events: Fresh {
            records: vec![EventRecord {
                time: String::new(),
                step: steps / 2,
                kind: "snapshot".into(),
                what: "snapshots/step-00004000".into(),
            }],
            ..Fresh::default()
        },
        is_trained: run == 1,
        is_news: true,
    };
    Message::Archive(ArchiveNews::Came { dir: folder(run), anew: true, news: Box::new(news) })
}

/// A frame of the samples of a run beside the one that is trained here.
pub fn sampled(run: u64, index: usize, round: u64) -> Message {
    let frame = Box::new(frame(round, index, 8_000 + 1000 * run));
    Message::Archive(ArchiveNews::Frame { round, pane: run as usize + 1, frame, shape: (28, 28, 1) })
}

fn opened(run: u64) -> Message {
    let config = Box::new(config_of(run));
    Message::Archive(ArchiveNews::Opened { dir: folder(run), config, flops: 1e7 })
}

pub fn read(state: &mut State, runs: &[(u64, u64)]) {
    for &(run, steps) in runs {
        update(state, opened(run));
        update(state, others(run, steps));
    }
}

/// A run that trains here, compared with two others.
pub fn beside_others(columns: u16, rows: u16, options: ScreenOptions) -> State {
    let mut state = running(columns, rows, options);
    update(&mut state, Message::Compare(vec![folder(0), folder(1)]));
    read(&mut state, &[(0, 12_000), (1, 8_000)]);
    update(&mut state, Message::Tick(Duration::from_secs(80)));
    state
}

/// Three runs, none of which is trained here.
fn alone(columns: u16, rows: u16) -> State {
    let mut state = State::new(ScreenOptions { config: Some(config_of(0)), ..ScreenOptions::default() });
    (state.ended, state.phase) = (true, Phase::Finished);
    update(&mut state, Message::Resize(columns, rows));
    update(&mut state, Message::Compare((0..3).map(folder).collect()));
    read(&mut state, &[(0, 9_000), (1, 8_000), (2, 4_000)]);
    update(&mut state, Message::Tick(Duration::from_secs(20)));
    state
}

#[test]
fn all_runs_are_in_every_panel() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let mut state = beside_others(columns, rows, ScreenOptions::default());
        for index in 0..=25 {
            let round = state.panes.round;
            (0..2).for_each(|run| _ = update(&mut state, sampled(run, index, round)));
        }
        assert_snapshot!(format!("whole_{columns}x{rows}"), text(&state));
        act(&mut state, Action::ToggleDifference);
        act(&mut state, Action::NextRun);
        act(&mut state, Action::Focus(Panel::Heatmap));
        update(&mut state, Message::Tick(Duration::from_secs(90)));
        assert_snapshot!(format!("difference_{columns}x{rows}"), text(&state));
        act(&mut state, Action::Differences);
        assert_snapshot!(format!("configs_{columns}x{rows}"), text(&state));
    }
}

#[test]
fn runs_are_compared_where_none_is_trained() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut state = alone(columns, rows);
        assert_snapshot!(format!("alone_{columns}x{rows}"), text(&state));
        assert_eq!(press(&mut state, KeyCode::Char(' ')), []);
        assert!(text(&state).contains("only looked at"), "it is no failure");
        assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
    }
}

#[test]
fn on_other_terminals() {
    let show = |theme, capability, marker, name: &str| {
        let options = ScreenOptions { theme, capability, marker, ..ScreenOptions::default() };
        let mut state = beside_others(120, 40, options);
        act(&mut state, Action::ToggleDifference);
        update(&mut state, Message::Tick(Duration::from_secs(90)));
        assert_snapshot!(format!("{name}_120x40"), text(&state));
    };
    show(ThemeName::Light, Capability::TrueColor, Marker::Braille, "light");
    show(ThemeName::Dark, Capability::None, Marker::Ascii, "no_color_ascii");
    show(ThemeName::Dark, Capability::Ansi16, Marker::Block, "sixteen_colours");
}

#[test]
fn keys_choose_pin_and_end_a_comparison() {
    let mut state = beside_others(120, 40, ScreenOptions::default());
    let chosen = |state: &State| state.chosen_run().unwrap().name.clone();
    assert_eq!(chosen(&state), "2026-11-22-mnist-4f2a", "the run that is trained here comes first");
    press(&mut state, KeyCode::Char('j'));
    assert_eq!(chosen(&state), "2026-11-21-mnist-linear");
    press(&mut state, KeyCode::Char('P'));
    assert_eq!(state.pinned_run().unwrap().name, chosen(&state));
    press(&mut state, KeyCode::Char('J'));
    let shown = characters(&buffer(&state));
    // 1 is 1/1.12 of what is pinned.
    assert!(shown.contains("pinned") && shown.contains("−10.7 %"), "{shown}");
    // The dialog has the others' names; without any the comparison ends.
    press(&mut state, KeyCode::Char('V'));
    let shown = characters(&buffer(&state));
    assert!(shown.contains("runs/2026-11-21-mnist-linear runs/2026-11-20-mnist-lr-3e-3"), "{shown}");
    for _ in 0..200 {
        press(&mut state, KeyCode::Backspace);
    }
    let effects = press(&mut state, KeyCode::Enter);
    assert!(effects.contains(&Effect::Ask(ArchiveRequest::Follow(Vec::new()))));
    assert!(!state.is_comparing());
    // Names are looked for where slow disks do no harm.
    let effects = type_in(&mut state, "Vlatest \"a b\"\n");
    assert!(effects.contains(&Effect::Ask(ArchiveRequest::Find(vec!["latest".into(), "a b".into()]))), "{effects:?}");
}

#[test]
fn a_run_that_is_cut_back_is_drawn_anew_and_keeps_its_words() {
    let mut state = beside_others(120, 40, ScreenOptions::default());
    let bookmarks = [(700, "spike".to_string())].into_iter().collect();
    update(&mut state, Message::Archive(ArchiveNews::Bookmarks { dir: folder(0), bookmarks }));
    update(&mut state, others(0, 900));
    let run = &state.compared()[1];
    assert_eq!(run.history.latest.as_ref().unwrap().step, 900);
    assert!(run.history.marks().iter().any(|mark| mark.what == "spike"));
    assert!(run.history.costs().flops > 0.0);
}

#[test]
fn a_run_that_cannot_be_read_says_why_in_its_row() {
    let mut state = alone(120, 40);
    update(&mut state, Message::Compare(vec![folder(0), folder(3)]));
    let why = "runs/another is no run folder".to_string();
    update(&mut state, Message::Archive(ArchiveNews::Trouble { dir: folder(3), why: why.clone() }));
    update(&mut state, Message::Tick(Duration::from_secs(100)));
    let shown = characters(&buffer(&state));
    assert!(shown.contains(&why), "{shown}");
}

#[test]
fn samples_come_from_one_noise_and_go_together_through_t() {
    let mut state = beside_others(120, 40, ScreenOptions::default());
    let effects = press(&mut state, KeyCode::Char('g'));
    let Some(Effect::Ask(ArchiveRequest::Denoise(request))) = effects.into_iter().next() else { panic!() };
    assert_eq!((request.panes.len(), request.num, request.gently), (3, 8, true));
    for index in 0..=25 {
        (0..2).for_each(|run| _ = update(&mut state, sampled(run, index, request.round)));
        // What was asked for before comes too late.
        update(&mut state, sampled(0, index, request.round - 1));
    }
    watch(&mut state, 80, 81);
    let early = state.cursor_t;
    watch(&mut state, 81, 90);
    assert!(state.cursor_t < early && state.cursor_t == 0, "from noise to images: {early} to {}", state.cursor_t);
    press(&mut state, KeyCode::Up);
    let t = state.cursor_t;
    assert!(t > 0);
    watch(&mut state, 90, 92);
    assert_eq!(state.cursor_t, t, "it stands where it was put");
    let stills: Vec<usize> = state.compared()[1..].iter().map(|run| run.still_at(t, 1000).unwrap().1.t).collect();
    assert_eq!(stills[0], stills[1]);
    let again = press(&mut state, KeyCode::Char('g'));
    assert!(matches!(&again[0], Effect::Ask(ArchiveRequest::Denoise(other)) if other.seed != request.seed));
}

#[test]
fn every_curve_of_every_run_can_be_drawn_on_every_axis() {
    let mut state = beside_others(120, 40, ScreenOptions::default());
    let mut seen = Vec::new();
    for plotted in Plotted::ALL {
        state.plots.plotted = plotted;
        for log in [false, true] {
            state.plots.log_x = log;
            for _ in 0..5 {
                press(&mut state, KeyCode::Char('x'));
                seen.push(characters(&buffer(&state)));
            }
        }
    }
    assert!(seen.iter().any(|shown| shown.contains("FLOPs (log)")));
    assert!(seen.iter().any(|shown| shown.contains("memory, MiB")));
}
