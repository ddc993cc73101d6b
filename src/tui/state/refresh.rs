//! Making the pictures of the gallery anew, when what they show has changed.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::gallery::{Frame, Gallery, Made, Placed};
use super::screen::State;
use crate::random::{Stream, generator, normal};
use crate::tui::layout::{self, Density};
use crate::tui::panel::Panel;
use crate::tui::pictures::{GridRoom, Images, Picture, grid};
use crate::tui::theme::Theme;

/// The generator index of the noise in the forward-process picture: no sample of any run has it.
const ILLUSTRATION: u64 = u64::MAX;

/// Brings the pictures up to date with the state. Cheap when nothing has changed.
pub fn refresh(state: &mut State) {
    let Some(layout) = state.layout() else { return };
    let mut gallery = std::mem::take(&mut state.gallery);
    let (mut schedule, mut denoising, mut smallest) = (Rect::ZERO, layout::DenoisingPane::default(), 10);
    if let Some(place) = layout.place(Panel::Schedule).filter(|p| p.density == Density::Full) {
        schedule = layout::schedule_full(place.inner()).picture;
    }
    if let Some(place) = layout.place(Panel::Denoising) {
        denoising = match place.density {
            Density::Full => layout::denoising_full(place.inner()),
            Density::Brief => layout::denoising_brief(place.inner()),
        };
        if place.density == Density::Brief {
            smallest = 8;
        }
    }
    forward(state, &mut gallery, schedule);
    grids(state, &mut gallery, denoising, smallest);
    state.gallery = gallery;
}

fn made(state: &State, room: Rect, content: [u64; 3]) -> Made {
    let theme = (state.theme.name, state.theme.capability.has_colors());
    Made { room, cell: state.cell_size, theme, around: around(&state.theme), content }
}

fn gap_color(theme: &Theme) -> [u8; 3] {
    match theme.is_dark() {
        _ if !theme.capability.has_colors() => [0; 3],
        true => [44, 48, 58],
        false => [196, 199, 206],
    }
}

/// The colour around the images: the background's, so that nothing is seen there, or what is likely
/// to be near it.
fn around(theme: &Theme) -> [u8; 3] {
    match theme.is_dark() {
        _ if !theme.capability.has_colors() => [0; 3],
        true => theme.background().unwrap_or([0; 3]),
        false => theme.background().unwrap_or([255; 3]),
    }
}

fn forward(state: &State, gallery: &mut Gallery, room: Rect) {
    let now = made(state, room, [state.plots.example as u64, state.cursor_t as u64, 0]);
    if gallery.forward.made == Some(now) && gallery.forward.placed.is_some() {
        return;
    }
    gallery.forward.placed = (|| {
        let info = state.live.info.as_ref()?;
        let curves = state.curves.as_ref()?;
        let example = info.examples.get(state.plots.example % info.examples.len().max(1))?;
        if gallery.noise.len() != example.len() {
            let mut rng = generator(info.config.seed, Stream::Sampling, ILLUSTRATION);
            gallery.noise = Arc::new(normal(&mut rng, example.len()));
        }
        let t = state.cursor_t.min(curves.timesteps() - 1);
        let (alpha, sigma) = (curves.run.alpha(t) as f32, curves.run.sigma(t) as f32);
        let bytes: Vec<u8> = example
            .iter()
            .zip(gallery.noise.iter())
            .map(|(x, e)| (((alpha * x + sigma * e).clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8)
            .collect();
        place(state, &bytes, 1, room, 1, &mut gallery.versions)
    })();
    gallery.forward.made = Some(now);
}

fn grids(state: &State, gallery: &mut Gallery, pane: layout::DenoisingPane, smallest: usize) {
    let Some((film, still)) = state.shown_still() else {
        gallery.noisy = Frame::default();
        gallery.clean = Frame::default();
        return;
    };
    let content = [film.trajectory, still.index as u64, film.step];
    for (frame, room, pixels) in
        [(&mut gallery.noisy, pane.noisy, &still.x_t), (&mut gallery.clean, pane.clean, &still.x_0)]
    {
        let now = made(state, room, content);
        if frame.made != Some(now) {
            frame.placed = place(state, pixels, film.num, room, smallest, &mut gallery.versions);
            frame.made = Some(now);
        }
    }
}

fn place(state: &State, pixels: &[u8], n: usize, room: Rect, smallest: usize, versions: &mut u64) -> Option<Placed> {
    let (height, width, channels) = state.live.info.as_ref()?.image_shape;
    // Points are drawn as points.
    if state.plane.is_some() {
        return None;
    }
    let canvas = GridRoom {
        columns: room.width,
        rows: room.height,
        cell: state.cell_size,
        gap_color: gap_color(&state.theme),
        around: around(&state.theme),
        smallest,
    };
    let grid = grid(&Images { pixels, n, height, width, channels }, &canvas)?;
    *versions += 1;
    let area = Rect { width: grid.columns, height: grid.rows, ..room };
    let picture =
        Picture { version: *versions, width: grid.width as u32, height: grid.height as u32, rgb: Arc::new(grid.rgb) };
    Some(Placed { picture, area, shown: grid.shown, per_row: grid.per_row })
}
