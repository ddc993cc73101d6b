//! The probability flow by the angle φ = atan(σ/α), with Dormand and Prince's pair.

use super::pixel::PixelCall;
use super::rule::{Rule, RuleTerm};
use crate::sampling::AngleStep;

pub fn probability_flow(calls: &[PixelCall], step: &AngleStep) -> Option<Rule> {
    let (first, _) = step.slopes.first()?;
    let begun = calls.get(*first)?;
    let scale = step.asked.alpha.hypot(step.asked.sigma);
    let mut terms = vec![RuleTerm::new("y", begun.x_t / begun.at.alpha.hypot(begun.at.sigma), scale)];
    for (i, (call, weight)) in step.slopes.iter().enumerate() {
        let PixelCall { at, x_0, epsilon, .. } = calls.get(*call)?;
        let slope = (at.alpha * epsilon - at.sigma * x_0) / at.alpha.hypot(at.sigma);
        terms.push(RuleTerm::new(format!("k_{}", i + 1), slope, -scale * step.length * weight));
    }
    let mut parts = vec![
        (r"\phi_t", step.angle, r"$\operatorname{atan}(\sigma_t/\alpha_t)$, where the step begins"),
        ("h", step.length, "how far the step goes down, as the tolerance allows"),
        ("n", scale, r"$\sqrt{\alpha^2+\sigma^2}$ where it leads"),
    ];
    if let Some((error, kept)) = step.judged {
        let meaning = match kept {
            true => "the error of the step before, over the tolerance: up to 1 it is good enough",
            false => {
                "the error of this step's last try, over the tolerance: too much, and so it is made again, shorter"
            }
        };
        parts.push((r"\lVert\text{error}\rVert", error, meaning));
    }
    Some(Rule {
        heading: if step.ends { "The update, from the slopes of six calls" } else { "A stage of the step" },
        formulas: vec![
            r"y = \frac{x_t}{\sqrt{\alpha_t^2+\sigma_t^2}} = \cos\phi\cdot x_0 + \sin\phi\cdot\epsilon, \quad \frac{dy}{d\phi} = k = \cos\phi\cdot\hat\epsilon - \sin\phi\cdot\hat{x}_0",
            r"x_s = n\cdot\left(y - h\sum_i a_i\cdot k_i\right)",
        ],
        parts,
        answers: Vec::new(),
        result: "x_s",
        terms,
        source: "Song et al. 2021, eq. 13 and appendix D.1; the angle: Salimans & Ho 2022, appendix D; the rule: Dormand & \
                 Prince 1980, RK5(4)7M",
    })
}
