//! The noise schedule, and what it does to one training image.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::{picture, sentence};
use super::{plane, schedule_chart};
use crate::config::PathName;
use crate::tui::format::{left, three_digits};
use crate::tui::layout;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Curves, Quantity, ScheduleView, State};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// "ᾱ · β · √ᾱ √(1−ᾱ) · SNR", the shown one bright; of other paths what they have.
pub fn subtitle(state: &State) -> Words {
    let path = state.curves.as_ref().map_or(PathName::Vp, Curves::path);
    let shown = state.plots.schedule_view.on(path);
    ScheduleView::all(path).iter().fold(Words::new(&state.theme), |words, view| {
        let role = if *view == shown { Role::Text } else { Role::Dim };
        words.add(role, view.name(path))
    })
}

/// The curves, the image at the cursor's t, and the numbers there.
pub fn full(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let Some(curves) = &state.curves else {
        sentence("the schedule is not known yet", inner, Role::Dim, &state.theme, buf);
        return;
    };
    let pane = layout::schedule_full(inner);
    schedule_chart::draw(state, curves, pane.chart, pictures, buf);
    buf.set_line(pane.readout.x, pane.readout.y, &readout(state, curves).fit(pane.readout.width), pane.readout.width);
    if pane.picture.is_empty() {
        return;
    }
    let caption = Words::new(&state.theme).joined_by(" ").add(Role::Noisy, "x_t").add(
        Role::Dim,
        match (state.plane.is_some(), state.diffuses_latents()) {
            (true, _) => "of the data",
            (_, true) => "of an image's latents",
            _ => "of a training image",
        },
    );
    buf.set_line(pane.caption.x, pane.caption.y, &caption.fit(pane.caption.width), pane.caption.width);
    if !pane.formula.is_empty() {
        // Right under the picture, which may be lower than its room.
        let below = state.gallery.forward().filter(|placed| placed.area.y == pane.picture.y);
        let y = below.map_or(pane.formula.y, |placed| placed.area.bottom().min(pane.formula.y));
        buf.set_line(pane.formula.x, y, &formula(state, curves).fit(pane.formula.width), pane.formula.width);
    }
    if let Some(data) = &state.plane {
        plane::forward(state, data, curves, pane.picture, buf);
        return;
    }
    match state.gallery.forward() {
        Some(placed) => picture(PictureSlot::Forward, Some(placed), inner, pictures, buf),
        None if state.lacks_latents() => {
            sentence("its autoencoder can't be read", pane.picture, Role::Dim, &state.theme, buf);
        }
        None => sentence("waiting for the data", pane.picture, Role::Dim, &state.theme, buf),
    }
}

/// The number at the cursor, and the curve.
pub fn brief(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let Some(curves) = &state.curves else {
        sentence("not known yet", inner, Role::Dim, &state.theme, buf);
        return;
    };
    let t = state.cursor_t.min(curves.timesteps() - 1);
    let main = Quantity::main(curves.path());
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Accent, "t", Role::Accent, at_cursor(curves, t))
        .pair(Role::Dim, main.symbol(curves.path()), Role::Strong, three_digits(curves.value(main, t)));
    buf.set_line(inner.x, inner.y, &words.fit(inner.width), inner.width);
    let curve = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    schedule_chart::sparkline(state, curves, curve, pictures, buf);
}

/// A t, with room at its end for the longest.
fn at_cursor(curves: &Curves, t: usize) -> String {
    left(t.to_string(), (curves.timesteps() - 1).to_string().len())
}

/// "t 430 · ᾱ 0.56 · β 0.0012 · SNR 1.05 dB · √ᾱ 0.75 · √(1−ᾱ) 0.66", or what else the path has.
fn readout(state: &State, curves: &Curves) -> Words {
    let (t, path) = (state.cursor_t.min(curves.timesteps() - 1), curves.path());
    let words = Words::new(&state.theme).joined_by(COLUMNS).pair(Role::Accent, "t", Role::Accent, at_cursor(curves, t));
    Quantity::all(path).iter().fold(words, |words, &quantity| {
        let value = three_digits(curves.value(quantity, t));
        // Room behind the number, so that the next one stands still.
        let value = if quantity == Quantity::Snr { left(value + " dB", 9) } else { left(value, 6) };
        let role = match quantity {
            Quantity::Alpha => Role::Clean,
            Quantity::Sigma => Role::Noisy,
            _ => Role::Dim,
        };
        words.pair(role, quantity.symbol(path), Role::Text, value)
    })
}

/// "0.75 x_0 + 0.66 ε": what the picture is made of.
fn formula(state: &State, curves: &Curves) -> Words {
    let t = state.cursor_t.min(curves.timesteps() - 1);
    Words::new(&state.theme)
        .joined_by(" ")
        .add(Role::Dim, "=")
        .add(Role::Text, format!("{:.2}", curves.run.alpha(t)))
        .add(Role::Clean, "x_0")
        .add(Role::Dim, "+")
        .add(Role::Text, format!("{:.2}", curves.run.sigma(t)))
        .add(Role::Noisy, "ε")
}
