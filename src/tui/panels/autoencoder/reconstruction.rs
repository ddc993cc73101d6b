//! Pictures, and what the autoencoder makes of the latents on the way from each to the next.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::waiting;
use crate::tui::format::thousands;
use crate::tui::layout;
use crate::tui::panels::frame::{picture, sentence};
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Film, State, Still};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// "EMA · step 1,200".
pub fn subtitle(state: &State) -> Words {
    let words = Words::new(&state.theme).add(Role::Dim, "EMA");
    match state.shown_still() {
        Some((_, still)) => words.add(Role::Dim, format!("step {}", thousands(still.step))),
        None => words,
    }
}

/// Both grids with their captions; brief: what is decoded alone.
pub fn draw(state: &State, inner: Rect, brief: bool, pictures: &dyn Pictures, buf: &mut Buffer) {
    let Some((film, still)) = state.shown_still() else {
        sentence(waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    if brief {
        picture(PictureSlot::CleanGrid, state.gallery.clean(), inner, pictures, buf);
        return;
    }
    if let Some(pair) = state.pair(inner) {
        let words = Words::new(&state.theme).joined_by(" ");
        let decoded = words.clone().add(Role::Noisy, "decoded").add(Role::Dim, between(film, still));
        let originals = words.add(Role::Clean, "x").add(Role::Dim, "training pictures");
        for (words, area) in [(&decoded, pair.noisy_caption), (&originals, pair.clean_caption)] {
            let lines = match pair.captions {
                layout::Captions::Above => vec![words.fit(area.width)],
                layout::Captions::Left => words.lines(area.width),
            };
            for (y, line) in (area.y..area.bottom()).zip(&lines) {
                buf.set_line(area.x, y, line, area.width);
            }
        }
        picture(PictureSlot::NoisyGrid, state.gallery.noisy(), inner, pictures, buf);
        picture(PictureSlot::CleanGrid, state.gallery.clean(), inner, pictures, buf);
    }
    let pane = layout::denoising_full(inner);
    let words = Words::new(&state.theme).joined_by(COLUMNS).add(Role::Dim, "z = (1 − a)·z_i + a·z_{i+1}").pair(
        Role::Dim,
        "a",
        Role::Accent,
        format!("{:.2}", share(film, still)),
    );
    buf.set_line(pane.timeline.x, pane.timeline.y, &words.fit(pane.timeline.width), pane.timeline.width);
}

/// How far the way has come.
fn share(film: &Film, still: &Still) -> f64 {
    still.index as f64 / film.total.max(1) as f64
}

fn between(film: &Film, still: &Still) -> String {
    match still.index {
        0 => "from its own latents".into(),
        index if index == film.total => "from the next one's".into(),
        _ => format!("{:.0} % of the way to the next", 100.0 * share(film, still)),
    }
}
