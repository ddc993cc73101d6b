//! Which panes are drawn inside the border.

use ratatui::buffer::Buffer;

use super::{beside, learning};
use crate::tui::layout::{Density, PanelPlace};
use crate::tui::panels::frame::border;
use crate::tui::pictures::Pictures;
use crate::tui::state::{Paned, State};
use crate::tui::words::Words;

/// Draws the panel with its border.
pub fn panel(state: &State, place: &PanelPlace, pictures: &dyn Pictures, buf: &mut Buffer) {
    let focused = state.focus == place.panel;
    let subtitle = match &state.panes.shown {
        _ if place.density == Density::Brief || state.theme.is_for_the_back_row() => Words::new(&state.theme),
        Paned::Nothing => Words::new(&state.theme),
        Paned::Beside(shown) => beside::subtitle(state, shown),
        Paned::Learning(shown) => learning::subtitle(state, shown),
    };
    border(place.area, place.panel.title(), &subtitle, focused, state, buf);
    let inner = place.inner();
    if inner.is_empty() {
        return;
    }
    match &state.panes.shown {
        Paned::Nothing => {}
        Paned::Beside(shown) => beside::draw(state, shown, inner, pictures, buf),
        Paned::Learning(shown) => learning::draw(state, shown, inner, pictures, buf),
    }
}
