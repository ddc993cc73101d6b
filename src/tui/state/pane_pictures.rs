//! The pictures of panes, and of the strip.

use ratatui::layout::Rect;

use super::composing::{Place, ground, made, place_images};
use super::gallery::{Frame, Gallery};
use super::learning::{Learner, Learning};
use super::panes::{Beside, BesidePane, Paned};
use super::screen::State;
use crate::tui::layout::{self, StripPane};
use crate::tui::pictures::Arrangement;
use crate::tui::words::{columns, shorten_run};

/// Between the words of a label, and what " · step 12,000" takes.
const JOINT: &str = " · ";
const STEP: usize = 14;
/// Columns of a run's name that tell it apart.
const NAME: usize = 16;

/// Brings them up to date; `inner` is the inside of the denoising panel.
pub fn refresh(state: &State, inner: Rect, gallery: &mut Gallery) {
    match &state.panes.shown {
        Paned::Nothing => gallery.compared.clear(),
        Paned::Beside(beside) => {
            let places = state.beside_places(beside, inner);
            gallery.compared.resize_with(places.len(), Frame::default);
            for (i, (pane, (room, _))) in beside.panes.iter().zip(&places).enumerate() {
                let shown = pane.still_at(state.cursor_t).filter(|(_, still)| still.points.is_none());
                let content = shown.map(|(film, still)| {
                    ([film.trajectory, still.index as u64, still.step, i as u64], still.x_0.as_slice(), film.num)
                });
                put(state, gallery, i, *room, content, beside.shape);
            }
        }
        Paned::Learning(learning) if learning.is_strip => {
            gallery.compared.resize_with(1, Frame::default);
            strip(state, learning, inner, gallery);
        }
        Paned::Learning(learning) => {
            let places = state.learning_places(learning, inner);
            gallery.compared.resize_with(places.len(), Frame::default);
            let step = learning.step().unwrap_or(0);
            for (i, (learner, (room, _))) in learning.learners.iter().zip(&places).enumerate() {
                let learned = learner.at_step(step);
                let moment = learned.and_then(|learned| learned.moment_at(state.cursor_t));
                let content =
                    learned.zip(moment).filter(|(_, moment)| moment.points.is_none()).map(|(learned, moment)| {
                        let content = [state.panes.round, moment.index as u64, learned.step, i as u64];
                        (content, moment.pixels.as_slice(), learned.num)
                    });
                put(state, gallery, i, *room, content, learner.shape);
            }
        }
    }
}

impl State {
    /// The places of settings side by side, with their captions: of two lines where one has no room for all labels.
    pub fn beside_places(&self, beside: &Beside, inner: Rect) -> Vec<(Rect, Rect)> {
        let places = |lines| layout::panes(inner, beside.panes.len(), lines);
        let of_one_step = beside.step().is_some();
        let width = |pane: &BesidePane| columns(&pane.label.join(JOINT)) + if of_one_step { 0 } else { STEP };
        let widest = beside.panes.iter().map(width).max().unwrap_or(0);
        let (one, two) = (places(1), places(2));
        let fits = one.iter().all(|(room, _)| usize::from(room.width) >= widest);
        if fits || two.len() < one.len() { one } else { two }
    }

    /// The places of runs through training time, with their captions; one alone has the whole room and no caption.
    pub fn learning_places(&self, learning: &Learning, inner: Rect) -> Vec<(Rect, Rect)> {
        let area = layout::learning(inner).pictures;
        match learning.learners.len() {
            1 => vec![(area, Rect { y: area.bottom(), height: 0, ..area })],
            n => {
                // The steps stand under the names where a line has no room for both.
                let (one, two) = (layout::grid(area, n, 1), layout::grid(area, n, 2));
                let name = |run: &Learner| columns(&shorten_run(&run.name, NAME)) + STEP;
                let widest = learning.learners.iter().map(name).max().unwrap_or(0);
                let fits = one.iter().all(|(room, _)| usize::from(room.width) >= widest);
                if fits || two.len() < one.len() { one } else { two }
            }
        }
    }

    /// Where everything of the strip is.
    pub fn strip_pane(&self, learning: &Learning, inner: Rect) -> StripPane {
        let area = layout::learning(inner).pictures;
        let learner = learning.learners.get(self.learner());
        let steps = learner.map_or(0, |learner| learner.steps.len());
        let moments = learning.times(self.learner()).len();
        let cell = learner.is_none_or(|learner| !learner.is_of_points()).then_some(self.cell_size);
        layout::strip(area, (steps, learner.map_or(0, |one| place_in(learning, one))), moments, cell)
    }
}

/// Which of a run's steps is the one that is seen.
fn place_in(learning: &Learning, learner: &Learner) -> usize {
    let step = learning.step().unwrap_or(0);
    learner.steps.partition_point(|learned| learned.step <= step).saturating_sub(1)
}

