//! The trainer: a value that takes one step and reports it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};

use super::TrainError;
use super::backward::{Passes, to_f64};
use super::batch::{Batch, LabelDrop, Recipe, Treatment};
use super::clipping::clipping;
use super::cut::Cut;
use super::divergence::{advice, too_large};
use super::ema::Ema;
use super::exchange::{self, StepLosses, gathered};
use super::gradients::{first_not_finite, in_order, sum_and_norm};
use super::held_out::HeldOutLoss;
use super::images::images;
use super::learning_rate::learning_rate;
use super::next_deed::NextDeed;
use super::objective::Objective;
use super::optimizer::{Optimizer, Update};
use super::precision::check_precision;
use super::shares::most_shares;
use super::state::{TrainerState, finder, set_all};
use super::step_report::StepReport;
use super::time_use::TimeUse;
use super::timestep_sampler::TimestepSampler;
use crate::config::{Config, Precision, VarianceType};
use crate::data::{Dataset, indices_of_step};
use crate::diffusion::{Parameterization, Schedule};
use crate::kernels::Workers;
use crate::kernels::precision::taken;
use crate::nn::{Net, NetConfig, Weights};
use crate::process::interrupt;
use crate::ranks::{Alone, Collective, Node};

/// Network, optimizer, average and data: everything that training needs.
pub struct Trainer {
    config: Config,
    parameterization: Parameterization,
    data: Dataset,
    held_out: Option<HeldOutLoss>,
    treatment: Treatment,
    times: TimestepSampler,
    objective: Objective,
    net_config: NetConfig,
    net: Net,
    parameters: Vec<(String, Var)>,
    optimizer: Optimizer,
    ema: Ema,
    workers: Arc<Workers>,
    device: Device,
    cut: Cut,
    ranks: Arc<dyn Collective>,
    /// Of the newest step: the time for what ranks tell each other, and whether a rank was asked to stop.
    exchanged: Exchanged,
    step: u64,
    moments_since: u64,
    learning_rate_scale: f64,
}

/// What the ranks told each other in a step.
#[derive(Clone, Copy, Debug, Default)]
struct Exchanged {
    time: Option<Duration>,
    asked_to_stop: bool,
}

/// A step that was taken, and what it was taken with.
pub(super) struct Learned {
    pub report: StepReport,
    /// In the order of the parameters, before clipping.
    pub gradients: Vec<Tensor>,
    pub update: Update,
}

/// Images by which the use of the time is measured: enough for a steady number.
const TIME_USE_IMAGES: usize = 8;

impl Trainer {
    /// A trainer at step 0, with fresh weights drawn from the config's seed.
    ///
    /// # Errors
    /// When the config does not fit the data, or the device cannot hold the network.
    pub fn new(
        config: &Config,
        data: Dataset,
        held_out: &Dataset,
        device: &Device,
        workers: Arc<Workers>,
    ) -> Result<Self> {
        let precision = taken(config.train.precision, config.model.kind, device);
        check_precision(precision, device)?;
        let parameterization = Parameterization::from_config(&config.diffusion)?;
        let conditional = config.model.class_conditional;
        let num_classes = conditional.then_some(data.classes.len());
        let learned = config.diffusion.variance_type == VarianceType::LearnedRange;
        let net_config =
            NetConfig::new(config, data.height, data.width, data.channels, num_classes).with_variance(learned);
        let (weights, parameters) = Weights::init(&net_config, config.seed, device)?
            .with_zeroed_ends(config.model.zero_init)?
            .with_zeroed_time(!config.model.noise_conditioning)?
            .trainable()?;
        let net = Net::with_precision(&net_config, &weights, precision)?;
        let recipe = Recipe { parameterization: &parameterization, device, workers: &workers };
        let held_out = match config.trains_autoencoder() {
            true => HeldOutLoss::of_pictures(device, held_out, config.train.batch_size)?,
            false => HeldOutLoss::new(recipe, held_out, config.train.batch_size, config.seed, conditional)?,
        };
        let treatment = Treatment {
            horizontal_flip: config.data.horizontal_flip,
            labels: num_classes.map(|n| LabelDrop { null_class: n as u32, p_uncond: config.train.p_uncond }),
            coupling: config.train.coupling,
        };
        let inside = net_config.matrices_inside()?;
        let optimizer = Optimizer::new(&parameters, &config.train, |name| inside.contains(name))?;
        let ema = Ema::new(&parameters, (config.train.ema_decay, config.train.ema_power))?;
        let (pixels, numbers) = (data.height * data.width, count(&parameters));
        let mut cut = Cut::new(&net_config, numbers, pixels, device.is_cpu(), workers.clone());
        if config.train.shards > 0 {
            cut.set_shards(config.train.shards);
        }
        let mut own_config = config.clone();
        own_config.train.precision = precision.into();
        Ok(Self {
            cut,
            ranks: Arc::new(Alone),
            exchanged: Exchanged::default(),
            config: own_config,
            data,
            held_out,
            treatment,
            times: TimestepSampler::new(config, parameterization.schedule.clone()),
            objective: Objective::new(config, &parameterization),
            parameterization,
            net_config,
            net,
            parameters,
            optimizer,
            ema,
            workers,
            device: device.clone(),
            step: 0,
            moments_since: 0,
            learning_rate_scale: 1.0,
        })
    }

