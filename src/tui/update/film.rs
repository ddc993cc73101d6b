//! Which film is on the screen, and which of its frames: chosen by time, or by a person.

use std::time::Duration;

use super::panes_motion;
use crate::tui::state::{Gravity, Motion, Playback, Playhead, State};

/// Time goes on: the film runs.
pub fn advance(state: &mut State) {
    let Some((film, playhead)) = state.shown_film().filter(|_| runs(state)) else { return };
    let motion = playhead.after(film, is_over(state, playhead), state.picture_pace, state.now);
    match motion {
        Motion::Stays => {}
        Motion::Moves(to) => state.playhead = Some(to),
        Motion::Ended => {
            state.playback = Playback::Live;
            begin_newer(state);
        }
    }
}

/// When `advance` has something to do next, on the screen's clock.
pub fn next_motion(state: &State) -> Option<Duration> {
    if let Some(album) = &state.album {
        return album.next_motion(state.now);
    }
    if state.shows_several() {
        return panes_motion::next_motion(state);
    }
    let (film, playhead) = state.shown_film().filter(|_| runs(state))?;
    Some(playhead.next_at(film, is_over(state, playhead), state.picture_pace)).filter(|at| *at > state.now)
}

fn runs(state: &State) -> bool {
    !state.shows_several() && state.frozen.is_none() && state.playback != Playback::Held
}

/// No more frames will come: another film has begun since.
fn is_over(state: &State, playhead: Playhead) -> bool {
    state.data().films.newest().is_some_and(|newest| newest.trajectory != playhead.trajectory)
}

/// Puts the newest film on the screen, from its first frame, where it isn't there already.
fn begin_newer(state: &mut State) {
    let Some(newest) = state.data().films.newest() else { return };
    if state.playhead.is_none_or(|head| head.trajectory != newest.trajectory) {
        state.playhead = Some(Playhead::start(newest));
        state.hurry_past = None;
    }
}

/// Puts a film on the screen where there is none, or where the one that is there was broken off.
pub fn choose(state: &mut State) {
    let Some(newest) = state.data().films.newest() else { return };
    let hurry = state.hurry_past.is_some_and(|film| newest.trajectory > film);
    match (state.shown_film(), state.playback) {
        // Who holds the cursor before there is a film waits for a whole one.
        (None, Playback::Held) if !newest.is_complete() => {}
        (None, Playback::Held) => {
            let start = Playhead::start(newest);
            state.playhead = Some(start.at(newest, newest.nearest(state.cursor_t)));
        }
        (None, _) => begin_newer(state),
        (Some((film, _)), Playback::Live) if state.frozen.is_none() && (hurry || !film.is_complete()) => {
            begin_newer(state);
        }
        _ => {}
    }
}

/// The newest films again, one after the other.
pub fn go_live(state: &mut State) {
    state.playback = Playback::Live;
    begin_newer(state);
}

/// A person has asked for other samples: the next film need not wait for the end of this one.
pub fn hurry(state: &mut State) {
    state.hurry_past = state.live.films.newest().map(|film| film.trajectory);
}

/// Holds the film at the frame nearest to `t`; where no film is to be seen, the cursor stands at `t` itself.
pub fn put_cursor(state: &mut State, t: usize) {
    let t = t.min(state.timesteps() - 1);
    hold(state, t, state.shown_film().map(|(film, _)| film.nearest(t)));
}

/// Moves the cursor by so many timesteps, and to the next frame at least where a film is to be seen.
pub fn move_cursor(state: &mut State, by: isize) {
    if let Some(t) = panes_motion::towards(state, by) {
        return hold(state, t, None);
    }
    let t = state.cursor_t.saturating_add_signed(by).min(state.timesteps() - 1);
    let to = match state.shown_film() {
        Some((film, playhead)) if state.sees_film() => {
            Some(film.towards(state.cursor_t, by).unwrap_or_else(|| film.position(playhead.index)))
        }
        film => film.map(|(film, _)| film.nearest(t)),
    };
    hold(state, t, to);
}

/// Moves the film by so many stills and holds it there; the cursor t goes with it.
pub fn move_frame(state: &mut State, by: isize) {
    if state.shows_several() {
        if let Some(by) = panes_motion::step_by(state, by) {
            move_cursor(state, by);
        }
        return;
    }
    let Some((film, playhead)) = state.shown_film() else { return };
    let last = film.stills().len().saturating_sub(1);
    let wanted = film.position(playhead.index).saturating_add_signed(by);
    let (to, waits) = (wanted.min(last), wanted > last && !film.is_complete());
    let t = film.stills().get(to).map_or(state.cursor_t, |still| still.t.min(state.timesteps() - 1));
    hold(state, t, Some(to));
    if waits {
        state.news.answer(state.now, Gravity::Info, "the next frame is still being computed");
    }
}

fn hold(state: &mut State, t: usize, position: Option<usize>) {
    state.panes.playing = None;
    state.playback = Playback::Held;
    state.cursor_t = t;
    if let (Some((film, playhead)), Some(position)) = (state.shown_film(), position) {
        state.playhead = Some(playhead.at(film, position));
    }
}

/// Holds the film where it is, or lets it run on; one that was held at its end begins again.
pub fn toggle(state: &mut State) {
    if state.shows_several() {
        return panes_motion::toggle(state);
    }
    if state.playback != Playback::Held {
        state.playback = Playback::Held;
        return;
    }
    state.playback = Playback::Live;
    if let Some((film, playhead)) = state.shown_film() {
        let (at, end) = (film.position(playhead.index), film.stills().len().saturating_sub(1));
        let to = playhead.at(film, if at >= end { 0 } else { at });
        state.playback = Playback::Playing;
        state.playhead = Some(to);
    }
}
