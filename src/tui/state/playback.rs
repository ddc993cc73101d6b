//! Which frame of which film is shown, and how it moves.
//!
//! A film runs by a clock of the screen's own, from its first frame to its last, in a time that a person can
//! follow: not as fast as it was computed, and no faster than the terminal takes its pictures. It waits for frames
//! that the worker has not computed yet. Its end stays for a while; then the newest film begins.

use std::time::Duration;

use super::film::Film;

/// How long the end of a film stays before the next one begins.
pub const LINGER: Duration = Duration::from_millis(1800);

/// How long a film runs…
const RUNS: Duration = Duration::from_secs(3);
/// …and at most, where pictures are slow and so many of it shall be seen all the same.
const RUNS_AT_MOST: Duration = Duration::from_secs(5);
const SEEN: u32 = 10;

/// Time between two stills, whatever their number.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(600);

/// A screen that was late by more than this has slept, and goes on where it was.
const LATE: Duration = Duration::from_millis(700);

/// However late the screen is, no more of a film is passed over at once: of ten stills none.
const PASSED_OVER: Duration = Duration::from_millis(400);

/// What decides the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playback {
    /// The newest films, one after the other; the cursor t goes with them.
    Live,
    /// A film and a frame of it are held, and the cursor t with them.
    Held,
    /// The film that was held runs on to its end. Then: live again.
    Playing,
}

/// The place of the film that is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Playhead {
    pub trajectory: u64,
    /// [`super::Still::index`] of the frame.
    pub index: usize,
    /// Since when it is seen here, on the screen's clock; `None` until the frame is drawn.
    pub since: Option<Duration>,
}

/// What time does to a playhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Stays,
    Moves(Playhead),
    /// The end has been seen long enough.
    Ended,
}

impl Playhead {
    /// At the first frame of a film.
    pub fn start(film: &Film) -> Self {
        let index = film.stills().first().map_or(0, |still| still.index);
        Self { trajectory: film.trajectory, index, since: None }
    }

    /// At some position of the same film.
    pub fn at(self, film: &Film, position: usize) -> Self {
        let index = film.stills().get(position).map_or(self.index, |still| still.index);
        Self { index, since: None, ..self }
    }

    /// What the time until `now` does. `over`: no more frames will come. `pace`: the shortest time between two
    /// pictures that the terminal can show.
    pub fn after(self, film: &Film, over: bool, pace: Duration, now: Duration) -> Motion {
        let (at, end) = (film.position(self.index), film.stills().len().saturating_sub(1));
        let Some(since) = self.since else { return Motion::Moves(Self { since: Some(now), ..self }) };
        if now < self.next_at(film, over, pace) {
            return Motion::Stays;
        }
        if at >= end && (film.is_complete() || over) {
            return Motion::Ended;
        }
        let each = interval(film, pace);
        if at >= end {
            // It waits for the worker; the next frame is shown as soon as it comes, and no other is passed over.
            return Motion::Moves(Self { since: Some(now.saturating_sub(each.max(pace))), ..self });
        }
        let late = now.saturating_sub(since).min(LATE);
        let by = (late.as_secs_f64() / each.as_secs_f64()).round() as usize;
        // Of few stills each is seen.
        let most = (PASSED_OVER.max(pace).as_secs_f64() / each.as_secs_f64()).round() as usize;
        Motion::Moves(Self { since: Some(now), ..self.at(film, (at + by.min(most).max(1)).min(end)) })
    }

    /// When [`Self::after`] has something to say next.
    pub fn next_at(self, film: &Film, over: bool, pace: Duration) -> Duration {
        let end = film.stills().len().saturating_sub(1);
        let ended = film.position(self.index) >= end && (film.is_complete() || over);
        self.since.unwrap_or_default() + if ended { LINGER } else { interval(film, pace).max(pace) }
    }
}

/// The time that each still of a film has.
fn interval(film: &Film, pace: Duration) -> Duration {
    let whole = RUNS.max(pace * SEEN).min(RUNS_AT_MOST);
    (whole / film.expected_stills().max(1) as u32).clamp(SHORTEST, LONGEST)
}