    /// The same, sharing its work with the trainers of these ranks, each of which makes this call. Where the config leaves
    /// the number of shards open, there are as many as all of them have workers.
    ///
    /// # Errors
    /// When the connection to the others has ended.
    pub fn over(mut self, ranks: Arc<dyn Collective>) -> Result<Self> {
        if self.config.train.shards == 0 && !ranks.is_alone() {
            let shards = gathered(&*ranks, &[self.cut.shards() as f64])?.concat();
            self.cut.set_shards(shards.iter().map(|&shards| shards as usize).sum());
        }
        self.cut.set_ranks(ranks.clone());
        self.ranks = ranks;
        self.config.train.shards = self.cut.shards();
        Ok(self)
    }

    /// One step of training.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] when the loss or a gradient is NaN or infinite: noticed before
    /// the weights are touched.
    pub fn step(&mut self) -> Result<StepReport> {
        self.lead(NextDeed::Step { learning_rate_scale: self.learning_rate_scale })?;
        self.take_step()
    }

    /// The same, for every rank.
    pub(super) fn take_step(&mut self) -> Result<StepReport> {
        let batch = self.batch()?;
        Ok(self.learn(&batch)?.report)
    }

    /// What a step does with its batch.
    pub(super) fn learn(&mut self, batch: &Batch) -> Result<Learned> {
        let shares = self.passes().of(batch)?;
        let mut losses = StepLosses::of(&shares, interrupt::asked());
        let nodes: Vec<(Node, &GradStore)> = shares.iter().map(|(node, share)| (*node, &share.gradients)).collect();
        let tree = self.cut.tree(batch.len());
        let (gradients, grad_norm) = match self.ranks.is_alone() {
            true => sum_and_norm(&self.parameters, &tree, &nodes, &self.workers)?,
            false => {
                let start = Instant::now();
                losses = losses.gathered(&*self.ranks)?;
                let nodes = nodes.iter().map(|(node, store)| Ok((*node, in_order(&self.parameters, store)?)));
                let nodes = nodes.collect::<Result<Vec<_>>>()?;
                let summed = exchange::sum_and_norm(&*self.ranks, tree, &nodes, &self.workers)?;
                self.exchanged = Exchanged { time: Some(start.elapsed()), asked_to_stop: losses.asked_to_stop };
                summed
            }
        };
        drop(shares);
        let StepLosses { errors, terms, .. } = losses;
        let sum: f64 = match &batch.corrections {
            None => terms.iter().sum(),
            Some(corrections) => terms.iter().zip(corrections).map(|(term, correction)| term * correction).sum(),
        };
        let loss = sum / terms.len() as f64;
        let done = self.step + 1;
        let lr = learning_rate(&self.config.train, done, self.learning_rate_scale);
        self.check_finite(done, loss, grad_norm, lr, &gradients)?;

        // From here on nothing can fail: weights, average and moments belong to one step, and are finite.
        let updates = done - self.moments_since.min(self.step);
        let fresh = 1.0 - self.ema.decay(done);
        let update = Update { updates, lr, gradient_scale: self.clip(grad_norm), fresh };
        self.optimizer.step(&gradients, self.ema.averages(), update, &self.workers)?;
        if !self.config.trains_autoencoder() {
            self.times.learn(&batch.timesteps, &terms);
        }
        self.step = done;
        let epoch = (done * batch.len() as u64) as f64 / self.data.len() as f64;
        let samples = batch.timesteps.iter().copied().zip(errors).collect();
        let report = StepReport { step: done, epoch, loss, lr, grad_norm, samples };
        Ok(Learned { report, gradients, update })
    }

