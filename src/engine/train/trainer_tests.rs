//! Tests of the trainer.

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
    trainer.with_slices_of(slice_len)
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
        let overrides = [&format!("train.learning_rate={rate}"), "train.warmup_steps=0", "train.lr_schedule=constant"];
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
fn every_recipe_trains() {
    for recipe in [
        &["train.optimizer=muon"][..],
        &["model.zero_init=true"],
        &["model.noise_conditioning=false"],
        &["train.coupling=optimal_transport"],
        &["train.optimizer=muon", "train.ema_power=7", "model.zero_init=true", "train.weight_decay=0.01"],
    ] {
        let (before, after) = before_and_after(recipe);
        assert!(after < 0.95 * before, "{recipe:?}: from {before} to {after}");
    }
}

#[test]
fn a_run_with_muon_is_resumed_exactly_whatever_the_number_of_workers() {
    let overrides = ["train.optimizer=muon", "train.coupling=optimal_transport", "train.ema_power=7"];
    let mut straight = trainer_with(16, &overrides);
    (0..3).for_each(|_| _ = straight.step().unwrap());
    let saved = copy(&straight.state().unwrap());
    let matrices = saved.moments.iter().filter(|(name, _)| name.ends_with("conv1.weight"));
    assert!(
        matrices.count() > 0 && !saved.moments.iter().any(|(name, _)| name == "v.mid_block.resnets.0.conv1.weight")
    );
    assert!(saved.moments.iter().any(|(name, _)| name == "v.conv_in.weight"), "the entrance is AdamW's");
    let mut resumed = trainer_with(16, &overrides);
    resumed.restore(&saved).unwrap();
    assert_eq!(resumed.step().unwrap(), straight.step().unwrap());
    assert_eq!(resumed.step().unwrap(), straight.step().unwrap());
}

#[test]
fn a_network_that_is_not_told_the_time_is_resumed_exactly_and_never_learns_to_read_it() {
    for optimizer in ["adamw", "muon"] {
        let optimizer = format!("train.optimizer={optimizer}");
        let overrides =
            [&optimizer, "model.noise_conditioning=false", "train.weight_decay=0.1", "train.warmup_steps=0"];
        let mut straight = trainer_with(16, &overrides);
        (0..3).for_each(|_| _ = straight.step().unwrap());
        let saved = copy(&straight.state().unwrap());
        let mut resumed = trainer_with(16, &overrides);
        resumed.restore(&saved).unwrap();
        for _ in 0..2 {
            assert_eq!(resumed.step().unwrap(), straight.step().unwrap());
        }
        let state = straight.state().unwrap();
        for (name, tensor) in state.weights.iter().chain(&state.ema) {
            let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let zero = values.iter().all(|&value| value == 0.0);
            assert_eq!(zero, name == "time_embedding.linear_1.weight", "{optimizer}: {name}");
        }
        let time_use = straight.time_use().unwrap().unwrap();
        assert_eq!(time_use.output, 0.0, "{optimizer}");
        assert!(trainer_with(16, &[&optimizer]).time_use().unwrap().unwrap().output > 0.0);
    }
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
