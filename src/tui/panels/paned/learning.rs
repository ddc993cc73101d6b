//! One noise through training time: what runs could do at a step, and which steps there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::strip;
use crate::tui::chart::Marker;
use crate::tui::format::{right, thousands};
use crate::tui::layout;
use crate::tui::panels::frame::{picture, sentence};
use crate::tui::panels::plane;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Learner, Learning, State};
use crate::tui::theme::Role;
use crate::tui::words::{Words, shorten_run};

/// "through training · step 300 · 7 of 12 · t 0".
pub fn subtitle(state: &State, learning: &Learning) -> Words {
    let words = Words::new(&state.theme);
    if learning.is_strip {
        let run = learning.learners.get(state.learner()).and_then(|run| Some((run.name.clone(), run.color?)));
        let words = match run {
            Some((name, color)) => words.styled(state.theme.run(color), name),
            None => words,
        };
        return words.add(Role::Dim, "one noise through training").add(Role::Dim, "training → · denoising ↓");
    }
    where_it_stands(words.add(Role::Dim, "one noise through training"), learning, Role::Text)
        .add(Role::Dim, format!("t {}", state.cursor_t))
}

/// "step 300 · 7 of 12".
fn where_it_stands(words: Words, learning: &Learning, role: Role) -> Words {
    let Some(step) = learning.step() else { return words };
    words
        .add(role, format!("step {}", thousands(step)))
        .add(Role::Dim, format!("{} of {}", learning.at + 1, learning.steps.len()))
}

/// The samples, the steps, and a line about them.
pub fn draw(state: &State, learning: &Learning, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    if learning.steps.is_empty() {
        return sentence("looking for the steps that are kept …", inner, Role::Dim, &state.theme, buf);
    }
    let pane = layout::learning(inner);
    if learning.is_strip {
        strip::draw(state, learning, inner, pictures, buf);
    } else {
        let places = state.learning_places(learning, inner);
        for (i, (learner, (room, caption))) in learning.learners.iter().zip(&places).enumerate() {
            samples(state, learning, (i, learner), *room, (inner, pictures), buf);
            caption_of(state, learning, learner, *caption, buf);
        }
    }
    timeline(state, learning, pane.timeline, buf);
    let words = where_it_stands(Words::new(&state.theme), learning, Role::Text);
    let left_out = learning.learners.len() - state.learning_places(learning, inner).len();
    let ready = learning.ready();
    let computing = (ready < learning.steps.len()).then(|| format!("{ready} ready, sampling …"));
    let note = learning.learners.get(state.learner()).and_then(|learner| learner.note.clone());
    let words = words.maybe(Role::Text, stands_in(state, learning));
    let words = words
        .maybe(Role::Warning, (left_out > 0 && !learning.is_strip).then(|| format!("{left_out} more runs: z")))
        .maybe(Role::Text, computing)
        .add(Role::Dim, "←→ training")
        .add(Role::Dim, "T back")
        .add(Role::Dim, if learning.is_strip { "A one step" } else { "A all at once" })
        .add(Role::Dim, "k film")
        .add(Role::Dim, "↑↓ t");
    let words = match note {
        Some(note) => words.add_shortened(Role::Warning, note, 20),
        None => words,
    };
    buf.set_line(pane.note.x, pane.note.y, &words.fit(pane.note.width), pane.note.width);
}

/// In the strip, where the run has not kept the step that is chosen: which of its own stands for it.
fn stands_in(state: &State, learning: &Learning) -> Option<String> {
    let learner = learning.learners.get(state.learner()).filter(|_| learning.is_strip)?;
    let step = learning.step()?;
    match learner.at_step(step) {
        Some(learned) if learned.step == step => None,
        Some(learned) => Some(format!("nearest here: {}", thousands(learned.step))),
        None => Some(format!("its first kept step is {}", thousands(learner.steps.first()?.step))),
    }
}