    /// Which images the coming step takes.
    pub(super) fn coming_images(&self) -> Vec<usize> {
        let config = &self.config;
        indices_of_step(self.data.len(), config.train.batch_size, config.seed, self.step)
    }

    /// The batch of the coming step.
    pub(super) fn batch(&self) -> Result<Batch> {
        let config = &self.config;
        let indices = self.coming_images();
        let (address, own) = ((config.seed, self.step), self.cut.own_samples(indices.len()));
        if let NetConfig::Autoencoder(net) = &self.net_config {
            let latents = net.latent_shape(self.data.height, self.data.width)?;
            let by = (&*self.workers, &self.device);
            let own = (&indices[..], own);
            return Batch::training_pictures(by, &self.data, own, address, config.data.horizontal_flip, latents);
        }
        Batch::training(self.recipe(), &self.data, (&indices, own), address, self.treatment, &self.times)
    }

    /// What chance decides of the batch of step `step` (from 0).
    #[cfg(test)]
    pub(super) fn draws(&self, step: u64) -> super::batch::Draws {
        let config = &self.config;
        let indices = indices_of_step(self.data.len(), config.train.batch_size, config.seed, step);
        let address = (config.seed, step);
        let all = (&indices[..], 0..indices.len());
        super::batch::Draws::of(&self.workers, &self.data, all, address, self.treatment, &self.times)
    }

    /// The same with slices of at most so many samples.
    #[cfg(test)]
    fn with_slices_of(self, slice_len: usize) -> Self {
        Self { cut: self.cut.with_slices_of(slice_len), ..self }
    }

