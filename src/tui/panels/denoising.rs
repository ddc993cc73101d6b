//! Samples on their way from noise to images: x_t, and the estimate x̂_0.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::{picture, sentence};
use super::plane;
use crate::config::SamplerName;
use crate::lab::SamplingSettings;
use crate::tui::chart::Marker;
use crate::tui::format::{left, right, thousands};
use crate::tui::layout::{self, Captions, Pair};
use crate::tui::pictures::{PictureSlot, Pictures};
use crate::tui::state::{Film, Placed, Playback, State, Still};
use crate::tui::theme::Role;
use crate::tui::words::{COLUMNS, Words, columns, shorten};

/// Before this step, or this share of a short run, samples are expected to be noise.
const EARLY: u64 = 300;
const EARLY_SHARE: u64 = 20;

/// "ddim 50 · w 1.0 · EMA · step 12,400".
pub fn subtitle(state: &State) -> Words {
    let set = &state.controls.live.sampling;
    let words = Words::new(&state.theme);
    match state.shown_still() {
        // The title is of the film that is seen; another one is to come.
        Some((film, still)) => {
            let ended = film.is_complete().then_some(film.total);
            let words = match *film.settings == *set {
                true => words,
                false => words.add_shortened(Role::Warning, next(state, &film.settings, set), 12),
            };
            made_with(state, &film.settings, ended, words).add(Role::Dim, format!("step {}", thousands(still.step)))
        }
        None => made_with(state, set, None, words),
    }
}

/// "next: heun 12, w 2.5": what was set while the film `shown` runs.
fn next(state: &State, shown: &SamplingSettings, set: &SamplingSettings) -> String {
    let mut parts = Vec::new();
    if sampler(shown, None) != sampler(set, None) {
        parts.push(sampler(set, None));
    }
    if shown.sample.guidance_scale != set.sample.guidance_scale {
        parts.push(format!("w {:.1}", set.sample.guidance_scale));
    }
    if shown.class != set.class {
        parts.push(set.class.map_or("each class".into(), |class| format!("class {}", state.class_name(class))));
    }
    if parts.is_empty() {
        parts.push("as it is set now".into());
    }
    format!("next: {}", parts.join(", "))
}

/// Sampler, steps, guidance, class. `ended`: the network calls that an adaptive sampler took, where it has ended.
fn made_with(state: &State, settings: &SamplingSettings, ended: Option<usize>, words: Words) -> Words {
    let sample = &settings.sample;
    let mut words = words.add(Role::Dim, sampler(settings, ended));
    if sample.sampler == SamplerName::Ddim && sample.eta > 0.0 {
        words = words.add(Role::Dim, format!("η {}", sample.eta));
    }
    if state.is_conditional() {
        words = words.add(Role::Dim, format!("w {:.1}", sample.guidance_scale));
        if let Some(class) = settings.class {
            words = words.add_shortened(Role::Text, format!("class {}", state.class_name(class)), 9);
        }
    }
    words.add(Role::Dim, "EMA")
}

fn sampler(settings: &SamplingSettings, ended: Option<usize>) -> String {
    let sampler = settings.sample.sampler;
    match ended {
        _ if !sampler.is_adaptive() => format!("{} {}", sampler.name(), settings.preview_steps()),
        // What it took is known at its end.
        Some(total) => format!("{} NFE {total}", sampler.name()),
        None => format!("{} NFE …", sampler.name()),
    }
}

