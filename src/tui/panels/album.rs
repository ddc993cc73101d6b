//! The album: what a run has left of pictures, small in the order of their steps, or large.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::{border, picture, sentence};
use crate::tui::chart::Marker;
use crate::tui::format::thousands;
use crate::tui::layout;
use crate::tui::outline::outline;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Album, State};
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// Draws it over the whole of `area`.
pub fn album(state: &State, album: &Album, area: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let all = album.all();
    let snapshots = all.iter().filter(|left| left.is_snapshot()).count();
    let counted = |n: usize, one: &str| format!("{} {one}{}", thousands(n as u64), if n == 1 { "" } else { "s" });
    let words = Words::new(&state.theme).add(Role::Text, album.name.clone());
    let words = match album.pictures {
        Some(_) => words
            .add(Role::Dim, counted(snapshots, "snapshot"))
            .add(Role::Dim, counted(all.len() - snapshots, "preview")),
        None => words,
    };
    border(area, "Album", &words, true, state, buf);
    let Some(inner) = state.album_area().filter(|inner| !inner.is_empty()) else { return };
    if all.is_empty() {
        let text = match album.pictures {
            None => "looking for pictures …".to_string(),
            Some(_) => "this run has left no pictures yet: s saves a snapshot, preview.save_every previews".into(),
        };
        return sentence(&text, inner, Role::Dim, &state.theme, buf);
    }
    if album.open.is_some() {
        large(state, album, inner, pictures, buf)
    } else {
        small(state, album, inner, pictures, buf)
    }
}

/// A page of small ones.
fn small(state: &State, album: &Album, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let pane = layout::album(inner, album.all().len());
    let page = pane.page(album.chosen, album.all().len());
    let (first, end) = (page.start, page.end);
    for (i, at) in page.enumerate() {
        let (room, caption) = pane.place(i);
        show(state, album, (i, at), room, pictures, buf);
        let line = caption_of(state, album, at).fit(caption.width);
        buf.set_line(caption.x, caption.y, &line, caption.width);
    }
    let words = Words::new(&state.theme)
        .add(Role::Dim, format!("{}–{} of {}", first + 1, end, thousands(album.all().len() as u64)))
        .maybe(Role::Dim, beside(album));
    buf.set_line(pane.words.x, pane.words.y, &words.fit(pane.words.width), pane.words.width);
}

fn beside(album: &Album) -> Option<String> {
    let step = album.all().get(album.beside?)?.step;
    Some(format!("Enter puts the one under the cursor beside step {}", thousands(step)))
}

/// One, or two of them.
fn large(state: &State, album: &Album, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let shown = album.large();
    let places = layout::album_large(inner, shown.len());
    for (i, (at, (room, caption))) in shown.into_iter().zip(places).enumerate() {
        show(state, album, (i, at), room, pictures, buf);
        let words = caption_of(state, album, at);
        let words = match album.film_at(at, state.now) {
            Some((frames, nth)) => words.add(Role::Dim, format!("frame {} of {}", nth + 1, frames.len())),
            None if album.all()[at].is_snapshot() => words.add(Role::Dim, "reading the film …"),
            None => words.add(Role::Dim, "a preview has no film"),
        };
        buf.set_line(caption.x, caption.y, &words.fit(caption.width), caption.width);
    }
}

/// A picture, or that it is being read.
fn show(state: &State, album: &Album, (i, at): (usize, usize), room: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    match state.gallery.album(i).filter(|placed| placed.area.intersection(room) == placed.area) {
        Some(placed) => picture(PictureSlot::Album(i.min(255) as u8), Some(placed), room, pictures, buf),
        None => {
            outline(room, Role::Border, &state.theme, state.plots.marker, buf);
            let text = if album.picture(at).is_some() { "" } else { "…" };
            sentence(text, room, Role::Dim, &state.theme, buf);
        }
    }
}

/// "▸ ◆ step 6,000"; the one under the cursor in the accent's colour.
fn caption_of(state: &State, album: &Album, at: usize) -> Words {
    let ascii = state.plots.marker == Marker::Ascii;
    let chosen = at == album.chosen;
    let words = Words::new(&state.theme).joined_by(" ");
    let pointer = if ascii { ">" } else { "▸" };
    let words = words.add(Role::Accent, if chosen { pointer } else { " " });
    let Some(left) = album.all().get(at) else { return words };
    let kind = match (left.is_snapshot(), ascii) {
        (true, false) => "◆",
        (true, true) => "#",
        (false, _) => "·",
    };
    let role = if chosen { Role::Accent } else { Role::Text };
    words
        .add(Role::Strong, kind)
        .add(role, format!("step {}", thousands(left.step)))
        .maybe(Role::Accent, (album.beside == Some(at)).then(|| "beside".into()))
}
