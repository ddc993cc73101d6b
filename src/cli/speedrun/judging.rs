//! How good the samples of a run's checkpoints are, looked at no further than must be.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;

use super::board::{Board, Measure, SAMPLER, STEPS};
use super::search::{ReadSoFar, first_of_two};
use super::training::Saved;
use crate::config::{Config, SampleConfig};
use crate::data;
use crate::eval::{EnergyDistance, Judge, class_accuracy};
use crate::kernels::Workers;
use crate::random::{Stream, generator};
use crate::run::{self, LoadedModel, NotFinite, Recording};
use crate::sampling::{self, SamplerSettings, Trajectory};

/// Samples that are drawn and read before it is asked whether the verdict is sure.
const AT_ONCE: usize = 40;
/// Sets of real points whose distance is the unit.
const REAL_SETS: usize = 20;

/// What samples are read by.
enum Eye {
    Judge(Judge),
    /// The held-out points, and how far real points are from them.
    Points {
        reference: EnergyDistance,
        real: f64,
    },
}

/// The checkpoints of one training, and what is known of them.
pub struct JudgedRun<'a> {
    run: &'a Path,
    seed: u64,
    board: &'a Board,
    saved: &'a [Saved],
    eye: Eye,
    workers: Arc<Workers>,
    /// Of each checkpoint, by its place.
    counts: Vec<ReadSoFar>,
    distances: Vec<Option<f64>>,
    opened: Option<(usize, LoadedModel)>,
}

impl<'a> JudgedRun<'a> {
    /// Looks at nothing yet. `seed` is the training's, and that of its samples' noise.
    ///
    /// # Errors
    /// When the data can't be loaded, or nothing is held out of them.
    pub fn new(
        run: &'a Path,
        seed: u64,
        board: &'a Board,
        saved: &'a [Saved],
        config: &Config,
        workers: &Arc<Workers>,
    ) -> Result<Self> {
        let eye = match board.measure {
            Measure::Reading(of) => Eye::Judge(Judge::load(of)?),
            Measure::Distance => points(config, seed, board.num)?,
        };
        Ok(Self {
            run,
            seed,
            board,
            saved,
            eye,
            workers: workers.clone(),
            counts: vec![ReadSoFar::default(); saved.len()],
            distances: vec![None; saved.len()],
            opened: None,
        })
    }

    /// The first checkpoint that reaches `target` and whose successor does too. `tell` hears which one is looked at.
    ///
    /// # Errors
    /// When a checkpoint can't be read, or a signal breaks it off.
    pub fn first(&mut self, target: f64, mut tell: impl FnMut(usize)) -> Result<Option<Saved>> {
        let found = first_of_two(self.saved.len(), |at| {
            tell(at);
            self.reaches(at, target)
        })?;
        Ok(found.map(|at| self.saved[at]))
    }

    /// The share or the distance of every checkpoint, of all its samples.
    ///
    /// # Errors
    /// As [`Self::first`].
    pub fn curve(&mut self, mut tell: impl FnMut(usize)) -> Result<Vec<f64>> {
        (0..self.saved.len())
            .map(|at| {
                tell(at);
                match self.board.measure {
                    Measure::Distance => self.distance(at),
                    Measure::Reading(_) => {
                        while self.counts[at].read < self.board.num {
                            self.read_on(at)?;
                        }
                        Ok(self.counts[at].right as f64 / self.board.num as f64)
                    }
                }
            })
            .collect()
    }

    fn reaches(&mut self, at: usize, target: f64) -> Result<bool> {
        if self.board.measure == Measure::Distance {
            // NaN reaches nothing.
            return Ok(self.distance(at)? <= target);
        }
        loop {
            if let Some(verdict) = self.counts[at].verdict(target, self.board.num) {
                return Ok(verdict);
            }
            self.read_on(at)?;
        }
    }

