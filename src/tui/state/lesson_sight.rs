//! What one moment of the lab does not show, as the course's deeds ask for it.

use std::collections::BTreeSet;
use std::time::Duration;

/// A cursor that goes past a place is not put there.
const STANDS: Duration = Duration::from_millis(700);

/// Where a person has put the cursor, and which frames of a film they went through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LessonSight {
    put: Option<(usize, Duration)>,
    /// Of which film, and which.
    frames: (u64, BTreeSet<usize>),
}

impl LessonSight {
    /// The cursor t has moved.
    pub fn cursor(&mut self, t: usize, now: Duration, by_a_person: bool) {
        self.put = by_a_person.then_some((t, now));
    }

    /// A person has gone to a frame of a film.
    pub fn frame(&mut self, film: u64, index: usize) {
        if self.frames.0 != film {
            self.frames = (film, BTreeSet::new());
        }
        self.frames.1.insert(index);
    }

    /// Where the cursor was put and still stands, after a moment.
    pub fn put(&self, t: usize, now: Duration) -> Option<usize> {
        let stands = |&(at, since): &(usize, Duration)| at == t && now.saturating_sub(since) >= STANDS;
        self.put.filter(stands).map(|(at, _)| at)
    }

    /// Different frames of the newest film that was gone through.
    pub fn frames(&self) -> usize {
        self.frames.1.len()
    }
}
