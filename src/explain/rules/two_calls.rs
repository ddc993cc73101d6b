//! Rules that ask the network twice in a step: Heun's and EDM's, DPM-Solver-2's midpoint, and those of flows.

use super::one_call::{SLOPE, ratios};
use super::pixel::PixelCall;
use super::rule::{Rule, RuleTerm};
use crate::diffusion::NoiseLevel;
use crate::sampling::{Raised, StepStage};

const HEUN: &str = "Karras et al. 2022, algorithm 1; with churn algorithm 2";
const DPM_2: &str = "Lu et al. 2022, “DPM-Solver”, algorithm 1, in the σ of Karras et al. 2022; the ancestral form splits the \
                     noise as Song et al. 2021, eq. 46";
const FLOW: &str = "Liu et al. 2023, “Flow Straight and Fast”, section 2; Lipman et al. 2023; the rules of second order: \
                    Butcher 2008, section 23";

/// The two calls of a step, `None` where there is but one.
fn pair(calls: &[PixelCall]) -> Option<(&PixelCall, &PixelCall)> {
    let [.., begun, there] = calls else { return None };
    Some((begun, there))
}

pub fn heun(
    calls: &[PixelCall],
    (t, s): (NoiseLevel, NoiseLevel),
    stage: StepStage,
    half: f64,
    churn: Option<Raised>,
) -> Option<Rule> {
    let now = calls.last()?;
    let mut rule = match stage {
        StepStage::Second => {
            let (begun, there) = pair(calls)?;
            let mut parts = ratios(t, s);
            parts.push((r"\Delta/2", half, r"$\frac{\alpha_s}{2}\cdot(\bar\sigma_s - \bar\sigma_t)$"));
            Rule {
                heading: "The corrector: again, with the mean of both slopes",
                formulas: vec![
                    r"d_t = \frac{x_t - \alpha_t\hat{x}_0(t)}{\sigma_t}, \quad d_s = \frac{\tilde x_s - \alpha_s\hat{x}_0(s)}{\sigma_s}",
                    r"\frac{x_s}{\alpha_s} = \frac{x_t}{\alpha_t} + (\bar\sigma_s - \bar\sigma_t)\cdot\frac{d_t + d_s}{2}",
                ],
                parts,
                answers: vec![
                    ("d_t".into(), begun.slope(), "the slope at the beginning"),
                    ("d_s".into(), there.slope(), "the slope where the predictor led"),
                ],
                result: "x_s",
                terms: vec![
                    RuleTerm::new("x_t", begun.x_t, s.alpha / t.alpha),
                    RuleTerm::new("d_t", begun.slope(), half),
                    RuleTerm::new("d_s", there.slope(), half),
                ],
                source: HEUN,
            }
        }
        _ => {
            let first = stage == StepStage::First;
            Rule {
                heading: if first { "The predictor: Euler's step" } else { "The update: Euler's step alone" },
                formulas: vec![
                    SLOPE,
                    if first {
                        r"\tilde x_s = \alpha_s\left(\frac{x_t}{\alpha_t} + (\bar\sigma_s - \bar\sigma_t)\cdot d_t\right) = \alpha_s\cdot\hat{x}_0 + \sigma_s\cdot d_t"
                    } else {
                        r"x_s = \alpha_s\cdot\hat{x}_0 + \sigma_s\cdot d_t"
                    },
                ],
                parts: ratios(t, s),
                answers: Vec::new(),
                result: if first { r"\tilde x_s" } else { "x_s" },
                terms: vec![RuleTerm::new(r"\hat{x}_0", now.x_0, s.alpha), RuleTerm::new("d_t", now.slope(), s.sigma)],
                source: HEUN,
            }
        }
    };
    if let Some(Raised { to, kept, added }) = churn {
        rule.formulas.push(r"x_{s+} = \frac{\alpha_{s+}}{\alpha_s}\cdot x_s + \alpha_{s+}\sqrt{\bar\sigma_{s+}^2 - \bar\sigma_s^2}\cdot S_{\text{noise}}\cdot z");
        rule.parts.push((
            r"\bar\sigma_{s+}",
            to.noise_to_signal(),
            r"churn: $(1+\gamma)\bar\sigma_s$, where the next step begins",
        ));
        rule.parts.push((r"\gamma", to.noise_to_signal() / s.noise_to_signal() - 1.0, ""));
        rule.parts.push((r"\alpha_{s+}/\alpha_s", kept, r"what $x_s$ is multiplied by"));
        rule.answers.push(("x_s".into(), rule.sum(), "before the noise is raised"));
        rule.terms.iter_mut().for_each(|term| term.coefficient *= kept);
        rule.terms.push(RuleTerm::new("z", now.noise, added));
        rule.result = "x_{s+}";
    }
    Some(rule)
}

