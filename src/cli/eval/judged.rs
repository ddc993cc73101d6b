//! What a bundled judge says of samples.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use candle_core::Device;
use indicatif::ProgressBar;

use super::args::Metric;
use super::material::Material;
use super::progress::progress;
use super::samples::{Samples, WithFloor};
use crate::data::Dataset;
use crate::eval::{
    self, ClassAccuracy, Estimate, Features, Judge, JudgeOf, Moments, NEIGHBOURS, PrecisionRecall, Reading, Reference,
    class_accuracy, precision_recall, reads, training_moments,
};
use crate::nn::autoencoder::LatentSpace;
use crate::ranks::Collective;
use crate::train::images;

/// What was asked of a judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Which judge it was.
    pub of: JudgeOf,
    pub fid: Option<WithFloor>,
    /// Of the held-out images encoded and decoded, where diffusion happens in latents: what the autoencoder costs alone.
    pub reconstruction_fid: Option<Estimate>,
    pub precision: Option<WithFloor>,
    pub recall: Option<WithFloor>,
    pub diversity: Option<WithFloor>,
    pub accuracy: Option<(ClassAccuracy, WithFloor)>,
    /// Samples that were judged.
    pub num: usize,
    /// Held-out images of the floor.
    pub floor_images: usize,
    /// What the samples or the data were too few for, and why.
    pub unmeasurable: BTreeMap<Metric, String>,
}

/// A Fréchet distance of fewer images than this, twice the features, says little: their covariance has 256 × 256
/// numbers.
const FEW: usize = 2 * Features::WIDTH;

/// Precision from which on one would take the samples for good, and recall below which they aren't; held-out digits have about
/// 0.9 of both.
const GOOD_PRECISION: f64 = 0.8;
const POOR_RECALL: f64 = 0.2;

impl Judged {
    /// Nothing asked yet of the judge about so many samples.
    fn nothing(of: JudgeOf, num: usize) -> Self {
        Self {
            of,
            fid: None,
            reconstruction_fid: None,
            precision: None,
            recall: None,
            diversity: None,
            accuracy: None,
            num,
            floor_images: 0,
            unmeasurable: BTreeMap::new(),
        }
    }

    /// Lets the judge see the samples, and the data that they are compared with.
    ///
    /// # Errors
    /// Samples with NaN in them.
    pub fn of(
        of: JudgeOf,
        (samples, latents): (&Samples, Option<&LatentSpace>),
        material: Option<&Material>,
        wanted: &impl Fn(Metric) -> bool,
        ranks: &dyn Collective,
    ) -> Result<Self> {
        let judge = Judge::load(of)?;
        let read = judge.read(&samples.images)?;
        let num = read.classes.len();
        let mut judged = Self::nothing(of, num);
        let held_out = material.filter(|material| !material.held_out.is_empty()).map(|material| &material.held_out);
        let held_out = held_out.map(|data| Seen::of(&judge, data, num)).transpose()?;
        judged.floor_images = held_out.as_ref().map_or(0, |seen| seen.labels.len());
        if let Some(real) = material.map(|material| &material.train)
            && !reads(&judge, real)?
        {
            bail!(
                "{} does not read the data's own images as they are labelled: they are of something else",
                of.words()
            );
        }

        if let Some(classes) = samples.classes.as_ref().filter(|_| wanted(Metric::Accuracy)) {
            let accuracy = class_accuracy(&judge, &samples.images, classes)?;
            let share = Estimate::share(accuracy.right(), accuracy.total());
            judged.accuracy = Some((accuracy, WithFloor { samples: share, floor: held_out.as_ref().map(Seen::right) }));
        }
        let Some(material) = material else { return Ok(judged) };
        if wanted(Metric::Fid) {
            let reference = Reference::new(&moments(&judge, &material.train, ranks)?)?;
            let of = |reading: &Reading| reference.estimate(&reading.features);
            let enough = held_out.as_ref().filter(|seen| seen.labels.len() >= 2);
            let floor = enough.map(|seen| of(&seen.reading)).transpose()?;
            judged.fid = Some(WithFloor { samples: of(&read)?, floor });
            if let (Some(latents), Some(_), false) = (latents, enough, material.held_out.is_empty()) {
                let pictures = images(&material.held_out, &material.held_out.spread(num), &Device::Cpu)?;
                let again = latents.decode(&latents.encode(&pictures)?)?.clamp(-1f32, 1f32)?;
                judged.reconstruction_fid = Some(of(&judge.read(&again)?)?);
            }
        }
        if !(wanted(Metric::Pr) || wanted(Metric::Diversity)) {
            return Ok(judged);
        }
        let real = Seen::of(&judge, &material.train, num)?;
        if wanted(Metric::Pr) {
            let of = |reading: &Reading| precision_recall(&reading.features, &real.reading.features);
            let floor = held_out.as_ref().and_then(|seen| of(&seen.reading));
            match of(&read) {
                Some(PrecisionRecall { precision, recall }) => {
                    judged.precision = Some(WithFloor { samples: precision, floor: floor.map(|f| f.precision) });
                    judged.recall = Some(WithFloor { samples: recall, floor: floor.map(|f| f.recall) });
                }
                None => {
                    let why = format!(
                        "it uses the {NEIGHBOURS} nearest neighbours: there are {num} samples and {} training images",
                        real.labels.len()
                    );
                    judged.unmeasurable.insert(Metric::Pr, why);
                }
            }
        }
        if wanted(Metric::Diversity) {
            let of = |reading: &Reading, classes: &[usize]| {
                eval::diversity((&reading.features, classes), (&real.reading.features, &real.labels))
            };
            let classes = samples.classes.as_ref().unwrap_or(&read.classes);
            let floor = held_out.as_ref().and_then(|seen| of(&seen.reading, &seen.labels));
            judged.diversity = of(&read, classes).map(|samples| WithFloor { samples, floor });
            if judged.diversity.is_none() {
                let why = "there are no two samples of one class of which there are two training images as well: ask \
                           for more with --num";
                judged.unmeasurable.insert(Metric::Diversity, why.into());
            }
        }
        Ok(judged)
    }
}

