//! A number measured by random draws, with how sure it is.

/// Mean of independent measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub mean: f64,
    /// Standard deviation of the mean; NaN where a single measurement says nothing about it.
    pub standard_error: f64,
}

impl Estimate {
    /// The mean of `values` and s/√n, s their standard deviation. NaN without values.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Self { mean, standard_error: if values.len() < 2 { f64::NAN } else { (variance / n).sqrt() } }
    }

    /// A share of `n` independent yes-or-no answers; of one answer without an error, and NaN of none. The error is half
    /// the width of Wilson's score interval for one standard deviation, √(p(1 − p)/n + 1/4n²) / (1 + 1/n) (Wilson 1927):
    /// unlike √(p(1 − p)/n) it is not 0 where all answers are alike, which n answers can't say of more.
    pub fn share(yes: usize, n: usize) -> Self {
        let (p, n) = (yes as f64 / n as f64, n as f64);
        let wilson = (p * (1.0 - p) / n + 1.0 / (4.0 * n * n)).sqrt() / (1.0 + 1.0 / n);
        Self { mean: p, standard_error: if n < 2.0 { f64::NAN } else { wilson } }
    }

    /// "0.925 ± 0.008", with so many digits, or as many as the error needs not to be shown as 0; without an error where
    /// it is not known.
    pub fn text(self, digits: usize) -> String {
        let Self { mean, standard_error: error } = self;
        if error.is_nan() {
            return format!("{mean:.digits$}");
        }
        let first = if error > 0.0 { (-error.log10().floor()).max(0.0) as usize } else { 0 };
        format!("{mean:.digits$} ± {error:.0$}", digits.max(first.min(12)))
    }

    /// `measure` of all groups together, with the standard error of the delete-one-group jackknife,
    /// √((g − 1)/g · Σ(θ_(i) − mean θ)²) (Efron & Tibshirani 1993, "An Introduction to the Bootstrap",
    /// eq. 11.5). `measure` is told which of the `groups` groups to leave out, if any.
    ///
    /// # Errors
    /// What `measure` reports.
    pub fn jackknife<E>(groups: usize, measure: impl Fn(Option<usize>) -> Result<f64, E>) -> Result<Self, E> {
        let mean = measure(None)?;
        let without: Vec<f64> = (0..groups).map(|g| measure(Some(g))).collect::<Result<_, E>>()?;
        let centre = without.iter().sum::<f64>() / groups as f64;
        let squares: f64 = without.iter().map(|v| (v - centre).powi(2)).sum();
        let standard_error = if groups < 2 { f64::NAN } else { ((groups - 1) as f64 / groups as f64 * squares).sqrt() };
        Ok(Self { mean, standard_error })
    }

    /// The same number in another unit, `factor`·x + `offset`.
    pub fn affine(self, factor: f64, offset: f64) -> Self {
        Self { mean: factor * self.mean + offset, standard_error: factor.abs() * self.standard_error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_standard_error_are_those_of_the_textbook() {
        let e = Estimate::of(&[1.0, 2.0, 3.0, 6.0]);
        assert_eq!(e.mean, 3.0);
        assert!((e.standard_error - (14.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
        assert!(Estimate::of(&[1.0]).standard_error.is_nan() && Estimate::of(&[]).mean.is_nan());
        let share = Estimate::share(3, 4);
        // Wilson's interval for 3 of 4 and z = 1 is 0.7 ± 0.2.
        assert!((share.standard_error - 0.2).abs() < 1e-12, "{share:?}");
        assert!((Estimate::share(4, 4).standard_error - 0.1).abs() < 1e-12);
        assert_eq!(Estimate::share(1000, 1000).text(3), "1.000 ± 0.0005");
        assert_eq!(Estimate { mean: 62.54, standard_error: 3.21 }.text(1), "62.5 ± 3.2");
        assert_eq!(Estimate { mean: 62.54, standard_error: f64::NAN }.text(1), "62.5");
        assert_eq!(
            Estimate { mean: 1.0, standard_error: 0.0 }.text(1),
            "1.0 ± 0.0",
            "of numbers that are all the same"
        );
        assert!(Estimate::share(1, 1).standard_error.is_nan() && Estimate::share(0, 0).mean.is_nan());
        let scaled = e.affine(-2.0, 1.0);
        assert_eq!(scaled.mean, -5.0);
        assert!((scaled.standard_error - 2.0 * e.standard_error).abs() < 1e-12);
    }

    #[test]
    fn the_jackknife_of_a_mean_is_its_standard_error() {
        let values = [1.0, 2.0, 3.0, 6.0, 11.0];
        let mean_without = |left_out: Option<usize>| -> Result<f64, ()> {
            let kept: Vec<f64> = (0..5).filter(|i| Some(*i) != left_out).map(|i| values[i]).collect();
            Ok(kept.iter().sum::<f64>() / kept.len() as f64)
        };
        let (a, b) = (Estimate::jackknife(5, mean_without).unwrap(), Estimate::of(&values));
        assert!((a.mean - b.mean).abs() < 1e-12 && (a.standard_error - b.standard_error).abs() < 1e-12);
    }
}
