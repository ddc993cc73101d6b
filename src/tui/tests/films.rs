//! One cursor t and one film: every panel is at the frame that is shown, and every film begins with noise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use rand::RngExt;
use ratatui::buffer::Buffer;

use super::behaviour::{act, press};
use super::demo::{frame, info, opened, running, watch};
use super::paint::buffer;
use crate::lab::Event;
use crate::random::{Stream, generator};
use crate::tui::action::Action;
use crate::tui::layout::{self, Density};
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{Playback, State};
use crate::tui::update::update;

fn ready(columns: u16, rows: u16) -> State {
    running(columns, rows, ScreenOptions::default())
}

/// Trajectory, frame and t of what is shown.
fn shown(state: &State) -> (u64, usize, usize) {
    let (film, still) = state.shown_still().unwrap();
    (film.trajectory, still.index, still.t)
}

fn whole_film(state: &mut State, trajectory: u64) {
    (0..=25).for_each(|index| drop(update(state, Message::Preview(frame(trajectory, index, 12_480)))));
}

/// All that the panels call t, read off the screen: numbers after a lone "t", and where the timeline's knob is.
fn panels(state: &State, screen: &Buffer) -> BTreeMap<&'static str, Vec<usize>> {
    let mut found = BTreeMap::new();
    for place in state.layout().map_or(Vec::new(), |layout| layout.panels) {
        let inner = place.inner();
        let mut numbers = Vec::new();
        for y in inner.top()..inner.bottom() {
            let row: String = (inner.left()..inner.right()).map(|x| screen[(x, y)].symbol()).collect();
            let words: Vec<&str> = row.split_whitespace().collect();
            // The axis of the schedule's chart may begin with a t of its own.
            if place.panel != Panel::Schedule || words.contains(&"ᾱ") {
                let after_t = words.windows(2).filter(|pair| pair[0] == "t");
                numbers.extend(after_t.filter_map(|pair| pair[1].parse::<usize>().ok()));
            }
        }
        if place.panel == Panel::Denoising && place.density == Density::Full {
            let bar = layout::timeline_bar(layout::denoising_full(inner).timeline);
            let knob = (bar.left()..bar.right()).find(|x| screen[(*x, bar.y)].symbol() == "●");
            let expected = (1.0 - state.cursor_t as f64 / 999.0) * f64::from(bar.width.max(1) - 1);
            if let Some(x) = knob {
                assert_eq!(x - bar.x, expected.round() as u16, "the knob at t {}", state.cursor_t);
            }
        }
        found.insert(place.panel.title(), numbers);
    }
    found
}

/// Every panel that says a t says the cursor's, which is that of the frame shown, where that is to be seen.
fn assert_one_t(state: &State, after: &str) -> usize {
    let screen = buffer(state);
    let mut said = 0;
    for (panel, numbers) in panels(state, &screen) {
        for t in numbers {
            assert_eq!(t, state.cursor_t, "{panel} after {after}; {:?}, {:?}", state.playback, state.playhead);
            said += 1;
        }
    }
    if state.sees_film() {
        assert_eq!(shown(state).2, state.cursor_t, "the frame after {after}");
    }
    said
}

