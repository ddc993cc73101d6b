//! Denoising trajectories, kept for scrubbing.

use std::sync::Arc;

use crate::lab::{Field, PreviewFrame, SamplingSettings};

/// Most stills of a film; longer trajectories are thinned evenly.
const STILLS: usize = 128;

/// One moment of a trajectory, as bytes (−1 is 0, 1 is 255, clipped).
#[derive(Clone, Debug)]
pub struct Still {
    pub index: usize,
    pub t: usize,
    /// `[N, H, W, C]`.
    pub x_t: Arc<Vec<u8>>,
    /// `[N, H, W, C]`.
    pub x_0: Arc<Vec<u8>>,
    /// Of points in the plane, which need more than bytes.
    pub points: Option<PointsStill>,
}

/// One moment of a trajectory of points.
#[derive(Clone, Debug)]
pub struct PointsStill {
    /// `[N, 2]`, right and up.
    pub x_t: Arc<Vec<f32>>,
    /// `[N, 2]`.
    pub x_0: Arc<Vec<f32>>,
    pub field: Arc<Field>,
}

/// One trajectory.
#[derive(Clone, Debug)]
pub struct Film {
    pub trajectory: u64,
    /// Network calls of the whole trajectory; of adaptive samplers what they expect by now, and the true
    /// number once it is complete.
    pub total: usize,
    /// Training step of the weights.
    pub step: u64,
    pub num: usize,
    pub classes: Vec<usize>,
    pub settings: Arc<SamplingSettings>,
    stills: Vec<Still>,
}

impl Film {
    fn open(frame: &PreviewFrame) -> Self {
        Self {
            trajectory: frame.trajectory,
            total: frame.total,
            step: frame.step,
            num: frame.num,
            classes: frame.classes.clone(),
            settings: frame.settings.clone(),
            stills: Vec::new(),
        }
    }

    fn push(&mut self, frame: &PreviewFrame) {
        self.step = frame.step;
        self.total = frame.total;
        let every = self.total / STILLS + 1;
        // The newest still is always there; the one before stays only when it is due.
        if let Some(last) = self.stills.last()
            && (last.index >= frame.index || last.index % every != 0)
        {
            self.stills.pop();
        }
        if self.stills.len() > 2 * STILLS {
            // The trajectory has turned out longer than it was expected to be.
            self.stills.retain(|still| still.index % every == 0);
        }
        let bytes = |values: &[f32]| Arc::new(values.iter().map(|&v| byte(v)).collect());
        let points = frame.field.as_ref().map(|field| PointsStill {
            x_t: frame.x_t.clone(),
            x_0: frame.x_0.clone(),
            field: field.clone(),
        });
        let (x_t, x_0) = (bytes(&frame.x_t), bytes(&frame.x_0));
        self.stills.push(Still { index: frame.index, t: frame.t, x_t, x_0, points });
    }

    /// First to last; never empty.
    pub fn stills(&self) -> &[Still] {
        &self.stills
    }

    /// Position of a frame index.
    pub fn position(&self, index: usize) -> usize {
        self.stills.partition_point(|s| s.index < index).min(self.stills.len().saturating_sub(1))
    }

    /// Has the trajectory reached its end?
    pub fn is_complete(&self) -> bool {
        self.stills.last().is_some_and(|s| s.index >= self.total)
    }

    /// Position of the still whose t is nearest; of two equally near ones the cleaner.
    pub fn nearest(&self, t: usize) -> usize {
        (0..self.stills.len()).rev().min_by_key(|&i| self.stills[i].t.abs_diff(t)).unwrap_or(0)
    }
}

