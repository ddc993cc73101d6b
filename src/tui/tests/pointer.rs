//! What dragging and the wheel do in each panel.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::behaviour::act;
use super::demo::{frame, running};
use crate::tui::action::Action;
use crate::tui::layout;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::panel::Panel;
use crate::tui::state::State;
use crate::tui::update::update;

const DOWN: MouseEventKind = MouseEventKind::Down(MouseButton::Left);
const DRAG: MouseEventKind = MouseEventKind::Drag(MouseButton::Left);
const UP: MouseEventKind = MouseEventKind::Up(MouseButton::Left);

fn mouse(state: &mut State, kind: MouseEventKind, column: u16, row: u16) {
    update(state, Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

/// The film on the screen is whole, so that each t has a frame near it.
fn ready() -> State {
    let mut state = running(120, 40, ScreenOptions::default());
    for index in 15..=25 {
        update(&mut state, Message::Preview(frame(2, index, 12_400)));
    }
    state
}

fn inner(state: &State, panel: Panel) -> Rect {
    state.layout().unwrap().place(panel).unwrap().inner()
}

#[test]
fn the_wheel_over_the_loss_zooms_around_the_pointer() {
    let mut state = ready();
    let t = state.cursor_t;
    let plot = layout::loss_full(inner(&state, Panel::Loss), false).plot;
    let column = plot.x + (plot.width - 1) / 4;
    let share = f64::from(column - plot.x) / f64::from(plot.width - 1);
    let under = |state: &State| {
        let shown = state.shown_steps();
        shown.first + (shown.last - shown.first) * share
    };
    let before = (under(&state), state.shown_steps());
    for _ in 0..8 {
        mouse(&mut state, MouseEventKind::ScrollUp, column, plot.y + 3);
    }
    let shown = state.shown_steps();
    assert!((under(&state) - before.0).abs() < 1.0, "{} and {}", under(&state), before.0);
    assert!(shown.last - shown.first < (before.1.last - before.1.first) / 5.0, "{shown:?}");
    for _ in 0..8 {
        mouse(&mut state, MouseEventKind::ScrollDown, column, plot.y + 3);
    }
    assert_eq!((state.plots.window, state.shown_steps()), (None, before.1));
    assert_eq!(state.cursor_t, t, "the cursor t is none of its business");
}

#[test]
fn dragging_a_zoomed_loss_moves_it_with_the_mouse_even_beyond_the_panel() {
    let mut state = ready();
    let plot = layout::loss_full(inner(&state, Panel::Loss), false).plot;
    let (from, row) = (plot.x + plot.width / 2, plot.y + 4);
    mouse(&mut state, DOWN, from, row);
    mouse(&mut state, DRAG, from + 9, row);
    assert_eq!(state.plots.window, None, "all is in view already");
    mouse(&mut state, UP, from + 9, row);
    for _ in 0..6 {
        mouse(&mut state, MouseEventKind::ScrollUp, from, row);
    }
    let before = state.shown_steps();
    mouse(&mut state, DOWN, from, row);
    mouse(&mut state, DRAG, from + plot.width / 4, row);
    let by = (before.last - before.first) * f64::from(plot.width / 4) / f64::from(plot.width);
    assert!((before.first - state.shown_steps().first - by).abs() < 1e-6, "what was grabbed stays under the mouse");
    let t = state.cursor_t;
    mouse(&mut state, DRAG, 119, 30);
    assert!(state.shown_steps().first < before.first - by);
    assert_eq!((state.cursor_t, state.focus), (t, Panel::Loss), "no other panel takes part");
    mouse(&mut state, UP, 119, 30);
    let after = state.shown_steps();
    mouse(&mut state, DRAG, from, row);
    assert_eq!(state.shown_steps(), after, "nothing is held any more");
    act(&mut state, Action::LossWhole);
    assert_eq!(state.plots.window, None);
}

#[test]
fn keys_zoom_pan_and_go_back_and_say_when_there_is_nothing_to_do() {
    let mut state = ready();
    act(&mut state, Action::LossEarlier);
    assert!(state.news.showing().unwrap().text.contains("all steps"));
    for _ in 0..4 {
        act(&mut state, Action::LossCloser);
    }
    let shown = state.shown_steps();
    assert!(shown.first > 0.0 && shown.last >= 12_480.0, "around the newest step: {shown:?}");
    act(&mut state, Action::LossEarlier);
    assert!(state.shown_steps().first < shown.first);
    act(&mut state, Action::LossLater);
    assert_eq!(state.shown_steps(), shown);
    for _ in 0..4 {
        act(&mut state, Action::LossWider);
    }
    assert_eq!(state.plots.window, None);
    act(&mut state, Action::LossWhole);
    assert!(state.news.showing().unwrap().text.contains("already"));
}

#[test]
fn dragging_over_the_heatmap_moves_t_and_the_step_that_is_read() {
    let mut state = ready();
    let map = layout::heatmap_full(inner(&state, Panel::Heatmap)).map;
    mouse(&mut state, DOWN, map.x + 1, map.bottom() - 1);
    assert_eq!(state.cursor_t, 0);
    let first = state.cursor_step.unwrap();
    mouse(&mut state, DRAG, map.x + map.width / 2, map.y + map.height / 2);
    assert!((300..700).contains(&state.cursor_t), "{}", state.cursor_t);
    assert!(state.cursor_step.unwrap() > first);
    mouse(&mut state, DRAG, 0, 0);
    assert_eq!(state.cursor_t, 999, "at the upper left corner");
    mouse(&mut state, DRAG, map.right() + 5, 39);
    assert_eq!((state.cursor_t, state.cursor_step), (0, None), "at the newest column it is live");
    mouse(&mut state, UP, 0, 0);
    mouse(&mut state, MouseEventKind::ScrollUp, map.x, map.y);
    assert_eq!(state.cursor_t, 39, "the next frame");
}

#[test]
fn every_column_of_the_stretched_map_is_reached() {
    let mut state = running(200, 60, ScreenOptions::default());
    state.zoomed = true;
    state.focus = Panel::Heatmap;
    let map = layout::heatmap_full(inner(&state, Panel::Heatmap)).map;
    let steps: Vec<Option<u64>> = (map.x..map.right())
        .map(|x| {
            mouse(&mut state, DOWN, x, map.y);
            state.cursor_step
        })
        .collect();
    assert!(steps.windows(2).all(|w| w[0].unwrap_or(u64::MAX) <= w[1].unwrap_or(u64::MAX)), "{steps:?}");
    assert_eq!(steps.last(), Some(&None));
}

#[test]
fn dragging_over_the_schedule_moves_t() {
    let mut state = ready();
    let plot = layout::plot(layout::schedule_full(inner(&state, Panel::Schedule)).chart).plot;
    mouse(&mut state, DOWN, plot.x, plot.y);
    assert_eq!(state.cursor_t, 0);
    mouse(&mut state, DRAG, plot.right() - 1, 2);
    assert_eq!((state.cursor_t, state.focus), (999, Panel::Schedule));
}

#[test]
fn the_timeline_is_dragged_and_the_wheel_goes_frame_by_frame() {
    let mut state = ready();
    let bar = layout::timeline_bar(layout::denoising_full(inner(&state, Panel::Denoising)).timeline);
    mouse(&mut state, DOWN, bar.x, bar.y);
    let frame = |state: &State| state.shown_still().unwrap().1.index;
    let first = frame(&state);
    mouse(&mut state, DRAG, bar.x + bar.width / 2, bar.y - 9);
    let middle = frame(&state);
    mouse(&mut state, DRAG, 0, 0);
    assert_eq!(frame(&state), first, "beyond its end it stays at the end");
    assert!(middle > first);
    mouse(&mut state, UP, 0, 0);
    mouse(&mut state, MouseEventKind::ScrollUp, bar.x, bar.y);
    assert_eq!(frame(&state), first + 1);
    mouse(&mut state, MouseEventKind::ScrollDown, bar.x, bar.y);
    assert_eq!(frame(&state), first);
    // Not on the timeline: a click focuses, and a drag from there moves nothing.
    let t = state.cursor_t;
    mouse(&mut state, DOWN, bar.x, bar.y - 5);
    mouse(&mut state, DRAG, bar.x + 9, bar.y);
    assert_eq!(state.cursor_t, t);
}
