//! The rules of any call.

use super::pixel::PixelCall;
use super::rule::Rule;
use super::{angle, answers, half_log_snr, langevin, one_call, pseudo, two_calls, unified};
use crate::sampling::UpdateRule;

/// How the last of `calls` led to its x_s, `calls` being all from the noise on: one rule, or two of which the last leads
/// to x_s. None where the sampler named no rule, or one that needs calls that are not there.
pub fn rules(calls: &[PixelCall]) -> Vec<Rule> {
    let Some((now, update)) = calls.last().and_then(|now| Some((now, now.update.as_ref()?))) else {
        return Vec::new();
    };
    let (from, to) = (update.from, update.to);
    let one = match &update.rule {
        UpdateRule::Ancestral { posterior, added, deviation } => {
            Some(one_call::ancestral(now, (from, to), posterior, *added, *deviation))
        }
        UpdateRule::Ddim { eta, variance, added, direction, recomputed } => {
            Some(one_call::ddim(now, to, (*eta, *variance), (*added, *direction), *recomputed))
        }
        UpdateRule::Straight { recomputed } => Some(one_call::straight(now, (from, to), *recomputed)),
        UpdateRule::EulerAncestral { up, down } => Some(one_call::euler_ancestral(now, (from, to), *up, *down)),
        UpdateRule::Heun { stage, half, churn } => two_calls::heun(calls, (from, to), *stage, *half, *churn),
        UpdateRule::Midpoint { stage, middle, down, up } => {
            two_calls::midpoint(calls, (from, to), (*stage, *middle), *down, *up)
        }
        UpdateRule::Flow { stage, second, mean } => two_calls::flow(calls, (from, to), (*stage, *second), *mean),
        UpdateRule::Multistep(step) => half_log_snr::multistep(calls, (from, to), step),
        UpdateRule::Singlestep { step, .. } => half_log_snr::singlestep(calls, (from, to), step),
        UpdateRule::Polynomial { logarithmic, places, weights } => {
            answers::polynomial(calls, (from, to), *logarithmic, places, weights)
        }
        UpdateRule::Pndm(step) => pseudo::pndm(calls, step),
        UpdateRule::ReverseDiffusion { a, v, .. } => Some(langevin::reverse_diffusion(now, *a, *v)),
        UpdateRule::Langevin { a, snr, step, .. } => Some(langevin::langevin(now, (*a, *snr), *step)),
        UpdateRule::Clean => Some(one_call::clean(now)),
        UpdateRule::ProbabilityFlow(step) => angle::probability_flow(calls, step),
        UpdateRule::UniPc { predict_x0, corrected, predicted } => {
            return unified::unipc(calls, (from, to), *predict_x0, corrected.as_ref(), predicted.as_ref());
        }
    };
    one.into_iter().collect()
}
