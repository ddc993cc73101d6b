//! `E`: what is asked of the run, what its answers look like, and where the keys lead.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;

use super::behaviour::{act, press};
use super::demo::{SIZE, config, digit, running};
use super::paint::{buffer, characters, text};
use crate::data::Dataset;
use crate::diffusion::Parameterization;
use crate::explain::{ExplainedSubject, Explanation, Focus, Topic, explain};
use crate::kernels::Workers;
use crate::lab::{Command, Event, ExplainRequest, Explained, Phase};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Explaining, Overlay, State};
use crate::tui::update::update;

/// What a run would answer, without a network.
fn answer(request: ExplainRequest) -> Explanation {
    let config = config();
    let pixels: Vec<u8> = (0..4).flat_map(|i| digit(i + 2)).map(|x| ((x + 1.0) * 127.5) as u8).collect();
    let data = Dataset {
        name: "digits".into(),
        source: "a formula".into(),
        height: SIZE,
        width: SIZE,
        channels: 1,
        pixels: pixels.into(),
        labels: Arc::new(vec![2, 3, 4, 5]),
        classes: (0..10).map(|c| c.to_string()).collect(),
        warnings: Vec::new(),
    };
    let parameterization = Parameterization::from_config(&config.diffusion).unwrap();
    let workers = Arc::new(Workers::new(1).unwrap());
    let subject = ExplainedSubject {
        config: &config,
        parameterization: &parameterization,
        data: &data,
        latents: None,
        network: None,
        workers: &workers,
    };
    explain(request.topic, &subject, request.focus, None).unwrap()
}

fn asked(effects: &[Effect]) -> Option<ExplainRequest> {
    effects.iter().find_map(|effect| match effect {
        Effect::Send(Command::Explain(request)) => Some(*request),
        _ => None,
    })
}

fn give(state: &mut State, request: ExplainRequest) {
    let explained = Explained { topic: request.topic, t: Some(request.focus.t), step: 1234, said: Ok(answer(request)) };
    update(state, Message::Lab(Event::Explained(Arc::new(explained))));
}

fn shown(state: &State) -> &Explaining {
    match &state.overlay {
        Some(Overlay::Explain(explaining)) => explaining,
        other => panic!("{other:?}"),
    }
}

/// The panel in focus explained, with its answer.
fn open(columns: u16, rows: u16, panel: Panel) -> State {
    let mut state = running(columns, rows, ScreenOptions::default());
    act(&mut state, Action::Focus(panel));
    let request = asked(&act(&mut state, Action::Explain)).unwrap();
    give(&mut state, request);
    state
}

#[test]
fn each_panel_has_its_topic() {
    for (panel, topic) in [
        (Panel::Loss, Topic::Loss),
        (Panel::Heatmap, Topic::Bound),
        (Panel::Schedule, Topic::Forward),
        (Panel::Denoising, Topic::SamplingStep),
    ] {
        let mut state = running(120, 40, ScreenOptions::default());
        act(&mut state, Action::Focus(panel));
        let request = asked(&act(&mut state, Action::Explain)).unwrap();
        assert_eq!(
            request,
            ExplainRequest { topic, focus: Focus { t: state.cursor_t, image: 0, pixel: None, channel: 0 } }
        );
        assert!(characters(&buffer(&state)).contains("asking the run"));
    }
}

#[test]
fn explanations_on_screens_of_many_sizes() {
    for (columns, rows) in [(80, 24), (120, 40), (160, 48)] {
        assert_snapshot!(format!("forward_{columns}x{rows}"), text(&open(columns, rows, Panel::Schedule)));
    }
    let light = ScreenOptions { theme: crate::tui::theme::ThemeName::Light, ..ScreenOptions::default() };
    let mut state = running(100, 30, light);
    act(&mut state, Action::Focus(Panel::Heatmap));
    let request = asked(&act(&mut state, Action::Explain)).unwrap();
    give(&mut state, request);
    assert_snapshot!("bound_light_100x30", text(&state));
}

