//! Long runs are drawn as fast as short ones, and keep their memory.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::demo::{record, row, running};
use crate::lab::Event;
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::pictures::HalfBlocks;
use crate::tui::state::State;
use crate::tui::theme::Capability;
use crate::tui::update::update;
use crate::tui::view;

/// The fastest of some frames: what drawing costs when nothing else runs.
fn draw_time(state: &State) -> Duration {
    let area = Rect::new(0, 0, state.size.0, state.size.1);
    let pictures = HalfBlocks { capability: Capability::TrueColor };
    let mut best = Duration::MAX;
    for _ in 0..40 {
        let mut buf = Buffer::empty(area);
        let begin = Instant::now();
        view::draw(state, area, &pictures, &mut buf);
        best = best.min(begin.elapsed());
    }
    best
}

#[test]
fn a_frame_at_200_by_60_takes_under_4_ms_after_100_000_steps() {
    let mut state = running(200, 60, ScreenOptions::default());
    let short = draw_time(&state);
    for step in 12_481..=100_000 {
        update(&mut state, Message::Lab(Event::Step(record(step))));
        if step % 50 == 0 {
            update(&mut state, Message::Lab(Event::TimestepLoss(row(step))));
        }
    }
    let long = draw_time(&state);
    println!("12,480 steps: {short:?}; 100,000 steps: {long:?}");
    assert!(long < Duration::from_millis(4), "{long:?}");
}

#[test]
fn a_step_is_taken_in_within_microseconds() {
    let mut state = running(200, 60, ScreenOptions::default());
    let records: Vec<_> = (20_000..40_000).map(record).collect();
    let begin = Instant::now();
    for record in records {
        update(&mut state, Message::Lab(Event::Step(record)));
    }
    let each = begin.elapsed() / 20_000;
    println!("{each:?} a step");
    assert!(each < Duration::from_micros(20), "{each:?}");
}
