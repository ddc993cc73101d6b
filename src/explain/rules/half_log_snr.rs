//! DPM-Solver++ in λ = log(α/σ), half the log-SNR: multistep and singlestep, of first to third order.

use super::pixel::PixelCall;
use super::rule::{Rule, RuleTerm};
use crate::diffusion::NoiseLevel;
use crate::sampling::LambdaStep;

type Part = (&'static str, f64, &'static str);

/// The latest answer is D_0, and x that of its call.
pub fn multistep(calls: &[PixelCall], (t, s): (NoiseLevel, NoiseLevel), step: &LambdaStep) -> Option<Rule> {
    let now = calls.last()?;
    let x_0 = |back: usize| calls.len().checked_sub(1 + back).map(|i| calls[i].x_0);
    let (mut formulas, mut parts) = (vec![main_formula(step)], lambdas((t, s), step));
    let mut answers = vec![("D_0".to_string(), now.x_0, r"$\hat{x}_0(t)$")];
    let (mut d_1, mut d_2) = (0.0, 0.0);
    match step.r[..] {
        [r_0] => {
            formulas.push(r"D_0 = \hat{x}_0(t), \quad D_1 = \frac{1}{r_0}\left(\hat{x}_0(t) - \hat{x}_0(t')\right), \quad r_0 = \frac{\lambda_t - \lambda_{t'}}{h}");
            parts.push(("r_0", r_0, "the step before, in this one"));
            d_1 = (x_0(0)? - x_0(1)?) / r_0;
        }
        [r_0, r_1] => {
            formulas.extend([
                r"D_0 = \hat{x}_0(t), \quad D_{10} = \frac{1}{r_0}\left(\hat{x}_0(t) - \hat{x}_0(t')\right), \quad D_{11} = \frac{1}{r_1}\left(\hat{x}_0(t') - \hat{x}_0(t'')\right)",
                r"D_1 = D_{10} + \frac{r_0}{r_0+r_1}(D_{10} - D_{11}), \quad D_2 = \frac{1}{r_0+r_1}(D_{10} - D_{11})",
            ]);
            parts.push(("r_0", r_0, r"$(\lambda_t-\lambda_{t'})/h$: the step before, in this one"));
            parts.push(("r_1", r_1, r"$(\lambda_{t'}-\lambda_{t''})/h$: and the one before it"));
            let (newer, older) = ((x_0(0)? - x_0(1)?) / r_0, (x_0(1)? - x_0(2)?) / r_1);
            answers.push(("D_{10}".into(), newer, ""));
            answers.push(("D_{11}".into(), older, ""));
            d_2 = (newer - older) / (r_0 + r_1);
            d_1 = newer + r_0 * d_2;
        }
        _ => formulas.push(r"D_0 = \hat{x}_0(t)"),
    }
    let source = match step.sde {
        true => "Lu et al. 2022, “DPM-Solver++”, its multistep solver of the diffusion SDE (SDE-DPM-Solver++)",
        false => "Lu et al. 2022, “DPM-Solver++”, algorithm 2, eq. 8 and 19, appendix B",
    };
    Some(rule((formulas, parts), answers, step, (now.x_t, now.x_0), (d_1, d_2), now.noise, source))
}

/// The oldest answer of the group is D_0, and x that of its call.
pub fn singlestep(calls: &[PixelCall], (t, s): (NoiseLevel, NoiseLevel), step: &LambdaStep) -> Option<Rule> {
    let back = |back: usize| calls.len().checked_sub(1 + back).map(|i| &calls[i]);
    let begun = back(step.order.checked_sub(1)?)?;
    let (mut formulas, mut parts) = (vec![main_formula(step)], lambdas((t, s), step));
    let mut answers = vec![("D_0".to_string(), begun.x_0, r"$\hat{x}_0(t)$, at the beginning of the group")];
    let (mut d_1, mut d_2) = (0.0, 0.0);
    let over = |i: usize, r: f64| back(i).map(|call| (call.x_0 - begun.x_0) / r);
    match step.r[..] {
        [r_1] => {
            formulas.push(r"D_0 = \hat{x}_0(t), \quad D_1 = \frac{1}{r_1}\left(\hat{x}_0(t_1) - \hat{x}_0(t)\right), \quad r_1 = \frac{\lambda_{t_1} - \lambda_t}{h}");
            parts.push(("r_1", r_1, "where the second call stands in the step"));
            d_1 = over(0, r_1)?;
        }
        [r_2, r_1] => {
            let (near, far) = (over(1, r_1)?, over(0, r_2)?);
            parts.push(("r_1", r_1, r"$(\lambda_{t_1}-\lambda_t)/h$: where the second call stands in the step"));
            parts.push(("r_2", r_2, r"$(\lambda_{t_2}-\lambda_t)/h$: and the third"));
            if step.bend == 0.0 {
                formulas
                    .push(r"D_0 = \hat{x}_0(t), \quad D_1 = \frac{1}{r_2}\left(\hat{x}_0(t_2) - \hat{x}_0(t)\right)");
                d_1 = far;
            } else {
                formulas.extend([
                    r"D_0 = \hat{x}_0(t), \quad D_{1i} = \frac{1}{r_i}\left(\hat{x}_0(t_i) - \hat{x}_0(t)\right), \quad i = 1, 2",
                    r"D_1 = \frac{r_2 D_{11} - r_1 D_{12}}{r_2 - r_1}, \quad D_2 = \frac{2(D_{12} - D_{11})}{r_2 - r_1}",
                ]);
                answers.push(("D_{11}".into(), near, ""));
                answers.push(("D_{12}".into(), far, ""));
                d_1 = (r_2 * near - r_1 * far) / (r_2 - r_1);
                d_2 = 2.0 * (far - near) / (r_2 - r_1);
            }
        }
        _ => formulas.push(r"D_0 = \hat{x}_0(t)"),
    }
    let source = "Lu et al. 2022, “DPM-Solver++”, algorithm 1, appendix B";
    Some(rule((formulas, parts), answers, step, (begun.x_t, begun.x_0), (d_1, d_2), 0.0, source))
}

