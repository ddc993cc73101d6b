//! One answer's error as every target counts it: all are ‖ε − ε̂‖², times a factor of t alone.

use super::document::{Explanation, digits};
use crate::config::PredictionType;
use crate::diffusion::{NoiseLevel, Parameterization, Target};

/// A target's squared error over the whole picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetError {
    pub kind: PredictionType,
    /// (b − a·σ/α)² of a target a·x_0 + b·ε, since x_t fixes x_0 − x̂_0 = −(σ/α)·(ε − ε̂). Without signal x_t is the noise,
    /// and what is left is a², of ‖x_0 − x̂_0‖².
    pub factor: f64,
    /// Counted from the target and what the network's answer makes of it.
    pub square: f64,
}

/// Every target that the path has, from the numbers of x_0, ε and what the network said of both.
pub fn errors(
    parameterization: &Parameterization,
    at: NoiseLevel,
    (x_0, said_x_0): (&[f64], &[f64]),
    (epsilon, said_epsilon): (&[f64], &[f64]),
) -> Vec<TargetError> {
    let derivative = parameterization.schedule.derivative(at.t);
    let of = |kind: PredictionType| {
        let target = Target::of(kind, at, derivative, parameterization.sigma_data);
        let off = |i: usize| target.x_0 * (x_0[i] - said_x_0[i]) + target.epsilon * (epsilon[i] - said_epsilon[i]);
        TargetError {
            kind,
            factor: match at.alpha == 0.0 {
                true => target.x_0 * target.x_0,
                false => (target.epsilon - target.x_0 * at.sigma / at.alpha).powi(2),
            },
            square: (0..x_0.len()).map(|i| off(i).powi(2)).sum(),
        }
    };
    let own = parameterization.prediction_type;
    let mut kinds = vec![PredictionType::Epsilon, PredictionType::Sample, PredictionType::VPrediction];
    if parameterization.schedule.is_continuous() {
        kinds.push(PredictionType::Flow);
    }
    if !kinds.contains(&own) {
        kinds.push(own);
    }
    kinds.into_iter().map(of).collect()
}

/// The loss that training minimizes, by its own target.
pub fn own_loss(kind: PredictionType) -> &'static str {
    match kind {
        PredictionType::Epsilon => {
            r"L_{\text{simple}} = \mathrm{E}_{t, x_0, \epsilon}\,\lVert \epsilon - \epsilon_\theta(x_t, t)\rVert^2"
        }
        PredictionType::Sample => r"L = \mathrm{E}_{t, x_0, \epsilon}\,\lVert x_0 - x_\theta(x_t, t)\rVert^2",
        PredictionType::VPrediction => {
            r"L = \mathrm{E}_{t, x_0, \epsilon}\,\lVert v - v_\theta(x_t, t)\rVert^2, \quad v = \frac{\alpha\epsilon - \sigma x_0}{\sqrt{\alpha^2+\sigma^2}}"
        }
        PredictionType::Score => {
            r"L = \mathrm{E}_{t, x_0, \epsilon}\,\sigma^2\lVert s - s_\theta(x_t, t)\rVert^2, \quad s = \nabla_{x_t}\log q(x_t \mid x_0) = -\frac{\epsilon}{\sigma}"
        }
        PredictionType::Flow => {
            r"L_{\text{CFM}} = \mathrm{E}_{u, x_0, \epsilon}\,\lVert v_\theta(x_t, u) - v\rVert^2, \quad v = \alpha' x_0 + \sigma'\epsilon"
        }
        PredictionType::Edm => {
            r"L = \mathrm{E}_{\sigma, x_0, \epsilon}\,\lVert F - F_\theta(c_{\text{in}}\,x_t, c_{\text{noise}})\rVert^2, \quad F = \frac{x_0 - c_{\text{skip}}\,x_t}{c_{\text{out}}}"
        }
    }
}

/// Where that loss was first written.
pub fn source(kind: PredictionType) -> &'static str {
    match kind {
        PredictionType::Epsilon => "Ho et al. 2020, eq. 14",
        PredictionType::Sample => "Salimans & Ho 2022, “Progressive Distillation”, section 4",
        PredictionType::VPrediction => "Salimans & Ho 2022, “Progressive Distillation”, section 4 and appendix D",
        PredictionType::Score => "Song et al. 2021, eq. 7 and appendix C.1",
        PredictionType::Flow => "Lipman et al. 2023, “Flow Matching for Generative Modeling”, eq. 9 and 13",
        PredictionType::Edm => "Karras et al. 2022, eq. 8 and table 1",
    }
}

/// The table of them.
pub fn tell(out: &mut Explanation, errors: &[TargetError], own: PredictionType, at: NoiseLevel) {
    out.heading("The same error by every target");
    if at.alpha == 0.0 {
        out.text(
            "Here $\\alpha = 0$: $x_t$ is the noise itself, whatever the picture, so that to say $\\epsilon$ is to repeat it. \
             The error of every other target is that of $x_0$, times the square of its share of $x_0$.",
        );
        let rows = errors.iter().map(|error| {
            let mark = if error.kind == own { " (this run's)" } else { "" };
            vec![format!("${}${mark}", symbols(error.kind).0), digits(error.factor), digits(error.square)]
        });
        out.table(&["target", "factor", "squared error"], rows.collect());
        return;
    }
    out.text(
        "$x_t$ is known, so a mistake in $\\epsilon$ is a mistake in $x_0$: $x_0 - \\hat{x}_0 = \
         -\\frac{\\sigma}{\\alpha}\\cdot(\\epsilon - \\hat\\epsilon)$. Every target's error is that of the noise, times a factor of \
         $t$ alone: to choose a target is to choose a weight of the timesteps.",
    );
    let rows = errors.iter().map(|error| {
        let (symbol, factor) = symbols(error.kind);
        let mark = if error.kind == own { " (this run's)" } else { "" };
        vec![format!("${symbol}$"), format!("${factor}${mark}"), digits(error.factor), digits(error.square)]
    });
    out.table(&["target", "factor", "here", "squared error"], rows.collect());
    out.source("Kingma & Gao 2023, “Understanding Diffusion Objectives as the ELBO with Simple Data Augmentation”");
}

fn symbols(kind: PredictionType) -> (&'static str, &'static str) {
    match kind {
        PredictionType::Epsilon => (r"\epsilon", "1"),
        PredictionType::Sample => ("x_0", r"\frac{\sigma^2}{\alpha^2}"),
        PredictionType::VPrediction => ("v", r"1 + \frac{\sigma^2}{\alpha^2}"),
        PredictionType::Score => (r"\sigma s", "1"),
        PredictionType::Flow => {
            (r"\alpha' x_0 + \sigma'\epsilon", r"\left(\sigma' - \frac{\alpha'\sigma}{\alpha}\right)^2")
        }
        PredictionType::Edm => ("F", r"\left(\frac{\sigma}{\alpha\,c_{\text{out}}}\right)^2"),
    }
}
