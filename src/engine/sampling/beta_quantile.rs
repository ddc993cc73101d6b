//! Quantiles of the beta distribution.

/// Halvings of the interval that a quantile is sought in: down to the last bit of an f64.
const HALVINGS: usize = 64;
/// Terms of the continued fraction; some ten are enough for the parameters here.
const TERMS: usize = 200;

/// The x with I_x(a, b) = `p`: the inverse of the regularized incomplete beta function (SciPy's `beta.ppf`). `p` within
/// 0 to 1, `a` and `b` above 0.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    if p > 0.5 {
        // Near 1 there are no more bits.
        return 1.0 - lower_quantile(1.0 - p, b, a);
    }
    lower_quantile(p, a, b)
}

/// By halving in log x: near 0 the quantile of a small p is many magnitudes away.
fn lower_quantile(p: f64, a: f64, b: f64) -> f64 {
    if p <= 0.0 {
        return 0.0;
    }
    let (mut below, mut above) = (f64::MIN_POSITIVE.ln(), 0.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (below + above);
        if incomplete_beta(middle.exp(), a, b) < p { below = middle } else { above = middle }
    }
    (0.5 * (below + above)).exp()
}

/// I_x(a, b), by its continued fraction (DLMF, https://dlmf.nist.gov/8.17, eq. 8.17.22, on the side where that
/// converges fast; eq. 8.17.4 otherwise).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    (a * x.ln() + b * (-x).ln_1p() - log_beta).exp() / a * fraction(x, a, b)
}

/// 1/(1 + d_1/(1 + d_2/(1 + …))), from the innermost out.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let coefficient = |n: usize| {
        let m = (n / 2) as f64;
        match n % 2 {
            0 => m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            _ => -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        }
    };
    1.0 / (1..=TERMS).rev().fold(1.0, |inner, n| 1.0 + coefficient(n) / inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_scipys() {
        // scipy.stats.beta.ppf(p, 0.6, 0.6).
        for (p, expected) in [
            (0.0, 0.0),
            (0.0001, 3.99837715814e-07),
            (0.001, 1.85587385175e-05),
            (0.01, 0.000861238821543),
            (0.05, 0.0125544568736),
            (0.1, 0.0395844055888),
            (0.25, 0.175680378653),
            (0.5, 0.5),
            (0.7, 0.765982996125),
            (0.9, 0.960415594411),
            (0.99, 0.999138761178),
            (0.9999, 0.999999600162),
            (1.0, 1.0),
        ] {
            let found = beta_quantile(p, 0.6, 0.6);
            assert!((found - expected).abs() <= 1e-11 * expected.abs().max(0.1), "{p}: {found} against {expected}");
        }
    }

    #[test]
    fn known_distributions_have_their_quantiles() {
        for p in [0.001, 0.2, 0.5, 0.77, 0.999] {
            // Uniform; x²; the arc-sine law.
            assert!((beta_quantile(p, 1.0, 1.0) - p).abs() < 1e-12);
            assert!((beta_quantile(p, 2.0, 1.0) - p.sqrt()).abs() < 1e-12);
            let arcsine = (std::f64::consts::FRAC_PI_2 * p).sin().powi(2);
            assert!((beta_quantile(p, 0.5, 0.5) - arcsine).abs() < 1e-12);
        }
    }
}
