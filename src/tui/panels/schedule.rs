//! The noise schedule, and what it does to one training image.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::{picture, sentence};
use super::{plane, schedule_chart};
use crate::tui::format::{right, three_digits};
use crate::tui::layout;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Curves, ScheduleView, State, TimeAxis};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// "ᾱ · β · √ᾱ √(1−ᾱ) · SNR", the shown one bright.
pub fn subtitle(state: &State) -> Words {
    ScheduleView::ALL.into_iter().fold(Words::new(&state.theme), |words, view| {
        let role = if view == state.plots.schedule_view { Role::Text } else { Role::Dim };
        words.add(role, view.name())
    })
}

/// The curves, the image at the cursor's t, and the numbers there.
pub fn full(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let Some(curves) = &state.curves else {
        sentence("the schedule is not known yet", inner, Role::Dim, &state.theme, buf);
        return;
    };
    let pane = layout::schedule_full(inner);
    schedule_chart::draw(state, curves, pane.chart, buf);
    buf.set_line(pane.readout.x, pane.readout.y, &readout(state, curves).fit(pane.readout.width), pane.readout.width);
    if pane.picture.is_empty() {
        return;
    }
    let caption = Words::new(&state.theme)
        .joined_by(" ")
        .add(Role::Noisy, "x_t")
        .add(Role::Dim, if state.plane.is_some() { "of the data" } else { "of a training image" });
    buf.set_line(pane.caption.x, pane.caption.y, &caption.fit(pane.caption.width), pane.caption.width);
    let formula = formula(state, curves).fit(pane.formula.width);
    if !pane.formula.is_empty() {
        buf.set_line(pane.formula.x, pane.formula.y, &formula, pane.formula.width);
    }
    if let Some(data) = &state.plane {
        plane::forward(state, data, curves, pane.picture, buf);
        return;
    }
    match state.gallery.forward() {
        Some(placed) => picture(PictureSlot::Forward, Some(placed), inner, pictures, buf),
        None => sentence("waiting for the data", pane.picture, Role::Dim, &state.theme, buf),
    }
}

/// The number at the cursor, and the curve.
pub fn brief(state: &State, inner: Rect, buf: &mut Buffer) {
    let Some(curves) = &state.curves else {
        sentence("not known yet", inner, Role::Dim, &state.theme, buf);
        return;
    };
    let t = state.cursor_t.min(curves.timesteps() - 1);
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Accent, "t", Role::Accent, right(t.to_string(), 3))
        .pair(Role::Dim, "ᾱ", Role::Strong, right(three_digits(curves.run.alphas_cumprod[t]), 6));
    buf.set_line(inner.x, inner.y, &words.fit(inner.width), inner.width);
    let curve = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    schedule_chart::sparkline(state, curves, curve, buf);
}

/// "t 430 · ᾱ 0.56 · β 0.0012 · SNR 1.05 dB · √ᾱ 0.75 · √(1−ᾱ) 0.66".
fn readout(state: &State, curves: &Curves) -> Words {
    let t = state.cursor_t.min(curves.timesteps() - 1);
    let run = &curves.run;
    Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Accent, "t", Role::Accent, right(t.to_string(), 3))
        .pair(Role::Dim, "ᾱ", Role::Text, right(three_digits(run.alphas_cumprod[t]), 7))
        .pair(Role::Dim, "β", Role::Text, right(three_digits(run.betas[t]), 7))
        .pair(Role::Dim, "SNR", Role::Text, right(format!("{} dB", three_digits(run.snr_db(t))), 9))
        .pair(Role::Dim, "log-SNR", Role::Text, right(three_digits(curves.read(TimeAxis::LogSnr, t)), 6))
        .pair(Role::Clean, "√ᾱ", Role::Text, right(three_digits(run.alpha(t)), 6))
        .pair(Role::Noisy, "√(1−ᾱ)", Role::Text, right(three_digits(run.sigma(t)), 6))
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
