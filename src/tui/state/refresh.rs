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
    if let Some(area) = state.album_area() {
        album_pictures(state, area, &mut gallery);
        state.gallery = gallery;
        return;
    }
    gallery.album.clear();
    if state.is_comparing() {
        let place = layout.place(Panel::Denoising).map(|place| place.inner());
        compared(state, place.unwrap_or_default(), &mut gallery);
        state.gallery = gallery;
        return;
    }
    gallery.compared.clear();
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

fn made(state: &State, place: Place, content: [u64; 4]) -> Made {
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
    let now = made(state, at, [state.plots.example as u64, state.cursor_t as u64, 0, 0]);
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
    let content = [film.trajectory, still.index as u64, still.step, 0];
    for (frame, at, pixels) in [(&mut gallery.noisy, noisy, &still.x_t), (&mut gallery.clean, clean, &still.x_0)] {
        let now = made(state, at, content);
        if frame.made != Some(now) {
            frame.placed = place(state, pixels, film.num, at, &mut gallery.versions);
            frame.made = Some(now);
        }
    }
}

fn place(state: &State, pixels: &[u8], n: usize, at: Place, versions: &mut u64) -> Option<Placed> {
    // Points are drawn as points.
    let shape = state.live.info.as_ref().filter(|_| state.plane.is_none())?.image_shape;
    place_images(state, (pixels, n, shape), at, versions)
}

/// `n` images of a shape, as bytes, in their place.
fn place_images(
    state: &State,
    (pixels, n, (height, width, channels)): (&[u8], usize, (usize, usize, usize)),
    at: Place,
    versions: &mut u64,
) -> Option<Placed> {
    let (area, images) = at?;
    let sheet =
        compose(&Images { pixels, n, height, width, channels }, &images, state.cell_size, ground(&state.theme))?;
    *versions += 1;
    let (width, height) = (sheet.width as u32, sheet.height as u32);
    let picture = Picture { version: *versions, width, height, rgb: Arc::new(sheet.rgb), images: Some(images) };
    Some(Placed { picture, area, shown: images.shown, per_row: images.per_row })
}

/// The samples of the runs that are compared, all at the cursor's t.
fn compared(state: &State, inner: Rect, gallery: &mut Gallery) {
    let runs = state.compared();
    gallery.compared.resize_with(runs.len(), Frame::default);
    let places = layout::compared_samples(inner, runs.len());
    for (i, run) in runs.iter().enumerate() {
        let frame = &mut gallery.compared[i];
        let still = run.still_at(state.cursor_t, state.timesteps());
        let (Some((film, still)), Some((room, _))) = (still, places.get(i)) else {
            *frame = Frame::default();
            continue;
        };
        if still.points.is_some() {
            *frame = Frame::default();
            continue;
        }
        let at = state.laid_out(*room, (film.num, run.shape), 8);
        let now = made(state, at, [film.trajectory, still.index as u64, still.step, run.color as u64]);
        if frame.made != Some(now) {
            frame.placed = place_images(state, (&still.x_0, film.num, run.shape), at, &mut gallery.versions);
            frame.made = Some(now);
        }
    }
}

/// The pictures on the page of the album, or those that are large.
fn album_pictures(state: &State, area: Rect, gallery: &mut Gallery) {
    let Some(album) = &state.album else { return };
    let wanted: Vec<(usize, Rect)> = match album.open {
        Some(_) => {
            let large = album.large();
            let places = layout::album_large(area, large.len());
            large.into_iter().zip(places.into_iter().map(|(picture, _)| picture)).collect()
        }
        None => {
            let pane = layout::album(area, album.all().len());
            pane.page(album.chosen, album.all().len()).enumerate().map(|(i, at)| (at, pane.place(i).0)).collect()
        }
    };
    gallery.album.resize_with(wanted.len(), Frame::default);
    for ((at, room), frame) in wanted.into_iter().zip(&mut gallery.album) {
        let film = album.film_at(at, state.now);
        let picture = match film {
            Some((frames, nth)) => frames.get(nth),
            None => album.picture(at).map(|picture| picture.as_ref()),
        };
        let Some(picture) = picture else {
            *frame = Frame::default();
            continue;
        };
        let shape = (picture.height() as usize, picture.width() as usize, 3);
        let place = state.laid_out(room, (1, shape), 1);
        let nth = film.map_or(0, |(_, nth)| nth as u64 + 1);
        let now = made(state, place, [at as u64, nth, u64::from(album.open.is_some()), album.all().len() as u64]);
        if frame.made != Some(now) {
            frame.placed = place_images(state, (picture.as_raw(), 1, shape), place, &mut gallery.versions);
            frame.made = Some(now);
        }
    }
}
