//! Embedded Runge–Kutta pairs: two solutions of different order from the same calls, whose difference
//! says how wrong a step is, and a step length that follows from it.

use anyhow::Result;
use candle_core::Tensor;

/// An explicit pair whose last stage stands at the new point ("first same as last"): an accepted step's
/// last slope is the next step's first, so a step costs one call less than it has stages.
#[derive(Debug)]
pub struct EmbeddedPair {
    /// c_i: where each stage stands, as a share of the step.
    pub nodes: &'static [f64],
    /// a_ij: stage i + 1 stands at x + h Σ_j a_ij·k_j. The last row leads to the new point.
    rows: &'static [&'static [f64]],
    /// b_j − b̂_j: h Σ_j of these times k_j is the difference between the two solutions.
    error: &'static [f64],
    /// Order of the solution that is carried on; the other is one less.
    pub order: i32,
}

/// Dormand & Prince 1980, "A family of embedded Runge-Kutta formulae", RK5(4)7M: what MATLAB and SciPy call
/// RK45, and what Song et al. 2021 solve the probability-flow ODE with (appendix D.4).
pub static DORMAND_PRINCE: EmbeddedPair = EmbeddedPair {
    nodes: &[0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0],
    rows: &[
        &[1.0 / 5.0],
        &[3.0 / 40.0, 9.0 / 40.0],
        &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
        &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
        &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
        &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
    ],
    error: &[71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0],
    order: 5,
};

/// Bogacki & Shampine 1989, "A 3(2) pair of Runge-Kutta formulas": RK23, cheaper where a rough answer is enough.
pub static BOGACKI_SHAMPINE: EmbeddedPair = EmbeddedPair {
    nodes: &[0.0, 1.0 / 2.0, 3.0 / 4.0, 1.0],
    rows: &[&[1.0 / 2.0], &[0.0, 3.0 / 4.0], &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0]],
    error: &[-5.0 / 72.0, 1.0 / 12.0, 1.0 / 9.0, -1.0 / 8.0],
    order: 3,
};

impl EmbeddedPair {
    /// Slopes that a step needs, the first (known from the step before) included.
    pub fn stages(&self) -> usize {
        self.nodes.len()
    }

    /// Where stage `slopes.len()` stands, x + h Σ_j a_ij·k_j, from the slopes before it; with all but one of
    /// the slopes, that is the new point.
    ///
    /// # Errors
    /// When the shapes disagree, or there are no slopes yet or already all.
    pub fn point(&self, x: &Tensor, h: f64, slopes: &[Tensor]) -> Result<Tensor> {
        Ok((x + sum(h, self.row(slopes.len())?, slopes)?)?)
    }

    /// The estimated error of the new point, h Σ_j (b_j − b̂_j)·k_j, from all slopes.
    ///
    /// # Errors
    /// When the shapes disagree or slopes are missing.
    pub fn error(&self, h: f64, slopes: &[Tensor]) -> Result<Tensor> {
        anyhow::ensure!(slopes.len() == self.stages(), "{} slopes of {}", slopes.len(), self.stages());
        sum(h, self.error, slopes)
    }

    /// As [`EmbeddedPair::point`], for numbers.
    ///
    /// # Errors
    /// When there are no slopes yet or already all.
    pub fn point_of_numbers(&self, x: &[f64], h: f64, slopes: &[Vec<f64>]) -> Result<Vec<f64>> {
        Ok(numbers(x, h, self.row(slopes.len())?, slopes))
    }

    /// As [`EmbeddedPair::error`], for numbers.
    pub fn error_of_numbers(&self, h: f64, slopes: &[Vec<f64>]) -> Vec<f64> {
        let zeros = vec![0.0; slopes.first().map_or(0, Vec::len)];
        numbers(&zeros, h, self.error, slopes)
    }

    /// The weights a_ij of a stage before which there are so many slopes.
    ///
    /// # Errors
    /// When there are no slopes yet or already all.
    pub fn row(&self, slopes: usize) -> Result<&'static [f64]> {
        let row = slopes.checked_sub(1).and_then(|i| self.rows.get(i));
        row.copied().ok_or_else(|| anyhow::anyhow!("a pair of {} stages has no stage {slopes}", self.stages()))
    }
}

fn sum(h: f64, factors: &[f64], slopes: &[Tensor]) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for (factor, slope) in factors.iter().zip(slopes).filter(|(factor, _)| **factor != 0.0) {
        let term = slope.affine(h * factor, 0.0)?;
        sum = Some(match sum {
            None => term,
            Some(sum) => (sum + term)?,
        });
    }
    sum.ok_or_else(|| anyhow::anyhow!("a Runge-Kutta stage without slopes"))
}

fn numbers(x: &[f64], h: f64, factors: &[f64], slopes: &[Vec<f64>]) -> Vec<f64> {
    let at = |i: usize| factors.iter().zip(slopes).map(|(factor, slope)| factor * slope[i]).sum::<f64>();
    x.iter().enumerate().map(|(i, x)| x + h * at(i)).collect()
}

/// How wrong a step may be: the error of each number is measured against atol + rtol·|x|.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    pub rtol: f64,
    pub atol: f64,
}

