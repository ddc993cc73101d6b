//! The trainer: a value that takes one step and reports it.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};

use super::TrainError;
use super::batch::{Batch, LabelDrop, Recipe};
use super::divergence::{advice, too_large};
use super::ema::Ema;
use super::gradients::{add_to, first_not_finite, sum_and_norm};
use super::held_out::HeldOutLoss;
use super::images::images;
use super::learning_rate::learning_rate;
use super::objective::{Losses, Objective, share_of_mean};
use super::optimizer::{AdamW, Update};
use super::precision::check_precision;
use super::shares::{idle_workers, most_shares};
use super::state::{TrainerState, finder, set_all};
use super::time_use::TimeUse;
use super::timestep_sampler::TimestepSampler;
use crate::config::{Config, VarianceType};
use crate::data::{Dataset, indices_of_step};
use crate::diffusion::{Parameterization, Schedule};
use crate::kernels::Workers;
use crate::nn::{Net, NetConfig, Weights};
use crate::random::{Stream, generator};

/// What one step did.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u64,
    /// Images seen / training images.
    pub epoch: f64,
    /// What is optimized: the mean over the samples of their mean squared error, weighted as the config says
    /// (Ho et al. 2020, eq. 14, without weights).
    pub loss: f64,
    /// Learning rate of this step.
    pub lr: f64,
    /// Global gradient norm before clipping.
    pub grad_norm: f64,
    /// Timestep and mean squared error of every sample, without weights.
    pub samples: Vec<(f64, f64)>,
}

/// Network, optimizer, average and data: everything that training needs.
pub struct Trainer {
    config: Config,
    parameterization: Parameterization,
    data: Dataset,
    held_out: Option<HeldOutLoss>,
    labels: Option<LabelDrop>,
    times: TimestepSampler,
    objective: Objective,
    net_config: NetConfig,
    net: Net,
    parameters: Vec<(String, Var)>,
    optimizer: AdamW,
    ema: Ema,
    workers: Arc<Workers>,
    device: Device,
    slice_len: usize,
    step: u64,
    moments_since: u64,
    learning_rate_scale: f64,
}

/// Images by which the use of the time is measured: enough for a steady number.
const TIME_USE_IMAGES: usize = 8;

