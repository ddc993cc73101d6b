//! Euler, midpoint and Heun steps along the velocity of a flow (Liu et al. 2023, "Flow Straight and Fast",
//! section 2; Lipman et al. 2023, "Flow Matching for Generative Modeling").

use anyhow::Result;
use candle_core::Tensor;

use super::{Levels, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, StepStage, UpdateRule};
use crate::diffusion::{NoiseLevel, Schedule, combine};

/// How the velocity over a step follows from what the network says (Butcher 2008, "Numerical Methods for
/// Ordinary Differential Equations", section 23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowRule {
    /// The velocity at its beginning: order 1, one call. Diffusers' `FlowMatchEulerDiscreteScheduler`.
    Euler,
    /// The velocity half-way: order 2, two calls.
    Midpoint,
    /// The mean of the velocities at both ends: order 2, two calls.
    Heun,
}

/// Solves dx/du = ε̂ − x̂_0 on path flow, x_u = (1 − u)·x_0 + u·ε, from u = 1 down to 0.
///
/// Where the velocity can't be asked for (at u = 0, or half-way to it below the least level that networks
/// are trained at) the last step is an Euler step, as in Karras et al. 2022, algorithm 1; the order stays.
pub struct Flow {
    levels: Levels,
    rule: FlowRule,
    /// The level of the call within each step, where there is a second one.
    seconds: Vec<Option<NoiseLevel>>,
    /// x_u at the beginning of the step and the velocity there, during the second call.
    begun: Option<(Tensor, Tensor)>,
}

impl Flow {
    /// `levels` of path flow from the noisiest to the cleanest, each the beginning of a step.
    pub fn new(schedule: &Schedule, levels: Vec<NoiseLevel>, rule: FlowRule) -> Self {
        let seconds = (0..levels.len())
            .map(|i| match (rule, levels.get(i + 1)) {
                (FlowRule::Euler, _) | (FlowRule::Heun, None) => None,
                (FlowRule::Heun, Some(end)) => Some(*end),
                (FlowRule::Midpoint, end) => {
                    let half = 0.5 * (levels[i].sigma + end.map_or(0.0, |end| end.sigma));
                    (half > schedule.cleanest().sigma).then(|| schedule.level(schedule.t_of_u(half)))
                }
            })
            .collect();
        Self { levels: Levels::new(levels), rule, seconds, begun: None }
    }
}

impl Sampler for Flow {
    fn levels(&self) -> &[NoiseLevel] {
        self.levels.all()
    }

    fn calls(&self) -> usize {
        self.seconds.len() + self.seconds.iter().flatten().count()
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _: &mut dyn NoiseSource) -> Result<Step> {
        let (from, to) = (self.levels.from(), self.levels.to());
        let second = self.seconds.get(self.levels.index()).copied().flatten();
        // u = σ: with x̂_0, which may have been clamped, goes the velocity (x_u − x̂_0)/u.
        let mean = self.rule == FlowRule::Heun;
        let update = |stage| Some(SamplerUpdate::new(from, to, UpdateRule::Flow { stage, second, mean }));
        let velocity = |u: f64| combine(1.0 / u, x_t, -1.0 / u, &prediction.x_0);
        let (start, velocity, stage) = match (self.begun.take(), second) {
            (None, Some(second)) => {
                let velocity = velocity(from.sigma)?;
                let x_second = combine(1.0, x_t, second.sigma - from.sigma, &velocity)?;
                self.begun = Some((x_t.clone(), velocity));
                return Ok(Step { x_t: x_second, next: Some(second), update: update(StepStage::First) });
            }
            (None, None) => (x_t.clone(), velocity(from.sigma)?, StepStage::Alone),
            (Some((start, first)), second) => {
                let there = velocity(second.unwrap_or(from).sigma)?;
                let taken = if mean { combine(0.5, &first, 0.5, &there)? } else { there };
                (start, taken, StepStage::Second)
            }
        };
        let x_s = combine(1.0, &start, to.sigma - from.sigma, &velocity)?;
        Ok(Step { x_t: x_s, next: self.levels.advance(), update: update(stage) })
    }
}
