//! One noise through training time: what runs make of it with the weights of each step that they have kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kept_steps::{MOST_CHECKPOINTS, shown_steps};
use crate::lab::PreviewFrame;
use crate::tui::archive::KeptOf;

/// Moments of a sampling that are kept, from the noise to the sample…
pub const MOMENTS: usize = 11;
/// …at least…
const FEWEST: usize = 2;
/// …and bytes of all of them together.
const MOST_BYTES: usize = 96 << 20;

/// Runs through training time.
#[derive(Clone, Debug, Default)]
pub struct Learning {
    pub learners: Vec<Learner>,
    /// The steps that any of them has kept, oldest first; empty until they are known.
    pub steps: Vec<u64>,
    /// Which of them is seen.
    pub at: usize,
    /// It goes on to each step that is ready, until a person chooses one.
    pub follows: bool,
    /// All steps at once: training across, denoising down.
    pub is_strip: bool,
    /// Which learner and which of its steps each pane of the request is.
    order: Vec<(usize, usize)>,
}

/// One run of them.
#[derive(Clone, Debug)]
pub struct Learner {
    pub dir: PathBuf,
    pub name: String,
    /// Of its run, where runs are compared.
    pub color: Option<usize>,
    /// Height, width and channels of an image.
    pub shape: (usize, usize, usize),
    /// Oldest first.
    pub steps: Vec<LearnedStep>,
    /// What it has not kept.
    pub note: Option<String>,
}

/// What a run could do at a step.
#[derive(Clone, Debug, Default)]
pub struct LearnedStep {
    pub step: u64,
    pub num: usize,
    /// From the noise on.
    pub moments: Vec<LearnedMoment>,
    /// How many of them there will be, as far as the sampler knows.
    pub expected: usize,
    pub is_complete: bool,
    /// Why it can't be shown.
    pub trouble: Option<String>,
}

/// A moment on the way: what the network takes the samples for; first the noise, and last the finished samples.
#[derive(Clone, Debug)]
pub struct LearnedMoment {
    pub index: usize,
    pub t: usize,
    /// `[N, H, W, C]`.
    pub pixels: Arc<Vec<u8>>,
    /// `[N, 2]`, of data in the plane.
    pub points: Option<Arc<Vec<f32>>>,
}

impl Learning {
    /// Of these runs, of which nothing is known yet but the name and the colour.
    pub fn of(runs: Vec<(PathBuf, String, Option<usize>)>) -> Self {
        let learners = runs.into_iter().map(|(dir, name, color)| Learner {
            dir,
            name,
            color,
            shape: (0, 0, 0),
            steps: Vec::new(),
            note: None,
        });
        Self { learners: learners.collect(), follows: true, ..Self::default() }
    }

    /// The steps that they have kept.
    pub fn found(&mut self, kept: &[KeptOf]) {
        for learner in &mut self.learners {
            let Some(of) = kept.iter().find(|of| of.dir == learner.dir) else { continue };
            let (steps, note) = shown_steps(of);
            learner.steps = steps.into_iter().map(|step| LearnedStep { step, ..LearnedStep::default() }).collect();
            learner.note = note;
        }
        self.count_steps();
        self.at = 0;
    }

    /// Takes in what they have kept since, once all that was known is sampled. Is there something new? [`Self::panes`] are
    /// then those.
    pub fn grow(&mut self, kept: &[KeptOf]) -> bool {
        let Some(seen) = self.step().filter(|_| self.ready() == self.steps.len()) else { return false };
        for learner in &mut self.learners {
            if let Some(of) = kept.iter().find(|of| of.dir == learner.dir) {
                learner.grow(of, seen);
            }
        }
        self.count_steps();
        self.at = self.steps.partition_point(|step| *step <= seen).saturating_sub(1);
        !self.order.is_empty()
    }

    /// Which steps there are, and which of them are to be sampled.
    fn count_steps(&mut self) {
        self.steps = self.learners.iter().flat_map(|learner| learner.steps.iter().map(|step| step.step)).collect();
        self.steps.sort_unstable();
        self.steps.dedup();
        let mut order: Vec<(usize, usize)> = Vec::new();
        for (nth, learner) in self.learners.iter().enumerate() {
            order.extend((0..learner.steps.len()).filter(|at| !learner.steps[*at].is_settled()).map(|at| (nth, at)));
        }
        // All runs together, as they have learned.
        order.sort_by_key(|&(nth, at)| (self.learners[nth].steps[at].step, nth));
        self.order = order;
    }