fn main_formula(step: &LambdaStep) -> &'static str {
    match (step.sde, step.order, step.bend == 0.0) {
        (false, 1, _) => r"x_s = \frac{\sigma_s}{\sigma_t}\cdot x_t - \alpha_s(e^{-h}-1)\cdot D_0",
        (false, _, true) => r"x_s = \frac{\sigma_s}{\sigma_t}\cdot x_t - \alpha_s(e^{-h}-1)\cdot D_0 + c_1\cdot D_1",
        (false, _, false) => {
            r"x_s = \frac{\sigma_s}{\sigma_t}\cdot x_t - \alpha_s(e^{-h}-1)\cdot D_0 + c_1\cdot D_1 - c_2\cdot D_2"
        }
        (true, 1, _) => {
            r"x_s = \frac{\sigma_s}{\sigma_t}e^{-h}\cdot x_t - \alpha_s(e^{-2h}-1)\cdot D_0 + \sigma_s\sqrt{1-e^{-2h}}\cdot z"
        }
        (true, _, true) => {
            r"x_s = \frac{\sigma_s}{\sigma_t}e^{-h}\cdot x_t - \alpha_s(e^{-2h}-1)\cdot D_0 + c_1\cdot D_1 + \sigma_s\sqrt{1-e^{-2h}}\cdot z"
        }
        (true, _, false) => {
            r"x_s = \frac{\sigma_s}{\sigma_t}e^{-h}\cdot x_t - \alpha_s(e^{-2h}-1)\cdot D_0 + c_1\cdot D_1 - c_2\cdot D_2 + \sigma_s\sqrt{1-e^{-2h}}\cdot z"
        }
    }
}

fn lambdas((t, s): (NoiseLevel, NoiseLevel), step: &LambdaStep) -> Vec<Part> {
    vec![
        (r"\lambda_t", t.lambda(), "half the log-SNR before"),
        (r"\lambda_s", s.lambda(), "and after"),
        ("h", step.h, r"$\lambda_s - \lambda_t$, the step"),
    ]
}

fn rule(
    (formulas, mut parts): (Vec<&'static str>, Vec<Part>),
    mut answers: Vec<(String, f64, &'static str)>,
    step: &LambdaStep,
    (x, d_0): (f64, f64),
    (d_1, d_2): (f64, f64),
    z: f64,
    source: &'static str,
) -> Rule {
    let mut terms = vec![RuleTerm::new("x_t", x, step.kept), RuleTerm::new("D_0", d_0, step.x_0)];
    if step.order > 1 {
        let of_slope = match (step.exact, step.sde) {
            (false, false) => r"$-\frac{\alpha_s}{2}(e^{-h}-1)$: half of what $D_0$ has (midpoint)",
            (false, true) => r"$-\frac{\alpha_s}{2}(e^{-2h}-1)$: half of what $D_0$ has (midpoint)",
            (true, false) => r"$\alpha_s\left(\frac{e^{-h}-1}{h}+1\right)$: the line's integral",
            (true, true) => r"$\alpha_s\left(\frac{e^{-2h}-1}{2h}+1\right)$: the line's integral",
        };
        parts.push(("c_1", step.slope, of_slope));
        answers.push(("D_1".into(), d_1, r"the slope of $\hat{x}_0$ over $\lambda$, times h"));
        terms.push(RuleTerm::new("D_1", d_1, step.slope));
    }
    if step.bend != 0.0 {
        let of_bend = match step.sde {
            false => r"$\alpha_s\left(\frac{e^{-h}-1+h}{h^2}-\frac{1}{2}\right)$",
            true => r"$\alpha_s\left(\frac{e^{-2h}-1+2h}{(2h)^2}+\frac{1}{2}\right)$, with the sign that diffusers has",
        };
        parts.push(("c_2", step.bend, of_bend));
        answers.push(("D_2".into(), d_2, r"the bend of $\hat{x}_0$ over $\lambda$, times $h^2$"));
        terms.push(RuleTerm::new("D_2", d_2, -step.bend));
    }
    if step.sde {
        parts.push((r"\sigma_s\sqrt{1-e^{-2h}}", step.noise, "noise added anew"));
        terms.push(RuleTerm::new("z", z, step.noise));
    }
    let heading = match step.order {
        1 => "The update, of first order",
        2 => "The update, of second order",
        _ => "The update, of third order",
    };
    Rule { heading, formulas, parts, answers, result: "x_s", terms, source }
}
