//! Denoising in several panes: settings side by side, and one noise through training time.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use insta::assert_snapshot;

use super::behaviour::{act, press};
use super::comparing::{beside_others, folder};
use super::demo::{frame, info, running, watch};
use super::paint::{buffer, characters, text};
use super::plane::moons;
use super::settings::type_in;
use crate::config::{KeepHistory, SamplerName};
use crate::lab::{Field, PreviewFrame};
use crate::random::{Stream, generator, normal};
use crate::run::KeptStep;
use crate::tui::action::Action;
use crate::tui::archive::{ArchiveNews, ArchiveRequest, KeptOf, SampleOrder, SampleRequest};
use crate::tui::chart::Marker;
use crate::tui::effect::Effect;
use crate::tui::layout;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Overlay, State};
use crate::tui::theme::{Capability, ThemeName};
use crate::tui::update::update;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const KEPT: [u64; 12] = [1, 2, 3, 5, 10, 30, 100, 300, 1_000, 3_000, 9_000, 12_000];

fn ready(columns: u16, rows: u16) -> State {
    running(columns, rows, ScreenOptions::default())
}

/// What samples were asked for.
fn asked(effects: &[Effect]) -> Option<&SampleRequest> {
    effects.iter().find_map(|effect| match effect {
        Effect::Ask(ArchiveRequest::Denoise(request)) => Some(request.as_ref()),
        _ => None,
    })
}

/// A frame of a pane: from one noise, and clearer the more `power` its settings or its step have.
fn of_pane(state: &State, pane: usize, index: usize, (step, power): (u64, f32)) -> Message {
    let whole = frame(1, index, step);
    let noise = normal(&mut generator(2, Stream::Sampling, 1), whole.x_0.len());
    let mix =
        |x: &[f32]| Arc::new(x.iter().zip(&noise).map(|(x, e)| power * x + (1.0 - power) * e).collect::<Vec<_>>());
    let x_t = if index == 0 { whole.x_t.clone() } else { mix(&whole.x_t) };
    let frame = PreviewFrame { x_0: mix(&whole.x_0), x_t, ..whole };
    came(state, pane, frame, (28, 28, 1))
}

fn came(state: &State, pane: usize, frame: PreviewFrame, shape: (usize, usize, usize)) -> Message {
    Message::Archive(ArchiveNews::Frame { round: state.panes.round, pane, frame: Box::new(frame), shape })
}

/// All frames of so many panes.
fn sample(state: &mut State, panes: usize) {
    for index in 0..=25 {
        for pane in 0..panes {
            let message = of_pane(state, pane, index, (12_000, 1.0 - 0.25 * pane as f32));
            update(state, message);
        }
    }
}

/// The steps that a run has kept.
pub fn kept(dir: &str, steps: &[u64], history: KeepHistory) -> KeptOf {
    let is_checkpoint = |step: u64| history == KeepHistory::Off || step == *steps.last().unwrap();
    let steps = steps.iter().map(|&step| KeptStep { step, is_checkpoint: is_checkpoint(step) }).collect();
    KeptOf { dir: dir.into(), steps, history }
}

fn own() -> String {
    info(0).run_dir.display().to_string()
}

/// In training time, with the first `done` of its steps sampled.
fn learning(mut state: State, done: usize) -> State {
    press(&mut state, KeyCode::Char('T'));
    let news = ArchiveNews::Kept(vec![kept(&own(), &KEPT, KeepHistory::Auto)]);
    update(&mut state, Message::Archive(news));
    for (pane, step) in KEPT.into_iter().enumerate().take(done) {
        let power = ((step as f32).ln() / 12_000f32.ln()).max(0.02);
        for index in 0..=25 {
            let message = of_pane(&state, pane, index, (step, power));
            update(&mut state, message);
        }
    }
    update(&mut state, Message::Tick(Duration::from_secs(70)));
    state
}

fn shown(state: &State) -> String {
    characters(&buffer(state))
}