/// What a picture is made of: by what it is known, its pixels, and how many images they are.
type Content<'a> = ([u64; 4], &'a [u8], usize);

fn put(
    state: &State,
    gallery: &mut Gallery,
    i: usize,
    room: Rect,
    content: Option<Content>,
    shape: (usize, usize, usize),
) {
    let Some((content, pixels, num)) = content else {
        gallery.compared[i] = Frame::default();
        return;
    };
    let at = state.laid_out(room, (num, shape), 8);
    place(state, gallery, i, at, content, (pixels, num, shape));
}

fn place(
    state: &State,
    gallery: &mut Gallery,
    i: usize,
    at: Place,
    content: [u64; 4],
    images: (&[u8], usize, (usize, usize, usize)),
) {
    let now = made(state, at, content);
    if gallery.compared[i].made != Some(now) {
        gallery.compared[i].placed = place_images(state, images, at, &mut gallery.versions);
        gallery.compared[i].made = Some(now);
    }
}

/// The first sample of each step, at each moment.
fn strip(state: &State, learning: &Learning, inner: Rect, gallery: &mut Gallery) {
    let pane = state.strip_pane(learning, inner);
    let times = learning.times(state.learner());
    let learner = learning.learners.get(state.learner());
    let learner = learner.filter(|learner| !learner.is_of_points() && !pane.steps.is_empty());
    let Some(learner) = learner else {
        gallery.compared[0] = Frame::default();
        return;
    };
    let (height, width, channels) = learner.shape;
    let size = height * width * channels;
    let (columns, rows) = (pane.steps.len(), pane.rows);
    let (cell, pitch) = (state.cell_size, pane.pitch);
    let pixels = (usize::from(pitch.0) * usize::from(cell.0), usize::from(pitch.1) * usize::from(cell.1));
    let Some(tile) = tile((width, height), pixels, cell, state.needs_whole_cells()) else {
        gallery.compared[0] = Frame::default();
        return;
    };
    let images =
        Arrangement { shown: columns * rows, per_row: columns, tile, gap: (pixels.0 - tile.0, pixels.1 - tile.1) };
    let there: usize = learner.steps.iter().map(|step| step.moments.len()).sum();
    let shown = pane.steps.iter().fold(0u64, |hash, step| hash.wrapping_mul(31).wrapping_add(*step as u64));
    let content = [state.panes.round, there as u64, shown, (state.learner() << 32 | rows << 16 | columns) as u64];
    let (wide, high) = images.cells(cell);
    let area = Rect { width: wide, height: high, ..pane.pictures };
    let at: Place = (area.intersection(inner) == area).then_some((area, images));
    if gallery.compared[0].made == Some(made(state, at, content)) {
        return;
    }
    // In colour, so that what has not come has the ground's.
    let ground = ground(&state.theme);
    let mut all: Vec<u8> = ground.iter().copied().cycle().take(columns * rows * height * width * 3).collect();
    for (row, t) in pane.times(&times).into_iter().enumerate() {
        for (column, step) in pane.steps.iter().enumerate() {
            let moment = t.zip(learner.steps.get(*step)).and_then(|(t, step)| step.reached(t));
            let Some(first) = moment.and_then(|moment| moment.pixels.get(..size)) else { continue };
            let at = &mut all[(row * columns + column) * height * width * 3..][..height * width * 3];
            for (pixel, own) in at.chunks_exact_mut(3).zip(first.chunks_exact(channels.max(1))) {
                let color = if channels >= 3 { [own[0], own[1], own[2]] } else { [own[0]; 3] };
                pixel.copy_from_slice(&color);
            }
        }
    }
    place(state, gallery, 0, at, content, (&all, columns * rows, (height, width, 3)));
}

/// The pixels of one picture of the strip.
fn tile(
    (width, height): (usize, usize),
    room: (usize, usize),
    cell: (u16, u16),
    whole_cells: bool,
) -> Option<(usize, usize)> {
    if width == 0 || height == 0 {
        return None;
    }
    let cell = (usize::from(cell.0), usize::from(cell.1));
    let gap = if whole_cells { cell } else { ((cell.0 / 4).max(1), (cell.1 / 8).max(1)) };
    let room = (room.0.saturating_sub(gap.0), room.1.saturating_sub(gap.1));
    let fits = if room.0 * height <= room.1 * width {
        (room.0, room.0 * height / width)
    } else {
        (room.1 * width / height, room.1)
    };
    let fits = if whole_cells { (fits.0 - fits.0 % cell.0, fits.1 - fits.1 % cell.1) } else { fits };
    (fits.0 > 0 && fits.1 > 0).then_some(fits)
}
