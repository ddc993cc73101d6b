//! What time moves: the film, the cursor that goes with it, and messages that expire.

use std::time::Duration;

use super::{film, panes_motion};
use crate::tui::state::{Overlay, Playback, State};

/// Before the first preview the cursor sweeps over all t and back in this time.
const SWEEP: Duration = Duration::from_secs(14);

/// Time goes on.
pub fn tick(state: &mut State, now: Duration) {
    state.now = now.max(state.now);
    state.news.expire(state.now);
    if state.frozen.is_some() {
        return;
    }
    film::advance(state);
    panes_motion::advance(state);
}

/// The cursor stands on the frame that is shown. Where none is to be seen, it is free while it is held.
pub fn follow(state: &mut State) {
    film::choose(state);
    let last = state.timesteps() - 1;
    state.cursor_t = state.cursor_t.min(last);
    if state.shows_several() {
        return;
    }
    let held = state.playback == Playback::Held;
    // What is explained stands still, until keys move it.
    if !held && matches!(state.overlay, Some(Overlay::Explain(_))) {
        return;
    }
    if let Some((_, still)) = state.shown_still() {
        let t = still.t.min(last);
        if !held || state.sees_film() {
            state.cursor_t = t;
        }
    } else if !held && state.frozen.is_none() && state.live.info.is_some() {
        // Not more often than the terminal takes the picture that goes with it.
        let now = state.now.as_secs_f64();
        let pace = state.picture_pace.as_secs_f64();
        let now = if pace > 0.0 { (now / pace).floor() * pace } else { now };
        let share = ((now / SWEEP.as_secs_f64()).fract() * 2.0 - 1.0).abs();
        state.cursor_t = ((1.0 - share) * last as f64).round() as usize;
    }
}