#[test]
fn settings_stand_side_by_side() {
    for (columns, rows) in SIZES {
        let mut state = ready(columns, rows);
        let effects = type_in(&mut state, ":beside sampler=ddim | sampler=unipc w=3 | weights=raw\n");
        assert_eq!(asked(&effects).unwrap().panes.len(), 3);
        sample(&mut state, 3);
        watch(&mut state, 60, 70);
        assert_eq!(state.cursor_t, 0, "they went from noise to images");
        assert_snapshot!(format!("beside_{columns}x{rows}"), text(&state));
        press(&mut state, KeyCode::Char('z'));
        act(&mut state, Action::CursorFarUp);
        assert_snapshot!(format!("beside_zoomed_{columns}x{rows}"), text(&state));
    }
}

#[test]
fn each_pane_is_asked_for_with_what_it_has_otherwise() {
    let mut state = ready(120, 40);
    let effects = type_in(&mut state, ":beside guidance_scale=0 | sampler=unipc steps=50 step=300 | weights=raw\n");
    let request = asked(&effects).unwrap();
    let settings = |pane: usize| request.panes[pane].settings.clone().unwrap();
    assert_eq!((settings(0).sample.guidance_scale, settings(0).steps), (0.0, 25), "a preview's steps");
    assert_eq!((settings(1).sample.sampler, settings(1).steps), (SamplerName::UniPc, 50));
    assert_eq!(settings(2).as_ref(), &state.controls.live.sampling);
    assert_eq!(
        request.panes.iter().map(|pane| (pane.step, pane.raw)).collect::<Vec<_>>(),
        [(None, false), (Some(300), false), (None, true)]
    );
    assert_eq!((request.num, request.order, request.gently), (10, SampleOrder::Together, true));
    assert_eq!(state.beside_panes().unwrap().panes[1].label, ["w 1", "unipc", "50 steps", "EMA"]);
    assert_eq!(state.focus, Panel::Denoising);
    // Other noise is other noise for all, and a setting of the run is one of each pane that doesn't say otherwise.
    let again = press(&mut state, KeyCode::Char('g'));
    assert_eq!(asked(&again).unwrap().seed, request.seed + 1);
    let louder = press(&mut state, KeyCode::Char('w'));
    let scales = asked(&louder).unwrap().panes.iter().map(|pane| pane.settings.as_ref().unwrap().sample.guidance_scale);
    assert_eq!(scales.collect::<Vec<_>>(), [0.0, 1.5, 1.5]);
    assert!(matches!(&louder[0], Effect::Send(_)), "the previews have it too");
}

#[test]
fn what_cannot_stand_side_by_side_says_why_and_nothing_changes() {
    let mut state = ready(80, 24);
    let refusal = |state: &mut State, line: &str| {
        state.overlay = None;
        assert_eq!(type_in(state, &format!(":{line}\n")), []);
        match &state.overlay {
            Some(Overlay::Palette(palette)) => palette.refusal.clone().unwrap(),
            other => panic!("{line}: {other:?}"),
        }
    };
    let said = refusal(&mut state, "beside sampler=ddim | sampler=flow_heun");
    assert!(said.starts_with("pane 2: `sample.sampler = \"flow_heun\"`"), "{said}");
    assert_snapshot!("refused_80x24", text(&state));
    for (line, why) in [
        ("beside samplr=ddim,ddpm", "did you mean `sampler`"),
        ("beside steps=1,2,3,4,5", "4 fit side by side"),
        ("beside steps=0 ", "steps"),
        ("beside steps=5000", "5000"),
        ("beside eta=2 | eta=0", "eta"),
        ("beside", "nothing to put side by side"),
        ("beside sampler=ddim,ddim", "panes 1 and 2 would be the same"),
        ("beside w=0 | w=3 | w=0.0", "panes 1 and 3 would be the same"),
        ("beside steps=25", "pane 2 would be as the run is set already"),
        ("beside steps=25 |", "pane 1 would be as the run is set already"),
    ] {
        let said = refusal(&mut state, line);
        assert!(said.contains(why), "{line}: {said}");
    }
    // Half of the panes would stay empty.
    state.saved = None;
    let said = refusal(&mut state, "beside weights=raw,ema");
    assert!(said.contains("this run has none yet: K saves one"), "{said}");
    assert!(!state.is_paned());
}

