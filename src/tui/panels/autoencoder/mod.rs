//! The panels of a run that trains an autoencoder: what it gives back, where that is off, what its latents are like.

mod error_map;
mod latents;
mod reconstruction;
mod waiting;

use ratatui::buffer::Buffer;

use super::frame::border;
use crate::tui::layout::{Density, PanelPlace};
use crate::tui::panel::Panel;
use crate::tui::pictures::Pictures;
use crate::tui::state::State;
use crate::tui::words::Words;

/// Draws one in its border. The loss is drawn as of any run.
pub fn panel(state: &State, place: &PanelPlace, pictures: &dyn Pictures, buf: &mut Buffer) {
    let focused = state.focus == place.panel && !state.reads_lesson();
    let brief = place.density == Density::Brief;
    let plain = brief || state.theme.is_for_the_back_row();
    let words = Words::new(&state.theme);
    let (title, subtitle) = match place.panel {
        Panel::Denoising => {
            (state.panel_title(place.panel), if plain { words } else { reconstruction::subtitle(state) })
        }
        Panel::Heatmap => (state.panel_title(place.panel), if plain { words } else { error_map::subtitle(state) }),
        Panel::Schedule => (state.panel_title(place.panel), if plain { words } else { latents::subtitle(state) }),
        Panel::Loss => ("Loss", words),
    };
    border(place.area, title, &subtitle, focused, state, buf);
    let inner = place.inner();
    if inner.is_empty() {
        return;
    }
    match place.panel {
        Panel::Denoising => reconstruction::draw(state, inner, brief, pictures, buf),
        Panel::Heatmap => error_map::draw(state, inner, buf),
        Panel::Schedule => latents::draw(state, inner, buf),
        Panel::Loss => {}
    }
}