fn byte(value: f32) -> u8 {
    // NaN becomes 0 by the cast.
    ((value.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8
}

/// The trajectory under way and the last one that was finished.
#[derive(Clone, Debug, Default)]
pub struct Films {
    pub current: Option<Film>,
    pub last: Option<Film>,
}

impl Films {
    /// Takes in one frame; true when it finished its trajectory.
    pub fn push(&mut self, frame: &PreviewFrame) -> bool {
        if frame.num == 0 || frame.x_t.len() != frame.x_0.len() || !frame.x_t.len().is_multiple_of(frame.num) {
            return false;
        }
        let same = self.current.as_ref().is_some_and(|film| film.trajectory == frame.trajectory);
        if !same && let Some(film) = self.current.take().filter(Film::is_complete) {
            self.last = Some(film);
        }
        let film = self.current.get_or_insert_with(|| Film::open(frame));
        film.push(frame);
        film.is_complete()
    }

    /// The film to scrub in: the one under way when it is finished, else the last finished one, else
    /// whatever there is.
    pub fn complete(&self) -> Option<&Film> {
        match &self.current {
            Some(film) if film.is_complete() || self.last.is_none() => Some(film),
            _ => self.last.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn frame(trajectory: u64, index: usize, total: usize) -> PreviewFrame {
        PreviewFrame {
            trajectory,
            index,
            total,
            t: (total - index) * 10,
            step: 100,
            x_t: Arc::new(vec![0.0, 2.0, -2.0, 1.0]),
            x_0: Arc::new(vec![0.0; 4]),
            num: 1,
            classes: vec![],
            settings: Arc::new(SamplingSettings::new(&Config::default())),
            field: None,
        }
    }

    #[test]
    fn a_finished_trajectory_stays_for_scrubbing_while_the_next_one_runs() {
        let mut films = Films::default();
        for index in 0..=10 {
            assert_eq!(films.push(&frame(1, index, 10)), index == 10);
        }
        films.push(&frame(2, 0, 10));
        assert_eq!(films.current.as_ref().unwrap().trajectory, 2);
        assert_eq!(films.complete().unwrap().trajectory, 1);
        assert_eq!(films.complete().unwrap().stills().len(), 11);
        assert_eq!(films.complete().unwrap().nearest(42), 6);
    }

    #[test]
    fn long_trajectories_are_thinned_and_keep_their_end() {
        let mut films = Films::default();
        for index in 0..=1000 {
            films.push(&frame(1, index, 1000));
        }
        let film = films.complete().unwrap();
        assert!(film.is_complete());
        assert!(film.stills().len() <= STILLS + 2, "{}", film.stills().len());
        assert!(film.stills().windows(2).all(|w| w[1].index > w[0].index));
    }

    #[test]
    fn a_trajectory_that_changes_its_mind_about_its_length_ends_where_it_says() {
        let mut films = Films::default();
        // An adaptive sampler: it expects some more until it is there.
        for index in 0..700 {
            let expected = PreviewFrame { total: index + 7, ..frame(1, index, 700) };
            assert!(!films.push(&expected), "not complete at {index}");
        }
        assert!(films.push(&frame(1, 700, 700)));
        let film = films.complete().unwrap();
        assert_eq!((film.total, film.stills().last().unwrap().index), (700, 700));
        assert!(film.stills().len() <= 2 * STILLS + 2, "{}", film.stills().len());
        assert!(film.stills().windows(2).all(|w| w[1].index > w[0].index));
        // Shorter than expected.
        films.push(&frame(2, 0, 60));
        films.push(&frame(2, 1, 40));
        assert!(films.push(&frame(2, 2, 2)));
        assert_eq!(films.complete().unwrap().trajectory, 2);
    }

    #[test]
    fn pixels_are_clipped() {
        let mut films = Films::default();
        films.push(&frame(1, 0, 10));
        assert_eq!(*films.current.unwrap().stills()[0].x_t, vec![128, 255, 0, 255]);
    }

    #[test]
    fn a_frame_that_lies_about_its_size_is_dropped() {
        let mut films = Films::default();
        films.push(&PreviewFrame { num: 0, ..frame(1, 0, 10) });
        films.push(&PreviewFrame { num: 3, ..frame(1, 0, 10) });
        assert!(films.current.is_none());
    }
}
