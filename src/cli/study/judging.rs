//! What a bundled judge sees: in samples, and in the data that they are compared with.

use std::path::Path;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::data::{self, DataIdentity};
use crate::eval::{
    Features, Judge, JudgeOf, Moments, Reference, class_accuracy, precision_recall, reads, training_moments,
};
use crate::process::interrupt::Interrupted;
use crate::random::{Stream, generator};
use crate::ranks::world;
use crate::run::checkpoint::CheckpointFacts;
use crate::run::{self, LoadedModel, RunError};
use crate::speak;
use crate::train::images;

/// One measurement: the samples of one seed, or as many real images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedPoint {
    /// Images that were judged.
    pub num: usize,
    /// How many of them the judge reads as the class asked for. None: the run makes nothing that a judge reads of a
    /// class asked for.
    pub right: Option<usize>,
    /// Fréchet distance between the judge's features of the samples and of the training images. None: the
    /// judge can't read the samples, or there are too few of them, or the data can't be read.
    pub fid: Option<f64>,
    /// Shares of the samples near training images, and of training images near samples, 0 to 1 (Kynkäänniemi et al.
    /// 2019). None: as of `fid`.
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    /// Network calls of a trajectory.
    pub calls: usize,
    /// Wall time of all samples together, in seconds.
    pub seconds: f64,
    /// Why there is nothing to judge or to show: the samples hold NaN or infinite values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_finite: Option<String>,
}

/// The judge, and the run's data as it sees them.
pub struct Judging {
    judge: Judge,
    data: Option<Seen>,
}

struct Seen {
    /// Of all training images.
    reference: Reference,
    /// As many training images as there are samples in a measurement, evenly spread.
    train: Features,
    /// All held-out images in a random order, and whether each reads as it is labelled.
    held_out: Features,
    right: Vec<bool>,
}

impl Judging {
    /// For measurements of `num` samples of the run in `dir`. None: no judge reads its samples, or they are of no class asked for.
    ///
    /// # Errors
    /// When the data are not those that the run was trained on. Data that can't be read are said, and go without.
    pub fn of(model: &LoadedModel, dir: &Path, accept_data: bool, num: usize) -> Result<Option<Self>> {
        let readable =
            model.image_shape == (Judge::SIZE, Judge::SIZE, 1) && model.net.num_classes() == Some(Judge::CLASSES);
        let Some(of) = JudgeOf::classes_called(&model.classes).filter(|_| readable) else { return Ok(None) };
        let judge = Judge::load(of)?;
        let data = match Seen::of(&judge, model, dir, accept_data, num) {
            Err(error) if error.is::<RunError>() || Interrupted::caused(&error) => return Err(error),
            read => read.inspect_err(|error| speak::warn(format_args!("no Fréchet distance: {error:#}"))).ok(),
        };
        Ok(Some(Self { judge, data }))
    }

    /// Which judge it is.
    pub fn of_what(&self) -> JudgeOf {
        self.judge.of()
    }

    /// Judges `samples` `[N, H, W, C]` of the `classes` asked for, drawn in `calls` network calls and `seconds`.
    ///
    /// # Errors
    /// When candle fails.
    pub fn judge(&self, samples: &Tensor, classes: &[usize], calls: usize, seconds: f64) -> Result<JudgedPoint> {
        let num = classes.len();
        let right = Some(class_accuracy(&self.judge, samples, classes)?.right());
        let none =
            JudgedPoint { num, right, fid: None, precision: None, recall: None, calls, seconds, not_finite: None };
        match &self.data {
            Some(seen) if num >= 2 => seen.judge(&self.judge.read(samples)?.features, none),
            _ => Ok(none),
        }
    }

    /// The same of real images that the network has not seen, as many in each of at most `draws` draws as there are samples;
    /// none where too few were held out.
    ///
    /// # Errors
    /// When candle fails.
    pub fn floor(&self, num: usize, draws: usize) -> Result<Vec<JudgedPoint>> {
        let Some(seen) = self.data.as_ref().filter(|_| num >= 2) else { return Ok(Vec::new()) };
        let draws = draws.min(seen.right.len() / num);
        let draw = |i: usize| {
            let range = i * num..(i + 1) * num;
            let right = Some(seen.right[range.clone()].iter().filter(|right| **right).count());
            let (fid, precision, recall, not_finite) = (None, None, None, None);
            let none = JudgedPoint { num, right, fid, precision, recall, calls: 0, seconds: 0.0, not_finite };
            seen.judge(&seen.held_out.select(|row| range.contains(&row)), none)
        };
        (0..draws).map(draw).collect()
    }
}

/// Images that the judge reads at once.
const BLOCK: usize = 1000;

impl Seen {
    fn of(judge: &Judge, model: &LoadedModel, dir: &Path, accept_data: bool, num: usize) -> Result<Self> {
        let config = &model.config;
        let data = data::load(&config.data)?;
        let facts = CheckpointFacts::of(&model.checkpoint)?;
        // A study takes no --set.
        let moved = format!("data.path in {}", dir.join("config.toml").display());
        let told = run::check_measured(&facts, dir, config, &DataIdentity::of(&data), (accept_data, &moved))
            .map_err(|error| error.with_words_of_loading(&data.warnings))?;
        told.iter().for_each(speak::warn);
        let held_out = config.data.held_out.of(data.len());
        let (train, held_out) = data.split_held_out(held_out, config.seed)?;
        ensure!(reads(judge, &train)?, "{} does not read its images as they are labelled", judge.of().words());
        let moments = training_moments(judge, &train, &*world(), |_| {})?;
        let mut order: Vec<usize> = (0..held_out.len()).collect();
        order.shuffle(&mut generator(0, Stream::Evaluation, 0));
        let (mut features, mut right) = (Features::new(Vec::new()), Vec::new());
        for block in order.chunks(BLOCK) {
            let read = judge.read(&images(&held_out, block, &Device::Cpu)?)?;
            features.extend(&read.features);
            let labels = held_out.class_of(block);
            right.extend(read.classes.iter().zip(labels).map(|(read, label)| *read == label as usize));
        }
        Ok(Self {
            reference: Reference::new(&moments)?,
            train: judge.read(&images(&train, &train.spread(num), &Device::Cpu)?)?.features,
            held_out: features,
            right,
        })
    }

    fn judge(&self, features: &Features, none: JudgedPoint) -> Result<JudgedPoint> {
        let near = precision_recall(features, &self.train);
        Ok(JudgedPoint {
            fid: Some(self.reference.distance(&Moments::of(features))?),
            precision: near.map(|near| near.precision.mean),
            recall: near.map(|near| near.recall.mean),
            ..none
        })
    }
}
