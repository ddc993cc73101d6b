//! Rules of one call a step that look at no other: DDPM, DDIM, Euler and Euler ancestral.

use super::pixel::PixelCall;
use super::rule::{Rule, RuleTerm};
use crate::diffusion::{NoiseLevel, Posterior};
use crate::sampling::Deviation;

pub const SLOPE: &str = r"d_t = \frac{x_t - \alpha_t\hat{x}_0}{\sigma_t}";

pub fn ancestral(
    now: &PixelCall,
    (t, s): (NoiseLevel, NoiseLevel),
    posterior: &Posterior,
    added: f64,
    deviation: Deviation,
) -> Rule {
    let ratio = t.alpha / s.alpha;
    let mut formulas = vec![
        r"\mu = \frac{\alpha_s\beta}{\sigma_t^2}\cdot\hat{x}_0 + \frac{\alpha_{t|s}\sigma_s^2}{\sigma_t^2}\cdot x_t",
        r"\mu = \frac{1}{\alpha_{t|s}}\cdot\left(x_t - \frac{\beta}{\sigma_t}\cdot\hat\epsilon\right)",
    ];
    let mut parts = vec![
        (r"\alpha_{t|s}", ratio, r"$\alpha_t/\alpha_s$; $\sqrt{1-\beta_t}$ for neighbours"),
        (
            r"\beta",
            added,
            r"$\sigma_t^2 - \alpha_{t|s}^2\sigma_s^2$: what the way from s to t adds; $\beta_t$ for neighbours",
        ),
        (r"\tilde\beta", posterior.variance, r"$\beta\sigma_s^2/\sigma_t^2$: the posterior's variance"),
    ];
    let mut answers =
        vec![(r"\mu".to_string(), posterior.x_0 * now.x_0 + posterior.x_t * now.x_t, r"by $\hat{x}_0$ and $x_t$")];
    if ratio > 0.0 {
        let of_noise = added / (ratio * t.sigma);
        parts.push((r"\frac{1}{\alpha_{t|s}}", 1.0 / ratio, "the second form: the same mean by the noise"));
        parts.push((r"\frac{\beta}{\alpha_{t|s}\sigma_t}", of_noise, r"and what it takes of $\hat\epsilon$"));
        let mu = now.x_t / ratio - of_noise * now.epsilon;
        answers.push((r"\mu".into(), mu, r"by $x_t$ and $\hat\epsilon$; another number where $\hat{x}_0$ was clamped"));
    }
    let preserving = |at: NoiseLevel| (at.alpha * at.alpha + at.sigma * at.sigma - 1.0).abs() < 1e-9;
    if preserving(t) && preserving(s) {
        formulas.push(
            r"\mu = \frac{\sqrt{\bar\alpha_s}\,\beta}{1-\bar\alpha_t}\cdot\hat{x}_0 + \frac{\sqrt{1-\beta}\,(1-\bar\alpha_s)}{1-\bar\alpha_t}\cdot x_t, \quad \tilde\beta = \frac{1-\bar\alpha_s}{1-\bar\alpha_t}\cdot\beta",
        );
        formulas.push(
            r"\mu = \frac{1}{\sqrt{1-\beta}}\cdot\left(x_t - \frac{\beta}{\sqrt{1-\bar\alpha_t}}\cdot\hat\epsilon\right)",
        );
        parts.push((r"\bar\alpha_t", t.alpha * t.alpha, r"$\alpha_t^2$, for both forms in Ho's symbols"));
        parts.push((r"\bar\alpha_s", s.alpha * s.alpha, r"$\alpha_s^2$, his $\bar\alpha_{t-1}$ where $s = t-1$"));
    }
    let noise = match deviation {
        Deviation::None => {
            formulas.push(r"x_s = \mu");
            parts.push((r"\varsigma", 0.0, "the last step adds no noise"));
            0.0
        }
        Deviation::Fixed(deviation) => {
            formulas.push(r"x_s = \mu + \varsigma\cdot z, \quad z \sim \mathcal{N}(0, \mathbf{I})");
            let close = |variance: f64| (deviation * deviation - variance).abs() <= 1e-9 * variance;
            let meaning = match (close(posterior.variance), close(added)) {
                (true, _) => r"$\sqrt{\tilde\beta}$: diffusion.variance_type = fixed_small",
                (false, true) => r"$\sqrt\beta$: diffusion.variance_type = fixed_large",
                _ => "the deviation of the noise",
            };
            parts.push((r"\varsigma", deviation, meaning));
            deviation
        }
        Deviation::Learned { small, large } => {
            let fraction = now.variance_fraction.unwrap_or(f64::NAN);
            let deviation = (0.5 * (fraction * large.ln() + (1.0 - fraction) * small.ln())).exp();
            formulas.push(r"x_s = \mu + \varsigma\cdot z, \quad \varsigma^2 = \exp(f\ln\beta + (1-f)\ln\tilde\beta)");
            parts.push(("f", fraction, "what the network says of the variance at this pixel (learned_range)"));
            parts.push((r"\varsigma", deviation, "the noise that it makes of it"));
            deviation
        }
    };
    let mut terms =
        vec![RuleTerm::new(r"\hat{x}_0", now.x_0, posterior.x_0), RuleTerm::new("x_t", now.x_t, posterior.x_t)];
    terms.push(RuleTerm::new("z", now.noise, noise));
    Rule {
        heading: "The update",
        formulas,
        parts,
        answers,
        result: "x_s",
        terms,
        source: "Ho et al. 2020, eq. 7 and 11; for steps over several timesteps Kingma et al. 2021, eq. 24 to 26; for \
                 learned variances Nichol & Dhariwal 2021, eq. 15",
    }
}