impl Judged {
    /// What to know when reading the numbers.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.deceptive_precision().into_iter().collect();
        if self.of == JudgeOf::Clothes && self.floor_images > 0 {
            let words = "the judge of clothes was trained on 8,000 of the 10,000 bundled pictures: where they are the run's \
                         data, real images look better to it than new ones would";
            warnings.push(words.into());
        }
        let Some(fid) = &self.fid else { return warnings };
        if self.num < FEW {
            warnings.push(format!(
                "the judge-FID of {} samples says little: a covariance of {} features needs more, and fewer samples give \
                 larger values; --num 1000 or more is usual",
                self.num,
                Features::WIDTH
            ));
        }
        if self.floor_images < self.num && fid.floor.is_some() {
            warnings.push(format!(
                "the floor of judge-FID is larger than it should be: the run held only {} images out, and there are {} \
                 samples",
                self.floor_images, self.num
            ));
        }
        warnings
    }
}

impl Judged {
    /// Garbage that is all alike can lie near a few training images, and be of perfect precision: six steps of training
    /// give 1.000.
    fn deceptive_precision(&self) -> Option<String> {
        let (precision, recall) = (self.precision?.samples.mean, self.recall?.samples.mean);
        (precision > GOOD_PRECISION && recall < POOR_RECALL).then(|| {
            format!(
                "precision is {precision:.3}, but recall only {recall:.3}: the samples are near few of the training images, \
                 and samples that are all alike can have perfect precision without being good"
            )
        })
    }
}

/// Real images as the judge sees them.
struct Seen {
    reading: Reading,
    /// Their labels; what they read as, where they have none.
    labels: Vec<usize>,
}

impl Seen {
    /// `n` images, evenly spread over the set.
    fn of(judge: &Judge, data: &Dataset, n: usize) -> Result<Self> {
        let indices = data.spread(n);
        let reading = judge.read(&images(data, &indices, &Device::Cpu)?)?;
        let labels: Vec<usize> = data.class_of(&indices).into_iter().map(|class| class as usize).collect();
        let labels = if labels.len() == indices.len() { labels } else { reading.classes.clone() };
        Ok(Self { reading, labels })
    }

    /// The share that reads as labelled.
    fn right(&self) -> Estimate {
        let right = self.reading.classes.iter().zip(&self.labels).filter(|(read, label)| read == label).count();
        Estimate::share(right, self.labels.len())
    }
}

/// Statistics of all training images, with a bar while they are read.
fn moments(judge: &Judge, train: &Dataset, ranks: &dyn Collective) -> Result<Moments> {
    let mut bar: Option<ProgressBar> = None;
    let moments = training_moments(judge, train, ranks, |read| {
        bar = bar.take().or_else(|| progress("reading the training images", train.len() as u64).ok());
        bar.iter().for_each(|bar| bar.inc(read as u64));
    });
    bar.iter().for_each(ProgressBar::finish_and_clear);
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_precision_of_samples_that_are_all_alike_is_said_to_mean_nothing() {
        let shares = |precision, recall| {
            let share = |yes| Some(WithFloor { samples: Estimate::share(yes, 100), floor: None });
            let none = Judged::nothing(JudgeOf::Digits, 1000);
            Judged { precision: share(precision), recall: share(recall), ..none }.warnings()
        };
        assert!(shares(100, 0)[0].contains("precision is 1.000"));
        assert!(shares(90, 70).is_empty() && shares(50, 0).is_empty());
    }
}
