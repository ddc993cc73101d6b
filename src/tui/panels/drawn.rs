//! Which panel is drawn inside which border.

use ratatui::buffer::Buffer;

use super::frame::border;
use super::{autoencoder, compared, denoising, heatmap, loss, paned, schedule};
use crate::tui::layout::{Density, PanelPlace};
use crate::tui::panel::Panel;
use crate::tui::pictures::Pictures;
use crate::tui::state::State;
use crate::tui::words::Words;

/// Draws a panel with its border.
pub fn panel(state: &State, place: &PanelPlace, pictures: &dyn Pictures, buf: &mut Buffer) {
    if state.is_paned() && place.panel == Panel::Denoising {
        return paned::panel(state, place, pictures, buf);
    }
    if state.is_comparing() {
        return compared::panel(state, place, pictures, buf);
    }
    if state.trains_autoencoder() && place.panel != Panel::Loss {
        return autoencoder::panel(state, place, pictures, buf);
    }
    let focused = state.focus == place.panel && !state.reads_lesson();
    let brief = place.density == Density::Brief;
    let subtitle = match place.panel {
        _ if brief || state.theme.is_for_the_back_row() => Words::new(&state.theme),
        Panel::Loss => loss::subtitle(state),
        Panel::Heatmap => heatmap::subtitle(state),
        Panel::Schedule => schedule::subtitle(state),
        Panel::Denoising => denoising::subtitle(state),
    };
    border(place.area, place.panel.title(), &subtitle, focused, state, buf);
    let inner = place.inner();
    if inner.is_empty() {
        return;
    }
    match (place.panel, brief) {
        (Panel::Loss, false) => loss::full(state, inner, pictures, buf),
        (Panel::Loss, true) => loss::brief(state, inner, pictures, buf),
        (Panel::Heatmap, false) => heatmap::full(state, inner, buf),
        (Panel::Heatmap, true) => heatmap::brief(state, inner, buf),
        (Panel::Schedule, false) => schedule::full(state, inner, pictures, buf),
        (Panel::Schedule, true) => schedule::brief(state, inner, pictures, buf),
        (Panel::Denoising, false) => denoising::full(state, inner, pictures, buf),
        (Panel::Denoising, true) => denoising::brief(state, inner, pictures, buf),
    }
}