    /// The panes to ask for: folder and step of each.
    pub fn panes(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.order.iter().map(|&(nth, at)| (self.learners[nth].dir.as_path(), self.learners[nth].steps[at].step))
    }

    /// All samples anew.
    pub fn clear(&mut self) {
        for step in self.learners.iter_mut().flat_map(|learner| &mut learner.steps) {
            *step = LearnedStep { step: step.step, ..LearnedStep::default() };
        }
        self.count_steps();
        self.follows = true;
        self.at = 0;
    }

    /// Takes a frame of a pane in.
    pub fn push(&mut self, pane: usize, frame: &PreviewFrame, shape: (usize, usize, usize)) {
        let Some(&(nth, at)) = self.order.get(pane) else { return };
        let panes: usize = self.learners.iter().map(|learner| learner.steps.len()).sum();
        let most = MOST_BYTES / (panes * frame.x_0.len()).max(1);
        let learner = &mut self.learners[nth];
        learner.shape = shape;
        learner.steps[at].push(frame, most.clamp(FEWEST, MOMENTS));
        self.go_along(nth, at);
    }

    /// A pane that can't be sampled.
    pub fn fail(&mut self, pane: usize, why: String) {
        let Some(&(nth, at)) = self.order.get(pane) else { return };
        self.learners[nth].steps[at].trouble = Some(why);
        self.go_along(nth, at);
    }

    fn go_along(&mut self, nth: usize, at: usize) {
        let learned = &self.learners[nth].steps[at];
        let place = self.steps.iter().position(|step| *step == learned.step);
        if let Some(place) = place.filter(|place| self.follows && learned.is_complete && *place > self.at) {
            self.at = place;
        }
    }

    /// The step that is seen.
    pub fn step(&self) -> Option<u64> {
        self.steps.get(self.at).copied()
    }

    /// Is everything of this step there, as far as it can be?
    pub fn is_ready(&self, at: usize) -> bool {
        let Some(step) = self.steps.get(at) else { return false };
        let mut there = self.learners.iter().flat_map(|learner| &learner.steps).filter(|learned| learned.step == *step);
        there.all(LearnedStep::is_settled)
    }

    /// How many steps are ready.
    pub fn ready(&self) -> usize {
        (0..self.steps.len()).filter(|at| self.is_ready(*at)).count()
    }

    /// The timesteps of the moments, those of the newest step that is whole. Before there is one, those of the step that
    /// is on its way: as many as it will have, `None` for what is not known yet, and at its end 0.
    pub fn times(&self, learner: usize) -> Vec<Option<usize>> {
        let steps = self.learners.get(learner).map_or(&[][..], |learner| &learner.steps);
        let whole =
            steps.iter().rfind(|step| step.is_complete).or_else(|| steps.iter().max_by_key(|s| s.moments.len()));
        let Some(step) = whole else { return Vec::new() };
        let mut times: Vec<Option<usize>> = step.moments.iter().map(|moment| Some(moment.t)).collect();
        if !step.is_complete && times.len() < step.expected {
            times.resize(step.expected, None);
            if let Some(last) = times.last_mut() {
                *last = Some(0);
            }
        }
        times
    }
}

impl Learner {
    /// Takes in what it has kept since; the one that is `seen` stays.
    fn grow(&mut self, kept: &KeptOf, seen: u64) {
        let (shown, note) = shown_steps(kept);
        let last = self.steps.last().map(|learned| learned.step);
        let mut newer: Vec<u64> = shown.iter().copied().filter(|step| Some(*step) > last).collect();
        let Some(&newest) = newer.last() else { return };
        if note.is_none() {
            // What was the newest and is no step of the history has had its time.
            self.steps.retain(|learned| learned.step == seen || shown.contains(&learned.step));
        } else if self.steps.len() >= MOST_CHECKPOINTS {
            if let Some(at) = self.steps.iter().rposition(|learned| learned.step != seen) {
                self.steps.remove(at);
            }
            newer = vec![newest];
        } else {
            newer.drain(..newer.len().saturating_sub(MOST_CHECKPOINTS - self.steps.len()));
        }
        self.steps.extend(newer.into_iter().map(|step| LearnedStep { step, ..LearnedStep::default() }));
        self.note = note;
    }

    /// Are its data points in the plane?
    pub fn is_of_points(&self) -> bool {
        self.steps.iter().flat_map(|step| &step.moments).any(|moment| moment.points.is_some())
    }