#[test]
fn the_line_is_completed_and_a_pane_that_fails_says_why() {
    let mut state = ready(80, 24);
    press(&mut state, KeyCode::Char('|'));
    type_in(&mut state, "wei");
    press(&mut state, KeyCode::Tab);
    type_in(&mut state, "ra");
    assert_snapshot!("completion_80x24", text(&state));
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(asked(&effects).unwrap().panes.iter().map(|pane| pane.raw).collect::<Vec<_>>(), [false, true]);
    let why = "it can't be sampled: raw ones are in checkpoints".to_string();
    let round = state.panes.round;
    update(&mut state, Message::Archive(ArchiveNews::NoFrames { round, pane: 1, why: why.clone() }));
    (0..=25).for_each(|index| {
        let message = of_pane(&state, 0, index, (12_000, 1.0));
        update(&mut state, message);
    });
    watch(&mut state, 60, 70);
    assert!(shown(&state).contains("raw ones are in"), "{}", shown(&state));
    // What comes of an earlier request is of no use any more.
    press(&mut state, KeyCode::Char('g'));
    let late = Message::Archive(ArchiveNews::NoFrames { round, pane: 0, why: "late".into() });
    update(&mut state, late);
    assert!(state.beside_panes().unwrap().panes[0].trouble.is_none());
}

#[test]
fn esc_and_the_word_alone_end_it() {
    for end in ["\x1b", ":beside\n"] {
        let mut state = ready(120, 40);
        type_in(&mut state, ":beside w=0,3\n");
        sample(&mut state, 2);
        assert!(state.is_paned());
        // What was said is dismissed first.
        while state.news.dismiss() {}
        let effects = if end == "\x1b" { press(&mut state, KeyCode::Esc) } else { type_in(&mut state, end) };
        assert_eq!(effects, [Effect::Ask(ArchiveRequest::StopDenoising)]);
        assert!(!state.is_paned() && state.sees_film());
        // The line is there to be mended while it holds, and late frames change nothing.
        let late = of_pane(&state, 0, 3, (1, 1.0));
        update(&mut state, late);
        assert!(!state.is_paned());
    }
    let mut state = ready(120, 40);
    type_in(&mut state, ":beside w=0,3\n");
    press(&mut state, KeyCode::Char('|'));
    assert!(matches!(&state.overlay, Some(Overlay::Palette(palette)) if palette.text == "beside w=0,3"));
}

#[test]
fn training_time_shows_each_kept_step_and_all_of_them() {
    for (columns, rows) in SIZES {
        let mut state = learning(ready(columns, rows), 8);
        assert_snapshot!(format!("learning_{columns}x{rows}"), text(&state));
        press(&mut state, KeyCode::Char('A'));
        assert_snapshot!(format!("strip_{columns}x{rows}"), text(&state));
        press(&mut state, KeyCode::Char('z'));
        assert_snapshot!(format!("strip_zoomed_{columns}x{rows}"), text(&state));
    }
}

#[test]
fn training_time_is_gone_through_by_keys_and_as_a_film() {
    let mut state = ready(120, 40);
    let effects = press(&mut state, KeyCode::Char('T'));
    let dir = info(0).run_dir.clone();
    assert_eq!(
        effects,
        [Effect::Ask(ArchiveRequest::StopDenoising), Effect::Ask(ArchiveRequest::Kept(vec![dir.clone()]))]
    );
    let news = ArchiveNews::Kept(vec![kept(&own(), &KEPT, KeepHistory::Auto)]);
    let effects = update(&mut state, Message::Archive(news.clone()));
    let request = asked(&effects).unwrap();
    assert_eq!(request.panes.iter().filter_map(|pane| pane.step).collect::<Vec<_>>(), KEPT);
    assert_eq!((request.order, request.gently, request.num), (SampleOrder::InTurn, true, 10));
    assert_eq!(asked(&update(&mut state, Message::Archive(news))), None, "they are known already");

    let mut state = learning(ready(120, 40), 8);
    let step = |state: &State| state.learning().unwrap().step().unwrap();
    assert_eq!(step(&state), 300, "it goes along with what is ready");
    assert!(shown(&state).contains("step 300 · 8 of 12"), "{}", shown(&state));
    press(&mut state, KeyCode::Left);
    press(&mut state, KeyCode::Left);
    assert_eq!(step(&state), 30);
    press(&mut state, KeyCode::Right);
    assert_eq!(step(&state), 100);
    let t = state.cursor_t;
    press(&mut state, KeyCode::Up);
    assert!(
        state.cursor_t > t && state.learning().unwrap().times(0).contains(&Some(state.cursor_t)),
        "to a moment that is kept"
    );
    press(&mut state, KeyCode::Down);
    assert_eq!((state.cursor_t, step(&state)), (t, 100));
    // A frame that comes later does not take the person away.
    for index in 0..=25 {
        let message = of_pane(&state, 8, index, (1_000, 0.7));
        update(&mut state, message);
    }
    assert_eq!(step(&state), 100);
    press(&mut state, KeyCode::Char('k'));
    watch(&mut state, 71, 73);
    assert_eq!(step(&state), 1_000, "the film waits for what is not ready");
    press(&mut state, KeyCode::Char('k'));
    assert_eq!(state.panes.playing, None);
    let effects = press(&mut state, KeyCode::Char('T'));
    assert_eq!(effects, [Effect::Ask(ArchiveRequest::StopDenoising)]);
    assert!(!state.is_paned() && state.sees_film());
}

