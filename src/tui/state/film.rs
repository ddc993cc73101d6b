//! Denoising trajectories, kept for scrubbing.

use std::sync::Arc;

use crate::lab::{AutoencoderLook, Field, PreviewFrame, SamplingSettings};

/// Most stills of a film; longer trajectories are thinned evenly.
const STILLS: usize = 128;

/// One moment of a trajectory, as bytes (−1 is 0, 1 is 255, clipped).
#[derive(Clone, Debug)]
pub struct Still {
    pub index: usize,
    pub t: usize,
    /// Training step of the weights.
    pub step: u64,
    /// `[N, H, W, C]`.
    pub x_t: Arc<Vec<u8>>,
    /// `[N, H, W, C]`.
    pub x_0: Arc<Vec<u8>>,
    /// Of points in the plane, which need more than bytes.
    pub points: Option<PointsStill>,
    /// Of an autoencoder.
    pub look: Option<Arc<AutoencoderLook>>,
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
            num: frame.num,
            classes: frame.classes.clone(),
            settings: frame.settings.clone(),
            stills: Vec::new(),
        }
    }

    /// Takes a frame in. The one that is `shown` stays, whatever has to go.
    fn push(&mut self, frame: &PreviewFrame, shown: Option<usize>) {
        if self.stills.last().is_some_and(|last| last.index >= frame.index) {
            return;
        }
        self.total = frame.total;
        let every = self.every();
        if !frame.index.is_multiple_of(every) && frame.index < frame.total && !self.stills.is_empty() {
            return;
        }
        if self.stills.len() > 2 * STILLS {
            // The trajectory has turned out longer than it was expected to be.
            self.stills.retain(|still| still.index.is_multiple_of(every) || Some(still.index) == shown);
        }
        let bytes = |values: &[f32]| Arc::new(values.iter().map(|&v| byte(v)).collect());
        let points = frame.field.as_ref().map(|field| PointsStill {
            x_t: frame.x_t.clone(),
            x_0: frame.x_0.clone(),
            field: field.clone(),
        });
        let (x_t, x_0) = (bytes(&frame.x_t), bytes(&frame.x_0));
        let (index, t, step, look) = (frame.index, frame.t, frame.step, frame.look.clone());
        self.stills.push(Still { index, t, step, x_t, x_0, points, look });
    }

    /// Of the trajectory's frames every so many is kept.
    fn every(&self) -> usize {
        self.total / STILLS + 1
    }

    /// How many stills there will be, about.
    pub fn expected_stills(&self) -> usize {
        self.total / self.every() + 1
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

    /// Position of the still whose t is nearest; of equally near ones the cleanest.
    pub fn nearest(&self, t: usize) -> usize {
        self.nearest_of(t, |_| true).unwrap_or(0)
    }

    /// Position of the still nearest to `from` + `by` on that side of `from`: the next one at least, however small
    /// the step. `None` at the end.
    pub fn towards(&self, from: usize, by: isize) -> Option<usize> {
        let wanted = |t| if by < 0 { t < from } else { t > from };
        self.nearest_of(from.saturating_add_signed(by), wanted)
    }

    fn nearest_of(&self, t: usize, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        (0..self.stills.len()).rev().filter(|&i| wanted(self.stills[i].t)).min_by_key(|&i| self.stills[i].t.abs_diff(t))
    }
}