    /// The newest step that it has kept, of those up to `step`.
    pub fn at_step(&self, step: u64) -> Option<&LearnedStep> {
        self.steps.iter().rfind(|learned| learned.step <= step)
    }
}

impl LearnedStep {
    /// Is all of it there, as far as it can be?
    fn is_settled(&self) -> bool {
        self.is_complete || self.trouble.is_some()
    }

    /// Takes a frame in; of all of them about `most` are kept.
    fn push(&mut self, frame: &PreviewFrame, most: usize) {
        let last = self.moments.last().map(|moment| moment.index);
        let is_end = frame.index >= frame.total;
        let part = |index: usize| index * (most - 1) / frame.total.max(1);
        let is_new = last.is_none_or(|last| frame.index > last && (is_end || part(frame.index) > part(last)));
        // An adaptive sampler may change its mind about its length.
        if frame.num == 0 || !is_new || (self.moments.len() >= 2 * MOMENTS && !is_end) {
            return;
        }
        self.expected = most.min(frame.total + 1);
        let shown = if frame.index == 0 || is_end { &frame.x_t } else { &frame.x_0 };
        self.num = frame.num;
        self.is_complete = is_end;
        self.moments.push(LearnedMoment {
            index: frame.index,
            t: frame.t,
            pixels: Arc::new(shown.iter().map(|value| crate::picture::to_byte(*value)).collect()),
            points: frame.field.as_ref().map(|_| shown.clone()),
        });
    }

    /// The moment that is nearest to timestep `t`; of equally near ones the cleanest.
    pub fn moment_at(&self, t: usize) -> Option<&LearnedMoment> {
        self.moments.iter().rev().min_by_key(|moment| moment.t.abs_diff(t))
    }

    /// The same, of a step that is still on its way only where it has come so far.
    pub fn reached(&self, t: usize) -> Option<&LearnedMoment> {
        let has_come = self.is_complete || self.moments.last().is_some_and(|moment| moment.t <= t);
        self.moment_at(t).filter(|_| has_come)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, KeepHistory};
    use crate::lab::SamplingSettings;
    use crate::run::KeptStep;

    fn kept(history: &[u64], checkpoints: &[u64]) -> KeptOf {
        let mut steps: Vec<KeptStep> = checkpoints.iter().map(|&step| KeptStep { step, is_checkpoint: true }).collect();
        steps.extend(history.iter().map(|&step| KeptStep { step, is_checkpoint: false }));
        steps.sort();
        KeptOf { dir: "a".into(), steps, history: KeepHistory::Auto }
    }

    fn frame(index: usize, total: usize) -> PreviewFrame {
        PreviewFrame {
            trajectory: 1,
            index,
            total,
            t: (total - index) * 10,
            step: 100,
            x_t: Arc::new(vec![1.0; 4]),
            x_0: Arc::new(vec![-1.0; 4]),
            num: 1,
            classes: vec![],
            settings: Arc::new(SamplingSettings::new(&Config::default())),
            field: None,
            look: None,
        }
    }

    #[test]
    fn each_run_shows_its_nearest_step_before_the_chosen_one() {
        let mut learning = Learning::of(vec![("a".into(), "a".into(), None), ("b".into(), "b".into(), Some(1))]);
        learning.found(&[kept(&[1, 10, 100], &[]), KeptOf { dir: "b".into(), ..kept(&[10, 50], &[]) }]);
        assert_eq!(learning.steps, [1, 10, 50, 100]);
        let asked: Vec<(String, u64)> = learning.panes().map(|(d, s)| (d.display().to_string(), s)).collect();
        let wanted = [("a", 1), ("a", 10), ("b", 10), ("b", 50), ("a", 100)];
        assert_eq!(asked, wanted.map(|(dir, step)| (dir.to_string(), step)));
        let at = |nth: usize, step| learning.learners[nth].at_step(step).map(|learned| learned.step);
        assert_eq!((at(0, 50), at(1, 50), at(1, 1), at(1, 100)), (Some(10), Some(50), None, Some(50)));
    }