#[test]
fn training_time_goes_on_with_what_is_kept_meanwhile() {
    let looks = |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::Ask(ArchiveRequest::Kept(_))));
    let mut state = learning(ready(120, 40), 8);
    assert!(!looks(&update(&mut state, Message::Tick(Duration::from_secs(99)))), "it has enough to do");
    let mut state = learning(ready(120, 40), 12);
    let at = |state: &State| (state.learning().unwrap().step().unwrap(), state.learning().unwrap().steps.len());
    assert_eq!(at(&state), (12_000, 12));
    assert!(!looks(&update(&mut state, Message::Tick(Duration::from_secs(72)))), "calmly");
    assert!(looks(&update(&mut state, Message::Tick(Duration::from_secs(80)))));
    let more = [&KEPT[..], &[15_000]].concat();
    let news = ArchiveNews::Kept(vec![kept(&own(), &more, KeepHistory::Auto)]);
    let effects = update(&mut state, Message::Archive(news));
    let steps: Vec<Option<u64>> = asked(&effects).unwrap().panes.iter().map(|pane| pane.step).collect();
    assert_eq!((steps, at(&state)), (vec![Some(15_000)], (12_000, 13)));
    assert!(shown(&state).contains("step 12,000 · 12 of 13"), "{}", shown(&state));
    for index in 0..=25 {
        let message = of_pane(&state, 0, index, (15_000, 1.0));
        update(&mut state, message);
    }
    assert_eq!(at(&state), (15_000, 13));
}

#[test]
fn what_the_strip_has_not_reached_is_empty() {
    let options = ScreenOptions { theme: ThemeName::Light, ..ScreenOptions::default() };
    let mut state = learning(running(120, 40, options), 3);
    press(&mut state, KeyCode::Char('A'));
    let placed = state.gallery.compared(0).unwrap();
    let (picture, images) = (&placed.picture, placed.picture.images.unwrap());
    let pixel = |x: usize, y: usize| picture.rgb[(y * picture.width as usize + x) * 3..][..3].to_vec();
    let (ground, last) = (pixel(images.tile.0, 0), (images.per_row - 1) * (images.tile.0 + images.gap.0));
    assert_ne!(ground, [0, 0, 0]);
    assert!((0..images.tile.0).all(|x| pixel(last + x, images.tile.1 / 2) == ground));
    assert!((0..images.tile.0).any(|x| pixel(x, images.tile.1 / 2) != ground));
}

