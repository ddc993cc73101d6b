//! The mouse: a click focuses and puts the cursor, the wheel moves through time.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::act;
use super::overlay::MOST_LINES;
use crate::tui::bars;
use crate::tui::effect::Effect;
use crate::tui::layout::{self, Density, PanelPlace, ScreenLayout};
use crate::tui::panel::Panel;
use crate::tui::state::{Overlay, State};

/// Takes a mouse event in.
pub fn mouse(state: &mut State, event: &MouseEvent) -> Vec<Effect> {
    if let Some(overlay) = &mut state.overlay {
        if let Overlay::Help { scroll, .. } | Overlay::Messages { scroll } = overlay {
            match event.kind {
                MouseEventKind::ScrollDown => *scroll = (*scroll + 3).min(MOST_LINES),
                MouseEventKind::ScrollUp => *scroll = scroll.saturating_sub(3),
                MouseEventKind::Down(_) => state.overlay = None,
                _ => {}
            }
        }
        return Vec::new();
    }
    let at = Position::new(event.column, event.row);
    let Some(layout) = state.layout() else { return Vec::new() };
    let Some(place) = layout.panels.iter().find(|p| p.area.contains(at)).copied() else {
        return match event.kind {
            MouseEventKind::Down(MouseButton::Left) => bar(state, &layout, at),
            _ => Vec::new(),
        };
    };
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            state.focus = place.panel;
            if place.density == Density::Full {
                put(state, &place, at);
            }
        }
        MouseEventKind::Drag(MouseButton::Left) if place.density == Density::Full => put(state, &place, at),
        MouseEventKind::ScrollUp | MouseEventKind::ScrollRight => wheel(state, place.panel, 1),
        MouseEventKind::ScrollDown | MouseEventKind::ScrollLeft => wheel(state, place.panel, -1),
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

fn wheel(state: &mut State, panel: Panel, by: isize) {
    match panel {
        Panel::Denoising => act::move_frame(state, by),
        Panel::Loss | Panel::Heatmap | Panel::Schedule => {
            let step = (state.timesteps() / 100).max(1) as isize;
            act::move_cursor(state, by * step);
        }
    }
}

/// Share of the way from the left (or the top) of `range` to its end.
fn share(at: u16, from: u16, length: u16) -> f64 {
    f64::from(at.saturating_sub(from)) / f64::from(length.saturating_sub(1).max(1))
}

/// Puts the cursor where the click was, when it was on a time axis.
fn put(state: &mut State, place: &PanelPlace, at: Position) {
    let last = (state.timesteps() - 1) as f64;
    let inner = place.inner();
    let within = |area: Rect| area.contains(at);
    match place.panel {
        Panel::Loss => {}
        Panel::Heatmap => {
            let map = layout::heatmap_full(inner).map;
            if within(map) {
                act::put_cursor(state, ((1.0 - share(at.y, map.y, map.height)) * last).round() as usize);
                let heat = &state.data().heat;
                let columns = heat.columns();
                let column = layout::heat_column(usize::from(at.x - map.x), usize::from(map.width), columns.len());
                let newest = columns.len().saturating_sub(1);
                state.cursor_step = column.filter(|c| *c < newest).map(|c| columns[c].last_step);
            }
        }
        Panel::Schedule => {
            let plot = layout::plot(layout::schedule_full(inner).chart).plot;
            if within(plot) {
                act::put_cursor(state, (share(at.x, plot.x, plot.width) * last).round() as usize);
            }
        }
        Panel::Denoising => {
            let bar = layout::timeline_bar(layout::denoising_full(inner).timeline);
            if within(bar) {
                act::put_cursor(state, ((1.0 - share(at.x, bar.x, bar.width)) * last).round() as usize);
            }
        }
    }
}
