//! Curves are read at logged steps, on any axis.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use insta::assert_snapshot;

use super::behaviour::{act, press};
use super::comparing::beside_others;
use super::demo::running;
use super::paint::{buffer, characters, text};
use super::settings::type_in;
use crate::tui::action::Action;
use crate::tui::archive::{ArchiveNews, ArchiveRequest};
use crate::tui::effect::Effect;
use crate::tui::layout;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::{MarkKind, State, XAxis};
use crate::tui::update::update;

fn show(columns: u16, rows: u16) -> State {
    running(columns, rows, ScreenOptions::default())
}

#[test]
fn the_cursor_stands_on_logged_steps_and_arrows_move_it_only_while_it_is_there() {
    let mut state = show(120, 40);
    let t = state.cursor_t;
    press(&mut state, KeyCode::Right);
    assert!(state.cursor_t > t && state.reading.is_none(), "without it they move t");
    press(&mut state, KeyCode::Char('r'));
    assert_eq!(state.reading, Some(12_480));
    let t = state.cursor_t;
    press(&mut state, KeyCode::Left);
    let losses = state.data().history.losses();
    assert_eq!(state.reading, Some(losses[losses.len() - 2].last.step));
    update(&mut state, Message::Key(KeyEvent::new(KeyCode::Left, KeyModifiers::SHIFT)));
    let far = state.reading.unwrap();
    assert!((10_000..12_000).contains(&far), "{far}");
    assert!(state.data().history.losses().iter().any(|b| b.last.step == far), "a logged step");
    assert_eq!(state.cursor_t, t);
    // In another panel they mean what they mean there.
    act(&mut state, Action::Focus(Panel::Schedule));
    press(&mut state, KeyCode::Right);
    assert!(state.cursor_t > t && state.reading == Some(far));
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.reading, None);
}

#[test]
fn a_click_reads_the_step_under_it() {
    let mut state = show(120, 40);
    let place = *state.layout().unwrap().place(Panel::Loss).unwrap();
    let plot = layout::loss_full(place.inner(), false).plot;
    let column = plot.x + plot.width / 2;
    let kind = MouseEventKind::Down(MouseButton::Left);
    let modifiers = KeyModifiers::NONE;
    update(&mut state, Message::Mouse(MouseEvent { kind, column, row: plot.y + 2, modifiers }));
    let (read, axis) = (state.reading.unwrap() as f64, state.loss_axis());
    assert!((axis.share(read) - 0.5).abs() < 0.02, "{read} of {}", axis.high);
}

#[test]
fn every_value_there_is_shown() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let mut state = show(columns, rows);
        press(&mut state, KeyCode::Char('r'));
        for _ in 0..3 {
            update(&mut state, Message::Key(KeyEvent::new(KeyCode::Left, KeyModifiers::SHIFT)));
        }
        press(&mut state, KeyCode::Char('X'));
        update(&mut state, Message::Tick(Duration::from_secs(90)));
        assert_snapshot!(format!("reading_log_x_{columns}x{rows}"), text(&state));
    }
}

#[test]
fn other_curves_and_axes() {
    let mut state = show(120, 40);
    press(&mut state, KeyCode::Char('y'));
    press(&mut state, KeyCode::Char('x'));
    press(&mut state, KeyCode::Char('x'));
    assert_eq!(state.plots.x_axis, XAxis::Images);
    assert_snapshot!("held_out_images_120x40", text(&state));
    press(&mut state, KeyCode::Char('y'));
    press(&mut state, KeyCode::Char('x'));
    press(&mut state, KeyCode::Char('x'));
    assert_eq!(state.plots.x_axis, XAxis::Flops);
    assert_snapshot!("gradient_norm_flops_120x40", text(&state));
    for _ in 0..3 {
        press(&mut state, KeyCode::Char('y'));
    }
    let shown = characters(&buffer(&state));
    assert!(shown.contains("has not written how much of the machine it uses"), "old runs lack it: {shown}");
    press(&mut state, KeyCode::Char('x'));
    assert_eq!(state.plots.x_axis, XAxis::Step, "round and round");
}

