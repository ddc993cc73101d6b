//! PNDM (Liu, Ren, Lin & Zhao 2022, "Pseudo Numerical Methods for Diffusion Models on Manifolds", algorithm 2;
//! diffusers' PNDMScheduler).

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::{NoiseSource, Prediction, PseudoMethod, PseudoStep, Sampler, SamplerUpdate, Step, UpdateRule};
use crate::diffusion::{NoiseLevel, combine};

/// DDIM's step, taken with a noise that classical methods make of several answers: Adams and Bashforth's
/// multistep rule over the latest four, and before there are four either three steps of Runge and Kutta's fourth
/// order, four calls each, or one step of Euler's, taken again with the mean of the noise at both ends (PLMS, as
/// Crowson wrote it).
///
/// The rules take the steps to be equally long, which those of spacing leading are. n steps cost n + 1 calls, with the
/// Runge-Kutta start n + 9. Never clamps x̂_0, as diffusers' does not.
pub struct Pndm {
    levels: Vec<NoiseLevel>,
    calls: Vec<Call>,
    made: usize,
    velocity: bool,
    /// The latest answers of the multistep rule, newest last, four at most.
    answers: Vec<Tensor>,
    /// The calls that they are of.
    answered: Vec<usize>,
    /// x at the beginning of the step under way, and what its stages add up to.
    start: Option<Tensor>,
    sum: Option<Tensor>,
}

/// One network call and the DDIM step after it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Call {
    asked: NoiseLevel,
    from: NoiseLevel,
    to: NoiseLevel,
    rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    /// Euler's, and forgotten: from a level without signal.
    Alone,
    /// Euler's, to be taken again by `Mean`.
    Start,
    Mean,
    /// A stage of Runge and Kutta's, 0 to 3.
    RungeKutta(usize),
    Multistep,
}

/// How the steps lie.
pub struct Strides<'a> {
    /// Where each level's step leads.
    pub landings: &'a [NoiseLevel],
    /// Timesteps of each step, where they are all the same whatever the levels (diffusers' ⌊T/n⌋).
    pub equal: Option<f64>,
    /// The level at a timestep.
    pub at: &'a dyn Fn(f64) -> NoiseLevel,
}

impl Pndm {
    /// `levels` from the noisiest to the cleanest; without `skip_prk_steps` at least four that have a signal. With
    /// `velocity` the rules are applied to α·ε̂ − σ·x̂_0, of which the x of the step makes noise (diffusers' v_prediction).
    ///
    /// # Errors
    /// When there are too few levels for a Runge-Kutta start.
    pub fn new(levels: Vec<NoiseLevel>, strides: &Strides<'_>, skip_prk_steps: bool, velocity: bool) -> Result<Self> {
        let calls = plan(&levels, strides, skip_prk_steps)?;
        Ok(Self { levels, calls, made: 0, velocity, answers: Vec::new(), answered: Vec::new(), start: None, sum: None })
    }

    /// What DDIM's step of `call` multiplies x by, and the answer, of which it makes the noise.
    fn factors(&self, call: Call) -> (f64, f64) {
        let Call { from, to, .. } = call;
        let scale = to.alpha / from.alpha;
        let of_noise = to.sigma - scale * from.sigma;
        if !self.velocity {
            return (scale, of_noise);
        }
        let size = from.alpha.powi(2) + from.sigma.powi(2);
        (scale + of_noise * from.sigma / size, of_noise * from.alpha / size)
    }

    /// DDIM's step of `call` from `x` with the noise that `answer` means.
    fn transfer(&self, call: Call, x: &Tensor, answer: &Tensor) -> Result<Tensor> {
        let (of_x, of_answer) = self.factors(call);
        combine(of_x, x, of_answer, answer)
    }

    /// The numbers of `call`, made as number `now`, after its answer was remembered.
    fn numbers(&self, call: Call, now: usize) -> SamplerUpdate {
        let (method, start, answers) = match call.rule {
            Rule::Alone => {
                return SamplerUpdate::new(call.from, call.to, UpdateRule::Straight { recomputed: false });
            }
            Rule::Start => (PseudoMethod::Euler, now, vec![(now, 1.0)]),
            Rule::Mean => (PseudoMethod::Mean, now - 1, vec![(now, 0.5), (now - 1, 0.5)]),
            Rule::RungeKutta(stage @ 0..3) => (PseudoMethod::RungeKutta, now - stage, vec![(now, 1.0)]),
            Rule::RungeKutta(stage) => {
                let stages = (0..=stage).map(|i| (now - stage + i, runge_kutta(i))).collect();
                (PseudoMethod::RungeKutta, now - stage, stages)
            }
            Rule::Multistep => {
                let weights = adams_bashforth(self.answered.len());
                let answers = self.answered.iter().copied().zip(weights.iter().copied()).rev().collect();
                (PseudoMethod::AdamsBashforth, now, answers)
            }
        };
        let (x, answer) = self.factors(call);
        let ends = !matches!(call.rule, Rule::Start | Rule::RungeKutta(0..3));
        // Of a step of several calls the level where x stood, and that where the whole leads.
        let to = match call.rule {
            Rule::RungeKutta(stage) => self.calls[now - stage + 3].to,
            _ => call.to,
        };
        let Call { from, .. } = call;
        let step = PseudoStep { from, to: call.to, method, start, answers, x, answer, velocity: self.velocity, ends };
        SamplerUpdate::new(from, to, UpdateRule::Pndm(step))
    }

