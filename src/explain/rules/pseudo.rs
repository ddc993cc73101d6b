//! PNDM: DDIM's step with a noise that classical methods make of several answers.

use super::pixel::PixelCall;
use super::rule::{Rule, RuleTerm};
use crate::sampling::{PseudoMethod, PseudoStep};

pub fn pndm(calls: &[PixelCall], step: &PseudoStep) -> Option<Rule> {
    let begun = calls.get(step.start)?;
    let answer = |call: &PixelCall| match step.velocity {
        true => call.at.alpha * call.epsilon - call.at.sigma * call.x_0,
        false => call.epsilon,
    };
    let mut terms = vec![RuleTerm::new("x_t", begun.x_t, step.x)];
    let mut mixed = 0.0;
    for (i, (call, weight)) in step.answers.iter().enumerate() {
        let value = answer(calls.get(*call)?);
        mixed += weight * value;
        terms.push(RuleTerm::new(format!("e_{i}"), value, step.answer * weight));
    }
    let mixture = match (step.method, step.answers.len()) {
        (PseudoMethod::Euler, _) | (_, 1) => "e' = e_0",
        (PseudoMethod::Mean, _) => r"e' = \frac{e_0 + e_1}{2}",
        (PseudoMethod::RungeKutta, _) => r"e' = \frac{1}{6}(e_0 + 2e_1 + 2e_2 + e_3)",
        (PseudoMethod::AdamsBashforth, 2) => r"e' = \frac{1}{2}(3e_0 - e_1)",
        (PseudoMethod::AdamsBashforth, 3) => r"e' = \frac{1}{12}(23e_0 - 16e_1 + 5e_2)",
        (PseudoMethod::AdamsBashforth, _) => r"e' = \frac{1}{24}(55e_0 - 59e_1 + 37e_2 - 9e_3)",
    };
    let (formula, of_answers, meaning) = match step.velocity {
        true => (
            r"x_s = a\cdot x_t + b\cdot e', \quad e_i = \alpha\hat\epsilon - \sigma\hat{x}_0 \text{ of each call}",
            r"$\left(\sigma_s - \frac{\alpha_s}{\alpha_t}\sigma_t\right)\cdot\frac{\alpha_t}{\alpha_t^2+\sigma_t^2}$",
            r"$\frac{\alpha_s}{\alpha_t} + \left(\sigma_s - \frac{\alpha_s}{\alpha_t}\sigma_t\right)\cdot\frac{\sigma_t}{\alpha_t^2+\sigma_t^2}$",
        ),
        false => (
            r"x_s = a\cdot x_t + b\cdot e', \quad e_i = \hat\epsilon \text{ of each call}",
            r"$\sigma_s - \frac{\alpha_s}{\alpha_t}\sigma_t$",
            r"$\frac{\alpha_s}{\alpha_t}$: DDIM's step",
        ),
    };
    Some(Rule {
        heading: match (step.method, step.ends) {
            (PseudoMethod::RungeKutta, true) => "The update, by Runge and Kutta's rule over four calls",
            (PseudoMethod::RungeKutta, false) => "A stage of Runge and Kutta's rule",
            (PseudoMethod::Euler, _) => "The predictor: DDIM's step",
            (PseudoMethod::Mean, _) => "The corrector: again, with the mean of the noise at both ends",
            (PseudoMethod::AdamsBashforth, _) => "The update, by Adams and Bashforth's rule",
        },
        formulas: vec![mixture, formula],
        parts: vec![
            (r"\alpha_t", step.from.alpha, "where DDIM's step begins"),
            (r"\sigma_t", step.from.sigma, ""),
            (r"\alpha_s", step.to.alpha, "where it leads"),
            (r"\sigma_s", step.to.sigma, ""),
            ("a", step.x, meaning),
            ("b", step.answer, of_answers),
        ],
        answers: vec![("e'".into(), mixed, "the noise that the step is taken with")],
        result: "x_s",
        terms,
        source: "Liu et al. 2022, “Pseudo Numerical Methods for Diffusion Models on Manifolds”, eq. 9, 11 to 13, algorithm 2",
    })
}