#[test]
fn the_timeline_of_steps_answers_to_the_mouse() {
    let mut state = learning(ready(120, 40), 12);
    let inner = state.layout().unwrap().place(Panel::Denoising).unwrap().inner();
    let bar = layout::learning_bar(layout::learning(inner).timeline);
    for (x, step) in [(bar.x, 1), (bar.right() - 1, 12_000), (bar.x + layout::step_place(5, 12, bar.width), 30)] {
        let kind = MouseEventKind::Down(MouseButton::Left);
        update(&mut state, Message::Mouse(MouseEvent { kind, column: x, row: bar.y, modifiers: KeyModifiers::NONE }));
        assert_eq!(state.learning().unwrap().step(), Some(step));
    }
    let wheel = MouseEventKind::ScrollDown;
    update(
        &mut state,
        Message::Mouse(MouseEvent { kind: wheel, column: bar.x, row: bar.y, modifiers: KeyModifiers::NONE }),
    );
    assert_eq!(state.learning().unwrap().step(), Some(10));
}

#[test]
fn what_is_not_kept_is_said() {
    let mut state = ready(120, 40);
    while state.news.dismiss() {}
    press(&mut state, KeyCode::Char('T'));
    let news = ArchiveNews::Kept(vec![kept(&own(), &[4_000, 8_000], KeepHistory::Off)]);
    assert!(asked(&update(&mut state, Message::Archive(news))).is_some());
    let why = "train.history is off: only checkpoints at 4,000, 8,000";
    assert!(shown(&state).contains(why), "{}", shown(&state));
    assert!(state.news.showing().is_some_and(|item| item.text.ends_with(why)));
    press(&mut state, KeyCode::Char('T'));
    assert!(!state.news.showing().is_some_and(|item| item.text.ends_with(why)), "it is of what was left");
    let mut state = ready(120, 40);
    press(&mut state, KeyCode::Char('T'));
    let nothing = KeptOf { steps: Vec::new(), ..kept(&own(), &[1], KeepHistory::Off) };
    update(&mut state, Message::Archive(ArchiveNews::Kept(vec![nothing])));
    assert!(!state.is_paned());
    assert!(shown(&state).contains("no step of training is kept yet"), "{}", shown(&state));
}

/// A run that trains here and two others, in training time, all of it sampled.
fn compared(columns: u16, rows: u16) -> State {
    let mut state = beside_others(columns, rows, ScreenOptions::default());
    press(&mut state, KeyCode::Char('T'));
    let other = |run: u64, steps: &[u64]| kept(&folder(run).display().to_string(), steps, KeepHistory::Auto);
    let all = vec![
        kept(&own(), &[1, 10, 100, 1_000, 10_000], KeepHistory::Auto),
        other(0, &[1, 10, 100, 1_000, 8_000]),
        other(1, &[50, 500]),
    ];
    let effects = update(&mut state, Message::Archive(ArchiveNews::Kept(all)));
    let request = asked(&effects).unwrap().clone();
    assert!(request.panes.iter().all(|pane| pane.settings.is_none()));
    for (pane, asked) in request.panes.iter().enumerate() {
        let step = asked.step.unwrap();
        for index in 0..=25 {
            let message = of_pane(&state, pane, index, (step, (step as f32).ln() / 10_000f32.ln()));
            update(&mut state, message);
        }
    }
    update(&mut state, Message::Tick(Duration::from_secs(90)));
    state
}

#[test]
fn a_single_step_is_no_line_of_steps() {
    let mut state = ready(120, 40);
    press(&mut state, KeyCode::Char('T'));
    update(&mut state, Message::Archive(ArchiveNews::Kept(vec![kept(&own(), &[600], KeepHistory::Off)])));
    let screen = shown(&state);
    let line = screen.lines().find(|line| line.contains("600 ●")).expect(&screen);
    let behind = line.split_once("600 ●").unwrap().1.split('│').next().unwrap();
    assert!(behind.trim().is_empty(), "{line}");
}