    /// Keeps an answer of call `now` for the multistep rule.
    fn remember(&mut self, answer: &Tensor, now: usize) {
        if self.answers.len() == 4 {
            self.answers.remove(0);
            self.answered.remove(0);
        }
        self.answers.push(answer.clone());
        self.answered.push(now);
    }
}

fn plan(levels: &[NoiseLevel], strides: &Strides<'_>, skip_prk_steps: bool) -> Result<Vec<Call>> {
    let step = |i: usize, rule| Call { asked: levels[i], from: levels[i], to: strides.landings[i], rule };
    // From a level without signal DDIM's step has x̂_0 alone to go by.
    let begin = usize::from(levels[0].alpha == 0.0);
    let mut calls: Vec<Call> = (0..begin).map(|i| step(i, Rule::Alone)).collect();
    let mut next = begin;
    if !skip_prk_steps {
        ensure!(
            levels.len() >= begin + 4,
            "pndm begins with three Runge-Kutta steps and needs 4 steps or more, not {}; take more, or set \
             sample.skip_prk_steps = true",
            levels.len()
        );
        for i in begin..begin + 3 {
            let (from, end) = (levels[i], levels[i + 1]);
            let half = strides.equal.map_or(0.5 * (from.t - end.t), |stride| (stride / 2.0).floor());
            // Where the steps are equally long the two are one.
            let middle = (strides.at)(end.t + half);
            let stage = |rule, asked, to| Call { asked, from, to, rule: Rule::RungeKutta(rule) };
            calls.extend([
                stage(0, from, (strides.at)(from.t - half)),
                stage(1, middle, middle),
                stage(2, middle, (strides.at)(middle.t - half)),
                stage(3, end, end),
            ]);
        }
        next += 3;
    } else if levels.len() >= begin + 2 {
        let second = levels[begin + 1];
        calls.push(step(begin, Rule::Start));
        let from = strides.equal.map_or(levels[begin], |stride| (strides.at)(second.t + stride));
        calls.push(Call { asked: second, from, to: second, rule: Rule::Mean });
        next += 1;
    }
    calls.extend((next..levels.len()).map(|i| step(i, Rule::Multistep)));
    Ok(calls)
}

/// Runge and Kutta's weight of a stage, 0 to 3.
fn runge_kutta(stage: usize) -> f64 {
    if matches!(stage, 0 | 3) { 1.0 / 6.0 } else { 1.0 / 3.0 }
}

/// Adams and Bashforth's weights of so many answers, the newest last.
fn adams_bashforth(answers: usize) -> &'static [f64] {
    match answers {
        1 => &[1.0],
        2 => &[-0.5, 1.5],
        3 => &[5.0 / 12.0, -16.0 / 12.0, 23.0 / 12.0],
        _ => &[-9.0 / 24.0, 37.0 / 24.0, -59.0 / 24.0, 55.0 / 24.0],
    }
}

/// The answers' sum by these weights.
fn weighted(answers: &[Tensor], weights: &[f64]) -> Result<Tensor> {
    let mut sum = (&answers[0] * weights[0])?;
    for (answer, weight) in answers.iter().zip(weights).skip(1) {
        sum = (sum + (answer * *weight)?)?;
    }
    Ok(sum)
}

impl Sampler for Pndm {
    fn levels(&self) -> &[NoiseLevel] {
        &self.levels
    }

    fn calls(&self) -> usize {
        self.calls.len()
    }

    fn clips(&self) -> bool {
        false
    }

    fn thresholds(&self) -> bool {
        false
    }

    fn step(&mut self, x_t: &Tensor, prediction: &Prediction, _noise: &mut dyn NoiseSource) -> Result<Step> {
        let (call, now) = (self.calls[self.made], self.made);
        self.made += 1;
        let answer = match self.velocity {
            true => combine(call.asked.alpha, &prediction.epsilon, -call.asked.sigma, &prediction.x_0)?,
            false => prediction.epsilon.clone(),
        };
        let begun = |start: &Option<Tensor>| start.clone().unwrap_or_else(|| x_t.clone());
        let x_s = match call.rule {
            Rule::Alone => combine(call.to.alpha, &prediction.x_0, call.to.sigma, &prediction.epsilon)?,
            Rule::Start => {
                self.start = Some(x_t.clone());
                self.remember(&answer, now);
                self.transfer(call, x_t, &answer)?
            }
            Rule::Mean => {
                let before = self.answers.last().unwrap_or(&answer);
                let mean = combine(0.5, &answer, 0.5, before)?;
                self.transfer(call, &begun(&self.start), &mean)?
            }
            Rule::RungeKutta(stage) => {
                if stage == 0 {
                    self.start = Some(x_t.clone());
                    self.remember(&answer, now);
                }
                let weight = runge_kutta(stage);
                let sum = match self.sum.take() {
                    Some(sum) => combine(1.0, &sum, weight, &answer)?,
                    None => (&answer * weight)?,
                };
                let taken = if stage == 3 { sum.clone() } else { answer };
                self.sum = (stage < 3).then_some(sum);
                self.transfer(call, &begun(&self.start), &taken)?
            }
            Rule::Multistep => {
                self.remember(&answer, now);
                let weights = adams_bashforth(self.answers.len());
                self.transfer(call, x_t, &weighted(&self.answers, weights)?)?
            }
        };
        let update = Some(self.numbers(call, now));
        Ok(Step { x_t: x_s, next: self.calls.get(self.made).map(|call| call.asked), update })
    }
}
