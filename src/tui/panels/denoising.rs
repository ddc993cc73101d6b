//! Samples on their way from noise to images: x_t, and the estimate x̂_0.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::{picture, sentence};
use super::plane;
use crate::config::SamplerName;
use crate::tui::chart::Marker;
use crate::tui::format::{right, thousands};
use crate::tui::layout;
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Film, Placed, Playback, State, Still};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words};

/// Before this step, or this share of a short run, samples are expected to be noise.
const EARLY: u64 = 300;
const EARLY_SHARE: u64 = 20;

/// "ddim 50 · w 1.0 · EMA · step 12,400".
pub fn subtitle(state: &State) -> Words {
    let settings = &state.controls.live.sampling;
    let sample = &settings.sample;
    let sampler = match state.shown_still() {
        _ if !sample.sampler.is_adaptive() => format!("{} {}", sample.sampler.name(), settings.preview_steps()),
        // What it took is known at its end.
        Some((film, _)) if film.settings.sample.sampler == sample.sampler && film.is_complete() => {
            format!("{} NFE {}", sample.sampler.name(), film.total)
        }
        _ => format!("{} NFE …", sample.sampler.name()),
    };
    let mut words = Words::new(&state.theme).add(Role::Dim, sampler);
    if sample.sampler == SamplerName::Ddim && sample.eta > 0.0 {
        words = words.add(Role::Dim, format!("η {}", sample.eta));
    }
    if state.is_conditional() {
        words = words.add(Role::Dim, format!("w {:.1}", sample.guidance_scale));
        if let Some(class) = settings.class {
            words = words.add_shortened(Role::Text, format!("class {}", state.class_name(class)), 9);
        }
    }
    words = words.add(Role::Dim, "EMA");
    match state.shown_still() {
        Some((film, _)) => words.add(Role::Dim, format!("step {}", thousands(film.step))),
        None => words,
    }
}

