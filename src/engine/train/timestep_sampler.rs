//! Which timesteps a training batch is noised to.

use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::loss_history::LossHistory;
use super::times::{at_share, uniform};
use crate::config::{Config, TimestepSampling};
use crate::diffusion::Schedule;

/// Bins of the loss history: every timestep its own up to this many, and on continuous paths, which have
/// no steps to count, fewer, so that each is soon seen ten times.
const MOST_BINS: usize = 1000;
const CONTINUOUS_BINS: usize = 100;

/// Draws the timesteps of each batch, and learns from their losses where that is asked for.
pub struct TimestepSampler {
    schedule: Arc<Schedule>,
    kind: TimestepSampling,
    /// Mean and standard deviation of ln σ.
    log_normal: (f64, f64),
    /// Mean and standard deviation of logit u.
    logit_normal: (f64, f64),
    /// Of importance sampling only.
    history: Option<LossHistory>,
}

/// The timesteps of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// t of each sample; between the ticks on continuous paths.
    pub timesteps: Vec<f64>,
    /// 1/(T·p_t) of each sample, so that the mean loss stays that of uniform draws; `None`: all 1.
    pub corrections: Option<Vec<f64>>,
}

impl TimestepSampler {
    /// The sampler that a config names, with nothing learned yet.
    pub fn new(config: &Config, schedule: Arc<Schedule>) -> Self {
        let train = &config.train;
        let kind = train.timestep_sampling.on(schedule.path);
        let bins = if schedule.is_continuous() { CONTINUOUS_BINS } else { schedule.timesteps().min(MOST_BINS) };
        Self {
            schedule,
            kind,
            log_normal: (train.p_mean, train.p_std),
            logit_normal: (train.logit_mean, train.logit_std),
            history: (kind == TimestepSampling::Importance).then(|| LossHistory::new(bins)),
        }
    }

    /// The timesteps of a batch of `n`.
    pub fn draw(&self, n: usize, rng: &mut impl Rng) -> Drawn {
        let timesteps = match self.kind {
            TimestepSampling::Auto | TimestepSampling::Uniform => uniform(&self.schedule, n, rng),
            TimestepSampling::Stratified => low_discrepancy(&self.schedule, n, rng),
            TimestepSampling::LogNormal => log_normal(&self.schedule, self.log_normal, n, rng),
            TimestepSampling::LogitNormal => logit_normal(&self.schedule, self.logit_normal, n, rng),
            TimestepSampling::Importance => return self.by_importance(n, rng),
        };
        let timesteps = timesteps.into_iter().map(|t| self.shifted(t)).collect();
        Drawn { timesteps, corrections: None }
    }

    /// u becomes shift·u/(1 + (shift − 1)·u) on path flow with diffusion.shift, as sampling does (Esser et
    /// al. 2024, eq. 23).
    fn shifted(&self, t: f64) -> f64 {
        let shift = self.schedule.shift;
        if shift == 1.0 {
            return t;
        }
        let u = self.schedule.u(t);
        self.schedule.t_of_u(shift * u / (1.0 + (shift - 1.0) * u))
    }

    /// By the history: a bin of probability p, and any time within it.
    fn by_importance(&self, n: usize, rng: &mut impl Rng) -> Drawn {
        let Some(history) = self.history.as_ref().filter(|history| history.is_warm()) else {
            return Drawn { timesteps: uniform(&self.schedule, n, rng), corrections: None };
        };
        let probabilities = history.probabilities();
        let (bins, total) = (history.bins(), self.schedule.timesteps());
        let (timesteps, corrections) = (0..n)
            .map(|_| {
                let bin = pick(&probabilities, rng.random());
                if self.schedule.is_continuous() {
                    let u = (bin as f64 + 1.0 - rng.random::<f64>()) / bins as f64;
                    return (self.schedule.t_of_u(u), 1.0 / (bins as f64 * probabilities[bin]));
                }
                let steps = history.steps_of(bin, total);
                let share = steps.len() as f64 / total as f64;
                (rng.random_range(steps) as f64, share / probabilities[bin])
            })
            .unzip();
        Drawn { timesteps, corrections: Some(corrections) }
    }

    /// Learns the losses of a batch (weighted as they are in the objective, not corrected for how the
    /// timesteps were drawn).
    pub fn learn(&mut self, timesteps: &[f64], losses: &[f64]) {
        let Some(history) = &mut self.history else { return };
        for (&t, &loss) in timesteps.iter().zip(losses) {
            let share = match self.schedule.is_continuous() {
                // The end of a bin belongs to it, as it is drawn.
                true => self.schedule.u(t) * history.bins() as f64 - 1e-9,
                false => (t * history.bins() as f64 / self.schedule.timesteps() as f64).floor(),
            };
            history.add((share.max(0.0) as usize).min(history.bins() - 1), loss);
        }
    }

