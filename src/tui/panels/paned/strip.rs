//! All steps at once: training from left to right, denoising downwards, of the first sample (of points: all).

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format::{right, thousands};
use crate::tui::panels::frame::{picture, sentence};
use crate::tui::panels::plane;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Learning, State};
use crate::tui::theme::Role;
use crate::tui::words::columns;

/// Draws it; the step and the t that are chosen stand in the accent's colour.
pub fn draw(state: &State, learning: &Learning, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let theme = &state.theme;
    let times = learning.times(state.learner());
    let pane = state.strip_pane(learning, inner);
    let Some(learner) = learning.learners.get(state.learner()).filter(|learner| !learner.steps.is_empty()) else {
        let note = learning.learners.get(state.learner()).and_then(|learner| learner.note.as_deref());
        return sentence(note.unwrap_or("…"), inner, Role::Dim, theme, buf);
    };
    if pane.steps.is_empty() {
        let text = if times.is_empty() { "…" } else { "too small for a strip: z" };
        return sentence(text, inner, Role::Dim, theme, buf);
    }
    let seen = learner.at_step(learning.step().unwrap_or(0)).map(|learned| learned.step);
    for (column, &at) in pane.steps.iter().enumerate() {
        let step = learner.steps[at].step;
        let role = if Some(step) == seen { Role::Accent } else { Role::Dim };
        let place = pane.place(column, 0);
        let width = usize::from(place.width);
        buf.set_stringn(place.x, pane.head.y, short(step, width), width, theme.style(role));
    }
    let rows = pane.times(&times);
    let chosen = rows.iter().rev().flatten().min_by_key(|t| t.abs_diff(state.cursor_t)).copied();
    for (row, &t) in rows.iter().enumerate() {
        let place = pane.place(0, row);
        let role = if t.is_some() && t == chosen { Role::Accent } else { Role::Dim };
        let text = match t {
            _ if row == 0 && rows.len() > 1 => "noise".into(),
            Some(t) => format!("t {t}"),
            None => "…".into(),
        };
        let width = usize::from(pane.labels.width.saturating_sub(1));
        let y = place.y + place.height.saturating_sub(1) / 2;
        buf.set_stringn(pane.labels.x, y, right(text, width), width, theme.style(role));
    }
    if !learner.is_of_points() {
        return picture(PictureSlot::Compared(0), state.gallery.compared(0), inner, pictures, buf);
    }
    for (column, &at) in pane.steps.iter().enumerate() {
        for (row, &t) in rows.iter().enumerate() {
            let place = pane.place(column, row);
            let room = Rect { height: place.height.saturating_sub(u16::from(place.height > 3)), ..place };
            let moment = t.and_then(|t| learner.steps[at].reached(t));
            if let Some(points) = moment.and_then(|moment| moment.points.as_ref()) {
                plane::among(state, points, false, room, buf);
            }
        }
    }
}

/// A step in so many columns: "3,000", "30k".
fn short(step: u64, width: usize) -> String {
    let whole = thousands(step);
    if columns(&whole) <= width {
        return whole;
    }
    match step {
        0..1_000 => whole,
        1_000..1_000_000 if step.is_multiple_of(1000) || step >= 10_000 => format!("{}k", step / 1000),
        1_000..1_000_000 => format!("{:.1}k", step as f64 / 1000.0),
        _ => format!("{}M", step / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_short_where_there_is_little_room() {
        assert_eq!(short(300, 5), "300");
        assert_eq!(short(3_000, 5), "3,000");
        assert_eq!((short(3_000, 4), short(1_500, 4), short(30_000, 5)), ("3k".into(), "1.5k".into(), "30k".into()));
        assert_eq!(short(2_000_000, 5), "2M");
    }
}