#[test]
fn every_panel_says_the_t_of_the_frame_after_each_of_ten_thousand_keys_and_clicks() {
    let mut random = generator(7, Stream::Noise, 0);
    let mut state = ready(120, 40);
    let keys = [
        (KeyCode::Left, 8),
        (KeyCode::Right, 8),
        (KeyCode::Up, 3),
        (KeyCode::Down, 3),
        (KeyCode::Home, 2),
        (KeyCode::End, 2),
        (KeyCode::PageUp, 3),
        (KeyCode::PageDown, 3),
        (KeyCode::Esc, 3),
        (KeyCode::Tab, 3),
        (KeyCode::Char('k'), 6),
        (KeyCode::Char('['), 5),
        (KeyCode::Char(']'), 5),
        (KeyCode::Char('z'), 2),
        (KeyCode::Char('f'), 1),
        (KeyCode::Char('g'), 2),
        (KeyCode::Char('?'), 1),
    ];
    let keys: Vec<KeyCode> = keys.iter().flat_map(|(key, often)| vec![*key; *often]).collect();
    let (mut film, mut index, mut now, mut said, mut held) = (2u64, 15usize, 60_000u64, 0, 0);
    for event in 0..10_000 {
        // The worker goes on meanwhile; now and then it begins anew in the middle.
        for _ in 0..random.random_range(0..4) {
            update(&mut state, Message::Preview(frame(film, index, 12_480 + event)));
            index += 1;
            if index > 25 || random.random_range(0..200) == 0 {
                (film, index) = (film + 1, 0);
            }
        }
        now += random.random_range(0..300);
        update(&mut state, Message::Tick(Duration::from_millis(now)));
        let words = if random.random_range(0..3) == 0 {
            let kinds = [
                MouseEventKind::Down(MouseButton::Left),
                MouseEventKind::Drag(MouseButton::Left),
                MouseEventKind::ScrollUp,
                MouseEventKind::ScrollDown,
            ];
            let (column, row) = (random.random_range(0..state.size.0), random.random_range(0..state.size.1));
            let kind = kinds[random.random_range(0..kinds.len())];
            update(&mut state, Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
            format!("{kind:?} at {column}, {row}")
        } else {
            let mut code = keys[random.random_range(0..keys.len())];
            if random.random_range(0..6) == 0 {
                code = KeyCode::Char(char::from(random.random_range(32..127u8)));
                // No panel is seen behind the album, and where training time is gone through no film.
                code = if matches!(code, KeyCode::Char('G' | 'T' | 'A')) { KeyCode::Char('k') } else { code };
            }
            let modifiers = [KeyModifiers::NONE, KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::CONTROL];
            let modifiers = modifiers[random.random_range(0..modifiers.len())];
            update(&mut state, Message::Key(KeyEvent::new(code, modifiers)));
            format!("{code:?} {modifiers:?}")
        };
        // A click on a hint goes through training time, where no film is to be seen.
        state.panes = crate::tui::state::Panes::default();
        // A dialog lies over the panels, and a light marker is another knob.
        if state.overlay.is_none() && state.plots.marker != crate::tui::chart::Marker::Ascii {
            said += assert_one_t(&state, &format!("event {event}: {words}"));
            held += usize::from(state.playback == Playback::Held);
        }
        state.overlay = state.overlay.filter(|_| random.random_range(0..2) == 0);
        if event % 500 == 0 {
            let (columns, rows) = [(120, 40), (104, 28), (80, 24), (150, 45)][event as usize / 500 % 4];
            update(&mut state, Message::Resize(columns, rows));
        }
    }
    assert!(said > 5_000 && held > 2000, "too little was seen: {said} numbers, {held} times held");
}

#[test]
fn the_cursor_is_one_for_all_panels_and_stands_on_the_frames_of_the_film() {
    let mut state = ready(120, 40);
    let spacing: Vec<usize> = state.shown_still().unwrap().0.stills().iter().map(|still| still.t).collect();
    act(&mut state, Action::CursorLast);
    assert_eq!((state.cursor_t, shown(&state)), (999, (2, 0, 999)));
    act(&mut state, Action::CursorOneDown);
    assert_eq!(state.cursor_t, spacing[1], "a small step goes to the next frame");
    act(&mut state, Action::CursorDown);
    assert_eq!(state.cursor_t, spacing[2]);
    act(&mut state, Action::CursorFarDown);
    assert_eq!(state.cursor_t, 799, "a large one to the frame that is nearest");
    act(&mut state, Action::CursorOneUp);
    assert_eq!(state.cursor_t, 839);
    assert!(assert_one_t(&state, "the steps") >= 3);
    act(&mut state, Action::CursorFirst);
    assert_eq!(shown(&state), (2, 14, 439), "the film under way ends here so far");
}

#[test]
fn stopping_the_film_holds_that_film_and_that_frame_whatever_comes() {
    let mut state = ready(120, 40);
    let before = shown(&state);
    act(&mut state, Action::ToggleFilm);
    assert_eq!((state.playback, shown(&state)), (Playback::Held, before));
    let picture = state.gallery.clean().unwrap().picture.version;
    // The rest of this film, and others, with a new guidance too.
    (15..=25).for_each(|index| drop(update(&mut state, Message::Preview(frame(2, index, 12_500)))));
    act(&mut state, Action::GuidanceUp);
    for trajectory in 3..8 {
        whole_film(&mut state, trajectory);
        update(&mut state, Message::Tick(Duration::from_secs(60 + 10 * trajectory)));
        assert_eq!(shown(&state), before);
    }
    assert_eq!(state.gallery.clean().unwrap().picture.version, picture, "nor are its pictures made anew");
    // It runs on from there to its end, and then the newest begins.
    act(&mut state, Action::ToggleFilm);
    assert_eq!((state.playback, shown(&state)), (Playback::Playing, before));
    let mut seen = vec![before];
    for ms in (200_000..210_000).step_by(40) {
        update(&mut state, Message::Tick(Duration::from_millis(ms)));
        seen.push(shown(&state));
    }
    seen.dedup();
    let end = seen.iter().position(|(trajectory, ..)| *trajectory != 2).unwrap();
    assert_eq!((seen[end - 1], seen[end]), ((2, 25, 0), (7, 0, 999)));
    assert!(seen[..end].is_sorted_by_key(|(_, index, _)| *index));
    assert_eq!(state.playback, Playback::Live);
}

#[test]
fn going_live_again_begins_the_newest_film() {
    let mut state = ready(120, 40);
    act(&mut state, Action::FramePrevious);
    assert_eq!(shown(&state).0, 2);
    whole_film(&mut state, 3);
    whole_film(&mut state, 4);
    act(&mut state, Action::Back);
    assert_eq!((state.playback, shown(&state)), (Playback::Live, (4, 0, 999)));
}

#[test]
fn scrubbing_moves_frame_by_frame_and_a_film_held_at_its_end_begins_again() {
    let mut state = ready(120, 40);
    let (film, index, _) = shown(&state);
    act(&mut state, Action::FramePrevious);
    assert_eq!((shown(&state).0, shown(&state).1), (film, index - 1));
    act(&mut state, Action::FrameNext);
    act(&mut state, Action::FrameNext);
    assert_eq!(shown(&state).1, index, "that is as far as it is");
    assert_eq!(state.cursor_t, shown(&state).2);
    act(&mut state, Action::ToggleFilm);
    assert_eq!(shown(&state), (2, 0, 999));
}

#[test]
fn other_samples_that_were_asked_for_begin_at_once() {
    for action in [Action::GuidanceUp, Action::SampleNow] {
        let mut state = ready(120, 40);
        (15..=25).for_each(|index| drop(update(&mut state, Message::Preview(frame(2, index, 12_500)))));
        act(&mut state, action);
        assert_eq!(shown(&state).0, 2);
        update(&mut state, Message::Preview(frame(3, 0, 12_500)));
        assert_eq!(shown(&state), (3, 0, 999), "{action:?}");
    }
}

/// Plays with a worker that computes a film in `film_ms` and rests for `rest_ms`, and a screen that draws every
/// `frame_ms` pictures which may change every `pace_ms`. Returns what was shown, and how long each film took.
fn play(film_ms: u64, rest_ms: u64, frame_ms: u64, pace_ms: u64) -> Vec<(u64, Vec<usize>, u64)> {
    let mut state = opened(120, 40, ScreenOptions::default());
    update(&mut state, Message::Lab(Event::Ready(Arc::new(info(0)))));
    update(&mut state, Message::PicturePace(Duration::from_millis(pace_ms)));
    let mut seen: Vec<(u64, Vec<usize>, u64)> = Vec::new();
    // It begins between two frames of the screen.
    let (mut film, mut index, mut due, mut begun) = (1, 0, frame_ms * 3 - 1, 0);
    for ms in 0..40_000u64 {
        while ms >= due {
            update(&mut state, Message::Preview(frame(film, index, 100)));
            due += film_ms / 25;
            index += 1;
            if index > 25 {
                (film, index, due) = (film + 1, 0, due + rest_ms);
            }
        }
        if ms % frame_ms == 0 {
            update(&mut state, Message::Tick(Duration::from_millis(ms)));
            if state.shown_still().is_none() {
                continue;
            }
            let (film, _, t) = shown(&state);
            assert_eq!(state.cursor_t, t);
            match seen.last_mut().filter(|(last, ..)| *last == film) {
                Some((_, ts, took)) if ts.last() != Some(&t) => {
                    ts.push(t);
                    *took = ms - begun;
                }
                Some(_) => {}
                None => {
                    begun = ms;
                    seen.push((film, vec![t], 0));
                }
            }
        }
    }
    seen
}

#[test]
fn every_film_begins_with_noise_and_goes_to_its_end_at_a_speed_to_follow() {
    for (film_ms, rest_ms, frame_ms, pace_ms) in [
        (10, 10, 33, 0),
        (25, 1500, 33, 0),
        (25, 1500, 200, 100),
        (500, 1500, 33, 300),
        (3000, 1500, 33, 0),
        (3000, 1500, 100, 450),
        (9000, 1500, 40, 0),
    ] {
        let films = play(film_ms, rest_ms, frame_ms, pace_ms);
        let case = format!("computed in {film_ms} ms, rest {rest_ms}, frames {frame_ms}, pace {pace_ms}: {films:?}");
        // The last may be under way still.
        let (_, whole) = films.split_last().unwrap();
        assert!(whole.len() >= 3, "{case}");
        for (_, ts, took) in whole {
            assert_eq!((ts[0], *ts.last().unwrap()), (999, 0), "{case}");
            assert!(ts.windows(2).all(|pair| pair[1] < pair[0]), "{case}");
            assert!(ts.len() >= 8, "{case}");
            assert!((2000..=5600.max(film_ms + 1000)).contains(took), "{took} ms, {case}");
        }
    }
}

#[test]
fn the_first_frame_is_drawn_however_late_the_screen_looks() {
    let mut state = ready(120, 40);
    let later = |state: &mut State, seconds| update(state, Message::Tick(Duration::from_secs(seconds)));
    // Broken off, asked for, gone live, begun again: each between two frames of a slow screen.
    for index in 0..4 {
        update(&mut state, Message::Preview(frame(3, index, 12_500)));
    }
    later(&mut state, 65);
    assert_eq!(shown(&state), (3, 0, 999));
    act(&mut state, Action::SampleNow);
    whole_film(&mut state, 4);
    later(&mut state, 70);
    assert_eq!(shown(&state), (4, 0, 999));
    act(&mut state, Action::CursorFirst);
    act(&mut state, Action::ToggleFilm);
    later(&mut state, 75);
    assert_eq!((shown(&state), state.playback), ((4, 0, 999), Playback::Playing));
    act(&mut state, Action::ToggleFilm);
    whole_film(&mut state, 5);
    act(&mut state, Action::Back);
    later(&mut state, 80);
    assert_eq!((shown(&state), state.playback), ((5, 0, 999), Playback::Live));
}

#[test]
fn a_film_that_was_broken_off_gives_way_to_the_next() {
    let mut state = ready(120, 40);
    assert_eq!(shown(&state).0, 2);
    update(&mut state, Message::Preview(frame(3, 0, 12_500)));
    assert_eq!(shown(&state), (3, 0, 999));
}

#[test]
fn finished_samples_stay_for_a_moment() {
    let mut state = ready(120, 40);
    (15..=25).for_each(|index| drop(update(&mut state, Message::Preview(frame(2, index, 12_500)))));
    whole_film(&mut state, 3);
    let mut at_end = 0;
    for ms in (60_000..70_000).step_by(40) {
        update(&mut state, Message::Tick(Duration::from_millis(ms)));
        at_end += u32::from((shown(&state).0, shown(&state).2) == (2, 0));
    }
    assert!((40..=60).contains(&at_end), "{at_end} times 40 ms");
    assert_eq!(shown(&state).0, 3);
}

#[test]
fn where_no_film_is_to_be_seen_the_cursor_stands_anywhere_and_the_film_is_taken_along() {
    let mut state = ready(120, 40);
    act(&mut state, Action::Focus(Panel::Heatmap));
    press(&mut state, KeyCode::Char('z'));
    act(&mut state, Action::CursorLast);
    act(&mut state, Action::CursorOneDown);
    act(&mut state, Action::CursorFarDown);
    assert_eq!(state.cursor_t, 898);
    assert_one_t(&state, "moving about in a panel that fills the screen");
    press(&mut state, KeyCode::Char('z'));
    assert_eq!((state.cursor_t, shown(&state)), (879, (2, 3, 879)), "the frame nearest to it");
    assert_one_t(&state, "seeing the film again");
}

#[test]
fn held_before_the_first_film_the_cursor_is_free_until_one_is_whole() {
    let mut state = opened(120, 40, ScreenOptions::default());
    update(&mut state, Message::Lab(Event::Ready(Arc::new(info(0)))));
    act(&mut state, Action::CursorLast);
    (0..5).for_each(|_| drop(act(&mut state, Action::CursorOneDown)));
    assert_eq!(state.cursor_t, 994);
    act(&mut state, Action::CursorFarDown);
    (0..25).for_each(|index| drop(update(&mut state, Message::Preview(frame(1, index, 5)))));
    assert_eq!(state.cursor_t, 894);
    assert!(state.shown_still().is_none());
    update(&mut state, Message::Preview(frame(1, 25, 5)));
    assert_eq!((shown(&state), state.cursor_t, state.playback), ((1, 3, 879), 879, Playback::Held));
}

#[test]
fn a_film_that_only_a_frozen_display_has_is_there_when_it_thaws() {
    let mut state = ready(120, 40);
    watch(&mut state, 60, 70);
    act(&mut state, Action::ToggleFreeze);
    let before = shown(&state);
    for trajectory in 3..6 {
        whole_film(&mut state, trajectory);
    }
    act(&mut state, Action::ToggleFilm);
    assert_eq!(shown(&state), before);
    act(&mut state, Action::ToggleFreeze);
    assert_eq!((shown(&state), state.playback), (before, Playback::Held));
    assert_one_t(&state, "the thaw");
}
