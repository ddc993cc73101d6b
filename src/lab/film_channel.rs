//! The channel of preview frames: it never blocks, its memory is bounded, and what it loses are never a film's
//! first and last frames.
//!
//! While nobody reads, a film that has begun loses frames of its middle, more and more of them; a film that would
//! begin meanwhile is left out as a whole.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::protocol::PreviewFrame;

/// Most frames that may wait…
const FRAMES: usize = 128;
/// …and about how many bytes, as long as that leaves some frames at least.
const BYTES: usize = 64 << 20;
const FEWEST: usize = 8;

/// The sending side.
pub struct FilmSender {
    sender: Sender<PreviewFrame>,
    /// The film that is being sent; frames of others come too late or were left out.
    accepted: Option<u64>,
}

/// A channel for films, whose frames come in order.
pub fn film_channel() -> (FilmSender, Receiver<PreviewFrame>) {
    let (sender, receiver) = bounded(FRAMES);
    (FilmSender { sender, accepted: None }, receiver)
}

impl FilmSender {
    /// Sends a frame, unless it is one of those that may be left out and there is too little room.
    pub fn send(&mut self, frame: PreviewFrame) {
        let (room, waiting) = (room(&frame), self.sender.len());
        if frame.index == 0 {
            self.accepted = (waiting <= room / 2).then_some(frame.trajectory);
        }
        if self.accepted != Some(frame.trajectory) {
            return;
        }
        let last = frame.index >= frame.total;
        // One place is kept for the last frame. The fuller, the fewer: all, every second, fourth, eighth …
        let every = 1usize << (4 * waiting / room).min(4);
        if frame.index == 0 || last || waiting + 1 < room && frame.index.is_multiple_of(every) {
            // Nobody is there any more, which is no concern of the training's.
            let _ = self.sender.try_send(frame);
        }
    }
}

/// How many frames of this size may wait.
fn room(frame: &PreviewFrame) -> usize {
    let field = frame.field.as_ref().map_or(0, |field| field.score.len() + field.velocity.len());
    let bytes = (frame.x_t.len() + frame.x_0.len() + field) * size_of::<f32>();
    (BYTES / bytes.max(1)).clamp(FEWEST, FRAMES)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::lab::SamplingSettings;

    fn frame(trajectory: u64, index: usize, total: usize, values: &Arc<Vec<f32>>) -> PreviewFrame {
        PreviewFrame {
            trajectory,
            index,
            total,
            t: total - index,
            step: 1,
            x_t: values.clone(),
            x_0: values.clone(),
            num: 1,
            classes: vec![],
            settings: Arc::new(SamplingSettings::new(&Config::default())),
            field: None,
            look: None,
        }
    }

    fn send(sender: &mut FilmSender, trajectory: u64, total: usize, values: &Arc<Vec<f32>>) {
        (0..=total).for_each(|index| sender.send(frame(trajectory, index, total, values)));
    }

    fn received(receiver: &Receiver<PreviewFrame>) -> Vec<(u64, usize)> {
        receiver.try_iter().map(|frame| (frame.trajectory, frame.index)).collect()
    }

    #[test]
    fn who_reads_along_gets_every_frame() {
        let (mut sender, receiver) = film_channel();
        let values = Arc::new(vec![0.0; 4]);
        for film in 1..=20 {
            for index in 0..=50 {
                sender.send(frame(film, index, 50, &values));
                assert_eq!(received(&receiver), [(film, index)]);
            }
        }
    }

    #[test]
    fn who_reads_late_gets_whole_films_from_noise_to_the_end_and_memory_is_bounded() {
        for (total, size) in [(4, 4), (25, 7_840), (63, 4), (1000, 4), (50_000, 4), (1000, 4 << 20)] {
            let (mut sender, receiver) = film_channel();
            let values = Arc::new(vec![0.0; size]);
            (1..=40).for_each(|film| send(&mut sender, film, total, &values));
            let waiting = receiver.len();
            assert!(waiting <= FRAMES && (waiting <= FEWEST || waiting * size * 8 <= BYTES), "{waiting} of {size}");
            let frames = received(&receiver);
            assert!(frames.is_sorted(), "in order: {frames:?}");
            let mut films: Vec<u64> = frames.iter().map(|(film, _)| *film).collect();
            films.dedup();
            assert_eq!(films[0], 1, "the first film got through");
            for film in films {
                let of_film: Vec<usize> = frames.iter().filter(|(f, _)| *f == film).map(|(_, index)| *index).collect();
                assert_eq!((of_film[0], *of_film.last().unwrap()), (0, total), "film {film} of {total} steps");
            }
            // And it goes on as soon as somebody reads again.
            send(&mut sender, 99, 3, &Arc::new(vec![0.0; 4]));
            assert_eq!(received(&receiver), [(99, 0), (99, 1), (99, 2), (99, 3)]);
        }
    }

    #[test]
    fn a_film_that_was_broken_off_makes_room_for_the_next() {
        let (mut sender, receiver) = film_channel();
        let values = Arc::new(vec![0.0; 4]);
        (0..10).for_each(|index| sender.send(frame(1, index, 50, &values)));
        send(&mut sender, 2, 5, &values);
        let films: Vec<u64> = received(&receiver).into_iter().map(|(film, _)| film).collect();
        assert_eq!(films, [[1; 10].as_slice(), &[2; 6]].concat());
    }

    #[test]
    fn nobody_there_is_no_trouble() {
        let (mut sender, receiver) = film_channel();
        drop(receiver);
        send(&mut sender, 1, 300, &Arc::new(vec![0.0; 4]));
    }
}
