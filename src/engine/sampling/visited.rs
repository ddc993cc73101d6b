//! The timesteps that a spacing visits, and the level at any of them.

use anyhow::{Result, ensure};

use super::SamplerSettings;
use super::counting::{Counting, timesteps};
use crate::config::TimestepSpacing;
use crate::diffusion::{NoiseLevel, Schedule};

/// u of path flow, moved by the schedule's shift.
pub(super) fn shifted(schedule: &Schedule, u: f64) -> f64 {
    schedule.shift * u / (1.0 + (schedule.shift - 1.0) * u)
}

/// What moves u of path flow so that the last level lies at `settings.shift_terminal` (diffusers'
/// stretch_shift_to_terminal); nothing where that is 0.
pub(super) fn stretch(schedule: &Schedule, settings: &SamplerSettings) -> impl Fn(f64) -> f64 {
    let last =
        if settings.steps > 1 { shifted(schedule, shifted(schedule, 1.0 / schedule.timesteps() as f64)) } else { 1.0 };
    let factor = match settings.shift_terminal {
        terminal if terminal > 0.0 && last < 1.0 => (1.0 - terminal) / (1.0 - last),
        _ => 1.0,
    };
    move |u| 1.0 - (1.0 - u) * factor
}

/// The largest and the least u that sampling visits on path flow.
pub(super) fn flow_range(schedule: &Schedule, settings: &SamplerSettings) -> (f64, f64) {
    let last = shifted(schedule, shifted(schedule, 1.0 / schedule.timesteps() as f64));
    (1.0, stretch(schedule, settings)(last))
}

/// The timesteps of path vp that a spacing visits which counts them, offset and all.
pub(super) fn visited(schedule: &Schedule, settings: &SamplerSettings) -> Result<Vec<f64>> {
    let counting = Counting::of(settings.sampler);
    let (total, n) = (schedule.timesteps(), settings.steps);
    let offset = if settings.spacing == TimestepSpacing::Leading { settings.steps_offset as f64 } else { 0.0 };
    let last = match settings.lambda_min_clipped {
        clipped if clipped < 0.0 && settings.clips_lambda() => {
            (0..total).take_while(|&t| schedule.lambda(t) >= clipped).count()
        }
        _ => total,
    };
    if last < total {
        ensure!(
            last > n,
            "above sample.lambda_min_clipped = {} there are {last} timesteps, and {n} steps need more",
            settings.lambda_min_clipped
        );
        if settings.spacing == TimestepSpacing::Trailing {
            let ratio = total as f64 / n as f64;
            let falling = (0..n).map(|i| last as f64 - i as f64 * ratio).take_while(|t| *t > 0.0);
            return Ok(falling.map(|t| t.round_ties_even().max(1.0) - 1.0).collect());
        }
    }
    Ok(timesteps(counting, settings.spacing, last, n)?.into_iter().map(|t| t + offset).collect())
}

/// The level at any t of path vp, as [`levels`](super::levels) says.
pub(super) fn level_at(schedule: &Schedule, counting: Counting, t: f64) -> NoiseLevel {
    if schedule.is_continuous() {
        return schedule.level(t);
    }
    let t = t.clamp(0.0, (schedule.timesteps() - 1) as f64);
    let (below, share) = (t.floor() as usize, t.fract());
    let whole = |t: usize| match schedule.at(t) {
        level if level.alpha == 0.0 && counting != Counting::Whole => at_ratio(level.t, LEAST_SIGNAL.recip() - 1.0),
        level => level,
    };
    if share == 0.0 {
        return whole(below);
    }
    let (a, b) = (whole(below), whole(below + 1));
    if b.alpha == 0.0 {
        return schedule.level(t);
    }
    let ratio = a.noise_to_signal() * (1.0 - share) + b.noise_to_signal() * share;
    at_ratio(t, ratio * ratio)
}

/// ᾱ in place of 0.
const LEAST_SIGNAL: f64 = 1.0 / (1u32 << 24) as f64;

/// The variance-preserving level with σ²/α² = `ratio_squared`.
pub(super) fn at_ratio(t: f64, ratio_squared: f64) -> NoiseLevel {
    let alpha = 1.0 / (1.0 + ratio_squared).sqrt();
    NoiseLevel { t, alpha, sigma: ratio_squared.sqrt() * alpha }
}

/// n numbers from `start` to `end`, both included; `start` alone for n = 1.
pub(super) fn evenly(start: f64, end: f64, n: usize) -> impl Iterator<Item = f64> {
    let last = (n.max(2) - 1) as f64;
    (0..n).map(move |i| {
        let share = i as f64 / last;
        // Weighted so that both ends come out exactly.
        start * (1.0 - share) + end * share
    })
}
