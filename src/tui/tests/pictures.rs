//! The room of the pictures, and the symbols of each path.

use insta::assert_snapshot;

use super::behaviour::act;
use super::demo::{config, info, opened, running};
use super::paint::{buffer, characters, text};
use crate::config::{Config, PathName, PredictionType};
use crate::lab::{Event, Phase};
use crate::tui::action::Action;
use crate::tui::layout::Captions;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::State;
use crate::tui::update::update;

const SIZES: [(u16, u16); 6] = [(80, 24), (100, 30), (120, 40), (150, 45), (200, 60), (300, 100)];

fn denoising(columns: u16, rows: u16, cell_size: (u16, u16), zoomed: bool) -> State {
    let mut state = running(columns, rows, ScreenOptions { cell_size, ..ScreenOptions::default() });
    state.zoomed = zoomed;
    act(&mut state, Action::Focus(Panel::Denoising));
    state
}

fn inner(state: &State) -> ratatui::layout::Rect {
    state.layout().unwrap().place(Panel::Denoising).unwrap().inner()
}

#[test]
fn all_ten_pictures_are_there_in_pixels_and_zoomed_they_are_five_by_two() {
    for (columns, rows) in SIZES {
        for cell_size in [(1, 2), (8, 15), (10, 20)] {
            for zoomed in [false, true] {
                let state = denoising(columns, rows, cell_size, zoomed);
                let pair = state.pair(inner(&state)).unwrap();
                if zoomed && columns >= 100 {
                    assert_eq!(pair.images.per_row, 5, "{columns}×{rows}, {cell_size:?}, zoomed {zoomed}: {pair:?}");
                }
                assert!(pair.images.shown == 10 || cell_size == (1, 2), "{columns}×{rows}: {pair:?}");
                // The pictures are where the layout says, pixel by pixel.
                for (placed, area) in [(state.gallery.noisy(), pair.noisy), (state.gallery.clean(), pair.clean)] {
                    let placed = placed.unwrap();
                    assert_eq!(placed.area, area);
                    let size = (area.width * cell_size.0, area.height * cell_size.1);
                    assert_eq!((placed.picture.width, placed.picture.height), (size.0.into(), size.1.into()));
                }
            }
        }
    }
}

#[test]
fn five_by_two_stacked_and_side_by_side() {
    let stacked = denoising(200, 60, (1, 2), true);
    let pair = stacked.pair(inner(&stacked)).unwrap();
    assert!(pair.is_stacked() && pair.captions == Captions::Left, "{pair:?}");
    assert_snapshot!("stacked_200x60", text(&stacked));
    let beside = denoising(80, 24, (1, 2), true);
    let pair = beside.pair(inner(&beside)).unwrap();
    assert!(!pair.is_stacked(), "{pair:?}");
    assert_snapshot!("side_by_side_80x24", text(&beside));
    assert_snapshot!("quarter_150x45", text(&denoising(150, 45, (1, 2), false)));
}

#[test]
fn names_of_classes_that_do_not_fit_are_shortened() {
    let mut state = denoising(80, 24, (1, 2), true);
    let mut named = info(0);
    named.classes = (0..10).map(|c| format!("a rather long name {c}")).collect();
    state.live.info = Some(std::sync::Arc::new(named));
    let shown = characters(&buffer(&state));
    let line = shown.lines().find(|line| line.contains("classes")).unwrap();
    assert!(line.matches('…').count() == 9 && line.contains("9 of 10"), "{line}");
}

/// A screen that has opened with another path.
fn on(path: PathName, columns: u16, rows: u16) -> State {
    let mut config = Config { name: path.name().into(), ..config() };
    config.diffusion.path = path;
    if path == PathName::Flow {
        config.diffusion.prediction_type = PredictionType::Flow;
    }
    let mut state = State::new(ScreenOptions { config: Some(config), ..ScreenOptions::default() });
    update(&mut state, Message::Resize(columns, rows));
    update(&mut state, Message::Lab(Event::Phase(Phase::Starting("loading".into()))));
    state.zoomed = true;
    act(&mut state, Action::Focus(Panel::Schedule));
    state
}

#[test]
fn each_path_has_its_own_symbols() {
    for path in [PathName::Flow, PathName::Edm, PathName::Ve, PathName::VpSde, PathName::SubVpSde] {
        let mut state = on(path, 120, 40);
        // Through all views: what the path doesn't have is nowhere on the screen.
        for _ in 0..4 {
            let shown = characters(&buffer(&state));
            assert!(!shown.contains('ᾱ'), "{path:?}:\n{shown}");
            let rate = matches!(path, PathName::VpSde | PathName::SubVpSde);
            assert_eq!(shown.contains("β(u)"), rate, "{path:?}:\n{shown}");
            assert!(!shown.replace("β(u)", "").contains('β'), "{path:?}:\n{shown}");
            assert!(shown.contains("σ "), "{path:?}:\n{shown}");
            act(&mut state, Action::NextScheduleView);
        }
    }
    assert!(characters(&buffer(&on(PathName::Vp, 120, 40))).contains("ᾱ · β · √ᾱ √(1−ᾱ) · SNR"));
}

#[test]
fn schedules_of_other_paths() {
    let flow = on(PathName::Flow, 120, 40);
    let shown = characters(&buffer(&flow));
    // u = (430 + 1)/1000.
    assert!(shown.contains("t 430  α 0.569   σ 0.431   u 0.431   SNR 2.41 dB"), "{shown}");
    assert!(shown.contains("α = 1 − u") && shown.contains("σ = u"), "{shown}");
    assert_snapshot!("flow_120x40", text(&flow));
    assert_snapshot!("edm_120x40", text(&on(PathName::Edm, 120, 40)));
    let mut rate = on(PathName::SubVpSde, 80, 24);
    assert_snapshot!("sub_vp_sde_80x24", text(&rate));
    act(&mut rate, Action::NextScheduleView);
    assert_snapshot!("sub_vp_sde_rate_80x24", text(&rate));
}

#[test]
fn numbers_stand_next_to_their_names_and_nothing_after_them_moves() {
    let mut state = running(120, 40, ScreenOptions::default());
    let mut places = Vec::new();
    for action in [Action::CursorFirst, Action::CursorLast] {
        act(&mut state, action);
        let shown = characters(&buffer(&state));
        let line = shown.lines().rfind(|line| line.contains("  ᾱ ")).unwrap().to_string();
        assert!(!line.contains("t   0") && !shown.contains("at t  "), "{shown}");
        places.push(line.find("  ᾱ ").map(|at| line[..at].chars().count()));
    }
    assert_eq!(places[0], places[1]);
    assert!(characters(&buffer(&opened(120, 40, ScreenOptions::default()))).contains("t 430  ᾱ"));
}