    /// What was learned, as tensors for the checkpoint; empty where nothing is.
    ///
    /// # Errors
    /// When candle fails.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let Some(history) = &self.history else { return Ok(Vec::new()) };
        let (losses, seen) = history.parts();
        let seen: Vec<i64> = seen.iter().map(|&n| n as i64).collect();
        Ok(vec![
            (LOSSES.into(), Tensor::from_slice(losses, losses.len(), &Device::Cpu)?),
            (SEEN.into(), Tensor::from_vec(seen, history.bins(), &Device::Cpu)?),
        ])
    }

    /// Goes on from what [`Self::state`] gave. Where nothing was learned, or of other bins, it starts anew.
    ///
    /// # Errors
    /// When a tensor is not of the kind that was saved.
    pub fn restore(&mut self, state: impl Fn(&str) -> Option<Tensor>) -> Result<()> {
        let Some(history) = &mut self.history else { return Ok(()) };
        if let (Some(losses), Some(seen)) = (state(LOSSES), state(SEEN)) {
            let what = "the losses that timesteps are drawn by";
            let losses = losses.to_vec1::<f64>().context(what)?;
            let seen = seen.to_vec1::<i64>().context(what)?;
            history.restore(&losses, &seen.into_iter().map(|n| n.max(0) as u64).collect::<Vec<_>>());
        }
        Ok(())
    }
}

const LOSSES: &str = "losses";
const SEEN: &str = "seen";

/// The index at which the running sum of `probabilities` passes `share` ∈ [0, 1).
fn pick(probabilities: &[f64], share: f64) -> usize {
    let mut sum = 0.0;
    let passes = |p: &f64| {
        sum += p;
        sum > share
    };
    // Rounding can leave the sum a little below 1.
    probabilities.iter().position(passes).unwrap_or(probabilities.len() - 1)
}

/// u_i = (u_0 + i/N) mod 1 for one u_0: each batch covers the path evenly, and each single time stays
/// uniform (Kingma et al. 2021, "Variational Diffusion Models", appendix I.1).
fn low_discrepancy(schedule: &Schedule, n: usize, rng: &mut impl Rng) -> Vec<f64> {
    let first: f64 = rng.random();
    (0..n).map(|i| at_share(schedule, (first + i as f64 / n as f64).fract())).collect()
}

/// ln σ ~ N(P_mean, P_std²) (Karras et al. 2022, table 1; −1.2 and 1.2), clamped to the path's σ.
fn log_normal(schedule: &Schedule, (mean, std): (f64, f64), n: usize, rng: &mut impl Rng) -> Vec<f64> {
    let draw = |_| {
        let z: f64 = StandardNormal.sample(rng);
        schedule.level_of((mean + std * z).exp()).t
    };
    (0..n).map(draw).collect()
}

