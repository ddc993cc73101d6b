//! Making the pictures of the gallery anew, when what they show has changed.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::composing::{Place, made, place_images};
use super::gallery::{Frame, Gallery, Placed};
use super::pane_pictures;
use super::screen::State;
use crate::random::{Stream, generator, normal};
use crate::tui::layout::{self, Density};
use crate::tui::panel::Panel;

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
    let denoising = layout.place(Panel::Denoising).map(|place| place.inner()).unwrap_or_default();
    if state.is_paned() {
        pane_pictures::refresh(state, denoising, &mut gallery);
    } else if state.is_comparing() {
        compared(state, denoising, &mut gallery);
    } else {
        gallery.compared.clear();
    }
    if state.is_comparing() {
        state.gallery = gallery;
        return;
    }
    let schedule = layout.place(Panel::Schedule).filter(|p| p.density == Density::Full);
    let schedule = schedule.map_or(Rect::ZERO, |place| layout::schedule_full(place.inner()).picture);
    forward(state, &mut gallery, schedule);
    let (noisy, clean) = match layout.place(Panel::Denoising) {
        _ if state.is_paned() => (None, None),
        Some(place) if place.density == Density::Full => {
            let pair = state.pair(place.inner());
            (pair.map(|pair| (pair.noisy, pair.images)), pair.map(|pair| (pair.clean, pair.images)))
        }
        Some(place) if state.trains_autoencoder() => {
            let [decoded, originals] = layout::reconstruction_brief(place.inner());
            let num = state.shown_still().map_or(0, |(film, _)| film.num);
            let of = |room| state.alone(room, num, 8);
            (of(decoded), of(originals))
        }
        Some(place) => {
            let room = layout::denoising_brief(place.inner()).pictures;
            (None, state.shown_still().and_then(|(film, _)| state.alone(room, film.num, 8)))
        }
        None => (None, None),
    };
    grids(state, &mut gallery, noisy, clean);
    state.gallery = gallery;
}

fn forward(state: &State, gallery: &mut Gallery, room: Rect) {
    let seen = seen_example(state);
    let at = seen.and_then(|(_, shape, _)| state.laid_out_at_left(room, (1, shape), 1));
    let now = made(state, at, [state.plots.example as u64, state.cursor_t as u64, 0, 0]);
    if gallery.forward.made == Some(now) && gallery.forward.placed.is_some() {
        return;
    }
    gallery.forward.placed = (|| {
        let info = state.live.info.as_ref()?;
        let curves = state.curves.as_ref()?;
        let (example, shape, reach) = seen?;
        if gallery.noise.len() != example.len() {
            let mut rng = generator(info.config.seed, Stream::Sampling, ILLUSTRATION);
            gallery.noise = Arc::new(normal(&mut rng, example.len()));
        }
        let t = state.cursor_t.min(curves.timesteps() - 1);
        let (alpha, sigma) = (curves.run.alpha(t) as f32, curves.run.sigma(t) as f32);
        let bytes: Vec<u8> = example
            .iter()
            .zip(gallery.noise.iter())
            .map(|(x, e)| ((((alpha * x + sigma * e) / reach).clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8)
            .collect();
        place_images(state, (&bytes, 1, shape), at, &mut gallery.versions)
    })();
    gallery.forward.made = Some(now);
}

/// What is drawn of a training image, its shape, and the number that is shown at full brightness.
type SeenExample<'a> = (&'a [f32], (usize, usize, usize), f32);

/// A training image as diffusion sees it: latents go beyond 1.
fn seen_example(state: &State) -> Option<SeenExample<'_>> {
    let info = state.live.info.as_ref().filter(|_| state.plane.is_none())?;
    let in_latents = info.config.diffuses_latents();
    let all = if in_latents { &info.latent_examples } else { &info.examples };
    let example = all.get(state.plots.example % all.len().max(1))?;
    let (height, width, _) = info.sample_shape;
    Some(if in_latents { (example, (height, width, 3), LATENT_REACH) } else { (example, info.image_shape, 1.0) })
}

/// Latents of unit variance hardly ever go further.
const LATENT_REACH: f32 = 2.5;

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
