//! A measurement taken with several seeds, and how sure it is.

use super::judging::JudgedPoint;
use crate::eval::Estimate;

/// The same measurement, once for each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeated(pub Vec<JudgedPoint>);

impl Repeated {
    /// The share of all samples that reads as the class asked for, 0 to 1.
    pub fn accuracy(&self) -> Option<Estimate> {
        let right: Option<Vec<usize>> = self.finite().map(|point| point.right).collect();
        let right = right.filter(|right| !right.is_empty())?;
        Some(Estimate::share(right.iter().sum(), self.finite().map(|point| point.num).sum()))
    }

    /// Mean over the seeds, with the standard error of this mean.
    pub fn fid(&self) -> Option<Estimate> {
        self.mean(|point| point.fid)
    }

    /// As [`Self::fid`].
    pub fn precision(&self) -> Option<Estimate> {
        self.mean(|point| point.precision)
    }

    /// As [`Self::fid`]: the variety of the samples.
    pub fn recall(&self) -> Option<Estimate> {
        self.mean(|point| point.recall)
    }

    /// Network calls of a trajectory, the mean: samplers that choose their steps differ from seed to seed.
    pub fn calls(&self) -> usize {
        self.0.iter().map(|point| point.calls).sum::<usize>().div_ceil(self.0.len().max(1))
    }

    pub fn seconds(&self) -> f64 {
        self.0.iter().map(|point| point.seconds).sum()
    }

    /// Why some of it has no samples.
    pub fn not_finite(&self) -> Option<&str> {
        self.0.iter().find_map(|point| point.not_finite.as_deref())
    }

    fn finite(&self) -> impl Iterator<Item = &JudgedPoint> {
        self.0.iter().filter(|point| point.not_finite.is_none())
    }

    fn mean(&self, of: impl Fn(&JudgedPoint) -> Option<f64>) -> Option<Estimate> {
        let values: Vec<f64> = self.finite().filter_map(of).collect();
        (!values.is_empty()).then(|| Estimate::of(&values))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// 100 samples, so many of which read as asked.
    pub fn point(right: usize) -> JudgedPoint {
        let (fid, precision, recall) = (Some(right as f64), Some(0.5), None);
        JudgedPoint { num: 100, right: Some(right), fid, precision, recall, calls: 10, seconds: 1.0, not_finite: None }
    }

    #[test]
    fn shares_are_pooled_and_distances_averaged() {
        let repeated = Repeated(vec![point(90), point(100), point(95)]);
        assert_eq!(repeated.accuracy(), Some(Estimate::share(285, 300)));
        assert_eq!(repeated.fid(), Some(Estimate::of(&[90.0, 100.0, 95.0])));
        assert_eq!((repeated.recall(), repeated.calls(), repeated.seconds()), (None, 10, 3.0));
        let ill = JudgedPoint { not_finite: Some("NaN".into()), fid: None, right: None, ..point(0) };
        let partly = Repeated(vec![point(90), ill.clone()]);
        assert_eq!((partly.accuracy(), partly.not_finite()), (Some(Estimate::share(90, 100)), Some("NaN")));
        assert_eq!(Repeated(vec![ill]).accuracy(), None);
    }
}
