//! Settings of one run side by side, all at the cursor's t.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format::thousands;
use crate::tui::panels::frame::{picture, sentence};
use crate::tui::panels::plane;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Beside, BesidePane, State};
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// "run · x̂_0 from the same noise · t 430".
pub fn subtitle(state: &State, beside: &Beside) -> Words {
    let words = Words::new(&state.theme);
    let run = state.run_in(&beside.dir).and_then(|run| Some((run.name, run.color?)));
    let words = match run {
        Some((name, color)) => words.styled(state.theme.run(color), name),
        None => words,
    };
    words.add(Role::Clean, "x̂_0").add(Role::Dim, "from the same noise").add(Role::Dim, format!("t {}", state.cursor_t))
}

/// The panes, each with what it has otherwise, and a line under them.
pub fn draw(state: &State, beside: &Beside, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    if beside.is_empty() {
        return sentence("opening the newest weights that are kept …", inner, Role::Dim, &state.theme, buf);
    }
    let places = state.beside_places(beside, inner);
    let of_one_step = beside.step().is_some();
    let with_data = state.live.info.as_ref().is_some_and(|info| info.run_dir == beside.dir);
    for (i, (pane, (room, caption))) in beside.panes.iter().zip(&places).enumerate() {
        let still = pane.still_at(state.cursor_t).map(|(_, still)| still);
        let step = still.map(|still| still.step).filter(|_| !of_one_step);
        for (y, line) in (caption.y..caption.bottom()).zip(label(state, pane, step, *caption)) {
            buf.set_line(caption.x, y, &line.fit(caption.width), caption.width);
        }
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
        .maybe(Role::Dim, is_behind(state, beside).then(|| "K keeps those of now".into()))
        .add(Role::Dim, "↑↓ t")
        .add(Role::Dim, "k plays")
        .add(Role::Dim, "g other noise")
        .add(Role::Dim, "Esc back");
    buf.set_line(inner.x, inner.bottom().saturating_sub(1), &words.fit(inner.width), inner.width);
}

/// Has the run that trains here gone on since the weights were kept?
fn is_behind(state: &State, beside: &Beside) -> bool {
    let is_here = state.live.info.as_ref().is_some_and(|info| info.run_dir == beside.dir);
    let now = state.live.history.latest.as_ref().map(|record| record.step);
    is_here && state.trains_here() && beside.step().is_some() && beside.step() < now
}

/// "ddim · w 3", in as many lines as there are.
fn label(state: &State, pane: &BesidePane, step: Option<u64>, caption: Rect) -> Vec<Words> {
    let mut lines: Vec<(Words, usize)> = vec![(Words::new(&state.theme), 0)];
    let step = step.map(|step| (Role::Dim, format!("step {}", thousands(step))));
    let words = pane.label.iter().map(|word| (Role::Text, word.clone())).chain(step);
    for (role, word) in words {
        let Some((line, n)) = lines.pop() else { break };
        let more = line.clone().add(role, word.clone());
        if n == 0 || more.width() <= usize::from(caption.width) || lines.len() + 1 >= usize::from(caption.height) {
            let shortened = line.add_shortened(role, word, 4);
            lines.push((shortened, n + 1));
        } else {
            lines.push((line, n));
            lines.push((Words::new(&state.theme).add_shortened(role, word, 4), 1));
        }
    }
    lines.into_iter().map(|(line, _)| line).collect()
}