/// Both grids, the classes, the timeline, and a note.
pub fn full(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let pane = layout::denoising_full(inner);
    let Some((film, still)) = state.shown_still() else {
        sentence(&nothing_yet(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    if let Some(pair) = state.pair(inner) {
        let (noisy, clean) = match &still.points {
            Some(_) => plane::captions(state, still),
            None => captions(state, still, &pair),
        };
        caption(&noisy, pair.noisy_caption, pair.captions, buf);
        caption(&clean, pair.clean_caption, pair.captions, buf);
        match &still.points {
            Some(points) => plane::full(state, still, points, (pair.noisy, pair.clean), buf),
            None => {
                picture(PictureSlot::NoisyGrid, state.gallery.noisy(), inner, pictures, buf);
                picture(PictureSlot::CleanGrid, state.gallery.clean(), inner, pictures, buf);
            }
        }
    }
    timeline(state, film, still, pane.timeline, buf);
    let note = note(state, film, still, state.gallery.clean(), usize::from(pane.note.width));
    buf.set_line(pane.note.x, pane.note.y, &note.fit(pane.note.width), pane.note.width);
}

/// x̂_0 small, and where it stands.
pub fn brief(state: &State, inner: Rect, pictures: &dyn Pictures, buf: &mut Buffer) {
    let pane = layout::denoising_brief(inner);
    let Some((_, still)) = state.shown_still() else {
        sentence(&nothing_yet(state), inner, Role::Dim, &state.theme, buf);
        return;
    };
    match &still.points {
        Some(points) => plane::brief(state, points, pane.pictures, buf),
        None => picture(PictureSlot::CleanGrid, state.gallery.clean(), inner, pictures, buf),
    }
    let digits = columns(&(state.timesteps() - 1).to_string());
    let words = Words::new(&state.theme)
        .joined_by(COLUMNS)
        .pair(Role::Clean, "x̂_0 at t", Role::Text, left(still.t.to_string(), digits))
        .pair(Role::Dim, "step", Role::Dim, thousands(still.step));
    buf.set_line(pane.timeline.x, pane.timeline.y, &words.fit(pane.timeline.width), pane.timeline.width);
}

/// What the two grids are. The second says where the first is, so that nobody has to guess.
fn captions(state: &State, still: &Still, pair: &Pair) -> (Words, Words) {
    let words = Words::new(&state.theme).joined_by(" ");
    let noisy = words.clone().add(Role::Noisy, "x_t").add(Role::Dim, format!("at t {}", still.t));
    let estimate = match (pair.captions, pair.is_stacked()) {
        (Captions::Left, _) => "estimate",
        (Captions::Above, true) => "as estimated from the x_t above",
        (Captions::Above, false) => "as estimated there",
    };
    (noisy, words.add(Role::Clean, "x̂_0").add(Role::Dim, estimate))
}

/// A caption above its grid, in one line, or at its left, a piece a line.
fn caption(words: &Words, area: Rect, captions: Captions, buf: &mut Buffer) {
    let lines = match captions {
        Captions::Above => vec![words.fit(area.width)],
        Captions::Left => words.lines(area.width),
    };
    for (y, line) in (area.y..area.bottom()).zip(&lines) {
        buf.set_line(area.x, y, line, area.width);
    }
}

fn nothing_yet(state: &State) -> String {
    if !state.controls.live.previews {
        return "previews are off; p turns them on".into();
    }
    match &state.data().history.latest {
        None => super::loss::waiting(state),
        Some(_) if state.is_watched() => match state.saved.is_some() || state.live.info.is_some() {
            true => "g draws samples from its newest checkpoint".into(),
            false => super::loss::waiting(state),
        },
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
        Playback::Held => (if ascii { "=" } else { "‖" }, "held", Role::Accent),
        Playback::Playing => (if ascii { ">" } else { "▸" }, "playing", Role::Accent),
    };
    buf.set_string(bar.right() + 1, line.y, "0", theme.style(Role::Dim));
    buf.set_string(bar.right() + 3, line.y, format!("{symbol} {word}"), theme.style(role));
}

fn early(state: &State) -> u64 {
    state.config.as_ref().map_or(EARLY, |config| EARLY.min(config.train.steps / EARLY_SHARE))
}

/// Why it looks as it looks, and which classes the images are of, in at most `width` columns.
fn note(state: &State, film: &Film, still: &Still, placed: Option<&Placed>, width: usize) -> Words {
    let words = Words::new(&state.theme);
    if !state.controls.live.previews {
        return words.add(Role::Dim, "previews are off; p turns them on");
    }
    let words = match state.playback {
        Playback::Held => words.add(Role::Dim, "k resumes the film, Esc goes back to live"),
        _ if still.step < early(state) => {
            let why = format!("the averaged weights (EMA) are of step {}", thousands(still.step));
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
    let around = words.clone().add(Role::Dim, "classes ").maybe(Role::Dim, more.clone());
    let room = width.saturating_sub(around.width() + usize::from(more.is_some()));
    let shown = &film.classes[..placed.shown.min(film.classes.len())];
    let names: Vec<String> = shown.iter().map(|class| state.class_name(*class)).collect();
    words.pair(Role::Dim, "classes", Role::Text, class_names(&names, placed.per_row, room)).maybe(Role::Dim, more)
}

/// "cat dog / fox owl" in rows as the images stand, at most `room` columns: all names shortened alike where they are too
/// long.
fn class_names(names: &[String], per_row: usize, room: usize) -> String {
    let joined = |longest: usize| {
        let row = |row: &[String]| row.iter().map(|name| shorten(name, longest)).collect::<Vec<_>>().join(" ");
        names.chunks(per_row.max(1)).map(row).collect::<Vec<_>>().join(" / ")
    };
    let longest = names.iter().map(|name| columns(name)).max().unwrap_or(0);
    let fits = (2..=longest).rev().map(joined).find(|text| columns(text) <= room);
    fits.unwrap_or_else(|| shorten(&joined(longest.min(2)), room).replace("……", "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_classes_are_shortened_alike_and_never_dropped() {
        let names = ["Grinning Face", "Dog", "Waving Hand", "Sun"].map(String::from);
        assert_eq!(class_names(&names, 2, 80), "Grinning Face Dog / Waving Hand Sun");
        assert_eq!(class_names(&names, 2, 28), "Grinnin… Dog / Waving… Sun");
        assert_eq!(class_names(&names, 4, 20), "Grin… Dog Wavi… Sun");
        assert_eq!(class_names(&names, 4, 9), "G… D… W…");
        for room in 0..60 {
            let text = class_names(&names, 3, room);
            assert!(columns(&text) <= room && (room == 0 || !text.is_empty()), "{room}: {text}");
        }
        let digits: Vec<String> = (0..10).map(|d| d.to_string()).collect();
        assert_eq!(class_names(&digits, 5, 30), "0 1 2 3 4 / 5 6 7 8 9");
    }
}
