//! Predictor and corrector on the reverse SDE.

use super::one_call::SLOPE;
use super::pixel::PixelCall;
use super::rule::{Rule, RuleTerm};

pub fn reverse_diffusion(now: &PixelCall, a: f64, v: f64) -> Rule {
    let sigma = now.at.sigma;
    Rule {
        heading: "The predictor: a step down the reverse SDE",
        formulas: vec![
            SLOPE,
            r"x_s = (2 - a)\cdot x_t + v\cdot\hat s + \sqrt v\cdot z, \quad \hat s = -\frac{d_t}{\sigma_t}, \quad a = \frac{\alpha_t}{\alpha_s}",
        ],
        parts: vec![
            ("a", a, r"$\alpha_t/\alpha_s$: what the forward step keeps; $\sqrt{1-\beta_t}$ for neighbours"),
            ("v", v, r"$\sigma_t^2 - a^2\sigma_s^2$: the variance that it adds"),
        ],
        answers: vec![(r"\hat s".into(), -now.slope() / sigma, "the score")],
        result: "x_s",
        terms: vec![
            RuleTerm::new("x_t", now.x_t, 2.0 - a),
            RuleTerm::new("d_t", now.slope(), -v / sigma),
            RuleTerm::new("z", now.noise, v.sqrt()),
        ],
        source: "Song et al. 2021, eq. 46, algorithms 2 and 3",
    }
}

pub fn langevin(now: &PixelCall, (a, snr): (f64, f64), step: f64) -> Rule {
    let sigma = now.at.sigma;
    Rule {
        heading: "The corrector: a Langevin step at its level",
        formulas: vec![
            r"d_s = \frac{x_s - \alpha_s\hat{x}_0}{\sigma_s}, \quad \hat s = -\frac{d_s}{\sigma_s}",
            r"x_s \leftarrow x_s + \varepsilon\cdot\hat s + \sqrt{2\varepsilon}\cdot z, \quad \varepsilon = 2a^2r^2\sigma_s^2",
        ],
        parts: vec![
            ("r", snr, "sample.corrector_snr: the signal-to-noise ratio of the step"),
            ("a", a, "what the forward step from the next level keeps"),
            (r"\varepsilon", step, "the size of the step"),
        ],
        answers: vec![(r"\hat s".into(), -now.slope() / sigma, "the score")],
        result: "x_s",
        terms: vec![
            RuleTerm::new("x_s", now.x_t, 1.0),
            RuleTerm::new("d_s", now.slope(), -step / sigma),
            RuleTerm::new("z", now.noise, (2.0 * step).sqrt()),
        ],
        source: "Song et al. 2021, algorithms 4 and 5, with the norms' expectations as in Song & Ermon 2019, algorithm 1",
    }
}