    fn recipe(&self) -> Recipe<'_> {
        Recipe { parameterization: &self.parameterization, device: &self.device, workers: &self.workers }
    }

    fn passes(&self) -> Passes<'_> {
        Passes {
            net: &self.net,
            parameters: &self.parameters,
            objective: &self.objective,
            cut: &self.cut,
            workers: &self.workers,
            dropout: (self.config.model.dropout > 0.0).then_some((self.config.seed, self.step)),
        }
    }

    /// Says that not all workers compute gradients, and why.
    pub fn idle_workers(&self) -> Option<String> {
        self.cut.doubt(self.config.train.batch_size)
    }

    /// Into how many shards a batch is cut, where it has as many images.
    pub fn shards(&self) -> usize {
        self.cut.shards()
    }

    /// Cuts into so many from now on: as a run did that goes on.
    pub fn set_shards(&mut self, shards: usize) {
        self.cut.set_shards(shards);
        self.config.train.shards = self.cut.shards();
    }

    /// Cuts into as many as there were before they were counted, with so many threads.
    pub fn set_shards_of(&mut self, threads: usize) {
        self.set_shards(most_shares(threads, self.parameter_count()));
    }

    /// Those that it shares its work with.
    pub fn ranks(&self) -> &Arc<dyn Collective> {
        &self.ranks
    }

    /// How long the ranks took in the newest step to tell each other losses and gradients, waiting for the slowest
    /// included; `None` where there is one rank.
    pub fn exchange_time(&self) -> Option<Duration> {
        self.exchanged.time
    }

    /// Had any rank heard a signal to stop by the newest step?
    pub fn asked_to_stop(&self) -> bool {
        self.exchanged.asked_to_stop
    }

    /// What gradients are multiplied by, so that their global norm is at most `max_grad_norm`.
    fn clip(&self, grad_norm: f64) -> f64 {
        clipping(self.config.train.max_grad_norm, grad_norm)
    }

    fn check_finite(&self, step: u64, loss: f64, grad_norm: f64, lr: f64, gradients: &[Tensor]) -> Result<()> {
        let describe = |x: f64| if x.is_nan() { "NaN" } else { "infinite" };
        let seen = if !loss.is_finite() {
            format!("the loss is {}", describe(loss))
        } else if !grad_norm.is_finite() {
            let names = self.parameters.iter().map(|(name, _)| name.as_str());
            match first_not_finite(names.zip(gradients))? {
                Some(name) => format!("the gradient of {name} is not finite"),
                None => format!("the gradient norm is {}", describe(grad_norm)),
            }
        } else {
            match too_large(lr, grad_norm * self.clip(grad_norm)) {
                None => return Ok(()),
                Some(seen) => seen.to_string(),
            }
        };
        let advice = self.advice(step);
        Err(TrainError::NotFinite { step, seen, loss, grad_norm, lr, advice }.into())
    }

    fn advice(&self, step: u64) -> String {
        advice(&self.config.train, self.learning_rate_scale, step)
    }

    /// The squared error of the raw weights on the held-out images, without weights (the same timesteps
    /// and noise every time); `None` when nothing is held out.
    pub fn held_out_loss(&self) -> Result<Option<f64>> {
        let errors = self.held_out_errors()?;
        Ok((!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64))
    }

    /// The same, image by image; empty when nothing is held out.
    ///
    /// # Errors
    /// When candle fails.
    pub fn held_out_errors(&self) -> Result<Vec<f64>> {
        self.lead(NextDeed::HeldOut)?;
        self.compute_held_out_errors()
    }

    /// The same, for every rank: each takes its shards of each batch.
    pub(super) fn compute_held_out_errors(&self) -> Result<Vec<f64>> {
        let Some(held_out) = &self.held_out else { return Ok(Vec::new()) };
        let net = self.detached()?;
        let (mut own, mut errors) = (Vec::new(), Vec::new());
        for batch in held_out.batches() {
            let tree = self.cut.tree(batch.len());
            let tasks = self.cut.tasks(tree);
            // A shard at a time, so that no number depends on who has it.
            let of_shard = |shard: usize| -> Result<Vec<f64>> {
                let shard = batch.narrow(self.cut.samples(tree, &(shard..shard + 1), batch.len()))?;
                let output = net.forward(&shard.input, &shard.t, shard.classes.as_ref())?;
                to_f64(&self.objective.error(&output, &shard)?)
            };
            let of_task = |i: usize| tasks[i].clone().map(&of_shard).collect::<Result<Vec<_>>>();
            for of_task in self.workers.run(tasks.len(), of_task) {
                own.extend(of_task?.concat());
            }
        }
        let mut all: Vec<_> = gathered(&*self.ranks, &own)?.into_iter().map(Vec::into_iter).collect();
        for batch in held_out.batches() {
            let tree = self.cut.tree(batch.len());
            for (rank, given) in all.iter_mut().enumerate() {
                errors.extend(
                    given.by_ref().take(self.cut.samples(tree, &self.cut.shards_of(tree, rank), batch.len()).len()),
                );
            }
        }
        Ok(errors)
    }

    /// How much the raw weights' answers depend on t, by a few training images; `None` of a network that is told none.
    ///
    /// # Errors
    /// When candle fails.
    pub fn time_use(&self) -> Result<Option<TimeUse>> {
        if self.config.trains_autoencoder() {
            return Ok(None);
        }
        let n = self.data.len().min(TIME_USE_IMAGES);
        let indices: Vec<usize> = (0..n).map(|i| i * self.data.len() / n).collect();
        let x_0 = images(&self.data, &indices, &self.device)?;
        TimeUse::measure(&self.detached()?, &self.parameterization, &x_0, false).map(Some)
    }

    /// The network with the raw weights, recording no gradients.
    pub(super) fn detached(&self) -> Result<Net> {
        let weights = self.parameters.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor()));
        Net::new(&self.net_config, &Weights::from_map(weights.collect()))
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    pub fn schedule(&self) -> &Arc<Schedule> {
        &self.parameterization.schedule
    }

    /// The path and the target that the network is trained on.
    pub fn parameterization(&self) -> &Parameterization {
        &self.parameterization
    }

    pub fn net_config(&self) -> &NetConfig {
        &self.net_config
    }

    /// Trainable numbers in the network.
    pub fn parameter_count(&self) -> usize {
        count(&self.parameters)
    }

    /// The live factor on the learning-rate schedule; 1 is as configured.
    pub fn learning_rate_scale(&self) -> f64 {
        self.learning_rate_scale
    }

    pub fn set_learning_rate_scale(&mut self, scale: f64) {
        self.learning_rate_scale = scale;
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    /// What it trains on.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// The trained weights by name, in the order of the gradients.
    pub(super) fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    /// The optimizer's moments by name (`m.<parameter>`, and of AdamW `v.<parameter>`).
    pub(super) fn moments(&self) -> Vec<(String, Tensor)> {
        self.optimizer.moments()
    }

    /// The averaged weights. They share storage with the trainer's: always the newest.
    pub fn ema_weights(&self) -> Weights {
        Weights::from_map(self.ema.weights().into_iter().collect())
    }

    /// The network with the averaged weights, for sampling in `precision`; follows them as they change.
    pub fn ema_net(&self, precision: Precision) -> Result<Net> {
        Net::with_precision(&self.net_config, &self.ema_weights(), precision)
    }

    /// The whole state. Tensors share storage with the trainer's: write them out before the next
    /// step.
    ///
    /// # Errors
    /// [`TrainError::WeightNotFinite`] when a weight, its average or a moment is NaN or infinite: such a state is
    /// not worth keeping.
    pub fn state(&self) -> Result<TrainerState> {
        let weights: Vec<(String, Tensor)> =
            self.parameters.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();
        let (ema, moments) = (self.ema.weights(), self.optimizer.moments());
        for (what, tensors) in [("the weight", &weights), ("the average of", &ema), ("the moment", &moments)] {
            if let Some(name) = first_not_finite(tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)))? {
                let (step, name) = (self.step, format!("{what} {name}"));
                return Err(TrainError::WeightNotFinite { step, name, advice: self.advice(step) }.into());
            }
        }
        Ok(TrainerState {
            step: self.step,
            learning_rate_scale: self.learning_rate_scale,
            weights,
            ema,
            moments,
            moments_since: self.moments_since,
            timestep_sampler: self.times.state()?,
        })
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// When it lacks a tensor or has one of another shape.
    pub fn restore(&mut self, state: &TrainerState) -> Result<()> {
        set_all(&self.parameters, finder(&state.weights), "the weight")?;
        self.ema.restore(finder(&state.ema))?;
        self.optimizer.restore(finder(&state.moments)).context("restoring the optimizer")?;
        self.times.restore(finder(&state.timestep_sampler))?;
        self.step = state.step;
        self.moments_since = state.moments_since;
        self.learning_rate_scale = state.learning_rate_scale;
        Ok(())
    }
}

fn count(parameters: &[(String, Var)]) -> usize {
    parameters.iter().map(|(_, var)| var.elem_count()).sum()
}

#[cfg(test)]
#[path = "pytorch_tests.rs"]
mod pytorch_tests;
#[cfg(test)]
#[path = "trainer_tests.rs"]
mod tests;