#[test]
fn compared_runs_are_linked_in_the_training_step() {
    for (columns, rows) in SIZES {
        let mut state = compared(columns, rows);
        let steps = &state.learning().unwrap().steps;
        assert_eq!(*steps, [1, 10, 50, 100, 500, 1_000, 8_000, 10_000]);
        for _ in 0..4 {
            press(&mut state, KeyCode::Left);
        }
        assert_snapshot!(format!("linked_{columns}x{rows}"), text(&state));
    }
    let mut state = compared(120, 40);
    for _ in 0..4 {
        press(&mut state, KeyCode::Left);
    }
    let screen = shown(&state);
    assert!(screen.contains("step 100 · 4 of 8"), "{screen}");
    assert!(screen.contains("step 50 "), "its nearest step before: {screen}");
    for _ in 0..3 {
        press(&mut state, KeyCode::Left);
    }
    assert!(shown(&state).contains("its first kept"), "{}", shown(&state));
    // The strip is of the run under the cursor, which may not have kept the chosen step.
    let mut strip = compared(120, 40);
    let of = strip.learning().unwrap().learners.iter().position(|run| run.dir == folder(1)).unwrap();
    strip.comparison.chosen = of;
    press(&mut strip, KeyCode::Char('A'));
    assert_eq!(strip.learning().unwrap().step(), Some(10_000));
    let screen = shown(&strip);
    assert!(screen.contains("step 10,000 · 8 of 8 · nearest here: 500"), "{screen}");
    // Other runs are other panes.
    update(&mut state, Message::Compare(vec![folder(0)]));
    assert!(!state.is_paned());
}

#[test]
fn settings_of_a_compared_run_are_those_of_the_one_under_the_cursor() {
    let mut state = beside_others(120, 40, ScreenOptions::default());
    press(&mut state, KeyCode::Char('j'));
    let effects = type_in(&mut state, ":beside steps=5,10\n");
    assert!(asked(&effects).unwrap().panes.iter().all(|pane| pane.dir == folder(0)));
}

#[test]
fn points_are_scattered() {
    let mut state = moons(120, 40, ScreenOptions::default());
    press(&mut state, KeyCode::Char('T'));
    update(&mut state, Message::Archive(ArchiveNews::Kept(vec![kept(&own(), &KEPT, KeepHistory::Auto)])));
    let target = state.live.info.as_ref().unwrap().points[..800].to_vec();
    let noise = normal(&mut generator(4, Stream::Sampling, 1), 800);
    for (pane, step) in KEPT.into_iter().enumerate() {
        for index in 0..=10 {
            let share = index as f32 / 10.0 * (step as f32).ln() / 12_000f32.ln();
            let x: Vec<f32> = target.iter().zip(&noise).map(|(x, e)| share * x + (1.0 - share) * e).collect();
            let field = Field { side: 0, reach: 2.0, score: Vec::new(), velocity: Vec::new() };
            let frame = PreviewFrame {
                total: 10,
                t: 100 * (10 - index),
                num: 400,
                classes: vec![],
                x_t: Arc::new(x.clone()),
                x_0: Arc::new(x),
                field: Some(Arc::new(field)),
                look: None,
                ..frame(1, index, step)
            };
            let message = came(&state, pane, frame, (1, 1, 2));
            update(&mut state, message);
        }
    }
    update(&mut state, Message::Tick(Duration::from_secs(70)));
    assert_snapshot!("points_120x40", text(&state));
    press(&mut state, KeyCode::Char('A'));
    press(&mut state, KeyCode::Char('z'));
    assert_snapshot!("points_strip_120x40", text(&state));
}

#[test]
fn on_other_terminals() {
    let show = |theme, capability, marker, name: &str| {
        let options = ScreenOptions { theme, capability, marker, ..ScreenOptions::default() };
        let mut state = learning(running(120, 40, options), 8);
        press(&mut state, KeyCode::Char('A'));
        assert_snapshot!(format!("{name}_120x40"), text(&state));
    };
    show(ThemeName::Light, Capability::TrueColor, Marker::Braille, "light");
    show(ThemeName::Dark, Capability::None, Marker::Ascii, "no_color_ascii");
}

#[test]
fn any_key_at_any_size_leaves_the_panes_whole() {
    for (columns, rows) in [(1, 1), (56, 15), (57, 16), (80, 24), (300, 15), (56, 100), (200, 60)] {
        for mut state in [learning(ready(columns, rows), 3), compared(columns, rows)] {
            for code in "TAkzgwm4|".chars().map(KeyCode::Char).chain([KeyCode::Left, KeyCode::Up, KeyCode::Home]) {
                update(&mut state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
                let later = state.now + Duration::from_millis(500);
                update(&mut state, Message::Tick(later));
                buffer(&state);
                state.overlay = None;
            }
        }
    }
}
