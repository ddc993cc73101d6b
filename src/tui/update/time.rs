//! What time moves: the film, the cursor that goes with it, and messages that expire.

use std::time::Duration;

use crate::tui::state::{HOLD, Playback, STILL_FOR, State};

/// Before the first preview the cursor sweeps over all t and back in this time.
const SWEEP: Duration = Duration::from_secs(14);

/// Time goes on.
pub fn tick(state: &mut State, now: Duration) {
    state.now = now.max(state.now);
    state.news.expire(state.now);
    if state.frozen.is_some() {
        return;
    }
    if let Playback::Playing { index, next_at } = state.playback
        && state.now >= next_at
    {
        let end = state.data().films.complete().map_or(0, |film| film.stills().len().saturating_sub(1));
        if index >= end {
            state.hold_until = state.now + HOLD;
            state.playback = Playback::Live;
        } else {
            state.playback = Playback::Playing { index: index + 1, next_at: state.now + STILL_FOR };
        }
    }
}

/// While the film decides, the cursor goes with it.
pub fn follow(state: &mut State) {
    let last = state.timesteps() - 1;
    state.cursor_t = state.cursor_t.min(last);
    if state.frozen.is_some() || matches!(state.playback, Playback::Held { .. }) {
        return;
    }
    if let Some((_, still)) = state.shown_still() {
        state.cursor_t = still.t.min(last);
    } else if state.live.info.is_some() {
        let phase = state.now.as_secs_f64() / SWEEP.as_secs_f64();
        let share = (phase.fract() * 2.0 - 1.0).abs();
        state.cursor_t = ((1.0 - share) * last as f64).round() as usize;
    }
}