/// What a run could do at the step.
fn samples(
    state: &State,
    learning: &Learning,
    (i, learner): (usize, &Learner),
    room: Rect,
    (inner, pictures): (Rect, &dyn Pictures),
    buf: &mut Buffer,
) {
    let step = learning.step().unwrap_or(0);
    let learned = learner.at_step(step);
    match learned.and_then(|learned| learned.moment_at(state.cursor_t)) {
        Some(moment) => match &moment.points {
            Some(points) => {
                let with_data = state.live.info.as_ref().is_some_and(|info| info.run_dir == learner.dir);
                plane::among(state, points, with_data, room, buf);
            }
            None => picture(PictureSlot::Compared(i as u8), state.gallery.compared(i), inner, pictures, buf),
        },
        None => {
            let (text, role) = match (learned.and_then(|learned| learned.trouble.clone()), learner.steps.first()) {
                (Some(why), _) => (why, Role::Warning),
                (None, None) => (learner.note.clone().unwrap_or_else(|| "…".into()), Role::Dim),
                (None, Some(first)) if first.step > step => {
                    (format!("its first kept step is {}", thousands(first.step)), Role::Dim)
                }
                _ => ("…".into(), Role::Dim),
            };
            sentence(&text, room, role, &state.theme, buf);
        }
    }
}

/// "name · step 200", or the step under the name.
fn caption_of(state: &State, learning: &Learning, learner: &Learner, caption: Rect, buf: &mut Buffer) {
    if caption.is_empty() {
        return;
    }
    let words = Words::new(&state.theme);
    let step = learner.at_step(learning.step().unwrap_or(0)).map(|learned| format!("step {}", thousands(learned.step)));
    let below = caption.height > 1;
    let beside = if below { 0 } else { step.as_ref().map_or(0, |step| step.len() + 3) };
    let name = shorten_run(&learner.name, usize::from(caption.width).saturating_sub(beside).max(4));
    let words = match learner.color {
        Some(color) => words.styled(state.theme.run(color), name),
        None => words.add(Role::Text, name),
    };
    if let Some(step) = step.as_ref().filter(|_| below) {
        let width = usize::from(caption.width);
        buf.set_stringn(caption.x, caption.y + 1, step, width, state.theme.style(Role::Dim));
    }
    let words = words.maybe(Role::Dim, step.filter(|_| !below));
    buf.set_line(caption.x, caption.y, &words.fit(caption.width), caption.width);
}

/// "1 •──•──●──·──· 9,000": the steps that are kept, those that are ready, and the one that is seen.
fn timeline(state: &State, learning: &Learning, line: Rect, buf: &mut Buffer) {
    let bar = layout::learning_bar(line);
    if bar.width < 4 || line.height == 0 {
        return;
    }
    let (theme, n) = (&state.theme, learning.steps.len());
    let side = usize::from(bar.x - line.x).saturating_sub(1);
    let (first, last) = (thousands(learning.steps[0]), thousands(learning.steps[n - 1]));
    buf.set_stringn(line.x, line.y, right(first, side), side, theme.style(Role::Dim));
    let ascii = state.plots.marker == Marker::Ascii;
    let (between, waiting, ready, knob) = if ascii { ("-", ".", "*", "o") } else { ("─", "·", "•", "●") };
    // A single step goes from nowhere to nowhere.
    if n > 1 {
        buf.set_stringn(bar.right() + 1, bar.y, last, side, theme.style(Role::Dim));
        for x in 0..bar.width {
            buf.set_string(bar.x + x, bar.y, between, theme.style(Role::Border));
        }
    }
    for at in 0..n {
        let x = bar.x + layout::step_place(at, n, bar.width);
        let (symbol, role) = if learning.is_ready(at) { (ready, Role::Text) } else { (waiting, Role::Dim) };
        buf.set_string(x, bar.y, symbol, theme.style(role));
    }
    let x = bar.x + layout::step_place(learning.at, n, bar.width);
    buf.set_string(x, bar.y, knob, theme.style(Role::Accent));
}
