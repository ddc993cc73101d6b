//! When the next frame is due: soon enough for the eye, seldom enough for the training.

use std::time::{Duration, Instant};

/// Shortest time between two frames while only the lab moves: 30 a second.
const SHORTEST: Duration = Duration::from_millis(33);

/// Longest time between two frames while something moves, unless a single frame takes longer.
const LONGEST: Duration = Duration::from_millis(200);

/// Shortest time between two frames that answer the user, so that a held key doesn't draw more
/// often than a screen can show.
const ANSWER: Duration = Duration::from_millis(12);

/// Drawing may take one part in so many of a thread's time: the training's threads wait for each
/// other, so what one of them loses to a frame, all of them lose.
const SHARE: u32 = 50;

/// Without news a frame is drawn so often all the same, for what depends on the time alone.
pub const IDLE: Duration = Duration::from_millis(250);

/// Decides when to draw.
#[derive(Clone, Debug)]
pub struct Pacing {
    last: Option<Instant>,
    /// Mean time that a frame takes.
    cost: Duration,
    changed: bool,
    urgent: bool,
    /// When something on the screen moves by itself.
    moves: Option<Instant>,
}

/// The first frame is due at once.
impl Default for Pacing {
    fn default() -> Self {
        Self { last: None, cost: Duration::ZERO, changed: true, urgent: true, moves: None }
    }
}

impl Pacing {
    /// The lab has news.
    pub fn changed(&mut self) {
        self.changed = true;
    }

    /// The user did something, and waits for the answer.
    pub fn answer(&mut self) {
        self.changed = true;
        self.urgent = true;
    }

    /// Something on the screen moves by itself then.
    pub fn moves(&mut self, at: Option<Instant>) {
        self.moves = at;
    }

    /// Does a frame wait to be drawn?
    pub fn waits(&self) -> bool {
        self.changed
    }

    /// When to draw next, asked at `now`.
    pub fn due(&self, now: Instant) -> Instant {
        let Some(last) = self.last else { return now };
        let pace = (self.cost * SHARE).clamp(SHORTEST, LONGEST).max(self.cost * 2);
        match (self.changed, self.urgent) {
            (true, true) => last + ANSWER,
            (true, false) => last + pace,
            (false, _) => self.moves.map_or(last + IDLE, |at| at.clamp(last + pace.min(IDLE), last + IDLE)),
        }
    }

    /// A frame was drawn between `start` and `end`.
    pub fn drawn(&mut self, start: Instant, end: Instant) {
        let cost = end.duration_since(start);
        self.cost = if self.last.is_none() { cost } else { (self.cost * 7 + cost) / 8 };
        self.last = Some(end);
        self.changed = false;
        self.urgent = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(cost_ms: u64) -> (Pacing, Instant) {
        let (mut pacing, start) = (Pacing::default(), Instant::now());
        let end = start + Duration::from_millis(cost_ms);
        pacing.drawn(start, end);
        (pacing, end)
    }

    #[test]
    fn the_first_frame_is_due_at_once() {
        let now = Instant::now();
        assert_eq!(Pacing::default().due(now), now);
    }

    #[test]
    fn cheap_frames_come_thirty_a_second_and_dear_ones_less_often() {
        let (mut cheap, end) = drawn(0);
        cheap.changed();
        assert_eq!(cheap.due(end), end + SHORTEST);
        let (mut dear, end) = drawn(3);
        dear.changed();
        assert_eq!(dear.due(end), end + Duration::from_millis(150));
        let (mut stuck, end) = drawn(1000);
        stuck.changed();
        assert_eq!(stuck.due(end), end + Duration::from_secs(2));
    }

    #[test]
    fn the_user_never_waits_for_the_frame_rate() {
        let (mut pacing, end) = drawn(4);
        pacing.changed();
        pacing.answer();
        assert_eq!(pacing.due(end), end + ANSWER);
    }

    #[test]
    fn what_moves_by_itself_is_drawn_when_it_does() {
        let (mut pacing, end) = drawn(0);
        pacing.moves(Some(end + Duration::from_millis(90)));
        assert_eq!(pacing.due(end), end + Duration::from_millis(90));
        pacing.moves(Some(end));
        assert_eq!(pacing.due(end), end + SHORTEST, "not more often than other news");
        pacing.moves(Some(end + 10 * IDLE));
        assert_eq!(pacing.due(end), end + IDLE);
    }

    #[test]
    fn without_news_the_screen_rests() {
        let (pacing, end) = drawn(1);
        assert!(!pacing.waits());
        assert_eq!(pacing.due(end), end + IDLE);
    }
}
