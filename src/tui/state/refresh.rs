//! Making the pictures of the gallery anew, when what they show has changed.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::gallery::{Frame, Gallery, Made, Placed};
use super::screen::State;
use crate::random::{Stream, generator, normal};
use crate::tui::layout::{self, Density};
use crate::tui::panel::Panel;
use crate::tui::pictures::{Arrangement, Images, Picture, compose};
use crate::tui::theme::Theme;

/// The generator index of the noise in the forward-process picture: no sample of any run has it.
const ILLUSTRATION: u64 = u64::MAX;

/// Brings the pictures up to date with the state. Cheap when nothing has changed.
pub fn refresh(state: &mut State) {
    let Some(layout) = state.layout() else { return };
    let mut gallery = std::mem::take(&mut state.gallery);
    let schedule = layout.place(Panel::Schedule).filter(|p| p.density == Density::Full);
    let schedule = schedule.map_or(Rect::ZERO, |place| layout::schedule_full(place.inner()).picture);
    forward(state, &mut gallery, state.alone(schedule, 1, 1, false));
    let (noisy, clean) = match layout.place(Panel::Denoising) {
        Some(place) if place.density == Density::Full => {
            let pair = state.pair(place.inner());
            (pair.map(|pair| (pair.noisy, pair.images)), pair.map(|pair| (pair.clean, pair.images)))
        }
        Some(place) => {
            let room = layout::denoising_brief(place.inner()).pictures;
            (None, state.shown_still().and_then(|(film, _)| state.alone(room, film.num, 8, true)))
        }
        None => (None, None),
    };
    grids(state, &mut gallery, noisy, clean);
    state.gallery = gallery;
}

/// The cells of a picture, and where its images are in it.
type Place = Option<(Rect, Arrangement)>;

fn made(state: &State, place: Place, content: [u64; 3]) -> Made {
    let theme = (state.theme.name, state.theme.capability.has_colors());
    Made { place, cell: state.cell_size, theme, ground: ground(&state.theme), content }
}

/// The colour between and around the images: the background's, so that nothing is seen there, or what is likely to be
/// near it.
fn ground(theme: &Theme) -> [u8; 3] {
    match theme.is_dark() {
        _ if !theme.capability.has_colors() => [0; 3],
        true => theme.background().unwrap_or([0; 3]),
        false => theme.background().unwrap_or([255; 3]),
    }
}

fn forward(state: &State, gallery: &mut Gallery, at: Place) {
    let now = made(state, at, [state.plots.example as u64, state.cursor_t as u64, 0]);
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
        place(state, &bytes, 1, at, &mut gallery.versions)
    })();
    gallery.forward.made = Some(now);
}

fn grids(state: &State, gallery: &mut Gallery, noisy: Place, clean: Place) {
    let Some((film, still)) = state.shown_still() else {
        gallery.noisy = Frame::default();
        gallery.clean = Frame::default();
        return;
    };
    let content = [film.trajectory, still.index as u64, still.step];
    for (frame, at, pixels) in [(&mut gallery.noisy, noisy, &still.x_t), (&mut gallery.clean, clean, &still.x_0)] {
        let now = made(state, at, content);
        if frame.made != Some(now) {
            frame.placed = place(state, pixels, film.num, at, &mut gallery.versions);
            frame.made = Some(now);
        }
    }
}

fn place(state: &State, pixels: &[u8], n: usize, at: Place, versions: &mut u64) -> Option<Placed> {
    let (height, width, channels) = state.live.info.as_ref()?.image_shape;
    // Points are drawn as points.
    if state.plane.is_some() {
        return None;
    }
    let (area, images) = at?;
    let sheet =
        compose(&Images { pixels, n, height, width, channels }, &images, state.cell_size, ground(&state.theme))?;
    *versions += 1;
    let (width, height) = (sheet.width as u32, sheet.height as u32);
    let picture = Picture { version: *versions, width, height, rgb: Arc::new(sheet.rgb), images: Some(images) };
    Some(Placed { picture, area, shown: images.shown, per_row: images.per_row })
}
