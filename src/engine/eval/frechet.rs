//! The Fréchet distance of two sets of features.

use anyhow::{Result, ensure};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::{Estimate, Features};

/// Groups of the jackknife.
const GROUPS: usize = 10;
/// Rows that are multiplied at once; bounds the memory.
const ROWS: usize = 1024;

/// Sums over features, from which mean and covariance follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    pub count: f64,
    /// Σ x.
    pub sum: DVector<f64>,
    /// Σ x xᵀ.
    pub squares: DMatrix<f64>,
}

impl Moments {
    pub fn of(features: &Features) -> Self {
        let mut moments = Self::empty();
        moments.add(features);
        moments
    }

    /// Of no images.
    pub fn empty() -> Self {
        let width = Features::WIDTH;
        Self { count: 0.0, sum: DVector::zeros(width), squares: DMatrix::zeros(width, width) }
    }

    /// Adds more images.
    pub fn add(&mut self, features: &Features) {
        let rows: Vec<&[f32]> = features.rows().collect();
        for block in rows.chunks(ROWS) {
            let x = DMatrix::from_fn(Features::WIDTH, block.len(), |i, j| f64::from(block[j][i]));
            self.squares.gemm(1.0, &x, &x.transpose(), 1.0);
            self.sum += x.column_sum();
            self.count += block.len() as f64;
        }
    }

    /// Sums over all but the rows of `others`, which must be among them.
    fn without(&self, others: &Self) -> Self {
        Self {
            count: self.count - others.count,
            sum: &self.sum - &others.sum,
            squares: &self.squares - &others.squares,
        }
    }

    fn mean(&self) -> DVector<f64> {
        &self.sum / self.count
    }

    /// The unbiased covariance.
    fn covariance(&self) -> DMatrix<f64> {
        let mean = self.mean();
        (&self.squares - self.count * &mean * mean.transpose()) / (self.count - 1.0)
    }
}

/// A reference prepared for many comparisons: its mean, its covariance and the root of that.
pub struct Reference {
    mean: DVector<f64>,
    trace: f64,
    root: DMatrix<f64>,
}

impl Reference {
    /// # Errors
    /// Fewer than two images, or features that are not finite.
    pub fn new(moments: &Moments) -> Result<Self> {
        ensure!(moments.count >= 2.0, "the Fréchet distance needs at least two images on either side");
        let covariance = moments.covariance();
        let trace = covariance.trace();
        ensure!(trace.is_finite(), "the reference's features are not finite");
        let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(covariance);
        let roots = DMatrix::from_diagonal(&eigenvalues.map(|v| v.max(0.0).sqrt()));
        Ok(Self { mean: moments.mean(), trace, root: &eigenvectors * roots * eigenvectors.transpose() })
    }

    /// ‖μ₁ − μ₂‖² + Tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½) of two Gaussians with the sets' means and covariances (Heusel et
    /// al. 2017, "GANs Trained by a Two Time-Scale Update Rule", eq. 6; Dowson & Landau 1982). The trace of the
    /// root is Σ√λ over the eigenvalues of the symmetric Σ₁^½ Σ₂ Σ₁^½, in f64.
    ///
    /// # Errors
    /// As [`Reference::new`].
    pub fn distance(&self, moments: &Moments) -> Result<f64> {
        ensure!(moments.count >= 2.0, "the Fréchet distance needs at least two images on either side");
        let covariance = moments.covariance();
        let trace = covariance.trace();
        ensure!(trace.is_finite(), "the samples' features are not finite");
        let product = &self.root * covariance * &self.root;
        let symmetric = (&product + product.transpose()) * 0.5;
        let root: f64 = symmetric.symmetric_eigenvalues().iter().map(|v| v.max(0.0).sqrt()).sum();
        Ok((&self.mean - moments.mean()).norm_squared() + self.trace + trace - 2.0 * root)
    }

    /// The distance of a set of features, with the standard error of a jackknife over ten groups of them.
    /// Fewer images give larger distances (the estimate is biased): compare only with a floor of as many.
    ///
    /// # Errors
    /// As [`Reference::new`].
    pub fn estimate(&self, features: &Features) -> Result<Estimate> {
        // Groups of neighbours: samples come with their classes in turn, and every group needs all of them.
        let n = features.len();
        let groups: Vec<Moments> =
            (0..GROUPS).map(|g| Moments::of(&features.select(|i| i * GROUPS / n == g))).collect();
        let all = Moments::of(features);
        if features.len() < 3 * GROUPS {
            return Ok(Estimate { mean: self.distance(&all)?, standard_error: f64::NAN });
        }
        Estimate::jackknife(GROUPS, |left_out| match left_out {
            None => self.distance(&all),
            Some(group) => self.distance(&all.without(&groups[group])),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, generator, normal};

    /// Independent normal features: the first has `deviation` and `mean`, the others 0.1 and 0.
    fn features(n: usize, mean: f32, deviation: f32, index: u64) -> Features {
        let mut numbers = normal(&mut generator(0, Stream::Noise, index), n * Features::WIDTH);
        for row in numbers.chunks_exact_mut(Features::WIDTH) {
            row.iter_mut().skip(1).for_each(|v| *v *= 0.1);
            row[0] = row[0] * deviation + mean;
        }
        Features::new(numbers)
    }

    #[test]
    fn it_is_the_distance_of_gaussians() {
        let reference = Reference::new(&Moments::of(&features(8000, 0.0, 1.0, 1))).unwrap();
        // In one dimension: (μ₁ − μ₂)² + (s₁ − s₂)². The other 255 add what is left of their sampling error.
        let floor = reference.estimate(&features(4000, 0.0, 1.0, 2)).unwrap();
        let far = reference.estimate(&features(4000, 2.0, 3.0, 3)).unwrap();
        assert!(floor.mean > 0.0 && floor.mean < 0.1, "{floor:?}");
        assert!((far.mean - floor.mean - 8.0).abs() < 4.0 * far.standard_error + 0.1, "{far:?}");
        assert!(far.standard_error > 0.05 && far.standard_error < 0.4, "{far:?}");
    }

    #[test]
    fn the_error_is_not_that_of_losing_a_class() {
        // Ten classes in turn, far from each other.
        let classes = |index| {
            let apart = |(i, v): (usize, &f32)| {
                if i % Features::WIDTH == 0 { ((i / Features::WIDTH) % 10) as f32 * 10.0 } else { *v }
            };
            Features::new(features(2000, 0.0, 1.0, index).rows().flatten().enumerate().map(apart).collect())
        };
        let found = Reference::new(&Moments::of(&classes(1))).unwrap().estimate(&classes(2)).unwrap();
        assert!(found.mean < 0.3 && found.standard_error < 0.1, "{found:?}");
    }

    #[test]
    fn a_set_has_no_distance_from_itself_even_with_fewer_images_than_features() {
        for n in [40, 600] {
            let moments = Moments::of(&features(n, 1.0, 1.0, 1));
            let distance = Reference::new(&moments).unwrap().distance(&moments).unwrap();
            assert!(distance.abs() < 1e-3, "{distance}");
        }
        assert!(Reference::new(&Moments::of(&features(1, 0.0, 1.0, 1))).is_err());
    }
}
