//! How several samples from one noise move: together from noise to images, or from one step of training to the next.

use std::time::Duration;

use crate::tui::state::{Paned, State};

/// How long samples take from noise to images, how often they move, and in how many steps by keys.
const SWEEP: Duration = Duration::from_secs(6);
const SWEEP_FRAME: Duration = Duration::from_millis(100);
const SWEEP_STEPS: usize = 50;

/// How long each step of training is seen.
const STEP_SEEN: Duration = Duration::from_millis(700);

/// Time goes on.
pub fn advance(state: &mut State) {
    let Some(since) = state.panes.playing.filter(|_| state.shows_several()) else { return };
    let (now, pace) = (state.now, STEP_SEEN.max(state.picture_pace));
    match state.learning_mut() {
        Some(learning) => {
            let last = learning.steps.len().saturating_sub(1);
            // What is not computed yet is waited for.
            let goes_on = now.saturating_sub(since) >= pace && learning.is_ready(learning.at + 1);
            if goes_on {
                learning.at += 1;
            }
            if learning.at >= last {
                state.panes.playing = None;
            } else if goes_on {
                state.panes.playing = Some(now);
            }
        }
        None => sweep(state, since),
    }
}

/// The samples go together from noise to images, and stand there.
fn sweep(state: &mut State, since: Duration) {
    let share = state.now.saturating_sub(since).as_secs_f64() / SWEEP.as_secs_f64();
    let last = (state.timesteps() - 1) as f64;
    state.cursor_t = ((1.0 - share).max(0.0) * last).round() as usize;
    if share >= 1.0 {
        state.panes.playing = None;
    }
}

/// When [`advance`] has something to do next, on the screen's clock.
pub fn next_motion(state: &State) -> Option<Duration> {
    let since = state.panes.playing?;
    let soon = state.now + SWEEP_FRAME.max(state.picture_pace);
    Some(match &state.panes.shown {
        Paned::Learning(_) => (since + STEP_SEEN.max(state.picture_pace)).max(soon),
        _ => soon,
    })
}

/// The moment nearest to the cursor's t + `by` on that side of it, where only some moments were kept; `None` where t is free.
pub fn towards(state: &State, by: isize) -> Option<usize> {
    let learning = state.learning()?;
    let times = learning.times(state.learner());
    let (from, wanted) = (state.cursor_t, state.cursor_t.saturating_add_signed(by));
    let beyond = times.into_iter().flatten().filter(|t| if by < 0 { *t < from } else { *t > from });
    Some(beyond.min_by_key(|t| t.abs_diff(wanted)).unwrap_or(from).min(state.timesteps() - 1))
}

/// One step on or back: of training, where that is what is gone through; else the timesteps to move the cursor by.
pub fn step_by(state: &mut State, by: isize) -> Option<isize> {
    let timesteps = state.timesteps();
    let Some(learning) = state.learning_mut() else { return Some(-by * (timesteps / SWEEP_STEPS).max(1) as isize) };
    let at = learning.at.saturating_add_signed(by);
    go_to(at, state);
    None
}

/// Stands at one of the kept steps.
pub fn go_to(at: usize, state: &mut State) {
    state.panes.playing = None;
    if let Some(learning) = state.learning_mut() {
        learning.at = at.min(learning.steps.len().saturating_sub(1));
        learning.follows = false;
    }
}

/// Plays, or stands still; what stands at its end begins again.
pub fn toggle(state: &mut State) {
    let now = state.now;
    if state.panes.playing.take().is_some() {
        return;
    }
    state.panes.playing = Some(now);
    if let Some(learning) = state.learning_mut() {
        learning.follows = false;
        if learning.at + 1 >= learning.steps.len() {
            learning.at = 0;
        }
    }
}
