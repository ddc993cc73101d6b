//! The runs' samples side by side: all from the same noise, all at the cursor's t.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::chart::{Dots, Marker};
use crate::tui::format::thousands;
use crate::tui::layout;
use crate::tui::panels::frame::{picture, sentence};
use crate::tui::panels::window::Window;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{PointsStill, State};
use crate::tui::theme::Role;
use crate::tui::words::{Words, shorten_run};

/// "x̂_0 from the same noise · t 430".
pub fn subtitle(state: &State) -> Words {
    let words = Words::new(&state.theme);
    if state.compared().iter().all(|run| run.films.newest().is_none()) {
        return words;
    }
    words.add(Role::Clean, "x̂_0").add(Role::Dim, "from the same noise").add(Role::Dim, format!("t {}", state.cursor_t))
}

/// Samples with names under them.
pub fn draw(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let runs = state.compared();
    if runs.iter().all(|run| run.films.newest().is_none()) {
        let text = match state.noise_drawn {
            0 => "g samples the newest checkpoint of each run, all from the same noise",
            _ => "opening the newest checkpoints …",
        };
        return sentence(text, inner, Role::Dim, &state.theme, buf);
    }
    let places = layout::compared_samples(inner, runs.len());
    for (i, (run, (room, caption))) in runs.iter().zip(&places).enumerate() {
        let style = state.theme.run(run.color);
        let name = shorten_run(&run.name, usize::from(caption.width));
        let still = run.still_at(state.cursor_t, state.timesteps());
        let words = Words::new(&state.theme).styled(style, name);
        let words = match &still {
            Some((_, still)) => words.add(Role::Dim, format!("step {}", thousands(still.step))),
            None => words,
        };
        buf.set_line(caption.x, caption.y, &words.fit(caption.width), caption.width);
        match still {
            Some((_, still)) => match &still.points {
                Some(points) => scatter(state, run.color, points, *room, buf),
                None => picture(PictureSlot::Compared(i as u8), state.gallery.compared(i), inner, pictures, buf),
            },
            None => {
                let text = run.trouble.clone().unwrap_or_else(|| "…".into());
                sentence(&text, *room, Role::Dim, &state.theme, buf);
            }
        }
    }
    let left_out = runs.len() - places.len();
    let words = Words::new(&state.theme)
        .maybe(Role::Dim, (left_out > 0).then(|| format!("{left_out} more: z")))
        .add(Role::Dim, "↑↓ through t")
        .add(Role::Dim, "k plays")
        .add(Role::Dim, "g other noise");
    buf.set_line(inner.x, inner.bottom().saturating_sub(1), &words.fit(inner.width), inner.width);
}

/// Points as dots.
fn scatter(state: &State, color: usize, points: &PointsStill, room: Rect, buf: &mut Buffer) {
    let window = Window::within(room, f64::from(points.field.reach).max(1e-3));
    if window.area.is_empty() {
        return;
    }
    let marker = if state.plots.marker == Marker::Ascii { Marker::Ascii } else { Marker::Braille };
    let mut dots = Dots::new(window.area, marker);
    for point in points.x_0.chunks_exact(2) {
        if let Some(at) = window.place(point[0], point[1]) {
            let (x, y) = dots.dot(at);
            dots.set(x, y);
        }
    }
    dots.draw(state.theme.run(color), buf);
}