pub fn ddim(
    now: &PixelCall,
    s: NoiseLevel,
    (eta, variance): (f64, f64),
    (added, direction): (f64, f64),
    recomputed: bool,
) -> Rule {
    let epsilon = if recomputed { now.slope() } else { now.epsilon };
    Rule {
        heading: "The update",
        formulas: vec![
            r"x_s = \alpha_s\cdot\hat{x}_0 + \sqrt{\sigma_s^2 - \varsigma^2}\cdot\hat\epsilon + \varsigma\cdot z, \quad \varsigma^2 = \eta^2\tilde\beta",
        ],
        parts: vec![
            (r"\eta", eta, "0: no noise on the way; 1: as much as ancestral sampling"),
            (r"\tilde\beta", variance, "the variance of ancestral sampling's step"),
            (r"\varsigma", added.sqrt(), "the noise that is added anew"),
            (r"\sqrt{\sigma_s^2-\varsigma^2}", direction, r"the rest of the noise, in the direction of $\hat\epsilon$"),
        ],
        answers: Vec::new(),
        result: "x_s",
        terms: vec![
            RuleTerm::new(r"\hat{x}_0", now.x_0, s.alpha),
            RuleTerm::new(r"\hat\epsilon", epsilon, direction),
            RuleTerm::new("z", now.noise, added.sqrt()),
        ],
        source: "Song, Meng & Ermon 2021, “Denoising Diffusion Implicit Models”, eq. 12 and 16",
    }
}

pub fn straight(now: &PixelCall, (t, s): (NoiseLevel, NoiseLevel), recomputed: bool) -> Rule {
    let (formula, symbol, epsilon) = match recomputed {
        true => (SLOPE, "d_t", now.slope()),
        false => (
            r"\frac{x_s}{\alpha_s} = \frac{x_t}{\alpha_t} + \left(\frac{\sigma_s}{\alpha_s} - \frac{\sigma_t}{\alpha_t}\right)\cdot\hat\epsilon",
            r"\hat\epsilon",
            now.epsilon,
        ),
    };
    let whole = match recomputed {
        true => r"x_s = \alpha_s\cdot\hat{x}_0 + \sigma_s\cdot d_t",
        false => r"x_s = \alpha_s\cdot\hat{x}_0 + \sigma_s\cdot\hat\epsilon",
    };
    Rule {
        heading: "The update, of first order",
        formulas: vec![formula, whole],
        parts: ratios(t, s),
        answers: Vec::new(),
        result: "x_s",
        terms: vec![RuleTerm::new(r"\hat{x}_0", now.x_0, s.alpha), RuleTerm::new(symbol, epsilon, s.sigma)],
        source: "Karras et al. 2022, algorithm 1 without its correction; it is DDIM's step with η = 0 (Song, Meng & Ermon \
                 2021, eq. 12), and the first order of the multistep solvers",
    }
}

pub fn euler_ancestral(now: &PixelCall, (t, s): (NoiseLevel, NoiseLevel), up: f64, down: f64) -> Rule {
    let mut parts = ratios(t, s);
    parts.push((r"\sigma_{\text{up}}", up, r"$\bar\sigma_s\sqrt{1-\bar\sigma_s^2/\bar\sigma_t^2}$: noise added anew"));
    parts.push((
        r"\sigma_{\text{down}}",
        down,
        r"$\sqrt{\bar\sigma_s^2-\sigma_{up}^2}$: how far down the deterministic part goes",
    ));
    Rule {
        heading: "The update",
        formulas: vec![
            SLOPE,
            r"\frac{x_s}{\alpha_s} = \frac{x_t}{\alpha_t} + (\sigma_{\text{down}} - \bar\sigma_t)\cdot d_t + \sigma_{\text{up}}\cdot z",
            r"x_s = \alpha_s\cdot(\hat{x}_0 + \sigma_{\text{down}}\cdot d_t + \sigma_{\text{up}}\cdot z)",
        ],
        parts,
        answers: Vec::new(),
        result: "x_s",
        terms: vec![
            RuleTerm::new(r"\hat{x}_0", now.x_0, s.alpha),
            RuleTerm::new("d_t", now.slope(), s.alpha * down),
            RuleTerm::new("z", now.noise, s.alpha * up),
        ],
        source: "Karras et al. 2022, eq. 4; Song et al. 2021, eq. 46",
    }
}

pub fn clean(now: &PixelCall) -> Rule {
    Rule {
        heading: "The update, at the end",
        formulas: vec![r"x_s = \hat{x}_0"],
        parts: Vec::new(),
        answers: Vec::new(),
        result: "x_s",
        terms: vec![RuleTerm::new(r"\hat{x}_0", now.x_0, 1.0)],
        source: "Song et al. 2021, appendix C and D: the last answer is taken without noise",
    }
}

/// σ̄ = σ/α at both ends.
pub fn ratios(t: NoiseLevel, s: NoiseLevel) -> Vec<(&'static str, f64, &'static str)> {
    vec![
        (r"\bar\sigma_t", t.noise_to_signal(), r"$\sigma_t/\alpha_t$: the noise beside an unscaled picture, before"),
        (r"\bar\sigma_s", s.noise_to_signal(), "and after"),
    ]
}
