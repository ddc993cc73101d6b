//! The pictures that a run has left.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyCode;
use image::{Rgb, RgbImage};
use insta::assert_snapshot;

use super::behaviour::press;
use super::demo::running;
use super::paint::{buffer, characters, text};
use crate::run::LeftPicture;
use crate::tui::archive::{ArchiveNews, ArchiveRequest};
use crate::tui::effect::Effect;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::state::State;
use crate::tui::update::update;

fn dir() -> PathBuf {
    "runs/2026-11-22-mnist-4f2a".into()
}

/// So many pictures of the run on the screen; every third is a snapshot.
pub fn pictures(n: usize) -> Message {
    let left = |i: usize| LeftPicture {
        step: 500 * i as u64,
        path: format!("{i}.png").into(),
        film: i.is_multiple_of(3).then(|| format!("{i}.gif").into()),
    };
    Message::Archive(ArchiveNews::Album { dir: dir(), pictures: (0..n).map(left).collect() })
}

/// Rings that grow with `i`.
fn rings(i: u32) -> RgbImage {
    RgbImage::from_fn(60, 60, |x, y| {
        let (dx, dy) = (f64::from(x) - 29.5, f64::from(y) - 29.5);
        let bright = (dx.hypot(dy) * 0.5 - f64::from(i)).sin() * 0.5 + 0.5;
        Rgb([(bright * 255.0) as u8; 3])
    })
}

/// Answers what was asked for.
fn answer(state: &mut State, effects: Vec<Effect>) {
    for effect in effects {
        let nth = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().parse::<u32>().unwrap();
        let news = match effect {
            Effect::Ask(ArchiveRequest::Picture { path, .. }) => {
                ArchiveNews::Picture { picture: Arc::new(rings(nth(&path))), path }
            }
            Effect::Ask(ArchiveRequest::Film { path, .. }) => {
                let frames = (0..10).map(|frame| rings(nth(&path) + frame)).collect();
                ArchiveNews::Film { path, frames: Arc::new(frames) }
            }
            _ => continue,
        };
        update(state, Message::Archive(news));
    }
}

fn opened(columns: u16, rows: u16) -> State {
    let mut state = running(columns, rows, ScreenOptions::default());
    assert_eq!(press(&mut state, KeyCode::Char('G')), [Effect::Ask(ArchiveRequest::Album(dir()))]);
    let effects = update(&mut state, pictures(31));
    answer(&mut state, effects);
    state
}

#[test]
fn pictures_stand_in_step_order_small_large_and_two_beside_each_other() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let mut state = opened(columns, rows);
        assert_snapshot!(format!("small_{columns}x{rows}"), text(&state));
        let effects = press(&mut state, KeyCode::Enter);
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Ask(ArchiveRequest::Film { .. }))));
        answer(&mut state, effects);
        let later = state.now + Duration::from_millis(250);
        update(&mut state, Message::Tick(later));
        assert_snapshot!(format!("large_{columns}x{rows}"), text(&state));
        press(&mut state, KeyCode::Char(' '));
        let effects = press(&mut state, KeyCode::Left);
        answer(&mut state, effects);
        assert_snapshot!(format!("beside_{columns}x{rows}"), text(&state));
    }
}

#[test]
fn keys_leaf_through_it_and_leave_it() {
    let mut state = opened(120, 40);
    let chosen = |state: &State| state.album.as_ref().unwrap().chosen;
    assert_eq!(chosen(&state), 30, "the newest");
    press(&mut state, KeyCode::Home);
    press(&mut state, KeyCode::Left);
    assert_eq!(chosen(&state), 0);
    press(&mut state, KeyCode::Char('s'));
    assert_eq!(chosen(&state), 3, "the next snapshot");
    press(&mut state, KeyCode::Down);
    assert_eq!(chosen(&state), 7);
    press(&mut state, KeyCode::End);
    press(&mut state, KeyCode::Right);
    assert_eq!(chosen(&state), 30);
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Esc);
    assert!(state.album.as_ref().unwrap().open.is_none());
    press(&mut state, KeyCode::Esc);
    assert!(state.album.is_none());
    assert!(characters(&buffer(&state)).contains("Loss per timestep"), "the panels are back");
}

#[test]
fn an_album_without_pictures_says_how_they_come() {
    let mut state = running(80, 24, ScreenOptions::default());
    press(&mut state, KeyCode::Char('G'));
    assert!(characters(&buffer(&state)).contains("looking for pictures"));
    update(&mut state, pictures(0));
    assert!(characters(&buffer(&state)).contains("s saves a snapshot"));
    for code in [KeyCode::Enter, KeyCode::Char(' '), KeyCode::Down, KeyCode::Char('s')] {
        press(&mut state, code);
    }
    buffer(&state);
}

#[test]
fn films_run_and_only_what_is_missing_is_read() {
    let mut state = opened(120, 40);
    let effects = press(&mut state, KeyCode::Enter);
    answer(&mut state, effects);
    let at = |state: &mut State, ms: u64| {
        update(state, Message::Tick(Duration::from_secs(60) + Duration::from_millis(ms)));
        state.album.as_ref().unwrap().film_at(30, state.now).unwrap().1
    };
    assert_eq!((at(&mut state, 0), at(&mut state, 90), at(&mut state, 410)), (0, 1, 5));
    press(&mut state, KeyCode::Esc);
    assert_eq!(press(&mut state, KeyCode::Left), [], "all on the page are there");
}
