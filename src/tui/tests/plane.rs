//! Points in the plane on the screen: points, densities and field, in characters and colours.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::behaviour::{act, press};
use super::paint::{buffer, characters, text};
use crate::config::Config;
use crate::data;
use crate::diffusion::Schedule;
use crate::lab::{Event, Field, Phase, PreviewFrame, RunInfo};
use crate::random::{Stream, generator, normal};
use crate::tui::action::Action;
use crate::tui::chart::Marker;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{PointsView, State};
use crate::tui::theme::{Capability, ThemeName};
use crate::tui::update::update;

const TOTAL: usize = 40;

/// The frame of a network that knows its data: samples are data noised, arrows lead to the origin.
fn frame(config: &Config, points: &[f32], index: usize) -> PreviewFrame {
    let schedule = Schedule::from_config(&config.diffusion).unwrap();
    let t = 999 * (TOTAL - index) / TOTAL;
    let at = schedule.at(t);
    let x_0 = points[1000..2200].to_vec();
    let noise = normal(&mut generator(5, Stream::Sampling, 0), x_0.len());
    let x_t = x_0.iter().zip(&noise).map(|(x, e)| at.alpha as f32 * x + at.sigma as f32 * e).collect();
    let (side, reach) = (21, at.reach() as f32);
    let along = |i: usize| reach * (2.0 * i as f32 / (side - 1) as f32 - 1.0);
    let inwards: Vec<f32> = (0..side).flat_map(|r| (0..side).flat_map(move |c| [-along(c), along(r)])).collect();
    let around = inwards.chunks_exact(2).flat_map(|v| [v[1], -v[0]]).collect();
    PreviewFrame {
        trajectory: 1,
        index,
        total: TOTAL,
        t,
        step: 1500,
        x_t: Arc::new(x_t),
        num: x_0.len() / 2,
        x_0: Arc::new(x_0),
        classes: vec![],
        settings: super::demo::settings().into(),
        field: Some(Arc::new(Field { side, reach, score: inwards, velocity: around })),
        look: None,
    }
}

/// The shipped two moons in the middle of their training.
pub fn moons(columns: u16, rows: u16, options: ScreenOptions) -> State {
    let config = Config::load("two-moons", &[]).unwrap();
    let dataset = data::load(&config.data).unwrap();
    let points = dataset.gather(&(0..2000).collect::<Vec<_>>(), None);
    let mut state = State::new(ScreenOptions { config: Some(config.clone()), ..options });
    let info = RunInfo {
        network: "MLP".into(),
        parameters: 174_210,
        image_shape: (1, 1, 2),
        sample_shape: (1, 1, 2),
        stage: None,
        latent_examples: vec![],
        classes: dataset.classes.clone(),
        points: Arc::new(points.clone()),
        config: config.clone(),
        ..super::demo::info(0)
    };
    update(&mut state, Message::Resize(columns, rows));
    update(&mut state, Message::Lab(Event::Ready(Arc::new(info))));
    update(&mut state, Message::Lab(Event::Phase(Phase::Training)));
    for step in 1..=1500 {
        update(&mut state, Message::Lab(Event::Step(super::demo::record(step))));
    }
    for index in 0..=TOTAL * 3 / 5 {
        update(&mut state, Message::Preview(frame(&config, &points, index)));
    }
    super::demo::watch(&mut state, 0, 10);
    update(&mut state, Message::Tick(Duration::from_secs(60)));
    act(&mut state, Action::Focus(Panel::Denoising));
    state
}

fn view(state: &mut State, view: PointsView) {
    state.plots.points_view = view;
}

const VIEWS: [PointsView; 3] = [PointsView::Points, PointsView::Density, PointsView::Field];

#[test]
fn every_view_at_every_size() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut state = moons(columns, rows, ScreenOptions::default());
        for shown in VIEWS {
            view(&mut state, shown);
            assert_snapshot!(format!("{}_{columns}x{rows}", shown.name()), text(&state));
        }
    }
}

#[test]
fn zoomed() {
    let mut state = moons(120, 40, ScreenOptions::default());
    state.zoomed = true;
    for shown in VIEWS {
        view(&mut state, shown);
        assert_snapshot!(format!("{}_zoomed_120x40", shown.name()), text(&state));
    }
}

#[test]
fn on_other_terminals() {
    let on = |theme, capability, marker| {
        let options = ScreenOptions { theme, capability, marker, ..ScreenOptions::default() };
        let mut state = moons(100, 32, options);
        VIEWS.map(|shown| {
            view(&mut state, shown);
            text(&state)
        })
    };
    let light = on(ThemeName::Light, Capability::TrueColor, Marker::Block);
    assert_snapshot!("light_density_100x32", light[1]);
    let plain = on(ThemeName::Dark, Capability::None, Marker::Ascii);
    for (shown, text) in VIEWS.iter().zip(&plain) {
        let (drawn, _) = text.split_once("\ncolours\n").unwrap();
        assert!(!drawn.chars().any(|c| ('\u{2800}'..='\u{28ff}').contains(&c)), "braille in ASCII {}", shown.name());
        // Below the panels arrows are keys.
        let panels: String = drawn.lines().take(30).collect();
        assert!(!panels.contains('→') && !panels.contains('▀'), "{}:\n{drawn}", shown.name());
    }
    assert_snapshot!("no_color_ascii_field_100x32", plain[2]);
}

#[test]
fn one_key_goes_through_the_views_and_says_so_where_there_are_none() {
    let mut state = moons(120, 40, ScreenOptions::default());
    let screens: Vec<String> = (0..3)
        .map(|_| {
            let screen = characters(&buffer(&state));
            press(&mut state, KeyCode::Char('v'));
            screen
        })
        .collect();
    assert!(screens[0] != screens[1] && screens[1] != screens[2]);
    assert_eq!(characters(&buffer(&state)), screens[0], "and round to the first");
    assert!(screens[2].contains("score") && screens[2].contains("velocity"), "{}", screens[2]);
}

#[test]
fn the_schedule_panel_noises_the_data_with_the_cursor() {
    let mut state = moons(120, 40, ScreenOptions::default());
    let drawn = |state: &State| {
        let place = state.layout().unwrap();
        let inner = place.place(Panel::Schedule).unwrap().inner();
        let room = crate::tui::layout::schedule_full(inner).picture;
        let buffer = buffer(state);
        (room.y..room.bottom())
            .flat_map(|y| (room.x..room.right()).map(move |x| (x, y)))
            .filter(|at| ('\u{2801}'..='\u{28ff}').contains(&buffer[*at].symbol().chars().next().unwrap_or(' ')))
            .count()
    };
    // Alone on the screen, where the cursor is free.
    act(&mut state, Action::Focus(Panel::Schedule));
    act(&mut state, Action::Zoom);
    act(&mut state, Action::CursorFirst);
    let clean = drawn(&state);
    act(&mut state, Action::CursorLast);
    let noise = drawn(&state);
    assert!(clean > 20, "{clean} cells hold data");
    assert!(noise > clean * 3 / 2, "noise covers {noise} cells, data {clean}");
}

#[test]
fn points_survive_every_size() {
    for columns in (20..=200).step_by(17) {
        for rows in (8..=70).step_by(9) {
            let mut state = moons(120, 40, ScreenOptions::default());
            for shown in VIEWS {
                view(&mut state, shown);
                update(&mut state, Message::Resize(columns, rows));
                buffer(&state);
                state.zoomed = !state.zoomed;
                buffer(&state);
            }
        }
    }
}