fn byte(value: f32) -> u8 {
    // NaN becomes 0 by the cast.
    ((value.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8
}

/// The newest film, finished or not, and the one on the screen where that is another.
#[derive(Clone, Debug, Default)]
pub struct Films {
    newest: Option<Film>,
    on_screen: Option<Film>,
}

impl Films {
    /// Takes in one frame. The film and the frame that are `shown` (trajectory and index) are kept, whatever comes.
    pub fn push(&mut self, frame: &PreviewFrame, shown: Option<(u64, usize)>) {
        if frame.num == 0 || frame.x_t.len() != frame.x_0.len() || !frame.x_t.len().is_multiple_of(frame.num) {
            return;
        }
        let of = |film: &Film| shown.filter(|(trajectory, _)| *trajectory == film.trajectory).map(|(_, index)| index);
        self.on_screen = self.on_screen.take().filter(|film| of(film).is_some());
        match &mut self.newest {
            Some(film) if film.trajectory > frame.trajectory => {}
            Some(film) if film.trajectory == frame.trajectory => film.push(frame, of(film)),
            newest => {
                if let Some(film) = newest.take().filter(|film| of(film).is_some()) {
                    self.on_screen = Some(film);
                }
                newest.insert(Film::open(frame)).push(frame, None);
            }
        }
    }

    /// The film that began last.
    pub fn newest(&self) -> Option<&Film> {
        self.newest.as_ref()
    }

    /// A film that is whole, the newest of those kept.
    pub fn finished(&self) -> Option<&Film> {
        [&self.newest, &self.on_screen].into_iter().flatten().find(|film| film.is_complete())
    }

    /// A film by its number.
    pub fn get(&self, trajectory: u64) -> Option<&Film> {
        [&self.newest, &self.on_screen].into_iter().flatten().find(|film| film.trajectory == trajectory)
    }

    /// Keeps the film that is shown, which only `others` may have still.
    pub fn keep(&mut self, others: &Self, trajectory: u64) {
        if self.get(trajectory).is_none() {
            self.on_screen = others.get(trajectory).cloned();
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
            look: None,
        }
    }

    fn whole(films: &mut Films, trajectory: u64, total: usize, shown: Option<(u64, usize)>) {
        (0..=total).for_each(|index| films.push(&frame(trajectory, index, total), shown));
    }

    #[test]
    fn the_film_on_the_screen_is_kept_whatever_comes() {
        let mut films = Films::default();
        whole(&mut films, 1, 10, None);
        for newer in 2..6 {
            whole(&mut films, newer, 10, Some((1, 4)));
            assert_eq!(films.newest().unwrap().trajectory, newer);
            assert_eq!(films.get(1).unwrap().stills().len(), 11);
            assert!(films.get(newer - 1).is_none() || newer == 2, "memory is bounded");
        }
        films.push(&frame(6, 0, 10), Some((5, 0)));
        assert!(films.get(1).is_none() && films.get(5).is_some());
        // What is only in a frozen display may be kept when it thaws.
        let mut thawed = Films::default();
        thawed.keep(&films, 5);
        assert!(thawed.get(5).is_some());
    }

    #[test]
    fn the_nearest_still_and_the_next_one() {
        let mut films = Films::default();
        whole(&mut films, 1, 10, None);
        let film = films.newest().unwrap();
        assert_eq!((film.nearest(42), film.nearest(45), film.nearest(1000)), (6, 6, 0));
        let t = |position: Option<usize>| position.map(|p| film.stills()[p].t);
        assert_eq!((t(film.towards(40, 1)), t(film.towards(40, -1))), (Some(50), Some(30)));
        assert_eq!((t(film.towards(40, 26)), t(film.towards(40, -100))), (Some(70), Some(0)));
        assert_eq!((film.towards(0, -1), film.towards(100, 7)), (None, None));
    }

    #[test]
    fn long_trajectories_are_thinned_and_keep_their_ends() {
        let mut films = Films::default();
        whole(&mut films, 1, 1000, None);
        let film = films.newest().unwrap();
        assert!(film.is_complete());
        assert!(film.stills().len() <= STILLS + 2, "{}", film.stills().len());
        assert_eq!((film.stills()[0].index, film.stills().last().unwrap().index), (0, 1000));
        assert!(film.stills().len().abs_diff(film.expected_stills()) <= 1);
        assert!(film.stills().windows(2).all(|w| w[1].index > w[0].index));
    }

    #[test]
    fn a_trajectory_that_changes_its_mind_about_its_length_ends_where_it_says() {
        let mut films = Films::default();
        // An adaptive sampler: it expects some more until it is there.
        for index in 0..700 {
            let expected = PreviewFrame { total: index + 7, ..frame(1, index, 700) };
            films.push(&expected, Some((1, 5)));
            assert!(!films.newest().unwrap().is_complete(), "not complete at {index}");
        }
        films.push(&frame(1, 700, 700), Some((1, 5)));
        let film = films.newest().unwrap();
        assert!(film.is_complete());
        assert_eq!((film.total, film.stills().last().unwrap().index), (700, 700));
        assert!(film.stills().len() <= 2 * STILLS + 2, "{}", film.stills().len());
        assert!(film.stills().windows(2).all(|w| w[1].index > w[0].index));
        assert!(film.stills().iter().any(|still| still.index == 5), "the one on the screen stays");
        // Shorter than expected.
        films.push(&frame(2, 0, 60), None);
        films.push(&frame(2, 1, 40), None);
        films.push(&frame(2, 2, 2), None);
        assert!(films.newest().unwrap().is_complete());
    }

    #[test]
    fn pixels_are_clipped() {
        let mut films = Films::default();
        films.push(&frame(1, 0, 10), None);
        assert_eq!(*films.newest().unwrap().stills()[0].x_t, vec![128, 255, 0, 255]);
    }

    #[test]
    fn a_frame_that_lies_about_its_size_or_comes_too_late_is_dropped() {
        let mut films = Films::default();
        films.push(&PreviewFrame { num: 0, ..frame(1, 0, 10) }, None);
        films.push(&PreviewFrame { num: 3, ..frame(1, 0, 10) }, None);
        assert!(films.newest().is_none());
        films.push(&frame(3, 0, 10), None);
        films.push(&frame(2, 5, 10), None);
        assert_eq!(films.newest().unwrap().trajectory, 3);
    }
}
