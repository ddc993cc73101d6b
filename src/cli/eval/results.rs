//! The results, number by number, for those who compare several runs.

use serde::{Deserialize, Serialize};

use super::report::EvalReport;
use crate::eval::Estimate;

/// One number of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalResult {
    /// "judge-FID", "class accuracy", "vlb, bits/dim".
    pub name: String,
    pub mean: f64,
    /// `None` where it isn't known.
    pub standard_error: Option<f64>,
    pub less_is_better: bool,
}

impl EvalResult {
    pub fn estimate(&self) -> Estimate {
        Estimate { mean: self.mean, standard_error: self.standard_error.unwrap_or(f64::NAN) }
    }
}

impl EvalReport {
    /// What was measured, and is a number.
    pub fn results(&self) -> Vec<EvalResult> {
        let judged = self.judged.as_ref();
        let of = |name: &str, estimate: Option<Estimate>, less_is_better: bool| {
            estimate.filter(|estimate| estimate.mean.is_finite()).map(|Estimate { mean, standard_error }| EvalResult {
                name: name.into(),
                mean,
                standard_error: standard_error.is_finite().then_some(standard_error),
                less_is_better,
            })
        };
        let bounds = self.vlb.as_ref();
        let bound = bounds.and_then(|vlb| Some(vlb.bounds.first()?.total.affine(vlb.unit.per_nat, 0.0)));
        let flow = self.nll.as_ref();
        let unit = |of: Option<&str>| of.unwrap_or_default().to_string();
        [
            of(&format!("vlb, {}", unit(bounds.map(|vlb| vlb.unit.name))), bound, true),
            of(
                &format!("nll, {}", unit(flow.map(|nll| nll.unit.name))),
                flow.map(|nll| nll.estimate.affine(nll.unit.per_nat, 0.0)),
                true,
            ),
            of("judge-FID", judged.and_then(|judged| Some(judged.fid?.samples)), true),
            of("precision", judged.and_then(|judged| Some(judged.precision?.samples)), false),
            of("recall", judged.and_then(|judged| Some(judged.recall?.samples)), false),
            of("class accuracy", judged.and_then(|judged| Some(judged.accuracy.as_ref()?.1.samples)), false),
            of("diversity", judged.and_then(|judged| Some(judged.diversity?.samples)), false),
            of("reconstruction MSE", self.reconstruction.as_ref().map(|given| given.mse), true),
            of("PSNR, dB", self.reconstruction.as_ref().map(|given| given.psnr), false),
            of("energy distance", self.plane.as_ref().map(|plane| plane.distance.samples), true),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