    #[test]
    fn what_is_kept_meanwhile_is_taken_in_once_the_rest_is_sampled() {
        let mut learning = Learning::of(vec![("a".into(), "a".into(), None)]);
        learning.found(&[kept(&[1, 10], &[17])]);
        let later = [kept(&[1, 10, 20, 30], &[17, 35])];
        assert!(!learning.grow(&later), "the first are still on their way");
        (0..3).for_each(|pane| (0..=4).for_each(|index| learning.push(pane, &frame(index, 4), (2, 2, 1))));
        assert!(!learning.grow(&[kept(&[1, 10], &[17])]), "nothing is new");
        assert_eq!(learning.step(), Some(17));
        assert!(learning.grow(&later));
        assert_eq!((learning.steps.as_slice(), learning.step()), (&[1, 10, 17, 20, 30, 35][..], Some(17)));
        assert_eq!(learning.panes().map(|(_, step)| step).collect::<Vec<_>>(), [20, 30, 35]);
        (0..3).for_each(|pane| (0..=4).for_each(|index| learning.push(pane, &frame(index, 4), (2, 2, 1))));
        assert_eq!(learning.step(), Some(35), "it goes along");
        // A newest that was only passing goes when it is not looked at.
        assert!(learning.grow(&[kept(&[1, 10, 20, 30], &[17, 35, 40])]));
        assert_eq!(learning.steps, [1, 10, 20, 30, 35, 40]);
        learning.clear();
        assert_eq!(learning.panes().count(), 6, "all anew");
        // Checkpoints alone: never more than there is room for.
        let many: Vec<u64> = (1..=30).map(|i| i * 10).collect();
        let mut learning = Learning::of(vec![("a".into(), "a".into(), None)]);
        learning.found(&[kept(&[], &many[..24])]);
        for n in 25..=30 {
            let all = learning.panes().count();
            (0..all).for_each(|pane| (0..=4).for_each(|index| learning.push(pane, &frame(index, 4), (2, 2, 1))));
            assert!(learning.grow(&[kept(&[], &many[..n])]));
            assert_eq!((learning.steps.len(), learning.steps.last()), (24, many.get(n - 1)));
        }
    }

    #[test]
    fn rows_stand_from_the_first_moment_on_and_what_has_not_come_is_not_shown() {
        let mut learning = Learning::of(vec![("a".into(), "a".into(), None)]);
        learning.found(&[kept(&[1, 10], &[])]);
        (0..=1).for_each(|index| learning.push(0, &frame(index, 4), (2, 2, 1)));
        assert_eq!(learning.times(0), [Some(40), Some(30), None, None, Some(0)]);
        let step = &learning.learners[0].steps[0];
        assert!(step.reached(30).is_some() && step.reached(0).is_none() && step.moment_at(0).is_some());
        (2..=4).for_each(|index| learning.push(0, &frame(index, 4), (2, 2, 1)));
        assert_eq!(learning.times(0), [Some(40), Some(30), Some(20), Some(10), Some(0)]);
        learning.push(1, &frame(0, 4), (2, 2, 1));
        assert_eq!(learning.times(0).len(), 5);
        let under_way = &learning.learners[0].steps[1];
        assert!(under_way.reached(40).is_some() && under_way.reached(30).is_none());
    }

    #[test]
    fn few_moments_are_kept_from_the_noise_to_the_sample_and_it_goes_along() {
        let mut learning = Learning::of(vec![("a".into(), "a".into(), None)]);
        learning.found(&[kept(&[1, 10, 100], &[])]);
        for pane in 0..2 {
            (0..=1000).for_each(|index| learning.push(pane, &frame(index, 1000), (2, 2, 1)));
        }
        let step = &learning.learners[0].steps[0];
        assert_eq!(step.moments.len(), MOMENTS);
        assert_eq!((step.moments[0].pixels[0], step.moments[1].pixels[0], step.moments[10].pixels[0]), (255, 0, 255));
        assert_eq!((step.moments[0].t, step.moments[10].t, step.is_complete), (10_000, 0, true));
        assert_eq!((learning.at, learning.ready()), (1, 2));
        assert_eq!(step.moment_at(4900).unwrap().t, 5000);
        learning.fail(2, "no".into());
        assert_eq!((learning.at, learning.ready()), (1, 3), "what can't be shown is passed over");
        assert_eq!(learning.times(0).len(), MOMENTS);
        learning.push(99, &frame(0, 10), (2, 2, 1));
        // A sampler that doesn't know its length.
        (0..5000).for_each(|index| learning.push(2, &frame(index, index + 7), (2, 2, 1)));
        learning.push(2, &frame(5000, 5000), (2, 2, 1));
        let step = &learning.learners[0].steps[2];
        assert!(step.is_complete && step.moments.len() <= 2 * MOMENTS + 1, "{}", step.moments.len());
    }
}
