//! Which frame of which trajectory is shown, and what moves it.

use std::time::Duration;

use super::film::{Film, Films, Still};

/// How long a finished sample stays before the next trajectory takes over.
pub const HOLD: Duration = Duration::from_millis(1800);
/// Time between the stills of a replayed film.
pub const STILL_FOR: Duration = Duration::from_millis(90);

/// What decides the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Playback {
    /// The newest frame; the cursor t goes with it.
    Live,
    /// The cursor t stands where it was put. The still at `index` shows, or, without one, the still
    /// nearest to the cursor.
    Held { index: Option<usize> },
    /// A film runs from the still at `index`; the cursor goes with it. At its end: live again.
    Playing { index: usize, next_at: Duration },
}

/// The film and the still to show.
pub fn shown(
    films: &Films,
    playback: Playback,
    cursor_t: usize,
    hold_until: Duration,
    now: Duration,
) -> Option<(&Film, &Still)> {
    let (film, index) = match playback {
        Playback::Live => {
            let held = films.complete().filter(|film| now < hold_until && film.is_complete());
            let film = held.or(films.current.as_ref()).or(films.last.as_ref())?;
            (film, film.stills().len().checked_sub(1)?)
        }
        Playback::Held { index } => {
            let film = films.complete()?;
            let last = film.stills().len().checked_sub(1)?;
            (film, index.map_or_else(|| film.nearest(cursor_t), |i| i.min(last)))
        }
        Playback::Playing { index, .. } => {
            let film = films.complete()?;
            (film, index.min(film.stills().len().checked_sub(1)?))
        }
    };
    film.stills().get(index).map(|still| (film, still))
}
