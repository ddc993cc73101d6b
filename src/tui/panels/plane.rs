//! Data in the plane: the points on their way among the data, as points, densities, or with the field.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::window::Window;
use super::{plane_density, plane_field};
use crate::diffusion::NoiseLevel;
use crate::tui::chart::{Dots, Marker};
use crate::tui::format::{left, three_digits};
use crate::tui::state::{Curves, Film, Plane, PointsStill, PointsView, State, Still};
use crate::tui::theme::Role;
use crate::tui::words::Words;

/// The level of a still, for the window and for the data beside it.
fn level(state: &State, t: usize) -> NoiseLevel {
    match &state.curves {
        Some(curves) => curves.run.level(t as f64),
        None => NoiseLevel::CLEAN,
    }
}

/// What the two halves show.
pub fn captions(state: &State, still: &Still) -> (Words, Words) {
    let words = Words::new(&state.theme).joined_by(" ");
    // The room for longer numbers is behind them.
    let digits = (state.timesteps() - 1).to_string().len();
    let t = format!("at t {}", left(still.t.to_string(), digits));
    let reach = format!("±{}", three_digits(level(state, still.t).reach()));
    match state.plots.points_view {
        PointsView::Field => (
            words.clone().add(Role::Noisy, "x_t").add(Role::Text, "score ∇log p").add(Role::Dim, t),
            words.add(Role::Noisy, "x_t").add(Role::Text, "velocity −dx/du").add(Role::Dim, reach),
        ),
        _ => (
            words.clone().add(Role::Noisy, "x_t").add(Role::Dim, t).add(Role::Dim, reach),
            words.add(Role::Clean, "x̂_0").add(Role::Dim, "as the network estimates it, among the data"),
        ),
    }
}

/// Both halves.
pub fn full(state: &State, still: &Still, points: &PointsStill, rooms: (Rect, Rect), buf: &mut Buffer) {
    let at = level(state, still.t);
    let (noisy, clean) = (Window::within(rooms.0, at.reach()), Window::within(rooms.1, NoiseLevel::CLEAN.reach()));
    let none = Vec::new();
    let x_t = state.plane.as_ref().map_or(none, |plane| plane.x_t(at));
    let x_0 = state.plane.as_ref().map_or(&[][..], Plane::x_0);
    match state.plots.points_view {
        PointsView::Points => {
            layers(state, noisy, &[(Role::Clean, &x_t), (Role::Noisy, &points.x_t)], buf);
            layers(state, clean, &[(Role::Dim, x_0), (Role::Clean, estimate(still, points))], buf);
        }
        PointsView::Density => {
            plane_density::draw(state, noisy, (Role::Clean, &x_t), (Role::Noisy, &points.x_t), buf);
            plane_density::draw(state, clean, (Role::Dim, x_0), (Role::Clean, estimate(still, points)), buf);
        }
        PointsView::Field => {
            let right = Window::within(rooms.1, at.reach());
            for (window, arrows) in [(noisy, &points.field.score), (right, &points.field.velocity)] {
                layers(state, window, &[(Role::Noisy, &points.x_t)], buf);
                plane_field::draw(state, window, &points.field, arrows, buf);
            }
        }
    }
}

/// Before the first network call there is no estimate.
fn estimate<'a>(still: &Still, points: &'a PointsStill) -> &'a [f32] {
    if still.index == 0 { &[] } else { &points.x_0 }
}

/// The estimates among the data, small.
pub fn brief(state: &State, points: &PointsStill, room: Rect, buf: &mut Buffer) {
    let window = Window::within(room, NoiseLevel::CLEAN.reach());
    let x_0 = state.plane.as_ref().map_or(&[][..], Plane::x_0);
    layers(state, window, &[(Role::Dim, x_0), (Role::Clean, &points.x_0)], buf);
}

/// Any samples, among the data where they are of this run.
pub fn among(state: &State, points: &[f32], with_data: bool, room: Rect, buf: &mut Buffer) {
    let window = Window::within(room, NoiseLevel::CLEAN.reach());
    let x_0 = state.plane.as_ref().filter(|_| with_data).map_or(&[][..], Plane::x_0);
    if !window.area.is_empty() {
        layers(state, window, &[(Role::Dim, x_0), (Role::Clean, points)], buf);
    }
}

/// The data at the cursor's t, for the schedule panel.
pub fn forward(state: &State, data: &Plane, curves: &Curves, room: Rect, buf: &mut Buffer) {
    let at = curves.run.level(state.cursor_t.min(curves.timesteps() - 1) as f64);
    layers(state, Window::within(room, at.reach()), &[(Role::Noisy, &data.x_t(at))], buf);
}

/// Sets of points over each other, the last on top.
fn layers(state: &State, window: Window, sets: &[(Role, &[f32])], buf: &mut Buffer) {
    for (role, points) in sets {
        let mut dots = Dots::new(window.area, state.plots.marker);
        for point in points.chunks_exact(2) {
            if let Some(place) = window.place(point[0], point[1]) {
                let (x, y) = dots.dot(place);
                dots.set(x, y);
            }
        }
        dots.draw(state.theme.style(*role), buf);
    }
}

/// What the colours mean, and the key that shows more.
pub fn note(state: &State, film: &Film, words: Words) -> Words {
    let ascii = state.plots.marker == Marker::Ascii;
    let dot = if ascii { "o" } else { "●" };
    let view = state.plots.points_view;
    let strong = if state.theme.is_dark() { "bright" } else { "dark" };
    let words = match view {
        PointsView::Field => words
            .pair(Role::Noisy, dot, Role::Dim, "samples")
            .add(Role::Dim, format!("arrows: where the network sends a point, {strong} is fast")),
        _ => words.pair(Role::Noisy, dot, Role::Dim, format!("{} samples", film.num)).pair(
            Role::Clean,
            dot,
            Role::Dim,
            "the data, as noisy",
        ),
    };
    words.pair(Role::Text, "v", Role::Dim, view.next().name())
}