pub fn midpoint(
    calls: &[PixelCall],
    (t, s): (NoiseLevel, NoiseLevel),
    (stage, middle): (StepStage, Option<NoiseLevel>),
    down: f64,
    up: f64,
) -> Option<Rule> {
    let now = calls.last()?;
    let mut parts = ratios(t, s);
    if let Some(m) = middle {
        parts.push((
            r"\bar\sigma_m",
            m.noise_to_signal(),
            r"$\sqrt{\bar\sigma_t\sigma_{down}}$: the middle of the logarithm",
        ));
    }
    if up > 0.0 {
        parts.push((r"\sigma_{\text{up}}", up, "noise added anew"));
    }
    parts.push((
        r"\sigma_{\text{down}}",
        down,
        r"where the deterministic part leads; $\bar\sigma_s$ without new noise",
    ));
    let first = |to: NoiseLevel, heading, formula, result| Rule {
        heading,
        formulas: vec![SLOPE, formula],
        parts: parts.clone(),
        answers: Vec::new(),
        result,
        terms: vec![RuleTerm::new(r"\hat{x}_0", now.x_0, to.alpha), RuleTerm::new("d_t", now.slope(), to.sigma)],
        source: DPM_2,
    };
    Some(match (stage, middle) {
        (StepStage::Second, Some(m)) => {
            let (begun, there) = pair(calls)?;
            Rule {
                heading: "The whole step, with the slope in the middle",
                formulas: vec![
                    r"d_m = \frac{x_m - \alpha_m\hat{x}_0(m)}{\sigma_m}",
                    r"\frac{x_s}{\alpha_s} = \frac{x_t}{\alpha_t} + (\sigma_{\text{down}} - \bar\sigma_t)\cdot d_m + \sigma_{\text{up}}\cdot z",
                ],
                answers: vec![
                    ("d_t".into(), begun.slope(), "the slope at the beginning"),
                    (
                        "d_m".into(),
                        (there.x_t - m.alpha * there.x_0) / m.sigma,
                        "the slope in the middle, which is taken",
                    ),
                ],
                result: "x_s",
                terms: vec![
                    RuleTerm::new("x_t", begun.x_t, s.alpha / t.alpha),
                    RuleTerm::new("d_m", there.slope(), s.alpha * (down - t.noise_to_signal())),
                    RuleTerm::new("z", now.noise, s.alpha * up),
                ],
                source: DPM_2,
                parts,
            }
        }
        (StepStage::First, Some(m)) => first(
            m,
            "To the middle: Euler's step",
            r"x_m = \alpha_m\left(\frac{x_t}{\alpha_t} + (\bar\sigma_m - \bar\sigma_t)\cdot d_t\right) = \alpha_m\cdot\hat{x}_0 + \sigma_m\cdot d_t",
            "x_m",
        ),
        _ => {
            let mut alone = first(
                NoiseLevel { sigma: s.alpha * down, ..s },
                "The update: Euler's step alone",
                r"x_s = \alpha_s\cdot(\hat{x}_0 + \sigma_{\text{down}}\cdot d_t + \sigma_{\text{up}}\cdot z)",
                "x_s",
            );
            alone.terms.push(RuleTerm::new("z", now.noise, s.alpha * up));
            alone
        }
    })
}

pub fn flow(
    calls: &[PixelCall],
    (t, s): (NoiseLevel, NoiseLevel),
    (stage, second): (StepStage, Option<NoiseLevel>),
    mean: bool,
) -> Option<Rule> {
    let now = calls.last()?;
    // The velocity that goes with x̂_0: α = 1 − u, σ = u.
    let velocity = |call: &PixelCall| (call.x_t - call.x_0) / call.at.sigma;
    let mut parts = vec![("u_t", t.sigma, "the flow's time before"), ("u_s", s.sigma, "and after")];
    if let (Some(m), false) = (second, mean) {
        parts.push(("u_m", m.sigma, "half-way"));
    }
    let slope = r"v_t = \frac{x_t - \hat{x}_0}{u_t}";
    let rule = |heading, formulas, answers, result, terms| Rule {
        heading,
        formulas,
        parts: parts.clone(),
        answers,
        result,
        terms,
        source: FLOW,
    };
    Some(match (stage, second) {
        (StepStage::First, Some(m)) => rule(
            if mean { "The predictor: Euler's step" } else { "To the middle: Euler's step" },
            if mean {
                vec![slope, r"\tilde x_s = x_t + (u_s - u_t)\cdot v_t"]
            } else {
                vec![slope, r"x_m = x_t + (u_m - u_t)\cdot v_t"]
            },
            Vec::new(),
            if mean { r"\tilde x_s" } else { "x_m" },
            vec![RuleTerm::new("x_t", now.x_t, 1.0), RuleTerm::new("v_t", velocity(now), m.sigma - t.sigma)],
        ),
        (StepStage::Second, _) => {
            let (begun, there) = pair(calls)?;
            let (first, last) = (velocity(begun), velocity(there));
            let length = s.sigma - t.sigma;
            let (name, share) = if mean { ("v_s", 0.5) } else { ("v_m", 1.0) };
            let mut terms = vec![RuleTerm::new("x_t", begun.x_t, 1.0), RuleTerm::new(name, last, share * length)];
            if mean {
                terms.insert(1, RuleTerm::new("v_t", first, share * length));
            }
            rule(
                if mean {
                    "The corrector: again, with the mean of both velocities"
                } else {
                    "The whole step, with the velocity half-way"
                },
                if mean {
                    vec![
                        r"v_s = \frac{\tilde x_s - \hat{x}_0(s)}{u_s}",
                        r"x_s = x_t + (u_s - u_t)\cdot\frac{v_t + v_s}{2}",
                    ]
                } else {
                    vec![r"v_m = \frac{x_m - \hat{x}_0(m)}{u_m}", r"x_s = x_t + (u_s - u_t)\cdot v_m"]
                },
                vec![
                    ("v_t".into(), first, "the velocity at the beginning"),
                    (name.into(), last, "and at the second call"),
                ],
                "x_s",
                terms,
            )
        }
        _ => rule(
            "The update",
            vec![slope, r"x_s = x_t + (u_s - u_t)\cdot v_t"],
            Vec::new(),
            "x_s",
            vec![RuleTerm::new("x_t", now.x_t, 1.0), RuleTerm::new("v_t", velocity(now), s.sigma - t.sigma)],
        ),
    })
}