/// Losses and gradients of one worker's share of a batch.
struct Share {
    /// The squared error of each sample.
    errors: Vec<f64>,
    /// What is optimized of each, before the correction for how its timestep was drawn.
    terms: Vec<f64>,
    gradients: GradStore,
}

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
        check_precision(config.train.precision, device)?;
        let parameterization = Parameterization::from_config(&config.diffusion)?;
        let conditional = config.model.class_conditional;
        let num_classes = conditional.then_some(data.classes.len());
        let learned = config.diffusion.variance_type == VarianceType::LearnedRange;
        let net_config =
            NetConfig::new(&config.model, data.height, data.width, data.channels, num_classes).with_variance(learned);
        let (weights, parameters) = Weights::init(&net_config, config.seed, device)?.trainable()?;
        let net = Net::with_precision(&net_config, &weights, config.train.precision)?;
        let recipe = Recipe { parameterization: &parameterization, device, workers: &workers };
        let held_out = HeldOutLoss::new(recipe, held_out, config.train.batch_size, config.seed, conditional)?;
        let labels = num_classes.map(|n| LabelDrop { null_class: n as u32, p_uncond: config.train.p_uncond });
        let optimizer = AdamW::new(&parameters, (&config.train).into())?;
        let ema = Ema::new(&parameters, config.train.ema_decay)?;
        Ok(Self {
            slice_len: match &net_config {
                NetConfig::UNet(_) => slice_len(data.height * data.width),
                // Its samples are rows of a matrix, and little memory.
                NetConfig::Mlp(_) => usize::MAX,
            },
            config: config.clone(),
            data,
            held_out,
            labels,
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

    /// One step of training.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] when the loss or a gradient is NaN or infinite: noticed before
    /// the weights are touched.
    pub fn step(&mut self) -> Result<StepReport> {
        let batch = self.batch()?;
        let shares = self.forward_backward(&batch)?;
        let errors: Vec<f64> = shares.iter().flat_map(|share| share.errors.iter().copied()).collect();
        let terms: Vec<f64> = shares.iter().flat_map(|share| share.terms.iter().copied()).collect();
        let sum: f64 = match &batch.corrections {
            None => terms.iter().sum(),
            Some(corrections) => terms.iter().zip(corrections).map(|(term, correction)| term * correction).sum(),
        };
        let loss = sum / terms.len() as f64;
        let stores: Vec<GradStore> = shares.into_iter().map(|share| share.gradients).collect();
        let (gradients, grad_norm) = sum_and_norm(&self.parameters, &stores, &self.workers)?;
        let done = self.step + 1;
        let lr = learning_rate(&self.config.train, done, self.learning_rate_scale);
        self.check_finite(done, loss, grad_norm, lr, &gradients)?;

        // From here on nothing can fail: weights, average and moments belong to one step, and are finite.
        let updates = done - self.moments_since.min(self.step);
        let update = Update { step: done, updates, lr, gradient_scale: self.clip(grad_norm) };
        self.optimizer.step(&gradients, update, &mut self.ema, &self.workers)?;
        self.times.learn(&batch.timesteps, &terms);
        self.step = done;
        let epoch = (done * batch.len() as u64) as f64 / self.data.len() as f64;
        let samples = batch.timesteps.iter().copied().zip(errors).collect();
        Ok(StepReport { step: done, epoch, loss, lr, grad_norm, samples })
    }

    /// The batch of the coming step.
    fn batch(&self) -> Result<Batch> {
        let config = &self.config;
        let indices = indices_of_step(self.data.len(), config.train.batch_size, config.seed, self.step);
        let address = (config.seed, self.step);
        let flip = config.data.horizontal_flip;
        Batch::training(self.recipe(), &self.data, &indices, address, flip, self.labels, &self.times)
    }

    /// What chance decides of the batch of step `step` (from 0).
    #[cfg(test)]
    pub(super) fn draws(&self, step: u64) -> super::batch::Draws {
        let config = &self.config;
        let indices = indices_of_step(self.data.len(), config.train.batch_size, config.seed, step);
        let (flip, address) = (config.data.horizontal_flip, (config.seed, step));
        super::batch::Draws::of(&self.workers, &self.data, &indices, address, flip, self.labels, &self.times)
    }

    fn recipe(&self) -> Recipe<'_> {
        Recipe { parameterization: &self.parameterization, device: &self.device, workers: &self.workers }
    }

    /// Splits the batch over the workers. Each runs its share forward and backward, a slice after the
    /// other, and adds the slices' gradients up in order: the memory is that of one slice.
    fn forward_backward(&self, batch: &Batch) -> Result<Vec<Share>> {
        let ranges = self.shares(batch.len());
        let run = |i: usize| -> Result<Share> {
            let dropout = self.config.model.dropout > 0.0;
            // Shares must not repeat each other's masks: 2^16 shares a step are plenty.
            let mut rng = generator(self.config.seed, Stream::Dropout, (self.step << 16) | i as u64);
            let (mut errors, mut terms) = (Vec::new(), Vec::new());
            let mut sum: Option<GradStore> = None;
            for slice in self.slices(ranges[i].clone()) {
                let slice = batch.narrow(slice)?;
                let output = self.net.forward_train(
                    &slice.input,
                    &slice.t,
                    slice.classes.as_ref(),
                    dropout.then_some(&mut rng),
                )?;
                let Losses { error, term } = self.objective.losses(&output, &slice)?;
                let gradients = share_of_mean(&term, &slice, batch.len())?.backward()?;
                errors.extend(to_f64(&error)?);
                terms.extend(to_f64(&term)?);
                match &sum {
                    Some(sum) => add_to(&self.parameters, sum, &gradients)?,
                    None => sum = Some(gradients),
                }
            }
            Ok(Share { errors, terms, gradients: sum.context("a share without samples")? })
        };
        self.workers.run(ranges.len(), run).into_iter().collect()
    }

    /// A share cut into nearly equal slices of at most `slice_len` samples.
    fn slices(&self, share: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let (start, n) = (share.start, share.len());
        let parts = if self.device.is_cpu() { n.div_ceil(self.slice_len) } else { 1 };
        (0..parts).map(move |k| start + k * n / parts..start + (k + 1) * n / parts)
    }

    /// One share a worker on a CPU, as far as their gradients fit; other devices take the batch whole.
    fn shares(&self, n: usize) -> Vec<Range<usize>> {
        let most = most_shares(self.workers.threads(), self.parameter_count());
        if self.device.is_cpu() { self.workers.shares_at_most(n, most) } else { std::iter::once(0..n).collect() }
    }

    /// Says that there are more workers than gradients fit in memory.
    pub fn idle_workers(&self) -> Option<String> {
        self.device.is_cpu().then(|| idle_workers(self.workers.threads(), self.parameter_count()))?
    }

    /// What gradients are multiplied by, so that their global norm is at most `max_grad_norm`.
    fn clip(&self, grad_norm: f64) -> f64 {
        let most = self.config.train.max_grad_norm;
        if most > 0.0 && grad_norm > most { most / grad_norm } else { 1.0 }
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
        let Some(held_out) = &self.held_out else { return Ok(Vec::new()) };
        let net = self.detached()?;
        let mut errors = Vec::new();
        for batch in held_out.batches() {
            let ranges = self.shares(batch.len());
            let losses = self.workers.run(ranges.len(), |i| -> Result<Vec<f64>> {
                let share = batch.narrow(ranges[i].clone())?;
                let output = net.forward(&share.input, &share.t, share.classes.as_ref())?;
                to_f64(&self.objective.error(&output, &share)?)
            });
            for of_share in losses {
                errors.extend(of_share?);
            }
        }
        Ok(errors)
    }

    /// How much the raw weights' answers depend on t, by a few training images.
    ///
    /// # Errors
    /// When candle fails.
    pub fn time_use(&self) -> Result<TimeUse> {
        let n = self.data.len().min(TIME_USE_IMAGES);
        let indices: Vec<usize> = (0..n).map(|i| i * self.data.len() / n).collect();
        let x_0 = images(&self.data, &indices, &self.device)?;
        TimeUse::measure(&self.detached()?, &self.parameterization, &x_0, false)
    }

    /// The network with the raw weights, recording no gradients.
    fn detached(&self) -> Result<Net> {
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
        self.parameters.iter().map(|(_, var)| var.elem_count()).sum()
    }

    /// The live factor on the learning-rate schedule; 1 is as configured.
    pub fn learning_rate_scale(&self) -> f64 {
        self.learning_rate_scale
    }

    pub fn set_learning_rate_scale(&mut self, scale: f64) {
        self.learning_rate_scale = scale;
    }

    /// The averaged weights. They share storage with the trainer's: always the newest.
    pub fn ema_weights(&self) -> Weights {
        Weights::from_map(self.ema.weights().into_iter().collect())
    }

    /// The network with the averaged weights, for sampling; follows them as they change.
    pub fn ema_net(&self) -> Result<Net> {
        Net::new(&self.net_config, &self.ema_weights())
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

/// Images that a worker takes through forward and backward pass at a time on a CPU.
///
/// The fewer, the less memory; the more, the less the fixed work of an operation weighs (transforming
/// weights, and the sums of their gradients). Measured on 28×28 and 32×32 pixels with networks of 16
/// to 128 channels: 16 are as fast as the whole share, 8 cost up to 10 % more. Larger images bring as
/// much work in fewer samples.
fn slice_len(pixels: usize) -> usize {
    const SAMPLES: usize = 16;
    const PIXELS: usize = 32 * 32;
    (SAMPLES * PIXELS / pixels.max(1)).clamp(1, SAMPLES)
}

fn to_f64(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.to_vec1::<f32>()?.into_iter().map(f64::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trainer(slice_len: usize) -> Trainer {
        trainer_with(slice_len, &[])
    }

    fn trainer_with(slice_len: usize, overrides: &[&str]) -> Trainer {
        let overrides: Vec<String> = overrides.iter().map(|s| s.to_string()).collect();
        let mut config = Config::default().with_overrides(&overrides).unwrap();
        config.train.batch_size = 11;
        config.model.block_out_channels = vec![8, 16];
        config.model.norm_num_groups = 4;
        config.model.attention_levels = vec![];
        config.model.mid_attention = false;
        config.model.class_conditional = false;
        let data = |n: usize| Dataset {
            name: "stripes".into(),
            source: "a test".into(),
            height: 8,
            width: 8,
            channels: 1,
            pixels: (0..n * 64).map(|i| (i * i % 251) as u8).collect::<Vec<u8>>().into(),
            labels: Arc::default(),
            classes: Vec::new(),
            warnings: Vec::new(),
        };
        let workers = Arc::new(Workers::new(2).unwrap());
        let trainer = Trainer::new(&config, data(40), &data(40), &Device::Cpu, workers).unwrap();
        Trainer { slice_len, ..trainer }
    }

    #[test]
    fn slices_add_up_to_the_whole_batch_and_repeat_exactly() {
        let steps = |slice_len| {
            let mut trainer = trainer(slice_len);
            (0..3).map(|_| trainer.step().unwrap()).collect::<Vec<_>>()
        };
        let (whole, sliced) = (steps(100), steps(2));
        assert_eq!(sliced, steps(2));
        for (whole, sliced) in whole.iter().zip(&sliced) {
            assert_eq!(whole.samples.len(), sliced.samples.len());
            assert!((whole.loss - sliced.loss).abs() < 1e-4 * whole.loss, "{} and {}", whole.loss, sliced.loss);
            let (a, b) = (whole.grad_norm, sliced.grad_norm);
            assert!((a - b).abs() < 1e-3 * a, "gradient norms {a} and {b}");
        }
    }

    /// A state that later steps do not change.
    fn copy(state: &TrainerState) -> TrainerState {
        let all = |named: &[(String, Tensor)]| -> Vec<(String, Tensor)> {
            named.iter().map(|(name, tensor)| (name.clone(), tensor.copy().unwrap())).collect()
        };
        TrainerState {
            weights: all(&state.weights),
            ema: all(&state.ema),
            moments: all(&state.moments),
            timestep_sampler: all(&state.timestep_sampler),
            ..state.clone()
        }
    }

    #[test]
    fn a_step_that_diverges_leaves_weights_average_and_moments_as_they_were() {
        let values = |state: &TrainerState| -> Vec<Vec<f32>> {
            let all = state.weights.iter().chain(&state.ema).chain(&state.moments);
            all.map(|(_, tensor)| tensor.flatten_all().unwrap().to_vec1().unwrap()).collect()
        };
        for rate in ["1e20", "1e29", "1e35"] {
            let overrides =
                [&format!("train.learning_rate={rate}"), "train.warmup_steps=0", "train.lr_schedule=constant"];
            let mut trainer = trainer_with(16, &overrides);
            let mut before = copy(&trainer.state().unwrap());
            let error = loop {
                match trainer.step() {
                    Ok(report) if report.step < 200 => before = copy(&trainer.state().unwrap()),
                    Ok(_) => panic!("a learning rate of {rate} does not diverge"),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error.downcast_ref(), Some(TrainError::NotFinite { .. })), "{error:#}");
            let after = trainer.state().unwrap();
            assert_eq!(after.step, before.step);
            assert_eq!(values(&after), values(&before));
        }
    }

    #[test]
    fn what_importance_sampling_has_learned_is_resumed_exactly() {
        let overrides = ["diffusion.timesteps=6", "train.timestep_sampling=importance", "train.loss_weighting=vlb"];
        let mut straight = trainer_with(16, &overrides);
        let mut saved = None;
        let mut reports = Vec::new();
        for step in 0..24 {
            if step == 14 {
                saved = Some(copy(&straight.state().unwrap()));
            }
            reports.push(straight.step().unwrap());
        }
        let mut resumed = trainer_with(16, &overrides);
        resumed.restore(&saved.unwrap()).unwrap();
        let again: Vec<StepReport> = (14..24).map(|_| resumed.step().unwrap()).collect();
        assert_eq!(again, reports[14..]);
        // The history matters: without it the timesteps are others.
        let mut forgetful = trainer_with(16, &overrides);
        let mut state = copy(&straight.state().unwrap());
        state.timestep_sampler.clear();
        forgetful.restore(&state).unwrap();
        let times = |report: StepReport| report.samples.iter().map(|(t, _)| *t).collect::<Vec<_>>();
        assert_ne!(times(forgetful.step().unwrap()), times(straight.step().unwrap()));
    }

    #[test]
    fn the_loss_is_the_weighted_one_and_the_samples_keep_their_plain_error() {
        let epsilon = "diffusion.prediction_type=epsilon";
        let report = |overrides: &[&str]| trainer_with(16, &[overrides, &[epsilon]].concat()).step().unwrap();
        let simple = report(&[]);
        let mean = |report: &StepReport, weight: &dyn Fn(f64) -> f64| {
            report.samples.iter().map(|(t, error)| weight(*t) * error).sum::<f64>() / report.samples.len() as f64
        };
        assert_eq!(simple.loss, mean(&simple, &|_| 1.0));
        let weighted = report(&["train.loss_weighting=min_snr"]);
        assert_eq!(weighted.samples, simple.samples, "the first step sees the same batch and weights");
        let schedule = trainer(16).schedule().clone();
        let expected = mean(&weighted, &|t| schedule.snr(t as usize).min(5.0) / schedule.snr(t as usize));
        assert!((weighted.loss / expected - 1.0).abs() < 1e-6, "{} and {expected}", weighted.loss);
        assert!(weighted.grad_norm < simple.grad_norm);
    }

    #[test]
    fn a_learned_variance_trains_beside_the_target() {
        let learned = ["diffusion.variance_type=learned_range", "diffusion.timesteps=20"];
        let mut trainer = trainer_with(16, &learned);
        assert!(matches!(trainer.net_config(), NetConfig::UNet(config) if config.out_channels == 2));
        let out_of_reach = |trainer: &Trainer| {
            let (_, bias) = trainer.parameters.iter().find(|(name, _)| name == "conv_out.bias").unwrap();
            bias.to_vec1::<f32>().unwrap()[1]
        };
        let before = out_of_reach(&trainer);
        let reports: Vec<StepReport> = (0..3).map(|_| trainer.step().unwrap()).collect();
        assert_ne!(out_of_reach(&trainer), before, "the variance learns");
        // L_vlb comes on top of the squared error.
        let plain = reports[0].samples.iter().map(|(_, error)| error).sum::<f64>() / 11.0;
        assert!(reports[0].loss > plain, "{} and {plain}", reports[0].loss);
        // Without its weight the variance has no part in the loss.
        let still = trainer_with(16, &[learned[0], learned[1], "train.vlb_weight=0"]).step().unwrap();
        assert!((still.loss - plain).abs() < 1e-9 * plain, "{} and {plain}", still.loss);
    }

    /// The held-out error before and after 60 steps.
    fn before_and_after(overrides: &[&str]) -> (f64, f64) {
        let mut all = vec!["train.learning_rate=0.003", "train.warmup_steps=0"];
        all.extend(overrides);
        let mut trainer = trainer_with(16, &all);
        let before = trainer.held_out_loss().unwrap().unwrap();
        (0..60).for_each(|_| _ = trainer.step().unwrap());
        (before, trainer.held_out_loss().unwrap().unwrap())
    }

    #[test]
    fn every_path_trains_as_its_authors_train_it() {
        for path in [
            &["diffusion.path=vp_sde"][..],
            &["diffusion.path=sub_vp_sde"],
            &["diffusion.path=ve"],
            &["diffusion.path=edm", "diffusion.prediction_type=edm", "train.loss_weighting=edm"],
            &["diffusion.path=flow", "diffusion.prediction_type=flow"],
        ] {
            let (before, after) = before_and_after(path);
            assert!(after < 0.95 * before, "{path:?}: from {before} to {after}");
        }
    }

    #[test]
    fn slices_are_nearly_equal_and_smaller_for_larger_images() {
        let trainer = trainer(16);
        assert_eq!(trainer.slices(5..38).collect::<Vec<_>>(), [5..16, 16..27, 27..38]);
        assert_eq!([28 * 28, 32 * 32, 64 * 64, 512 * 512].map(slice_len), [16, 16, 4, 1]);
    }
}
