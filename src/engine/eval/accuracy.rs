//! Recognizability: the share of class-conditional samples that read as the class asked for.

use anyhow::{Result, ensure};
use candle_core::Tensor;

use super::Judge;

/// How many samples of each class read as that class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassAccuracy {
    /// For each class: (read as it, asked for).
    pub per_class: Vec<(usize, usize)>,
    /// Most frequent misreadings: (asked for, read as, how often), the most frequent first.
    pub mistakes: Vec<(usize, usize, usize)>,
}

impl ClassAccuracy {
    /// Samples that read as asked.
    pub fn right(&self) -> usize {
        self.per_class.iter().map(|c| c.0).sum()
    }

    pub fn total(&self) -> usize {
        self.per_class.iter().map(|c| c.1).sum()
    }

    /// Share read as the class asked for, 0 to 1; 0 for no samples.
    pub fn share(&self) -> f64 {
        self.right() as f64 / self.total().max(1) as f64
    }
}

/// Lets the judge read `samples` `[N, 28, 28, 1]` in [-1, 1] and compares with the `classes` they were
/// made for.
///
/// # Errors
/// Samples that are no 28×28 grey images, or another number of classes than of samples.
pub fn class_accuracy(judge: &Judge, samples: &Tensor, classes: &[usize]) -> Result<ClassAccuracy> {
    let read = judge.classify(samples)?;
    ensure!(read.len() == classes.len(), "{} samples, but {} classes", read.len(), classes.len());
    ensure!(classes.iter().all(|&c| c < Judge::CLASSES), "the judge knows the classes 0 to 9 only");
    let mut table = [[0usize; Judge::CLASSES]; Judge::CLASSES];
    for (&asked, &read) in classes.iter().zip(&read) {
        table[asked][read] += 1;
    }
    let per_class = table.iter().enumerate().map(|(c, row)| (row[c], row.iter().sum())).collect();
    let mut mistakes: Vec<_> = (0..Judge::CLASSES)
        .flat_map(|a| (0..Judge::CLASSES).map(move |r| (a, r)))
        .filter(|&(a, r)| a != r && table[a][r] > 0)
        .map(|(a, r)| (a, r, table[a][r]))
        .collect();
    mistakes.sort_by_key(|&(a, r, n)| (std::cmp::Reverse(n), a, r));
    Ok(ClassAccuracy { per_class, mistakes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::JudgeOf;
    use candle_core::Device;

    #[test]
    fn right_wrong_and_mistakes_are_counted_by_class() {
        let judge = Judge::load(JudgeOf::Digits).unwrap();
        // Two equal images: whatever the judge reads, one of the two labels is wrong.
        let images = Tensor::full(-1f32, (2, 28, 28, 1), &Device::Cpu).unwrap();
        let read = judge.classify(&images).unwrap()[0];
        let other = (read + 1) % 10;
        let accuracy = class_accuracy(&judge, &images, &[read, other]).unwrap();
        assert_eq!((accuracy.right(), accuracy.total(), accuracy.share()), (1, 2, 0.5));
        assert_eq!(accuracy.per_class[read], (1, 1));
        assert_eq!(accuracy.mistakes, [(other, read, 1)]);
    }

    #[test]
    fn counts_that_do_not_match_and_unknown_classes_are_refused() {
        let judge = Judge::load(JudgeOf::Digits).unwrap();
        let images = Tensor::zeros((1, 28, 28, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(class_accuracy(&judge, &images, &[1, 2]).is_err());
        assert!(class_accuracy(&judge, &images, &[10]).is_err());
    }
}
