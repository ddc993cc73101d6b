//! The mouse: a click focuses and puts the cursor, the wheel and dragging move through steps and time.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::overlay::MOST_LINES;
use super::{act, panes_motion, zoom};
use crate::tui::bars;
use crate::tui::effect::Effect;
use crate::tui::layout::{self, Density, PanelPlace, ScreenLayout};
use crate::tui::panel::Panel;
use crate::tui::state::{Grab, Overlay, State};

/// Takes a mouse event in.
pub fn mouse(state: &mut State, event: &MouseEvent) -> Vec<Effect> {
    if let Some(overlay) = &mut state.overlay {
        if let Overlay::Explain(explaining) = overlay {
            match event.kind {
                MouseEventKind::ScrollDown => explaining.scroll = (explaining.scroll + 3).min(MOST_LINES),
                MouseEventKind::ScrollUp => explaining.scroll = explaining.scroll.saturating_sub(3),
                _ => {}
            }
        }
        if let Overlay::Help { scroll, .. } | Overlay::Messages { scroll } | Overlay::Differences { scroll } = overlay {
            match event.kind {
                MouseEventKind::ScrollDown => *scroll = (*scroll + 3).min(MOST_LINES),
                MouseEventKind::ScrollUp => *scroll = scroll.saturating_sub(3),
                MouseEventKind::Down(_) => state.overlay = None,
                _ => {}
            }
        }
        state.grab = None;
        return Vec::new();
    }
    if state.album.is_some() {
        state.grab = None;
        return Vec::new();
    }
    let at = Position::new(event.column, event.row);
    let Some(layout) = state.layout() else { return Vec::new() };
    let under = layout.panels.iter().find(|p| p.area.contains(at)).copied();
    match (event.kind, under) {
        (MouseEventKind::Down(MouseButton::Left), None) => return bar(state, &layout, at),
        (MouseEventKind::Down(MouseButton::Left), Some(place)) => {
            state.focus = place.panel;
            take_hold(state, &place, at);
        }
        (MouseEventKind::Drag(MouseButton::Left), _) => drag(state, at),
        (MouseEventKind::Up(_), _) => state.grab = None,
        (MouseEventKind::ScrollUp, Some(place)) => wheel(state, &place, at, 1),
        (MouseEventKind::ScrollDown, Some(place)) => wheel(state, &place, at, -1),
        (MouseEventKind::ScrollRight, Some(place)) => sideways(state, &place, at, 1),
        (MouseEventKind::ScrollLeft, Some(place)) => sideways(state, &place, at, -1),
        _ => {}
    }
    Vec::new()
}

/// A click on a hint or on the header does what the key does.
fn bar(state: &mut State, layout: &ScreenLayout, at: Position) -> Vec<Effect> {
    let pieces = if layout.footer.contains(at) {
        bars::footer(state, layout.footer)
    } else if layout.status.contains(at) {
        bars::status(state, layout.status)
    } else {
        bars::header(state, layout.header)
    };
    bars::clicked(&pieces, at.x).map_or_else(Vec::new, |action| act::act(state, action))
}

/// The part of a panel that answers to clicks and drags: its plot, its map, its timeline.
fn handle(state: &State, place: &PanelPlace) -> Rect {
    let inner = place.inner();
    match (place.panel, place.density) {
        (Panel::Denoising, _) if state.is_paned() => match state.learning() {
            Some(learning) if !learning.is_strip => layout::learning_bar(layout::learning(inner).timeline),
            _ => Rect::ZERO,
        },
        (Panel::Loss, Density::Brief) => inner,
        (_, Density::Brief) => Rect::ZERO,
        (Panel::Loss, Density::Full) => state.loss_pane(inner).plot,
        (Panel::Heatmap, Density::Full) => layout::heatmap_full(inner).map,
        (Panel::Schedule, Density::Full) => layout::plot(layout::schedule_full(inner).chart).plot,
        (Panel::Denoising, Density::Full) => layout::timeline_bar(layout::denoising_full(inner).timeline),
    }
}

fn take_hold(state: &mut State, place: &PanelPlace, at: Position) {
    state.grab = None;
    let handle = handle(state, place);
    if handle.contains(at) {
        state.grab = Some(Grab { panel: place.panel, column: at.x, window: state.shown_steps() });
        put(state, place.panel, handle, at);
    }
}

/// The drag goes on in the panel it began in; beyond its edge it stays at the edge.
fn drag(state: &mut State, at: Position) {
    let Some(grab) = state.grab else { return };
    let Some(place) = state.layout().and_then(|layout| layout.place(grab.panel).copied()) else { return };
    let handle = handle(state, &place);
    if handle.is_empty() {
        return;
    }
    if grab.panel == Panel::Loss {
        let columns = f64::from(at.x) - f64::from(grab.column);
        return zoom::dragged(state, grab.window, -columns / f64::from(handle.width));
    }
    let inside = Position::new(at.x.clamp(handle.x, handle.right() - 1), at.y.clamp(handle.y, handle.bottom() - 1));
    put(state, grab.panel, handle, inside);
}

fn wheel(state: &mut State, place: &PanelPlace, at: Position, by: isize) {
    match place.panel {
        Panel::Denoising => act::move_frame(state, by),
        Panel::Loss => {
            let plot = handle(state, place);
            let factor = if by > 0 { zoom::CLOSER } else { 1.0 / zoom::CLOSER };
            zoom::around(state, factor, share(at.x, plot.x, plot.width));
        }
        Panel::Heatmap | Panel::Schedule => {
            let step = (state.timesteps() / 100).max(1) as isize;
            act::move_cursor(state, by * step);
        }
    }
}

/// A wheel turned sideways.
fn sideways(state: &mut State, place: &PanelPlace, at: Position, by: isize) {
    match place.panel {
        Panel::Loss => zoom::dragged(state, state.shown_steps(), by as f64 * 0.1),
        Panel::Heatmap => act::move_column(state, by),
        Panel::Schedule | Panel::Denoising => wheel(state, place, at, by),
    }
}

/// Share of the way from the left (or the top) of a range to its end.
fn share(at: u16, from: u16, length: u16) -> f64 {
    (f64::from(at.saturating_sub(from)) / f64::from(length.saturating_sub(1).max(1))).min(1.0)
}

/// Puts the cursor where the mouse is on a time axis.
fn put(state: &mut State, panel: Panel, handle: Rect, at: Position) {
    let last = (state.timesteps() - 1) as f64;
    let across = share(at.x, handle.x, handle.width);
    match panel {
        // A click reads; a drag pans.
        Panel::Loss => state.read_at(across),
        Panel::Heatmap => {
            act::put_cursor(state, ((1.0 - share(at.y, handle.y, handle.height)) * last).round() as usize);
            let heat = state.read_heat();
            let columns = heat.columns();
            let shown = layout::heat_columns(usize::from(at.x - handle.x), usize::from(handle.width), columns.len());
            let newest = columns.len().saturating_sub(1);
            state.cursor_step = shown.map(|c| c.end - 1).filter(|c| *c < newest).map(|c| columns[c].last_step);
        }
        Panel::Schedule => act::put_cursor(state, (across * last).round() as usize),
        Panel::Denoising if state.is_paned() => {
            let last = state.learning().map_or(0, |learning| learning.steps.len().saturating_sub(1));
            panes_motion::go_to((across * last as f64).round() as usize, state);
        }
        Panel::Denoising => act::put_cursor(state, ((1.0 - across) * last).round() as usize),
    }
}