/// logit u ~ N(m, s²): Esser et al. 2024, "Scaling Rectified Flow Transformers for High-Resolution Image
/// Synthesis", eq. 19.
fn logit_normal(schedule: &Schedule, (mean, std): (f64, f64), n: usize, rng: &mut impl Rng) -> Vec<f64> {
    let draw = |_| {
        let z: f64 = StandardNormal.sample(rng);
        schedule.t_of_u(1.0 / (1.0 + (-(mean + std * z)).exp()))
    };
    (0..n).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, PathName};
    use crate::random::{Stream, generator};

    fn sampler(path: PathName, kind: TimestepSampling, timesteps: usize) -> TimestepSampler {
        let mut config = Config::default();
        config.diffusion = DiffusionConfig { path, timesteps, ..config.diffusion };
        config.train.timestep_sampling = kind;
        TimestepSampler::new(&config, Arc::new(Schedule::from_config(&config.diffusion).unwrap()))
    }

    /// 200 batches of 100.
    fn draws(sampler: &TimestepSampler) -> Vec<f64> {
        (0..200).flat_map(|step| sampler.draw(100, &mut generator(7, Stream::Timesteps, step)).timesteps).collect()
    }

    /// The largest distance between the distribution of `xs` and `cdf` (Kolmogorov and Smirnov). For
    /// 20,000 independent draws of that distribution it exceeds 0.0138 once in a thousand times.
    fn largest_gap(mut xs: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
        xs.sort_by(f64::total_cmp);
        let n = xs.len() as f64;
        let gap = |(i, x): (usize, &f64)| (cdf(*x) - i as f64 / n).abs().max((cdf(*x) - (i + 1) as f64 / n).abs());
        xs.iter().enumerate().map(gap).fold(0.0, f64::max)
    }

    /// Φ by its integral, Simpson's rule over [−8, z].
    fn normal_cdf(z: f64) -> f64 {
        let (steps, low) = (800, -8.0);
        let h = (z.clamp(low, 8.0) - low) / steps as f64;
        let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let weight = |i: usize| {
            if i == 0 || i == steps {
                1.0
            } else if i % 2 == 1 {
                4.0
            } else {
                2.0
            }
        };
        (0..=steps).map(|i| weight(i) * density(low + i as f64 * h)).sum::<f64>() * h / 3.0
    }

    /// Σ (observed − expected)²/expected over the whole steps.
    fn chi_square(xs: &[f64], probability: impl Fn(usize) -> f64, timesteps: usize) -> f64 {
        let mut counts = vec![0.0; timesteps];
        xs.iter().for_each(|&t| counts[t as usize] += 1.0);
        let term = |(t, count): (usize, &f64)| {
            let expected = probability(t) * xs.len() as f64;
            (count - expected).powi(2) / expected
        };
        counts.iter().enumerate().map(term).sum()
    }

    #[test]
    fn uniform_draws_are_uniform() {
        // 49 degrees of freedom: above 90 once in 3,000 times, and the seed is fixed.
        let chi = chi_square(&draws(&sampler(PathName::Vp, TimestepSampling::Auto, 50)), |_| 0.02, 50);
        assert!(chi < 90.0, "{chi}");
        let flow = sampler(PathName::Flow, TimestepSampling::Auto, 1000);
        let us: Vec<f64> = draws(&flow).iter().map(|&t| flow.schedule.u(t)).collect();
        assert!(us.iter().all(|&u| u > 0.0 && u <= 1.0));
        assert!(largest_gap(us, |u| u) < 0.0138);
    }

    #[test]
    fn stratified_draws_cover_every_batch_evenly_and_stay_uniform() {
        for path in [PathName::Vp, PathName::VpSde] {
            let sampler = sampler(path, TimestepSampling::Stratified, 100);
            let batch = sampler.draw(50, &mut generator(0, Stream::Timesteps, 3)).timesteps;
            let mut bins = [0; 50];
            batch.iter().for_each(|&t| bins[((t.ceil() as usize) * 50 / 100).min(49)] += 1);
            assert!(bins.iter().all(|&n| (0..=2).contains(&n)), "{path:?} {bins:?}");
            let gaps: Vec<f64> = {
                let mut sorted = batch;
                sorted.sort_by(f64::total_cmp);
                sorted.windows(2).map(|pair| pair[1] - pair[0]).collect()
            };
            // Two of a hundred steps apart, up to rounding to whole steps.
            assert!(gaps.iter().all(|gap| (gap - 2.0).abs() < 1.01), "{gaps:?}");
            let us: Vec<f64> = draws(&sampler).iter().map(|&t| sampler.schedule.u(t)).collect();
            // Steps of 1/100 are seen as such.
            assert!(largest_gap(us, |u| u) < 0.0105 + 0.0138);
        }
        let one_each: Vec<f64> = (0..2000)
            .flat_map(|step| {
                let vp = sampler(PathName::VpSde, TimestepSampling::Stratified, 100);
                vp.draw(1, &mut generator(1, Stream::Timesteps, step)).timesteps
            })
            .collect();
        assert!(largest_gap(one_each, |t| (t + 1.0) / 100.0) < 0.0436, "a single time is uniform");
    }

    #[test]
    fn log_normal_draws_have_a_normal_log_sigma() {
        for (path, kind) in [(PathName::Edm, TimestepSampling::Auto), (PathName::Ve, TimestepSampling::LogNormal)] {
            let sampler = sampler(path, kind, 1000);
            let logs: Vec<f64> = draws(&sampler).iter().map(|&t| sampler.schedule.level(t).sigma.ln()).collect();
            // On path ve 0.2 % lie below σ_min = 0.01 and are clamped.
            let gap = largest_gap(logs, |x| normal_cdf((x + 1.2) / 1.2));
            assert!(gap < 0.0138, "{path:?}: {gap}");
        }
    }

    #[test]
    fn logit_normal_draws_have_a_normal_logit() {
        let mut sampler = sampler(PathName::Flow, TimestepSampling::LogitNormal, 1000);
        for (mean, std) in [(0.0, 1.0), (0.7, 0.5)] {
            sampler.logit_normal = (mean, std);
            let us = draws(&sampler).into_iter().map(|t| sampler.schedule.u(t));
            let logits: Vec<f64> = us.map(|u| (u / (1.0 - u)).ln()).collect();
            let gap = largest_gap(logits, |x| normal_cdf((x - mean) / std));
            assert!(gap < 0.0138, "({mean}, {std}): {gap}");
        }
    }

    #[test]
    fn the_shift_of_path_flow_moves_the_draws_towards_the_noise() {
        let mut config = Config::default();
        config.diffusion = DiffusionConfig { path: PathName::Flow, shift: 3.0, ..config.diffusion };
        let shifted = TimestepSampler::new(&config, Arc::new(Schedule::from_config(&config.diffusion).unwrap()));
        let us: Vec<f64> = draws(&shifted).iter().map(|&t| shifted.schedule.u(t)).collect();
        // P(shifted u ≤ x) is the u that becomes x: x/(3 − 2x).
        let gap = largest_gap(us, |x| x / (3.0 - 2.0 * x));
        assert!(gap < 0.0138, "{gap}");
    }

    /// Teaches that the loss at t is (t + 1)/T.
    fn taught(path: PathName, timesteps: usize) -> TimestepSampler {
        let mut sampler = sampler(path, TimestepSampling::Importance, timesteps);
        let bins = sampler.history.as_ref().unwrap().bins();
        for _ in 0..10 {
            let ts: Vec<f64> = (0..bins).map(|b| sampler.schedule.t_of_u((b as f64 + 1.0) / bins as f64)).collect();
            let losses: Vec<f64> = ts.iter().map(|&t| sampler.schedule.u(t)).collect();
            sampler.learn(&ts, &losses);
        }
        sampler
    }

    #[test]
    fn importance_follows_the_losses_and_the_corrections_undo_it() {
        let vp = taught(PathName::Vp, 40);
        let total: f64 = (1..=40).map(f64::from).sum();
        let probability = |t: usize| (t as f64 + 1.0) / total * 0.999 + 0.001 / 40.0;
        // 39 degrees of freedom: above 77 once in 3,000 times.
        assert!(chi_square(&draws(&vp), probability, 40) < 77.0);
        assert!(chi_square(&draws(&vp), |_| 1.0 / 40.0, 40) > 1000.0, "the test would notice uniform draws");
        for (path, timesteps) in [(PathName::Vp, 40), (PathName::Vp, 2500), (PathName::Flow, 1000)] {
            let sampler = taught(path, timesteps);
            // Σ f(t) · correction / n estimates the mean of f over uniform t: here of u², about 1/3.
            let (mut mean, mut ones, mut n) = (0.0, 0.0, 0.0);
            for step in 0..200 {
                let drawn = sampler.draw(100, &mut generator(3, Stream::Timesteps, step));
                for (t, correction) in drawn.timesteps.iter().zip(drawn.corrections.unwrap()) {
                    mean += sampler.schedule.u(*t).powi(2) * correction;
                    ones += correction;
                    n += 1.0;
                }
            }
            let uniform: f64 = match path {
                PathName::Vp => {
                    (1..=timesteps).map(|t| (t as f64 / timesteps as f64).powi(2)).sum::<f64>() / timesteps as f64
                }
                _ => 1.0 / 3.0,
            };
            assert!((mean / n - uniform).abs() < 0.012, "{path:?} {timesteps}: {} and {uniform}", mean / n);
            assert!((ones / n - 1.0).abs() < 0.06, "{path:?} {timesteps}: {}", ones / n);
        }
    }

    #[test]
    fn importance_begins_uniform() {
        let sampler = sampler(PathName::Vp, TimestepSampling::Importance, 50);
        let drawn = sampler.draw(64, &mut generator(0, Stream::Timesteps, 0));
        let plain = uniform(&sampler.schedule, 64, &mut generator(0, Stream::Timesteps, 0));
        assert_eq!(drawn, Drawn { timesteps: plain, corrections: None });
    }

    #[test]
    fn what_was_learned_comes_back_exactly() {
        let mut taught = taught(PathName::Vp, 40);
        taught.learn(&[3.0, 7.0], &[0.1 + 0.2, 1.0 / 3.0]);
        let state = taught.state().unwrap();
        let mut fresh = sampler(PathName::Vp, TimestepSampling::Importance, 40);
        let find = |name: &str| state.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor.clone());
        fresh.restore(find).unwrap();
        assert_eq!(fresh.history, taught.history);
        let mut other = sampler(PathName::Vp, TimestepSampling::Importance, 41);
        other.restore(find).unwrap();
        assert!(!other.history.unwrap().is_warm(), "losses of other timesteps mean nothing here");
        assert!(sampler(PathName::Vp, TimestepSampling::Uniform, 40).state().unwrap().is_empty());
    }
}
