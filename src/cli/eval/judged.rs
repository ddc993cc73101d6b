//! Samples, and what the bundled judge says of them.

use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::command::{Args, Metric, progress};
use super::material::{Material, images, spread};
use crate::data::Dataset;
use crate::eval::{
    self, ClassAccuracy, Estimate, Judge, Moments, PrecisionRecall, Reading, Reference, cache_folder, cache_key,
    cached_moments, class_accuracy, precision_recall,
};
use crate::kernels::Workers;
use crate::run::{self, LoadedModel};
use crate::sampling::{self, SamplerSettings, Trajectory};

/// Images that the judge reads between two moves of the progress bar.
const BLOCK: usize = 1000;

/// Samples of the model.
pub struct Samples {
    /// `[N, H, W, C]`.
    images: Tensor,
    /// The classes asked for; `None`: unconditional.
    classes: Option<Vec<usize>>,
}

/// A measurement beside the same of held-out images in the samples' place: as good as it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WithFloor {
    pub samples: Estimate,
    pub floor: Option<Estimate>,
}

/// What was asked of the judge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    pub fid: Option<WithFloor>,
    pub precision: Option<WithFloor>,
    pub recall: Option<WithFloor>,
    pub diversity: Option<WithFloor>,
    pub accuracy: Option<(ClassAccuracy, WithFloor)>,
    /// Held-out images of the floor.
    pub floor_images: usize,
}

/// w, where the run has no say: a network without classes takes none.
pub fn guidance_scale(args: &Args, model: &LoadedModel) -> f64 {
    let own = if model.net.num_classes().is_some() { model.config.sample.guidance_scale } else { 0.0 };
    args.guidance_scale.unwrap_or(own)
}

/// Draws the samples, the classes in turn.
///
/// # Errors
/// What the sampler reports.
pub fn samples(args: &Args, model: &LoadedModel, workers: &Arc<Workers>) -> Result<Samples> {
    let ((h, w, c), num) = (model.image_shape, args.num as usize);
    let classes = model.net.num_classes().map(|count| run::classes_in_turn(num, count, None));
    let scale = guidance_scale(args, model);
    let (net, parameterization) = (&model.net, &model.parameterization);
    let denoiser = sampling::network_denoiser(net, parameterization, classes.as_deref(), scale, workers.clone())?;
    let settings = SamplerSettings {
        sampler: args.sampler,
        steps: args.steps,
        eta: 0.0,
        timesteps: Vec::new(),
        ..SamplerSettings::from(&model.config.sample)
    };
    let noise = sampling::starting_noise(num, h, w, c, args.seed, &Device::Cpu)?;
    let trajectory = Trajectory::new(denoiser, parameterization.schedule.clone(), &settings, noise, args.seed)?;
    let bar = progress("sampling", args.steps as u64)?;
    let recording = run::Recording::of(trajectory, 0, |frame| {
        bar.set_length(frame.total as u64);
        bar.set_position(frame.index as u64);
    });
    bar.finish_and_clear();
    Ok(Samples { images: recording?.samples, classes })
}

impl Judged {
    /// Lets the judge see the samples, and the data that they are compared with.
    ///
    /// # Errors
    /// Samples with NaN in them.
    pub fn of(samples: &Samples, material: Option<&Material>, wanted: &impl Fn(Metric) -> bool) -> Result<Self> {
        let judge = Judge::load()?;
        let read = judge.read(&samples.images)?;
        let num = read.classes.len();
        let mut judged = Self::default();
        let held_out = material.filter(|material| !material.held_out.is_empty()).map(|material| &material.held_out);
        let held_out = held_out.map(|data| Seen::of(&judge, data, num)).transpose()?;
        judged.floor_images = held_out.as_ref().map_or(0, |seen| seen.labels.len());

        if let Some(classes) = samples.classes.as_ref().filter(|_| wanted(Metric::Accuracy)) {
            let accuracy = class_accuracy(&judge, &samples.images, classes)?;
            let share = Estimate::share(accuracy.right(), accuracy.total());
            judged.accuracy = Some((accuracy, WithFloor { samples: share, floor: held_out.as_ref().map(Seen::right) }));
        }
        let Some(material) = material else { return Ok(judged) };
        if wanted(Metric::Fid) {
            let reference = Reference::new(&moments(&judge, &material.train)?)?;
            let of = |reading: &Reading| reference.estimate(&reading.features);
            let floor = held_out.as_ref().map(|seen| of(&seen.reading)).transpose()?;
            judged.fid = Some(WithFloor { samples: of(&read)?, floor });
        }
        if !(wanted(Metric::Pr) || wanted(Metric::Diversity)) {
            return Ok(judged);
        }
        let real = Seen::of(&judge, &material.train, num)?;
        if wanted(Metric::Pr) {
            let of = |reading: &Reading| precision_recall(&reading.features, &real.reading.features);
            let (PrecisionRecall { precision, recall }, floor) =
                (of(&read), held_out.as_ref().map(|seen| of(&seen.reading)));
            judged.precision = Some(WithFloor { samples: precision, floor: floor.map(|f| f.precision) });
            judged.recall = Some(WithFloor { samples: recall, floor: floor.map(|f| f.recall) });
        }
        if wanted(Metric::Diversity) {
            let of = |reading: &Reading, classes: &[usize]| {
                eval::diversity((&reading.features, classes), (&real.reading.features, &real.labels))
            };
            let classes = samples.classes.as_ref().unwrap_or(&read.classes);
            let floor = held_out.as_ref().and_then(|seen| of(&seen.reading, &seen.labels));
            judged.diversity = of(&read, classes).map(|samples| WithFloor { samples, floor });
        }
        Ok(judged)
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
        let indices = spread(data, n);
        let reading = judge.read(&images(data, &indices)?)?;
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

/// Statistics of all training images, from the cache when they are known.
fn moments(judge: &Judge, train: &Dataset) -> Result<Moments> {
    let key = cache_key(&[Judge::version().as_bytes(), train.pixels.bytes()]);
    cached_moments(cache_folder().as_deref(), &key, || {
        let bar = progress("reading the training images", train.len() as u64)?;
        let mut moments = Moments::empty();
        let indices: Vec<usize> = (0..train.len()).collect();
        for block in indices.chunks(BLOCK) {
            moments.add(&judge.read(&images(train, block)?)?.features);
            bar.inc(block.len() as u64);
        }
        bar.finish_and_clear();
        Ok(moments)
    })
}
