//! How a step was made: its rule, with the numbers that the sampler took.

use crate::diffusion::{NoiseLevel, Posterior};

/// The rule by which one network call's answer led to the next x_t.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerUpdate {
    /// Where x_t stood at the beginning of the step, and where the step leads. Of a step of several calls the same for
    /// all of them.
    pub from: NoiseLevel,
    pub to: NoiseLevel,
    pub rule: UpdateRule,
}

/// The rules, each with the numbers that its sampler computed for this step. Calls are counted from 0 over the whole
/// trajectory.
#[derive(Clone, Debug, PartialEq)]
pub enum UpdateRule {
    /// [`Ddpm`](super::Ddpm): the posterior's mean with noise. `added`: σ²_{t|s}, β for neighbours.
    Ancestral { posterior: Posterior, added: f64, deviation: Deviation },
    /// [`Ddim`](super::Ddim). `variance`: β̃; `added`: ς²; `direction`: √(σ_s² − ς²). `recomputed`: ε̂ follows x̂_0.
    Ddim { eta: f64, variance: f64, added: f64, direction: f64, recomputed: bool },
    /// α_s x̂_0 + σ_s ε̂. `recomputed`: ε̂ follows x̂_0, which may have been clamped.
    Straight { recomputed: bool },
    /// [`EulerAncestral`](super::EulerAncestral): σ_up and σ_down.
    EulerAncestral { up: f64, down: f64 },
    /// [`Heun`](super::Heun) and [`Edm`](super::Edm), which may raise the noise where it arrives. `half`:
    /// ½ α_s (σ_s/α_s − σ_t/α_t).
    Heun { stage: StepStage, half: f64, churn: Option<Raised> },
    /// [`Dpm2`](super::Dpm2): down to `down`, with the noise `up` (both σ/α), by way of `middle`.
    Midpoint { stage: StepStage, middle: Option<NoiseLevel>, down: f64, up: f64 },
    /// [`Dpmpp`](super::Dpmpp).
    Multistep(LambdaStep),
    /// [`Dpmpp2s`](super::Dpmpp2s). `ends`: the last of its group.
    Singlestep { step: LambdaStep, ends: bool },
    /// [`UniPc`](super::UniPc). `predicted`: none from a level without signal, where the step is straight.
    UniPc { predict_x0: bool, corrected: Option<UniStep>, predicted: Option<UniStep> },
    /// [`Lms`](super::Lms) and, in log(σ/α), [`Deis`](super::Deis): the places of the latest answers, newest first, and
    /// the integrals of Lagrange's polynomials through them.
    Polynomial { logarithmic: bool, places: Vec<f64>, weights: Vec<f64> },
    /// [`Pndm`](super::Pndm).
    Pndm(PseudoStep),
    /// [`PredictorCorrector`](super::PredictorCorrector)'s way down: a = α_t/α_s and the variance v. `corrections` follow.
    ReverseDiffusion { a: f64, v: f64, corrections: usize },
    /// Its Langevin step, of size `step`; `corrections` are left after it.
    Langevin { a: f64, snr: f64, step: f64, corrections: usize },
    /// x̂_0 itself is the sample.
    Clean,
    /// [`Flow`](super::Flow). `second`: the level of the second call; `mean`: of both velocities.
    Flow { stage: StepStage, second: Option<NoiseLevel>, mean: bool },
    /// [`ProbabilityFlow`](super::ProbabilityFlow).
    ProbabilityFlow(AngleStep),
}

/// Which call of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepStage {
    /// The only one.
    Alone,
    First,
    Second,
}

/// Standard deviation of the noise of ancestral sampling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deviation {
    /// No noise is drawn.
    None,
    Fixed(f64),
    /// exp(½ (f log `large` + (1 − f) log `small`)), both variances, at the fraction f that the network says of each number.
    Learned {
        small: f64,
        large: f64,
    },
}

/// More noise, from the level where a step arrived to `to`: x becomes `kept`·x + `added`·z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raised {
    pub to: NoiseLevel,
    pub kept: f64,
    pub added: f64,
}

