//! The samplers' updates as sums of a few terms, each a coefficient times a picture.

use crate::config::{SamplerName, VarianceType};
use crate::diffusion::{NoiseLevel, Posterior};
use crate::sampling::SamplerSettings;

/// What a coefficient multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    XT,
    X0,
    Epsilon,
    Noise,
    /// The estimate of x_0 of the call before.
    EarlierX0,
}

/// One sampler's step as a formula.
pub struct Rule {
    /// LaTeX, line by line.
    pub formulas: Vec<&'static str>,
    /// x_s = Σ coefficient · picture.
    pub terms: Vec<(What, f64)>,
    /// What the coefficients are made of: symbol, number, meaning.
    pub parts: Vec<(&'static str, f64, &'static str)>,
    pub source: &'static str,
}

/// The rule of the step from `t` to `s`; `before`: the level of the call before. `None`: of this sampler no rule with these
/// terms is known here.
pub fn rule(
    settings: &SamplerSettings,
    variance: VarianceType,
    before: Option<NoiseLevel>,
    t: NoiseLevel,
    s: NoiseLevel,
) -> Option<Rule> {
    let posterior = Posterior::between((s.alpha, s.sigma), (t.alpha, t.sigma));
    let beta = Posterior::added_variance((s.alpha, s.sigma), (t.alpha, t.sigma));
    let h = s.lambda() - t.lambda();
    Some(match settings.sampler {
        SamplerName::Ddpm => {
            let added = match variance {
                // The last step adds no noise.
                _ if posterior.variance == 0.0 => 0.0,
                VarianceType::FixedSmall => posterior.variance,
                VarianceType::FixedLarge => beta,
                VarianceType::LearnedRange => return None,
            };
            let ratio = t.alpha / s.alpha;
            Rule {
                formulas: vec![
                    r"\mu = \frac{\alpha_s\beta}{\sigma_t^2}\cdot\hat{x}_0 + \frac{\alpha_{t|s}\sigma_s^2}{\sigma_t^2}\cdot x_t",
                    r"\mu = \frac{1}{\alpha_{t|s}}\cdot\left(x_t - \frac{\beta}{\sigma_t}\cdot\hat\epsilon\right)",
                    r"x_s = \mu + \sqrt{\tilde\beta}\cdot z, \quad z \sim \mathcal{N}(0, \mathbf{I})",
                ],
                terms: vec![(What::X0, posterior.x_0), (What::XT, posterior.x_t), (What::Noise, added.sqrt())],
                parts: vec![
                    (r"\alpha_{t|s}", ratio, r"$\alpha_t/\alpha_s$; $\sqrt{1-\beta_t}$ for neighbours"),
                    (
                        r"\beta",
                        beta,
                        r"$\sigma_t^2 - \alpha_{t|s}^2\sigma_s^2$: what the way from s to t adds; $\beta_t$ for neighbours",
                    ),
                    (
                        r"\tilde\beta",
                        added,
                        r"the variance of the step back: $\beta\sigma_s^2/\sigma_t^2$ (fixed_small) or $\beta$ (fixed_large)",
                    ),
                    (r"\frac{1}{\alpha_{t|s}}", 1.0 / ratio, "the second form: the same mean by the noise"),
                    (
                        r"\frac{\beta}{\alpha_{t|s}\sigma_t}",
                        beta / (ratio * t.sigma),
                        r"and what it takes of $\hat\epsilon$",
                    ),
                ],
                source: "Ho et al. 2020, eq. 7 and 11; for steps over several timesteps Kingma et al. 2021, eq. 24 to 26",
            }
        }
        SamplerName::Ddim => {
            let added = settings.eta * settings.eta * posterior.variance;
            let direction = (s.sigma * s.sigma - added).max(0.0).sqrt();
            Rule {
                formulas: vec![
                    r"x_s = \alpha_s\cdot\hat{x}_0 + \sqrt{\sigma_s^2 - \varsigma^2}\cdot\hat\epsilon + \varsigma\cdot z, \quad \varsigma^2 = \eta^2\tilde\beta",
                ],
                terms: vec![(What::X0, s.alpha), (What::Epsilon, direction), (What::Noise, added.sqrt())],
                parts: vec![
                    (r"\eta", settings.eta, "0: no noise on the way; 1: as much as ancestral sampling"),
                    (r"\varsigma", added.sqrt(), "the noise that is added anew"),
                    (
                        r"\sqrt{\sigma_s^2-\varsigma^2}",
                        direction,
                        r"the rest of the noise, in the direction of $\hat\epsilon$",
                    ),
                ],
                source: "Song, Meng & Ermon 2021, “Denoising Diffusion Implicit Models”, eq. 12 and 16",
            }
        }
        SamplerName::Euler => Rule {
            formulas: vec![
                r"\frac{x_s}{\alpha_s} = \frac{x_t}{\alpha_t} + \left(\frac{\sigma_s}{\alpha_s} - \frac{\sigma_t}{\alpha_t}\right)\cdot\hat\epsilon",
                r"x_s = \alpha_s\cdot\hat{x}_0 + \sigma_s\cdot\hat\epsilon",
            ],
            terms: vec![(What::X0, s.alpha), (What::Epsilon, s.sigma)],
            parts: vec![
                (r"\sigma_t/\alpha_t", t.noise_to_signal(), "the noise beside an unscaled picture, before"),
                (r"\sigma_s/\alpha_s", s.noise_to_signal(), "and after"),
            ],
            source: "Karras et al. 2022, algorithm 1 without its correction",
        },
        SamplerName::EulerA => {
            let ratio = s.noise_to_signal() / t.noise_to_signal();
            let (up, down) = (s.noise_to_signal() * (1.0 - ratio * ratio).max(0.0).sqrt(), s.noise_to_signal() * ratio);
            Rule {
                formulas: vec![
                    r"\frac{x_s}{\alpha_s} = \frac{x_t}{\alpha_t} + (\sigma_{\text{down}} - \frac{\sigma_t}{\alpha_t})\cdot\hat\epsilon + \sigma_{\text{up}}\cdot z",
                ],
                terms: vec![(What::X0, s.alpha), (What::Epsilon, s.alpha * down), (What::Noise, s.alpha * up)],
                parts: vec![
                    (r"\sigma_{\text{up}}", up, "noise added anew"),
                    (r"\sigma_{\text{down}}", down, "how far down the deterministic part goes"),
                ],
                source: "Karras et al. 2022, eq. 4; Song et al. 2021, eq. 46",
            }
        }
        SamplerName::Dpmpp2m => {
            let decay = (-h).exp_m1();
            let first = vec![(What::XT, s.sigma / t.sigma), (What::X0, -s.alpha * decay)];
            let formulas = vec![
                r"x_s = \frac{\sigma_s}{\sigma_t}\cdot x_t - \alpha_s(e^{-h}-1)\cdot D",
                r"D = \left(1 + \frac{1}{2r}\right)\hat{x}_0(t) - \frac{1}{2r}\hat{x}_0(t'), \quad r = \frac{\lambda_t - \lambda_{t'}}{h}",
            ];
            let (terms, r) = match before {
                Some(before) if s.sigma > 0.0 => {
                    let r = (t.lambda() - before.lambda()) / h;
                    let more = -s.alpha * decay / (2.0 * r);
                    (vec![first[0], (What::X0, -s.alpha * decay + more), (What::EarlierX0, -more)], r)
                }
                _ => (first, f64::INFINITY),
            };
            Rule {
                formulas,
                terms,
                parts: vec![
                    (r"\lambda_t", t.lambda(), "half the log-SNR before"),
                    (r"\lambda_s", s.lambda(), "and after"),
                    ("h", h, r"$\lambda_s - \lambda_t$, the step"),
                    ("r", r, "the step before, in this one; infinite: a step of first order"),
                ],
                source: "Lu et al. 2022, “DPM-Solver++”, algorithm 2",
            }
        }
        SamplerName::FlowEuler => Rule {
            formulas: vec![r"x_s = x_t + (u_s - u_t)\cdot\hat v, \quad \hat v = \hat\epsilon - \hat{x}_0"],
            terms: vec![(What::XT, 1.0), (What::Epsilon, s.sigma - t.sigma), (What::X0, t.sigma - s.sigma)],
            parts: vec![(r"u_t", t.sigma, "the flow's time before"), (r"u_s", s.sigma, "and after")],
            source: "Liu et al. 2023, “Flow Straight and Fast”, section 2; Lipman et al. 2023",
        },
        _ => return None,
    })
}
