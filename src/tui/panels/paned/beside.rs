//! Settings of one run side by side, all at the cursor's t.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format::thousands;
use crate::tui::layout;
use crate::tui::panels::frame::{picture, sentence};
use crate::tui::panels::plane;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Beside, BesidePane, State};
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// "run · x̂_0 from the same noise · step 1,200 · t 430".
pub fn subtitle(state: &State, beside: &Beside) -> Words {
    let words = Words::new(&state.theme);
    let run = state.run_in(&beside.dir).and_then(|run| Some((run.name, run.color?)));
    let words = match run {
        Some((name, color)) => words.styled(state.theme.run(color), name),
        None => words,
    };
    words
        .add(Role::Clean, "x̂_0")
        .add(Role::Dim, "from the same noise")
        .maybe(Role::Dim, beside.step().map(|step| format!("step {}", thousands(step))))
        .add(Role::Dim, format!("t {}", state.cursor_t))
}

/// The panes, each with what it has otherwise, and a line under them.
pub fn draw(state: &State, beside: &Beside, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    if beside.is_empty() {
        return sentence("opening the newest weights that are kept …", inner, Role::Dim, &state.theme, buf);
    }
    let places = layout::panes(inner, beside.panes.len());
    let of_one_step = beside.step().is_some();
    let with_data = state.live.info.as_ref().is_some_and(|info| info.run_dir == beside.dir);
    for (i, (pane, (room, caption))) in beside.panes.iter().zip(&places).enumerate() {
        let still = pane.still_at(state.cursor_t).map(|(_, still)| still);
        let step = still.map(|still| still.step).filter(|_| !of_one_step);
        let words = label(state, pane).maybe(Role::Dim, step.map(|step| format!("step {}", thousands(step))));
        buf.set_line(caption.x, caption.y, &words.fit(caption.width), caption.width);
        match still {
            Some(still) => match &still.points {
                Some(points) => plane::among(state, &points.x_0, with_data, *room, buf),
                None => picture(PictureSlot::Compared(i as u8), state.gallery.compared(i), inner, pictures, buf),
            },
            None => {
                let text = pane.trouble.as_deref().unwrap_or("…");
                let role = if pane.trouble.is_some() { Role::Warning } else { Role::Dim };
                sentence(text, *room, role, &state.theme, buf);
            }
        }
    }
    let left_out = beside.panes.len() - places.len();
    let words = Words::new(&state.theme)
        .maybe(Role::Warning, (left_out > 0).then(|| format!("{left_out} more: z")))
        .maybe(Role::Dim, beside.step().map(|step| format!("weights of step {}", thousands(step))))
        .add(Role::Dim, "↑↓ t")
        .add(Role::Dim, "k plays")
        .add(Role::Dim, "g other noise")
        .add(Role::Dim, "Esc back");
    buf.set_line(inner.x, inner.bottom().saturating_sub(1), &words.fit(inner.width), inner.width);
}

/// "ddim · w 3".
fn label(state: &State, pane: &BesidePane) -> Words {
    pane.label.iter().enumerate().fold(Words::new(&state.theme), |words, (i, word)| match i {
        0 => words.add_shortened(Role::Text, word.clone(), 4),
        _ => words.add_shortened(Role::Text, word.clone(), 6),
    })
}
