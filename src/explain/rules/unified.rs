//! UniPC: the step before made again with the new answer, and the next step.

use super::one_call::straight;
use super::pixel::PixelCall;
use super::rule::{Rule, RuleTerm};
use crate::diffusion::NoiseLevel;
use crate::sampling::{UniStep, UpdateRule};

const SOURCE: &str = "Zhao et al. 2023, “UniPC”, algorithms 1 (UniC) and 2 (UniP), eq. 3 and 10";
const RHOS: [&str; 3] = [r"\rho_1", r"\rho_2", r"\rho_3"];
const RATIOS: [&str; 3] = ["r_1", "r_2", "r_3"];

pub fn unipc(
    calls: &[PixelCall],
    levels: (NoiseLevel, NoiseLevel),
    predict_x0: bool,
    corrected: Option<&UniStep>,
    predicted: Option<&UniStep>,
) -> Vec<Rule> {
    let Some(now) = calls.last() else { return Vec::new() };
    let mut rules = Vec::new();
    rules.extend(corrected.and_then(|step| corrector(calls, predict_x0, step)));
    match predicted {
        None => rules.push(straight(now, levels, false)),
        Some(step) => rules.extend(predictor(calls, predict_x0, levels, step)),
    }
    rules
}

fn answer(call: &PixelCall, predict_x0: bool) -> f64 {
    if predict_x0 { call.x_0 } else { call.epsilon }
}

/// x at the last of `calls`, corrected where the sampler corrected it.
fn start(calls: &[PixelCall]) -> Option<f64> {
    let now = calls.last()?;
    match &now.update.as_ref()?.rule {
        UpdateRule::UniPc { predict_x0, corrected: Some(step), .. } => Some(corrector(calls, *predict_x0, step)?.sum()),
        _ => Some(now.x_t),
    }
}

/// The step to the last of `calls` again, with its answer among the points.
fn corrector(calls: &[PixelCall], predict_x0: bool, step: &UniStep) -> Option<Rule> {
    let (now, before) = calls.split_last()?;
    let answers = differences(before, predict_x0, step, Some(answer(now, predict_x0)))?;
    Some(Rule {
        heading: "The corrector: the step before again, with the new answer",
        formulas: vec![
            formula(predict_x0, "x_t^c"),
            r"D_i = \frac{m_i - m_0}{r_i}, \quad r_i = \frac{\lambda_i - \lambda_{t'}}{h} \quad\text{(the new answer: } r = 1\text{)}",
        ],
        parts: parts(step),
        answers: Vec::new(),
        result: "x_t^c",
        terms: terms("x_{t'}", start(before)?, answer(before.last()?, predict_x0), &answers, step),
        source: SOURCE,
    })
}

fn predictor(calls: &[PixelCall], predict_x0: bool, (t, s): (NoiseLevel, NoiseLevel), step: &UniStep) -> Option<Rule> {
    let answers = differences(calls, predict_x0, step, None)?;
    let mut all = vec![(r"\lambda_t", t.lambda(), "half the log-SNR before"), (r"\lambda_s", s.lambda(), "and after")];
    all.extend(parts(step));
    Some(Rule {
        heading: match step.order {
            1 => "The predictor, of first order",
            2 => "The predictor, of second order",
            _ => "The predictor, of third order",
        },
        formulas: vec![
            formula(predict_x0, "x_s"),
            r"D_i = \frac{m_i - m_0}{r_i}, \quad r_i = \frac{\lambda_i - \lambda_t}{h}",
        ],
        parts: all,
        answers: Vec::new(),
        result: "x_s",
        terms: terms("x_t^c", start(calls)?, answer(calls.last()?, predict_x0), &answers, step),
        source: SOURCE,
    })
}

fn formula(predict_x0: bool, result: &str) -> &'static str {
    match (predict_x0, result) {
        (true, "x_s") => {
            r"x_s = \frac{\sigma_s}{\sigma_t}\cdot x_t^c - \alpha_s(e^{-h}-1)\cdot m_0 - \alpha_s B(h)\sum_i\rho_i D_i, \quad m = \hat{x}_0"
        }
        (true, _) => {
            r"x_t^c = \frac{\sigma_t}{\sigma_{t'}}\cdot x_{t'} - \alpha_t(e^{-h}-1)\cdot m_0 - \alpha_t B(h)\sum_i\rho_i D_i, \quad m = \hat{x}_0"
        }
        (false, "x_s") => {
            r"x_s = \frac{\alpha_s}{\alpha_t}\cdot x_t^c - \sigma_s(e^h-1)\cdot m_0 - \sigma_s B(h)\sum_i\rho_i D_i, \quad m = \hat\epsilon"
        }
        (false, _) => {
            r"x_t^c = \frac{\alpha_t}{\alpha_{t'}}\cdot x_{t'} - \sigma_t(e^h-1)\cdot m_0 - \sigma_t B(h)\sum_i\rho_i D_i, \quad m = \hat\epsilon"
        }
    }
}

fn parts(step: &UniStep) -> Vec<(&'static str, f64, &'static str)> {
    let mut parts = vec![
        ("h", step.h, r"the step, of $\lambda$"),
        ("B(h)", step.b_of_h, r"$e^{\mp h}-1$ (bh2) or $\mp h$ (bh1); $\mp$: for $\hat{x}_0$, for $\hat\epsilon$"),
    ];
    parts.extend(RATIOS.iter().zip(&step.ratios).map(|(name, r)| (*name, *r, "where an answer stands in the step")));
    parts.extend(
        RHOS.iter().zip(&step.rho).map(|(name, rho)| (*name, *rho, "its weight, so that polynomials come out exactly")),
    );
    parts
}

/// (m_i − m_0)/r_i of the older answers, and of the new one where there is one; the newest of `calls` has m_0.
fn differences(calls: &[PixelCall], predict_x0: bool, step: &UniStep, new: Option<f64>) -> Option<Vec<f64>> {
    let now = answer(calls.last()?, predict_x0);
    let older = step.rho.len() - usize::from(new.is_some());
    let back = |i: usize| calls.len().checked_sub(2 + i).map(|i| answer(&calls[i], predict_x0));
    let values: Option<Vec<f64>> = (0..older).map(back).chain(new.map(Some)).collect();
    Some(values?.into_iter().zip(&step.ratios).map(|(m, r)| (m - now) / r).collect())
}

fn terms(symbol: &str, x: f64, latest: f64, differences: &[f64], step: &UniStep) -> Vec<RuleTerm> {
    let mut terms = vec![RuleTerm::new(symbol, x, step.kept), RuleTerm::new("m_0", latest, step.straight)];
    for (i, (difference, rho)) in differences.iter().zip(&step.rho).enumerate() {
        terms.push(RuleTerm::new(format!("D_{}", i + 1), *difference, step.bend * rho));
    }
    terms
}