/// A step of DPM-Solver++: x_s = `kept`·x + `x_0`·D₀ + `slope`·D₁ − `bend`·D₂ + `noise`·z.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaStep {
    /// Answers that it is made of; x is that of the oldest in singlestep solvers.
    pub order: usize,
    /// λ_s − λ_t.
    pub h: f64,
    /// Multistep: (λ_t − λ of the answer before)/h, and the same between that and the one before it. Singlestep: (λ of
    /// each answer − λ of the oldest)/h, the newest first.
    pub r: Vec<f64>,
    pub kept: f64,
    pub x_0: f64,
    pub slope: f64,
    /// 0 where no D₂ is taken.
    pub bend: f64,
    /// 0: none is drawn.
    pub noise: f64,
    /// `slope` integrates the straight line exactly (diffusers' solver_type "heun").
    pub exact: bool,
    /// The reverse SDE.
    pub sde: bool,
}

/// A step of UniPC: x_s = `kept`·x + `straight`·m₀ + `bend`·Σ_i (ρ_i/r_i)(m_i − m₀), m the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct UniStep {
    pub order: usize,
    pub h: f64,
    pub b_of_h: f64,
    pub kept: f64,
    pub straight: f64,
    pub bend: f64,
    /// ρ of the older answers, the newest of them first; corrected: of the answer at the end last.
    pub rho: Vec<f64>,
    /// r of the same: (λ − λ_t)/h.
    pub ratios: Vec<f64>,
}

/// A step of PNDM: x_s = `x`·x + `answer`·Σ_i w_i e_i, e the answers of earlier calls.
#[derive(Clone, Debug, PartialEq)]
pub struct PseudoStep {
    /// The levels of DDIM's step, which a stage within a step has of its own.
    pub from: NoiseLevel,
    pub to: NoiseLevel,
    pub method: PseudoMethod,
    /// The call at which x stood.
    pub start: usize,
    /// Calls and their weights.
    pub answers: Vec<(usize, f64)>,
    pub x: f64,
    pub answer: f64,
    /// The answers are α·ε̂ − σ·x̂_0 of their own level.
    pub velocity: bool,
    /// The last call of its step.
    pub ends: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PseudoMethod {
    Euler,
    Mean,
    RungeKutta,
    AdamsBashforth,
}

/// A step of the probability flow by the angle φ = atan(σ/α): z − `length`·Σ_i a_i k_i, times √(α² + σ²) of `asked`.
#[derive(Clone, Debug, PartialEq)]
pub struct AngleStep {
    /// φ at the beginning, and how far the whole step goes down.
    pub angle: f64,
    pub length: f64,
    /// Where the next call stands.
    pub asked: NoiseLevel,
    /// Calls of this step and the weights a_i of their slopes; z is that of the first.
    pub slopes: Vec<(usize, f64)>,
    /// The step's end is reached.
    pub ends: bool,
    /// Of the step before, or of this at its last try: the error over its tolerance, and whether that was good enough.
    pub judged: Option<(f64, bool)>,
}

impl SamplerUpdate {
    pub fn new(from: NoiseLevel, to: NoiseLevel, rule: UpdateRule) -> Self {
        Self { from, to, rule }
    }

    /// Has the step arrived, or do more calls belong to it?
    pub fn ends_step(&self) -> bool {
        match &self.rule {
            UpdateRule::Heun { stage, .. } | UpdateRule::Midpoint { stage, .. } | UpdateRule::Flow { stage, .. } => {
                *stage != StepStage::First
            }
            UpdateRule::ReverseDiffusion { corrections, .. } | UpdateRule::Langevin { corrections, .. } => {
                *corrections == 0
            }
            UpdateRule::Singlestep { ends, .. } => *ends,
            UpdateRule::Pndm(step) => step.ends,
            UpdateRule::ProbabilityFlow(step) => step.ends,
            _ => true,
        }
    }
}