impl Tolerance {
    /// Root mean square of the error over atol + rtol·max(|x|, |x_new|) (Hairer, Nørsett & Wanner 1993,
    /// "Solving Ordinary Differential Equations I", II.4, eq. 4.11): at most 1 where the step is good enough.
    ///
    /// # Errors
    /// When the shapes disagree.
    pub fn norm(self, x: &Tensor, x_new: &Tensor, error: &Tensor) -> Result<f64> {
        let scale = x.abs()?.maximum(&x_new.abs()?)?.affine(self.rtol, self.atol)?;
        let mean = error.div(&scale)?.sqr()?.mean_all()?.to_scalar::<f32>()?;
        Ok(f64::from(mean).sqrt())
    }
}

/// What becomes of a step whose error was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Is the step good enough to be kept?
    pub accepted: bool,
    /// Factor on the step length, for the next step or the next try.
    pub factor: f64,
}

impl EmbeddedPair {
    /// Judges a step by its error norm (1 is just good enough; NaN is as bad as can be): factor
    /// 0.9·norm^(−1/order), within 0.2 to 5 (Hairer, Nørsett & Wanner 1993, II.4, eq. 4.13).
    pub fn judge(&self, norm: f64) -> Verdict {
        let accepted = norm <= 1.0;
        let wanted = if norm.is_nan() { 0.0 } else { 0.9 * norm.powf(-1.0 / f64::from(self.order)) };
        // A step that failed must not be tried again with the same length.
        Verdict { accepted, factor: wanted.clamp(0.2, if accepted { 5.0 } else { 0.9 }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    const PAIRS: [&EmbeddedPair; 2] = [&DORMAND_PRINCE, &BOGACKI_SHAMPINE];

    /// x' = x·cos t in `steps` equal steps from t = 0 to 2: the error at the end, and the summed estimates.
    fn errors(pair: &EmbeddedPair, steps: usize) -> (f64, f64) {
        let h = 2.0 / steps as f64;
        let (mut x, mut estimated) = (vec![1.0], 0.0);
        for step in 0..steps {
            let t = step as f64 * h;
            let mut slopes = vec![vec![x[0] * t.cos()]];
            let mut new = x.clone();
            for node in &pair.nodes[1..] {
                new = pair.point_of_numbers(&x, h, &slopes).unwrap();
                slopes.push(vec![new[0] * (t + node * h).cos()]);
            }
            estimated += pair.error_of_numbers(h, &slopes)[0].abs();
            x = new;
        }
        ((x[0] - 2f64.sin().exp()).abs(), estimated)
    }

    #[test]
    fn halving_the_step_shows_the_order_of_both_solutions() {
        for pair in PAIRS {
            let ((coarse, coarse_estimate), (fine, fine_estimate)) = (errors(pair, 16), errors(pair, 32));
            let order = (coarse / fine).log2();
            assert!((order - f64::from(pair.order)).abs() < 0.5, "order {order}, not {}", pair.order);
            // The estimate is of the lower order, one less.
            let order = (coarse_estimate / fine_estimate).log2();
            assert!((order - f64::from(pair.order - 1)).abs() < 0.5, "the estimate's order is {order}");
            assert!(fine < fine_estimate);
        }
    }

    #[test]
    fn each_stage_stands_where_its_node_says() {
        for pair in PAIRS {
            assert_eq!(pair.nodes.len(), pair.rows.len() + 1);
            for (row, node) in pair.rows.iter().zip(&pair.nodes[1..]) {
                assert!((row.iter().sum::<f64>() - node).abs() < 1e-14);
            }
            assert!(pair.error.iter().sum::<f64>().abs() < 1e-14);
        }
    }

    #[test]
    fn tensors_and_numbers_take_the_same_step() {
        let x = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let slopes = [0.5f64, -1.0, 2.0].map(|k| x.affine(k, 0.0).unwrap());
        let plain: Vec<Vec<f64>> = [0.5, -1.0, 2.0].iter().map(|k| vec![*k, 2.0 * k]).collect();
        for pair in PAIRS {
            let tensor = pair.point(&x, 0.1, &slopes[..2]).unwrap().to_vec1::<f32>().unwrap();
            let numbers = pair.point_of_numbers(&[1.0, 2.0], 0.1, &plain[..2]).unwrap();
            assert!(tensor.iter().zip(&numbers).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
        }
        assert!(DORMAND_PRINCE.point(&x, 0.1, &[]).is_err() && DORMAND_PRINCE.error(0.1, &slopes).is_err());
    }

    #[test]
    fn good_steps_grow_and_bad_ones_are_tried_again_shorter() {
        let pair = &DORMAND_PRINCE;
        assert_eq!(pair.judge(0.0), Verdict { accepted: true, factor: 5.0 });
        assert_eq!(pair.judge(1.0), Verdict { accepted: true, factor: 0.9 });
        let bad = pair.judge(32.0);
        assert!(!bad.accepted && (bad.factor - 0.45).abs() < 1e-12);
        assert_eq!(pair.judge(f64::NAN), Verdict { accepted: false, factor: 0.2 });
        assert_eq!(pair.judge(f64::INFINITY), Verdict { accepted: false, factor: 0.2 });
        let zeros = Tensor::zeros(4, DType::F32, &Device::Cpu).unwrap();
        let error = Tensor::full(0.01f32, 4, &Device::Cpu).unwrap();
        let norm = Tolerance { rtol: 0.1, atol: 0.01 }.norm(&zeros, &zeros, &error).unwrap();
        assert!((norm - 1.0).abs() < 1e-6);
    }
}