#[test]
fn another_cursor_and_newer_weights_are_asked_for_and_one_at_a_time() {
    let mut state = open(120, 40, Panel::Loss);
    let tick =
        |state: &mut State, seconds: f64| update(state, Message::Tick(state.now + Duration::from_secs_f64(seconds)));
    press(&mut state, KeyCode::Right);
    assert_eq!(asked(&tick(&mut state, 0.05)), None, "not at every frame of a film");
    let request = asked(&tick(&mut state, 0.3)).unwrap();
    assert_eq!(request.focus.t, state.cursor_t);
    // The answer has not come yet.
    press(&mut state, KeyCode::Right);
    assert_eq!(asked(&tick(&mut state, 0.2)), None);
    give(&mut state, request);
    assert_eq!(asked(&tick(&mut state, 0.3)), None, "it took 0.2 s: that is a fifth of one");
    let request = asked(&tick(&mut state, 0.6)).unwrap();
    give(&mut state, request);
    assert_eq!(asked(&tick(&mut state, 0.5)), None);
    assert_eq!(asked(&tick(&mut state, 3.0)), Some(request), "the run trains on");
    give(&mut state, request);
    update(&mut state, Message::Lab(Event::Phase(Phase::Paused)));
    assert_eq!(asked(&tick(&mut state, 9.0)), None, "nothing changes while it is paused");
}

#[test]
fn keys_choose_topic_picture_and_pixel_and_close_it() {
    let mut state = open(120, 40, Panel::Schedule);
    assert_eq!(asked(&press(&mut state, KeyCode::Tab)).unwrap().topic, Topic::Time);
    assert_eq!(asked(&press(&mut state, KeyCode::BackTab)).unwrap().topic, Topic::Forward);
    update(&mut state, Message::Key(KeyEvent::new(KeyCode::Right, KeyModifiers::SHIFT)));
    update(&mut state, Message::Key(KeyEvent::new(KeyCode::Up, KeyModifiers::SHIFT)));
    assert_eq!(shown(&state).pixel, Some((13, 15)));
    press(&mut state, KeyCode::Char('o'));
    assert_eq!((shown(&state).image, shown(&state).pixel), (1, None));
    press(&mut state, KeyCode::Down);
    press(&mut state, KeyCode::PageDown);
    assert_eq!(shown(&state).scroll, 11);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.overlay, None);
}

#[test]
fn points_have_coordinates_and_colours_channels() {
    let shift = |state: &mut State, code| update(state, Message::Key(KeyEvent::new(code, KeyModifiers::SHIFT)));
    let mut state = open(120, 40, Panel::Loss);
    let reshape = |state: &mut State, shape| {
        let info = state.live.info.as_mut().unwrap();
        Arc::make_mut(info).image_shape = shape;
    };
    reshape(&mut state, (1, 1, 2));
    shift(&mut state, KeyCode::Right);
    assert_eq!((shown(&state).pixel, shown(&state).channel), (None, 1));
    assert!(characters(&buffer(&state)).contains("Shift-arrows coordinate"));
    press(&mut state, KeyCode::Tab);
    assert_eq!(shown(&state).channel, 1, "the next topic follows the same number");
    shift(&mut state, KeyCode::Left);
    assert_eq!(shown(&state).channel, 0);
    reshape(&mut state, (SIZE, SIZE, 3));
    for channel in [1, 2, 0] {
        press(&mut state, KeyCode::Char('c'));
        assert_eq!(shown(&state).channel, channel);
    }
    assert!(characters(&buffer(&state)).contains("c channel"));
}

#[test]
fn a_step_by_hand_is_asked_of_the_run_and_kept() {
    let mut state = open(120, 40, Panel::Loss);
    assert_eq!(press(&mut state, KeyCode::Char('n')), [Effect::Send(Command::StepByHand)]);
    assert_eq!(shown(&state).topic, Topic::TrainingStep);
    // An answer on another topic, from before, changes nothing.
    let before = shown(&state).request(0);
    give(&mut state, ExplainRequest { topic: Topic::Loss, ..before });
    assert!(shown(&state).waits && shown(&state).answer.is_none());
    give(&mut state, before);
    assert!(!shown(&state).waits);
    let now = state.now;
    assert_eq!(asked(&update(&mut state, Message::Tick(now + Duration::from_secs(30)))), None);
    assert!(characters(&buffer(&state)).contains("One training step by hand"));
}

#[test]
fn what_can_t_be_explained_is_said() {
    let mut state = open(120, 40, Panel::Loss);
    let said = Err("explanations are computed on the CPU alone".to_string());
    let explained = Explained { topic: Topic::Loss, t: Some(0), step: 0, said };
    update(&mut state, Message::Lab(Event::Explained(Arc::new(explained))));
    assert!(characters(&buffer(&state)).contains("it can't be explained: explanations are computed on the CPU"));
}
