//! The facts that the story is told from, measured.

use super::heat::Heat;
use super::history::{History, LossBucket};
use super::screen::State;
use super::story::{Background, Facts, HeldOutRise, Stage};
use crate::config::{Config, LossWeighting, PredictionType, VarianceType};
use crate::lab::{Phase, RunInfo};

/// Which of the smoothings tells whether a loss rises or falls in earnest.
const SMOOTHING: usize = 2;
/// Over so many of the last steps at least a loss that doesn't move is a plateau.
const PLATEAU: u64 = 1000;
/// Held-out losses before anything is said of them.
const HELD_OUT: usize = 5;
/// Least share of an image that is background, where it has one.
const LEAST_BACKGROUND: f64 = 0.1;
/// Training images that must agree on it.
const LEAST_EXAMPLES: usize = 3;

/// Goes on with the story, where its sentence has stood long enough.
pub fn go_on(state: &mut State) {
    // A frozen display stands still.
    if state.frozen.is_some() {
        return;
    }
    let (stage, step) = (stage(state), step(state));
    if state.story.is_due(state.now, &stage, step) {
        let facts = facts(state, stage, step);
        state.story.go_on(state.now, &facts);
    }
}

fn step(state: &State) -> u64 {
    state.live.history.latest.as_ref().map_or(0, |record| record.step)
}

fn stage(state: &State) -> Stage {
    match &state.phase {
        _ if state.only_compares() => Stage::Silent,
        // It is not for this screen to go on, and what is read is read in a moment.
        Phase::Starting(_) | Phase::Loading(_) | Phase::Paused if state.is_watched() => Stage::Silent,
        Phase::Starting(what) | Phase::Loading(what) => Stage::Opening(what.clone()),
        Phase::Training if state.live.history.latest.is_none() => Stage::Ready,
        Phase::Training => Stage::Training,
        Phase::Paused => Stage::Paused,
        Phase::Finished => Stage::Finished,
        Phase::Waiting(_) | Phase::Stopping | Phase::Failed(_) | Phase::Resting { .. } => Stage::Silent,
    }
}

fn facts(state: &State, stage: Stage, step: u64) -> Facts {
    let (history, smoothing) = (&state.live.history, state.plots.smoothing);
    let untouched = state.controls.live.learning_rate_scale == 1.0;
    let peak = history.losses().iter().map(|b| b.lr).fold(0.0, f64::max);
    Facts {
        stage,
        is_images: state.plane.is_none(),
        step,
        steps: state.config.as_ref().map_or(0, |c| c.train.steps),
        // The numbers that the loss panel shows.
        loss: history.smoothed(smoothing).unwrap_or(f64::NAN),
        start: history.losses().first().map_or(f64::NAN, |b| b.smoothed[smoothing]),
        before: before(history, smoothing),
        loss_of_zero: state.config.as_ref().and_then(loss_of_zero),
        lr: history.latest.as_ref().map_or(0.0, |r| r.lr),
        peak_lr: if untouched { peak } else { 0.0 },
        warmup_steps: state.config.as_ref().map_or(0, |c| c.train.warmup_steps),
        thirds: thirds(&state.live.heat),
        background: background(state),
        held_out: held_out(history),
    }
}

/// 1 where the loss is the plain squared error of ε alone: ε has variance 1. Of other targets it depends on the data.
fn loss_of_zero(config: &Config) -> Option<f64> {
    let plain = config.diffusion.prediction_type == PredictionType::Epsilon
        && config.train.loss_weighting == LossWeighting::Simple
        && config.diffusion.variance_type != VarianceType::LearnedRange;
    plain.then_some(1.0)
}

fn before(history: &History, smoothing: usize) -> Option<(u64, f64)> {
    let step = history.latest.as_ref()?.step;
    let back = (step / 3).max(PLATEAU);
    let then = at(history, step.checked_sub(back).filter(|then| *then > 0)?)?;
    Some((then.last.step, then.smoothed[smoothing]))
}

/// The bucket that holds a step.
fn at(history: &History, step: u64) -> Option<&LossBucket> {
    let losses = history.losses();
    losses.get(losses.partition_point(|b| b.last.step < step))
}

/// Means over a third of the bins each, where all of them are known.
fn thirds(heat: &Heat) -> Option<(f64, f64)> {
    let bins = heat.bins();
    // The newest rows must be others than the first ones.
    if bins < 3 || heat.columns().len() < 3 {
        return None;
    }
    let left = |range: std::ops::Range<usize>| -> Option<f64> {
        let (mut now, mut start) = (0.0, 0.0);
        for bin in range {
            now += heat.recent(bin)?;
            start += heat.baseline(bin)?;
        }
        (start > 0.0).then(|| now / start)
    };
    Some((left(bins - bins / 3..bins)?, left(0..bins / 3)?))
}

fn held_out(history: &History) -> Option<HeldOutRise> {
    let all = history.held_out();
    let mean = |i: usize| all[i].sum / all[i].count.max(1) as f64;
    let last = all.len().checked_sub(1).filter(|last| *last + 1 >= HELD_OUT)?;
    let best = (0..=last).min_by(|a, b| mean(*a).total_cmp(&mean(*b)))?;
    Some(HeldOutRise {
        best: mean(best),
        best_step: all[best].at.step,
        // Of two, so that one outlier is none.
        now: mean(last).min(mean(last - 1)),
        train_then: at(history, all[best].at.step)?.smoothed[SMOOTHING],
        train_now: history.smoothed(SMOOTHING)?,
    })
}

/// How far the pixels that the training images have in common are from that colour in the finished samples.
fn background(state: &State) -> Option<Background> {
    let film = state.live.films.finished()?;
    let (value, pixels) = common(state.live.info.as_ref()?)?;
    let still = film.stills().last()?;
    let samples = &still.x_0;
    let size = pixels.len();
    if size == 0 || samples.is_empty() || !samples.len().is_multiple_of(size) {
        return None;
    }
    let (mut sum, mut count) = (0.0, 0u32);
    for sample in samples.chunks_exact(size) {
        for (byte, _) in sample.iter().zip(&pixels).filter(|(_, same)| **same) {
            sum += f64::from(byte.abs_diff(value));
            count += 1;
        }
    }
    let word = if value == 0 { "black" } else { "white" };
    Some(Background { word, step: still.step, distance: sum / f64::from(count.max(1)) / 255.0 })
}

/// The value, 0 or 255, that part of all examples has, and which part.
fn common(info: &RunInfo) -> Option<(u8, Vec<bool>)> {
    if info.examples.len() < LEAST_EXAMPLES || !info.points.is_empty() {
        return None;
    }
    let size = info.examples.iter().map(|example| example.len()).min()?;
    for (value, byte) in [(-1.0, 0), (1.0, 255)] {
        let same = |i: usize| info.examples.iter().all(|example| (example[i] - value).abs() < 0.02);
        let pixels: Vec<bool> = (0..size).map(same).collect();
        if pixels.iter().filter(|same| **same).count() as f64 >= LEAST_BACKGROUND * size as f64 {
            return Some((byte, pixels));
        }
    }
    None
}
