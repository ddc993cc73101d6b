//! The probability-flow ODE (Song et al. 2021, "Score-Based Generative Modeling through Stochastic
//! Differential Equations", eq. 13) with steps as long as a tolerance allows.

use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::{
    AngleStep, DORMAND_PRINCE, EmbeddedPair, NoiseSource, Prediction, Sampler, SamplerUpdate, Step, Tolerance,
    UpdateRule, Verdict,
};
use crate::diffusion::{NoiseLevel, Schedule, combine};

/// What Song et al. solve it with (SciPy's `RK45`).
static PAIR: &EmbeddedPair = &DORMAND_PRINCE;
/// The first step moves x by about this share of itself.
const FIRST_MOVE: f64 = 0.01;
/// Steps shorter than this share of the way are taken as they are: f32 rounding is what the error estimate
/// sees there, and no tolerance may keep a trajectory from ending.
const LEAST_STEP: f64 = 1.0 / 2000.0;
/// Steps that a trajectory is expected to need while nothing is known.
const EXPECTED_STEPS: f64 = 10.0;

/// Solves the flow in the angle φ = atan(σ/α) for z = x/√(α² + σ²) = cos φ·x_0 + sin φ·ε, where it reads
///
/// dz/dφ = cos φ·ε̂ − sin φ·x̂_0
///
/// (Salimans & Ho 2022, "Progressive Distillation", appendix D: the v of DDIM). That is one equation for
/// every path, with bounded coefficients from pure noise, φ = π/2, to the cleanest level that the network
/// knows; there its x̂_0 is the sample.
///
/// A step is accepted when its error is within the tolerance, in the root mean square over each image; the
/// batch takes the steps that its worst image needs.
pub struct ProbabilityFlow {
    schedule: Arc<Schedule>,
    tolerance: Tolerance,
    first: NoiseLevel,
    /// Where the step begins, where the way ends, and its whole length.
    angle: f64,
    end: f64,
    way: f64,
    /// Length of the step; `None` before the first call.
    length: Option<f64>,
    /// z at the step's beginning; `None` before the first call.
    z: Option<Tensor>,
    /// Level of the call under way.
    asked: NoiseLevel,
    /// dz/dφ of this step's calls.
    slopes: Vec<Tensor>,
    /// The calls that these are of.
    sloped: Vec<usize>,
    /// The last error over its tolerance, and whether it was good enough.
    judged: Option<(f64, bool)>,
    /// Was the last try rejected? Then the step after must not grow.
    rejected: bool,
    calls: usize,
}

/// √(α² + σ²).
fn norm(at: NoiseLevel) -> f64 {
    at.alpha.hypot(at.sigma)
}

fn angle(at: NoiseLevel) -> f64 {
    at.sigma.atan2(at.alpha)
}

impl ProbabilityFlow {
    /// From the level `first` to the schedule's cleanest; both tolerances above 0, in units of the image.
    pub fn new(schedule: Arc<Schedule>, first: NoiseLevel, tolerance: Tolerance) -> Self {
        let (start, end) = (angle(first), angle(schedule.cleanest()));
        Self {
            first,
            asked: first,
            schedule,
            tolerance,
            angle: start,
            end,
            way: start - end,
            length: None,
            z: None,
            slopes: Vec::new(),
            sloped: Vec::new(),
            judged: None,
            rejected: false,
            calls: 0,
        }
    }

    /// The level at an angle; the ends exactly.
    fn level(&self, angle: f64) -> NoiseLevel {
        if angle <= self.end {
            return self.schedule.cleanest();
        }
        if angle >= FRAC_PI_2 { self.schedule.noisiest() } else { self.schedule.level_of(angle.tan()) }
    }

    /// A first step that moves z by a hundredth of itself (Hairer, Nørsett & Wanner 1993, "Solving Ordinary
    /// Differential Equations I", II.4, without the second part, which costs a call).
    fn first_length(&self, z: &Tensor, slope: &Tensor) -> Result<f64> {
        let (size, change) = (root_mean_square(z)?, root_mean_square(slope)?);
        Ok((FIRST_MOVE * size / change.max(1e-6)).clamp(self.way * LEAST_STEP, self.way))
    }

    /// The call that comes next: stage `self.slopes.len()` of the step.
    fn ask(&mut self, z: &Tensor, length: f64) -> Result<Step> {
        let moved = PAIR.point(z, -length, &self.slopes)?;
        // The end of the last step is met exactly.
        let there = self.angle - length * PAIR.nodes[self.slopes.len()];
        let there = if there - self.end < 1e-9 * self.way { self.end } else { there };
        self.asked = self.level(there);
        let update = Some(self.numbers(length)?);
        Ok(Step { x_t: (moved * norm(self.asked))?, next: Some(self.asked), update })
    }

