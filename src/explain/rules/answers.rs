//! Rules that integrate a polynomial through the latest answers: LMS and DEIS.

use super::one_call::ratios;
use super::pixel::PixelCall;
use super::rule::{Rule, RuleTerm};
use crate::diffusion::NoiseLevel;

const PLACES: [&str; 4] = ["p_0", "p_1", "p_2", "p_3"];
const WEIGHTS: [&str; 4] = ["w_0", "w_1", "w_2", "w_3"];

pub fn polynomial(
    calls: &[PixelCall],
    (t, s): (NoiseLevel, NoiseLevel),
    logarithmic: bool,
    places: &[f64],
    weights: &[f64],
) -> Option<Rule> {
    let now = calls.last()?;
    let latest: Option<Vec<&PixelCall>> =
        (0..weights.len()).map(|back| calls.len().checked_sub(1 + back).map(|i| &calls[i])).collect();
    // DEIS follows x̂_0, which may have been thresholded; LMS the network's ε̂.
    let answer = |call: &PixelCall| if logarithmic { call.slope() } else { call.epsilon };
    let mut terms = vec![RuleTerm::new("x_t", now.x_t, s.alpha / t.alpha)];
    for (i, (call, weight)) in latest?.into_iter().zip(weights).enumerate() {
        terms.push(RuleTerm::new(format!(r"\hat\epsilon_{i}"), answer(call), s.alpha * weight));
    }
    let mut parts = ratios(t, s);
    let meaning = match logarithmic {
        true => r"$\ln\bar\sigma$ of each answer, the newest first",
        false => r"$\bar\sigma$ of each answer, the newest first",
    };
    parts.extend(PLACES.iter().zip(places).map(|(name, place)| (*name, *place, meaning)));
    parts.extend(
        WEIGHTS.iter().zip(weights).map(|(name, weight)| (*name, *weight, r"its weight, $\int\ell_i\,d\bar\sigma$")),
    );
    Some(Rule {
        heading: match weights.len() {
            2 => "The update, of second order",
            3 => "The update, of third order",
            _ => "The update, of fourth order",
        },
        formulas: vec![
            r"\frac{x_s}{\alpha_s} = \frac{x_t}{\alpha_t} + \sum_i w_i\cdot\hat\epsilon_i",
            match logarithmic {
                true => {
                    r"w_i = \int \ell_i(\ln\bar\sigma)\,d\bar\sigma \quad\text{from } \bar\sigma_t \text{ to } \bar\sigma_s, \quad \ell_i(p_i) = 1, \ \ell_i(p_j) = 0"
                }
                false => {
                    r"w_i = \int \ell_i(\bar\sigma)\,d\bar\sigma \quad\text{from } \bar\sigma_t \text{ to } \bar\sigma_s, \quad \ell_i(p_i) = 1, \ \ell_i(p_j) = 0"
                }
            },
        ],
        parts,
        answers: Vec::new(),
        result: "x_s",
        terms,
        source: match logarithmic {
            true => {
                "Zhang & Chen 2023, “Fast Sampling of Diffusion Models with Exponential Integrator”, section 3.2, in log ρ"
            }
            false => {
                "Hairer, Nørsett & Wanner 1993, III.5 (Adams and Bashforth for uneven steps), on Karras et al. 2022, eq. 4"
            }
        },
    })
}