#[test]
fn log_x_can_be_zoomed_and_panned_and_comes_back() {
    let mut state = show(120, 40);
    press(&mut state, KeyCode::Char('X'));
    let axis = state.loss_axis();
    assert!(axis.log && axis.low == 1.0 && axis.high >= 12_480.0, "{axis:?}");
    for _ in 0..4 {
        press(&mut state, KeyCode::Char('}'));
    }
    let near = state.loss_axis();
    assert!(near.low > 5.0 && near.high / near.low < axis.high / axis.low / 4.0, "{near:?}");
    press(&mut state, KeyCode::Char('<'));
    let earlier = state.loss_axis();
    assert!(earlier.low < near.low && (earlier.high / earlier.low / (near.high / near.low) - 1.0).abs() < 0.01);
    press(&mut state, KeyCode::Backspace);
    assert_eq!(state.loss_axis(), axis);
}

#[test]
fn marks_are_reached_by_a_key_that_says_what_happened() {
    let mut state = show(120, 40);
    let said = |state: &State| state.news.showing().unwrap().text.clone();
    press(&mut state, KeyCode::Char(','));
    assert!(said(&state).contains("step 12,000, checkpoint"), "{}", said(&state));
    assert_eq!(state.reading, Some(12_000));
    press(&mut state, KeyCode::Char(','));
    press(&mut state, KeyCode::Char(','));
    assert!(said(&state).contains("step 6,000, snapshot: runs/"), "{}", said(&state));
    press(&mut state, KeyCode::Char(';'));
    assert!(said(&state).contains("step 8,000, checkpoint (mark 3 of 4)"), "{}", said(&state));
    (0..3).for_each(|_| _ = press(&mut state, KeyCode::Char(';')));
    assert!(said(&state).contains("no later mark"), "{}", said(&state));
}

#[test]
fn a_word_on_a_step_goes_into_the_notes_and_is_a_mark() {
    let mut state = show(120, 40);
    press(&mut state, KeyCode::Char(','));
    press(&mut state, KeyCode::Char('M'));
    assert_snapshot!("bookmark_120x40", text(&state));
    let effects = type_in(&mut state, "digits appear\n");
    let dir = state.live.info.as_ref().unwrap().run_dir.clone();
    let asked = ArchiveRequest::Bookmark { dir: dir.clone(), step: 12_000, word: "digits appear".into() };
    assert_eq!(effects, [Effect::Ask(asked)]);
    let bookmarks = [(12_000, "digits appear".to_string())].into_iter().collect();
    update(&mut state, Message::Archive(ArchiveNews::Bookmarks { dir, bookmarks }));
    let marks = state.data().history.marks();
    assert!(marks.iter().any(|mark| mark.kind == MarkKind::Bookmark && mark.what == "digits appear"));
    assert!(characters(&buffer(&state)).contains('■'));
    // Too long a word is refused, and can be mended.
    press(&mut state, KeyCode::Char('M'));
    assert_eq!(type_in(&mut state, &("x".repeat(90) + "\n")), []);
    assert!(characters(&buffer(&state)).contains("at most 80 letters"));
}

#[test]
fn of_compared_runs_all_are_read_at_once() {
    let mut state = beside_others(120, 40, ScreenOptions::default());
    let before = characters(&buffer(&state));
    assert!(before.contains("at step 8,000") && before.contains("losses of other kinds: E"), "{before}");
    // Exactly these factors apart, at every step.
    assert!(before.contains("+12.0 %") && before.contains("−7.0 %"), "{before}");
    press(&mut state, KeyCode::Char('r'));
    (0..4).for_each(|_| _ = update(&mut state, Message::Key(KeyEvent::new(KeyCode::Left, KeyModifiers::SHIFT))));
    let shown = characters(&buffer(&state));
    assert!(shown.contains("at step ") && shown.contains("+12.0 %"), "{shown}");
}

#[test]
fn on_a_logarithmic_axis_logarithms_are_smoothed() {
    let state = show(120, 40);
    let last = state.data().history.losses().last().unwrap();
    // The geometric mean lies below the arithmetic one.
    assert!(last.smoothed_for(3, true) < last.smoothed_for(3, false));
    assert_eq!(last.smoothed_for(0, true), last.loss.ln().exp());
}