    /// The numbers of the call that comes next.
    fn numbers(&self, length: f64) -> Result<SamplerUpdate> {
        let weights = PAIR.row(self.slopes.len())?;
        let slopes = self.sloped.iter().copied().zip(weights.iter().copied()).collect();
        let ends = self.slopes.len() + 1 == PAIR.stages();
        let (angle, asked, judged) = (self.angle, self.asked, self.judged);
        let step = AngleStep { angle, length, asked, slopes, ends, judged };
        let to = self.level(angle - length);
        Ok(SamplerUpdate::new(self.level(angle), to, UpdateRule::ProbabilityFlow(step)))
    }

    /// The last call's estimate is the sample.
    fn end(&self, prediction: &Prediction) -> Step {
        let update = Some(SamplerUpdate::new(self.asked, NoiseLevel::CLEAN, UpdateRule::Clean));
        Step { x_t: prediction.x_0.clone(), next: None, update }
    }

    /// The largest error norm of an image.
    fn error(&self, z: &Tensor, moved: &Tensor, length: f64) -> Result<f64> {
        let error = PAIR.error(-length, &self.slopes)?;
        let mut worst = 0f64;
        for i in 0..z.dim(0)? {
            let norm = self.tolerance.norm(&z.get(i)?, &moved.get(i)?, &error.get(i)?)?;
            ensure!(
                norm.is_finite(),
                "the network's outputs are NaN or infinite: the probability-flow ODE cannot continue"
            );
            worst = worst.max(norm);
        }
        Ok(worst)
    }
}

fn root_mean_square(x: &Tensor) -> Result<f64> {
    Ok(f64::from(x.sqr()?.mean_all()?.to_scalar::<f32>()?).sqrt())
}

impl Sampler for ProbabilityFlow {
    fn levels(&self) -> &[NoiseLevel] {
        std::slice::from_ref(&self.first)
    }

    fn calls(&self) -> usize {
        let usual = self.way / EXPECTED_STEPS;
        let length = self.length.map_or(usual, |length| length.max(usual));
        let steps = ((self.angle - self.end) / length).ceil().max(1.0) as usize;
        let made = self.calls.max(1);
        // Of the step under way, the calls made are among the six.
        (made + steps * (PAIR.stages() - 1)).saturating_sub(self.slopes.len().saturating_sub(1)).max(made + 1)
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _: &mut dyn NoiseSource) -> Result<Step> {
        let begin = self.angle;
        let at = self.asked;
        self.calls += 1;
        if self.way <= 0.0 {
            // One timestep: there is no way to go.
            return Ok(self.end(prediction));
        }
        let size = norm(at);
        let slope = combine(at.alpha / size, &prediction.epsilon, -at.sigma / size, &prediction.x_0)?;
        let z = match &self.z {
            Some(z) => z.clone(),
            None => (x_t / size)?,
        };
        self.z = Some(z.clone());
        self.slopes.push(slope);
        self.sloped.push(self.calls - 1);
        let length = match self.length {
            Some(length) => length,
            None => {
                let length = self.first_length(&z, &self.slopes[0])?;
                self.length = Some(length);
                length
            }
        };
        if self.slopes.len() < PAIR.stages() {
            return self.ask(&z, length);
        }

        // The seventh call was at the step's end: x_t is what the step of order 5 led to.
        let moved = (x_t / size)?;
        let shortest = self.way * LEAST_STEP;
        let error = self.error(&z, &moved, length)?;
        let Verdict { accepted, factor } = PAIR.judge(error);
        self.judged = Some((error, accepted || length <= shortest));
        if !accepted && length > shortest {
            self.rejected = true;
            self.slopes.truncate(1);
            self.sloped.truncate(1);
            let length = (length * factor).max(shortest);
            self.length = Some(length);
            return self.ask(&z, length);
        }
        // Growing at once after a rejection would only be rejected again (Hairer et al., II.4).
        let factor = if self.rejected { factor.min(1.0) } else { factor };
        self.rejected = false;
        self.angle = (begin - length).max(self.end);
        if self.angle - self.end < 1e-9 * self.way {
            return Ok(self.end(prediction));
        }
        let left = self.angle - self.end;
        let next = (length * factor).max(shortest).min(left);
        // Two equal steps rather than one and a crumb.
        let next = if next < left && left < 1.5 * next { 0.5 * left } else { next };
        self.length = Some(next);
        // The last call of this step is the first of the next.
        self.slopes.drain(..PAIR.stages() - 1);
        self.sloped.drain(..PAIR.stages() - 1);
        self.z = Some(moved.clone());
        self.ask(&moved, next)
    }
}
