//! Pictures, and what the autoencoder makes of the latents on the way from each to the next.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::waiting::waiting;
use crate::tui::format::thousands;
use crate::tui::layout;
use crate::tui::panels::frame::{picture, sentence};
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Film, Playback, State, Still};
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

/// Both grids with their captions, and how far the film has come.
pub fn draw(state: &State, inner: Rect, brief: bool, pictures: &dyn Pictures, buf: &mut Buffer) {
    let Some((film, still)) = state.shown_still() else {
        sentence(waiting(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    if brief {
        picture(PictureSlot::NoisyGrid, state.gallery.noisy(), inner, pictures, buf);
        picture(PictureSlot::CleanGrid, state.gallery.clean(), inner, pictures, buf);
        let [_, originals] = layout::reconstruction_brief(inner);
        let line = layout::denoising_brief(inner).timeline;
        let words = Words::new(&state.theme).joined_by(COLUMNS);
        let decoded = words.clone().add(Role::Noisy, "x̂").pair(
            Role::Dim,
            "a",
            Role::Accent,
            format!("{:.2}", share(film, still)),
        );
        let room = originals.x - line.x;
        buf.set_line(line.x, line.y, &decoded.fit(room.saturating_sub(1)), room);
        buf.set_line(originals.x, line.y, &words.add(Role::Clean, "x").fit(originals.width), originals.width);
        return;
    }
    if let Some(pair) = state.pair(inner) {
        let words = Words::new(&state.theme).joined_by(" ");
        let decoded = words.clone().add(Role::Noisy, "x̂").add(Role::Dim, between(film, still));
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
    let ascii = state.ascii;
    let (symbol, word, role) = match state.playback {
        _ if state.frozen.is_some() => ("=", "frozen", Role::Accent),
        Playback::Live if !state.controls.live.previews => ("·", "off", Role::Dim),
        Playback::Live => (if ascii { ">" } else { "▸" }, "live", Role::Good),
        Playback::Held => (if ascii { "=" } else { "‖" }, "held", Role::Accent),
        Playback::Playing => (if ascii { ">" } else { "▸" }, "playing", Role::Accent),
    };
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Dim, "a", Role::Accent, format!("{:.2}", share(film, still)))
        .add(role, format!("{symbol} {word}"))
        .add(Role::Dim, "z = (1 − a)·z_i + a·z_{i+1}");
    buf.set_line(pane.timeline.x, pane.timeline.y, &words.fit(pane.timeline.width), pane.timeline.width);
    let hidden = state.gallery.clean().map_or(0, |placed| film.num.saturating_sub(placed.shown));
    if hidden > 0 {
        let zoom = if state.zoomed { "" } else { "; z shows more" };
        let note = format!("{} of {}{zoom}", film.num - hidden, film.num);
        buf.set_stringn(pane.note.x, pane.note.y, note, usize::from(pane.note.width), state.theme.style(Role::Dim));
    }
}

/// How far the way has come.
fn share(film: &Film, still: &Still) -> f64 {
    still.index as f64 / film.total.max(1) as f64
}

fn between(film: &Film, still: &Still) -> String {
    match still.index {
        0 => "given back".into(),
        index if index == film.total => "the next, given back".into(),
        _ => format!("{:.0} % to the next", 100.0 * share(film, still)),
    }
}