    /// Draws and reads the next samples of a checkpoint. Where there are none, since they are not finite, none is right.
    fn read_on(&mut self, at: usize) -> Result<()> {
        let before = self.counts[at];
        let more = AT_ONCE.min(self.board.num - before.read);
        let drawn = self.draw(at, before.read, more)?;
        let right = match (&self.eye, drawn) {
            (Eye::Judge(judge), Some((samples, classes))) => class_accuracy(judge, &samples, &classes)?.right(),
            _ => 0,
        };
        self.counts[at] = ReadSoFar { right: before.right + right, read: before.read + more };
        Ok(())
    }

    /// The energy distance, in that of real points; infinite of samples that are not.
    fn distance(&mut self, at: usize) -> Result<f64> {
        if let Some(known) = self.distances[at] {
            return Ok(known);
        }
        let drawn = self.draw(at, 0, self.board.num)?;
        let distance = match (&self.eye, drawn) {
            (Eye::Points { reference, real }, Some((samples, _))) => {
                reference.of(&samples.flatten_all()?.to_vec1::<f32>()?) / real
            }
            _ => f64::INFINITY,
        };
        self.distances[at] = Some(distance);
        Ok(distance)
    }

    /// Samples `first` to `first + count` of a checkpoint, and the classes asked for, in turn. `None`: they are not finite.
    fn draw(&mut self, at: usize, first: usize, count: usize) -> Result<Option<(Tensor, Vec<usize>)>> {
        if self.opened.as_ref().is_none_or(|(opened, _)| *opened != at) {
            self.opened = Some((at, LoadedModel::open(self.run, Some(self.saved[at].step))?));
        }
        let (_, model) = self.opened.as_ref().context("a checkpoint was opened")?;
        let all = model.net.num_classes().map(|classes| run::classes_in_turn(first + count, classes, None));
        let classes = all.map(|all| all[first..].to_vec());
        let config = SampleConfig {
            sampler: SAMPLER,
            steps: STEPS.min(model.parameterization.schedule.timesteps()),
            eta: 0.0,
            timesteps: Vec::new(),
            ..model.config.sample.clone()
        };
        let denoiser = sampling::network_denoiser(
            &model.net,
            &model.parameterization,
            classes.as_deref(),
            self.board.guidance_scale,
            self.workers.clone(),
        )?;
        let (h, w, c) = model.sample_shape;
        let noise =
            sampling::starting_noise(first + count, h, w, c, self.seed, &Device::Cpu)?.narrow(0, first, count)?;
        let schedule = model.parameterization.schedule.clone();
        let trajectory = Trajectory::new(denoiser, schedule, &SamplerSettings::from(&config), noise, self.seed)?;
        match Recording::of(trajectory.in_latents(model.latents.as_ref()), 0, |_| {}) {
            Ok(recording) => Ok(Some((recording.samples, classes.unwrap_or_default()))),
            Err(error) if error.is::<NotFinite>() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The points that a training with this seed holds out, and the mean distance of `num` of those that it learns from.
fn points(config: &Config, seed: u64, num: usize) -> Result<Eye> {
    let data = data::load(&config.data)?;
    let held_out = config.data.held_out.of(data.len());
    let (train, held_out) = data.split_held_out(held_out, seed)?;
    anyhow::ensure!(!held_out.is_empty(), "no points are held out to compare with: set data.held_out to 2000");
    let every: Vec<usize> = (0..held_out.len()).collect();
    let reference = EnergyDistance::to(&held_out.gather(&every, None));
    let mut order: Vec<usize> = (0..train.len()).collect();
    let distances = (0..REAL_SETS as u64).map(|set| {
        order.shuffle(&mut generator(seed, Stream::Evaluation, set));
        reference.of(&train.gather(&order[..num.min(train.len())], None))
    });
    let real = distances.sum::<f64>() / REAL_SETS as f64;
    Ok(Eye::Points { reference, real })
}