/// Both grids, the classes, the timeline, and a note.
pub fn full(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let pane = layout::denoising_full(inner);
    let Some((film, still)) = state.shown_still() else {
        sentence(&nothing_yet(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    let (noisy, clean) = match &still.points {
        Some(_) => plane::captions(state, still),
        None => captions(state, still),
    };
    buf.set_line(pane.noisy_caption.x, pane.noisy_caption.y, &noisy.fit(pane.noisy.width), pane.noisy.width);
    buf.set_line(pane.clean_caption.x, pane.clean_caption.y, &clean.fit(pane.clean.width), pane.clean.width);
    match &still.points {
        Some(points) => plane::full(state, still, points, (pane.noisy, pane.clean), buf),
        None => {
            picture(PictureSlot::NoisyGrid, state.gallery.noisy(), inner, pictures, buf);
            picture(PictureSlot::CleanGrid, state.gallery.clean(), inner, pictures, buf);
        }
    }
    timeline(state, film, still, pane.timeline, buf);
    let note = note(state, film, state.gallery.clean());
    buf.set_line(pane.note.x, pane.note.y, &note.fit(pane.note.width), pane.note.width);
}

/// x̂_0 small, and where it stands.
pub fn brief(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let pane = layout::denoising_brief(inner);
    let Some((film, still)) = state.shown_still() else {
        sentence(&nothing_yet(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    match &still.points {
        Some(points) => plane::brief(state, points, pane.clean, buf),
        None => picture(PictureSlot::CleanGrid, state.gallery.clean(), inner, pictures, buf),
    }
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Clean, "x̂_0 at t", Role::Text, right(still.t.to_string(), 3))
        .pair(Role::Dim, "step", Role::Dim, thousands(film.step));
    buf.set_line(pane.timeline.x, pane.timeline.y, &words.fit(pane.timeline.width), pane.timeline.width);
}

/// What the two grids are.
fn captions(state: &State, still: &Still) -> (Words, Words) {
    let words = Words::new(&state.theme).joined_by(" ");
    let noisy = words.clone().add(Role::Noisy, "x_t").pair(Role::Dim, "at t", Role::Dim, right(still.t.to_string(), 3));
    (noisy, words.add(Role::Clean, "x̂_0").add(Role::Dim, "as the network estimates it"))
}

fn nothing_yet(state: &State) -> String {
    if !state.controls.live.previews {
        return "previews are off; p turns them on".into();
    }
    match &state.data().history.latest {
        None => super::loss::waiting(state),
        Some(_) => "the first preview is being denoised …".into(),
    }
}

/// "999 ━━━━━●──────── 0 ▸ live".
fn timeline(state: &State, film: &Film, still: &Still, line: Rect, buf: &mut Buffer) {
    let theme = &state.theme;
    let bar = layout::timeline_bar(line);
    if bar.width < 4 || line.height == 0 {
        return;
    }
    let last = state.timesteps() - 1;
    buf.set_string(line.x, line.y, right(last.to_string(), 4), theme.style(Role::Dim));
    let ascii = state.plots.marker == Marker::Ascii;
    let (done, open, knob) = if ascii { ("=", "-", "o") } else { ("━", "─", "●") };
    let share = if last > 0 { 1.0 - still.t.min(last) as f64 / last as f64 } else { 1.0 };
    let at = (share * f64::from(bar.width - 1)).round() as u16;
    // What has been computed so far of the trajectory.
    let reached = film.stills().last().map_or(0, |s| s.t.min(last));
    let reached = if last > 0 { 1.0 - reached as f64 / last as f64 } else { 1.0 };
    let reached = (reached * f64::from(bar.width - 1)).round() as u16;
    for x in 0..bar.width {
        let (symbol, role) = match x {
            _ if x == at => (knob, Role::Accent),
            _ if x < at => (done, Role::Dim),
            _ if x <= reached => (open, Role::Dim),
            _ => (open, Role::Border),
        };
        buf.set_string(bar.x + x, bar.y, symbol, theme.style(role));
    }
    let (symbol, word, role) = match state.playback {
        _ if state.frozen.is_some() => ("=", "frozen", Role::Accent),
        Playback::Live if !state.controls.live.previews => ("·", "off", Role::Dim),
        Playback::Live => (if ascii { ">" } else { "▸" }, "live", Role::Good),
        Playback::Held { .. } => (if ascii { "=" } else { "‖" }, "held", Role::Accent),
        Playback::Playing { .. } => (if ascii { ">" } else { "▸" }, "playing", Role::Accent),
    };
    buf.set_string(bar.right() + 1, line.y, "0", theme.style(Role::Dim));
    buf.set_string(bar.right() + 3, line.y, format!("{symbol} {word}"), theme.style(role));
}

fn early(state: &State) -> u64 {
    state.config.as_ref().map_or(EARLY, |config| EARLY.min(config.train.steps / EARLY_SHARE))
}

/// Why it looks as it looks, and which classes the images are of.
fn note(state: &State, film: &Film, placed: Option<&Placed>) -> Words {
    let words = Words::new(&state.theme);
    if !state.controls.live.previews {
        return words.add(Role::Dim, "previews are off; p turns them on");
    }
    let words = match state.playback {
        Playback::Held { .. } => words.add(Role::Dim, "k resumes the film, Esc goes back to live"),
        _ if film.step < early(state) => {
            let why = format!("the averaged weights (EMA) are of step {}", thousands(film.step));
            return words.joined_by(": ").add(Role::Warning, "still noise, as expected").add(Role::Dim, why);
        }
        _ => words,
    };
    if state.plane.is_some() {
        return plane::note(state, film, words);
    }
    let Some(placed) = placed else { return words };
    let hidden = film.num.saturating_sub(placed.shown);
    let zoom = if state.zoomed { "" } else { "; z shows more" };
    let more = (hidden > 0).then(|| format!("{} of {}{zoom}", placed.shown, film.num));
    if film.classes.is_empty() {
        return words.maybe(Role::Dim, more);
    }
    let shown = &film.classes[..placed.shown.min(film.classes.len())];
    let names = |row: &[usize]| row.iter().map(|c| state.class_name(*c)).collect::<Vec<_>>().join(" ");
    let rows: Vec<String> = shown.chunks(placed.per_row.max(1)).map(names).collect();
    words.pair(Role::Dim, "classes", Role::Text, rows.join(" / ")).maybe(Role::Dim, more)
}
