//! The path's formulas with their numbers: of a continuous time α(u), σ(u), the step between neighbours, and the SDE.

use super::document::{Explanation, number};
use crate::config::PathName;
use crate::diffusion::{Continuous, NoiseLevel, Posterior, Schedule};

/// What the process does at one t of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathNumbers {
    /// α_{t|s} = α_t/α_s and σ²_{t|s} = σ_t² − α_{t|s}²·σ_s², s the timestep before t, or the clean picture.
    pub kept: f64,
    pub added: f64,
    /// f = α'/α and g² = 2σσ' − 2σ²f of dx = f·x du + g dw, derivatives by u.
    pub drift: f64,
    pub diffusion: f64,
}

impl PathNumbers {
    pub fn of(schedule: &Schedule, t: usize) -> Self {
        let at = schedule.at(t);
        let before = t.checked_sub(1).map_or(NoiseLevel::CLEAN, |s| schedule.at(s));
        let (d_alpha, d_sigma) = schedule.derivative(at.t);
        let drift = d_alpha / at.alpha;
        Self {
            kept: if before.alpha == 0.0 { 0.0 } else { at.alpha / before.alpha },
            added: Posterior::added_variance((before.alpha, before.sigma), (at.alpha, at.sigma)),
            drift,
            diffusion: 2.0 * at.sigma * d_sigma - 2.0 * at.sigma * at.sigma * drift,
        }
    }
}

/// "path vp (variance preserving) with the schedule cosine".
pub fn words(schedule: &Schedule) -> String {
    match schedule.path {
        PathName::Vp => format!("path vp (variance preserving) with the schedule {}", schedule.name.name()),
        path => format!("path {}", path.name()),
    }
}

/// A path that is a formula of a continuous time: its own form, its step between neighbours, and its SDE.
pub fn continuous(out: &mut Explanation, schedule: &Schedule, path: Continuous, t: usize) {
    let (at, n) = (schedule.at(t), PathNumbers::of(schedule, t));
    out.heading("The path");
    for formula in formulas(schedule.path) {
        out.formula(*formula);
    }
    let (a, b) = match path {
        Continuous::VpSde { beta_min, beta_max } | Continuous::SubVpSde { beta_min, beta_max } => (
            number(r"\beta_{\min}", beta_min, "diffusion.beta_min"),
            number(r"\beta_{\max}", beta_max, "diffusion.beta_max"),
        ),
        Continuous::Ve { sigma_min, sigma_max } => (
            number(r"\sigma_{\min}", sigma_min, "diffusion.sigma_min, or the path's usual one where that is 0"),
            number(r"\sigma_{\max}", sigma_max, "diffusion.sigma_max, likewise"),
        ),
        Continuous::Flow => {
            let (d_alpha, d_sigma) = schedule.derivative(at.t);
            (
                number(r"\alpha'", d_alpha, r"$\mathrm{d}\alpha/\mathrm{d}u$: the line is straight"),
                number(r"\sigma'", d_sigma, r"$\mathrm{d}\sigma/\mathrm{d}u$"),
            )
        }
    };
    out.numbers([
        number("u", schedule.u(t as f64), "the path's own time, $(t + 1)/T$: 0 at the data, 1 at the noise"),
        a,
        b,
        number(r"\alpha(t)", at.alpha, "what is left of the signal"),
        number(r"\sigma(t)", at.sigma, "the noise"),
    ]);
    out.source(source(schedule.path));
    out.heading("One step of noise, and all at once");
    out.formula(r"q(x_t \mid x_{t-1}) = \mathcal{N}(\alpha_{t|t-1}\cdot x_{t-1},\ \sigma_{t|t-1}^2\,\mathbf{I})");
    out.formula(
        r"\alpha_{t|t-1} = \frac{\alpha(t)}{\alpha(t-1)}, \quad \sigma_{t|t-1}^2 = \sigma(t)^2 - \alpha_{t|t-1}^2\,\sigma(t-1)^2",
    );
    out.formula(r"q(x_t \mid x_0) = \mathcal{N}(\alpha(t)\cdot x_0,\ \sigma(t)^2\,\mathbf{I})");
    let clean = if t == 0 { "; before t = 0 lies the clean picture" } else { "" };
    out.numbers([
        number(r"\alpha_{t|t-1}", n.kept, &format!("what a step of $1/T$ leaves{clean}")),
        number(r"\sigma_{t|t-1}^2", n.added, "the variance that it adds"),
    ]);
    out.source("Kingma et al. 2021, “Variational Diffusion Models”, section 3.1 and appendix A");
    out.heading("The same as an SDE");
    out.formula(r"\mathrm{d}x = f x\,\mathrm{d}u + g\,\mathrm{d}w, \quad f = \frac{\alpha'}{\alpha}, \quad g^2 = 2\sigma\sigma' - 2\sigma^2 f");
    out.numbers(sde(&n));
    if !n.drift.is_finite() {
        out.text("No signal is left here: the SDE ends just before.");
    }
    out.source("Song et al. 2021, eq. 5; Kingma et al. 2021, section 3 and appendix A for f and g of any α and σ");
}

/// f and g² with their meanings.
pub fn sde(n: &PathNumbers) -> [super::document::Number; 2] {
    [
        number("f", n.drift, r"how fast the signal shrinks, $\alpha'/\alpha$, by u"),
        number("g^2", n.diffusion, "the variance that comes in, by u"),
    ]
}

fn formulas(path: PathName) -> &'static [&'static str] {
    match path {
        PathName::Vp => &[r"x_t = \sqrt{\bar\alpha_t}\cdot x_0 + \sqrt{1-\bar\alpha_t}\cdot\epsilon"],
        PathName::VpSde => &[
            r"\mathrm{d}x = -\tfrac12\beta(u)x\,\mathrm{d}u + \sqrt{\beta(u)}\,\mathrm{d}w, \quad \beta(u) = \beta_{\min} + u(\beta_{\max}-\beta_{\min})",
            r"\log\alpha = -\tfrac14 u^2(\beta_{\max}-\beta_{\min}) - \tfrac12 u\beta_{\min}, \quad \sigma = \sqrt{1-\alpha^2}",
        ],
        PathName::SubVpSde => &[
            r"\log\alpha = -\tfrac14 u^2(\beta_{\max}-\beta_{\min}) - \tfrac12 u\beta_{\min}, \quad \sigma = 1-\alpha^2",
        ],
        PathName::Ve | PathName::Edm => {
            &[r"\alpha = 1, \quad \sigma(u) = \sigma_{\min}\cdot\left(\frac{\sigma_{\max}}{\sigma_{\min}}\right)^{u}"]
        }
        PathName::Flow => &[r"\alpha = 1 - u, \quad \sigma = u"],
    }
}

fn source(path: PathName) -> &'static str {
    match path {
        PathName::Vp => "Ho et al. 2020, eq. 4",
        PathName::VpSde => "Song et al. 2021, “Score-Based Generative Modeling through SDEs”, eq. 11 and 33",
        PathName::SubVpSde => "Song et al. 2021, “Score-Based Generative Modeling through SDEs”, eq. 12 and 35",
        PathName::Ve => "Song et al. 2021, “Score-Based Generative Modeling through SDEs”, eq. 9 and 31",
        PathName::Edm => {
            "Karras et al. 2022, “Elucidating the Design Space of Diffusion-Based Generative Models”; as a path Song et al. \
             2021, eq. 31"
        }
        PathName::Flow => "Liu et al. 2023, “Flow Straight and Fast”; Lipman et al. 2023, “Flow Matching”, eq. 20",
    }
}
