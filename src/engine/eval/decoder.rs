//! From the cleanest noisy image to the data: the last term of a likelihood bound.

use std::f64::consts::PI;

/// What the data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelLevels {
    /// Bytes, mapped to [-1, 1]: 256 levels, 2/255 apart. Likelihoods are probabilities.
    Grey256,
    /// Real numbers: likelihoods are densities.
    Real,
}

/// Half the distance of two grey levels.
const HALF: f64 = 1.0 / 255.0;

impl PixelLevels {
    /// −log p(x), nats, of a number x that a Gaussian decoder expects at `mean` with standard deviation
    /// `deviation`. Of grey levels, the Gaussian's mass between the neighbouring half-levels, the outermost
    /// reaching to ∞ (Ho et al. 2020, eq. 13). Unlike the usual code this does not stop at 10⁻¹²: an image
    /// that the decoder finds impossible costs what it costs, and the bound stays a bound.
    pub fn gaussian(self, x: f64, mean: f64, deviation: f64) -> f64 {
        match self {
            Self::Real => 0.5 * ((x - mean) / deviation).powi(2) + deviation.ln() + 0.5 * (2.0 * PI).ln(),
            Self::Grey256 => {
                let low = if x < -1.0 + HALF { f64::NEG_INFINITY } else { (x - HALF - mean) / deviation };
                let high = if x > 1.0 - HALF { f64::INFINITY } else { (x + HALF - mean) / deviation };
                -log_mass(low, high)
            }
        }
    }

    /// −log p(x | x_t), nats, by Bayes' rule with no preference among the levels: p(x | x_t) ∝
    /// q(x_t | x) = N(α x, σ²) (Kingma et al. 2021, "Variational Diffusion Models", section 3.3).
    /// Real numbers: the density N(x; x_t/α, (σ/α)²).
    pub fn bayes(self, x: f64, x_t: f64, alpha: f64, sigma: f64) -> f64 {
        if self == Self::Real {
            return self.gaussian(x, x_t / alpha, sigma / alpha);
        }
        let exponent = |level: f64| -0.5 * ((x_t - alpha * level) / sigma).powi(2);
        // Levels further than this from the likeliest weigh less than e^−50.
        let (step, reach) = (2.0 * HALF, 10.0 * sigma / alpha);
        let index = |value: f64| ((value + 1.0) / step).clamp(0.0, 255.0);
        let centre = (x_t / alpha).clamp(-1.0, 1.0);
        let (first, last) = (index(centre - reach).floor() as usize, index(centre + reach).ceil() as usize);
        let level = |i: usize| -1.0 + i as f64 * step;
        let best = exponent(level(index(centre).round() as usize));
        let sum: f64 = (first..=last).map(|i| (exponent(level(i)) - best).exp()).sum();
        best + sum.ln() - exponent(x)
    }
}

/// log(Φ(high) − Φ(low)) of a standard normal, exact in the tails as well.
fn log_mass(low: f64, high: f64) -> f64 {
    // In the lower tail, by symmetry, as the upper one.
    let (low, high) = if low + high < 0.0 { (-high, -low) } else { (low, high) };
    if low < 0.0 {
        // Around the middle nothing cancels.
        return (1.0 - upper_tail(-low) - upper_tail(high)).ln();
    }
    let (near, far) = (log_upper_tail(low), log_upper_tail(high));
    near + (-(far - near).exp_m1()).ln()
}

fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// log(1 − Φ(z)) for z ≥ 0; far out by the asymptotic series (Abramowitz & Stegun 1964, 26.2.12).
fn log_upper_tail(z: f64) -> f64 {
    if z == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    if z < 20.0 {
        return upper_tail(z).ln();
    }
    let inverse = 1.0 / (z * z);
    let series = 1.0 - inverse * (1.0 - 3.0 * inverse * (1.0 - 5.0 * inverse * (1.0 - 7.0 * inverse)));
    -0.5 * z * z - z.ln() - 0.5 * (2.0 * PI).ln() + series.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels() -> impl Iterator<Item = f64> {
        (0..256).map(|i| i as f64 / 127.5 - 1.0)
    }

    #[test]
    fn the_256_levels_share_one_probability() {
        for (mean, deviation) in [(0.0, 0.3), (0.97, 0.01), (-1.2, 0.004), (0.5, 3.0)] {
            let gaussian: f64 = levels().map(|x| (-PixelLevels::Grey256.gaussian(x, mean, deviation)).exp()).sum();
            assert!((gaussian - 1.0).abs() < 1e-9, "{mean} ± {deviation}: {gaussian}");
            let bayes: f64 = levels().map(|x| (-PixelLevels::Grey256.bayes(x, 0.9 * mean, 0.9, deviation)).exp()).sum();
            assert!((bayes - 1.0).abs() < 1e-9, "{mean} ± {deviation}: {bayes}");
        }
    }

    #[test]
    fn a_wide_gaussian_is_its_density_times_the_distance_of_levels() {
        let x = 20.0 / 127.5 - 1.0;
        let (mass, density) = (PixelLevels::Grey256.gaussian(x, -0.7, 0.5), PixelLevels::Real.gaussian(x, -0.7, 0.5));
        assert!((mass - (density - (2.0f64 / 255.0).ln())).abs() < 1e-4);
        assert!(
            (PixelLevels::Real.gaussian(1.0, 0.0, 2.0) - (0.125 + 2f64.ln() + 0.918_938_533_204_672_7)).abs() < 1e-12
        );
    }

    #[test]
    fn impossible_pixels_cost_what_the_tail_says() {
        // Both sides of where the series begins, and far out, where the masses underflow.
        assert!((log_upper_tail(19.999_999) - log_upper_tail(20.000_001)).abs() < 1e-4);
        let cost = |x: f64| PixelLevels::Grey256.gaussian(x, -1.0, 0.004);
        let (near, far) = (cost(0.0), cost(127.0 / 127.5));
        assert!(near > 30_000.0 && near < far && far.is_finite(), "{near} {far}");
        assert!((cost(-1.0) - -(1.0 - upper_tail(HALF / 0.004)).ln()).abs() < 1e-12);
    }
}
