//! A run made up for tests: deterministic, with something in every panel.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, DiffusionConfig, PredictionType, PreviewConfig, SampleConfig, SamplerName, ScheduleName};
use crate::diffusion::Schedule;
use crate::lab::{Event, Live, Phase, PreviewFrame, RunInfo, SamplingSettings, StepRecord, TimestepLossRow};
use crate::random::{Stream, generator, normal};
use crate::tui::message::Message;
use crate::tui::options::ScreenOptions;
use crate::tui::state::State;
use crate::tui::update::update;

pub const BINS: usize = 40;
pub const SIZE: usize = 28;

pub fn config() -> Config {
    let mut config = Config { name: "mnist".into(), ..Config::default() };
    config.model.class_conditional = true;
    config.train.steps = 40_000;
    config.train.batch_size = 64;
    config.train.timestep_loss_every = 50;
    config.diffusion = DiffusionConfig {
        timesteps: 1000,
        schedule: ScheduleName::Cosine,
        prediction_type: PredictionType::Epsilon,
        ..DiffusionConfig::default()
    };
    config.preview = PreviewConfig { enabled: true, budget: 0.1, num: 10, steps: 25, ..PreviewConfig::default() };
    config.sample =
        SampleConfig { sampler: SamplerName::Ddim, eta: 0.0, guidance_scale: 1.0, ..SampleConfig::default() };
    config
}

pub fn info(start_step: u64) -> RunInfo {
    let config = config();
    let schedule = Schedule::from_config(&config.diffusion).unwrap();
    RunInfo {
        run_dir: PathBuf::from("runs/2026-11-22-mnist-4f2a"),
        network: "U-Net".into(),
        parameters: 1_123_456,
        train_images: 59_000,
        held_out_images: 1_000,
        steps_per_epoch: 59_000.0 / 64.0,
        image_shape: (SIZE, SIZE, 1),
        sample_shape: (SIZE, SIZE, 1),
        classes: (0..10).map(|c| c.to_string()).collect(),
        conditional: true,
        alphas_cumprod: Arc::new(schedule.alphas_cumprod),
        examples: (0..3).map(|i| Arc::new(digit(i + 2))).collect(),
        points: Arc::default(),
        device: "cpu".into(),
        threads: 2,
        start_step,
        warnings: vec![],
        chosen: vec![],
        stage: None,
        latent_examples: vec![],
        live: Live::new(&config),
        config,
    }
}

/// Something like a digit: a ring or a stroke, white on black.
pub fn digit(class: usize) -> Vec<f32> {
    let (lean, round) = (class as f64 * 0.13 - 0.5, class.is_multiple_of(2));
    let mut pixels = Vec::with_capacity(SIZE * SIZE);
    for y in 0..SIZE {
        for x in 0..SIZE {
            let (u, v) = ((x as f64 - 13.5) / 9.0, (y as f64 - 13.5) / 9.0);
            let distance = if round {
                ((u + lean * v * 0.4).hypot(v * 0.8) - 0.7).abs()
            } else {
                (u - lean * v).abs() + (v.abs() - 0.95).max(0.0)
            };
            pixels.push((1.0 - 2.0 * ((distance - 0.12) * 5.0).clamp(0.0, 1.0)) as f32);
        }
    }
    pixels
}

pub fn record(step: u64) -> StepRecord {
    let noise = normal(&mut generator(0, Stream::Noise, step), 1)[0];
    let base = 0.028 + 0.97 * (-(step as f64) / 40.0).exp() + 0.05 * (-(step as f64) / 900.0).exp();
    let loss = base * (f64::from(noise) * 0.16).exp();
    StepRecord {
        epoch: step as f64 * 64.0 / 59_000.0,
        loss,
        loss_smoothed: base,
        val_loss: step.is_multiple_of(200).then_some(base * 1.06),
        grad_norm: 0.41,
        images_per_s: 412.0,
        elapsed_s: step as f64 * 64.0 / 412.0,
        ..StepRecord::at(step)
    }
}

pub fn row(step: u64) -> TimestepLossRow {
    let noise = normal(&mut generator(1, Stream::Noise, step), BINS);
    let mean = (0..BINS)
        .map(|bin| {
            let t = bin as f64 / BINS as f64;
            let level = 0.004 + 0.6 * (-t * 7.0).exp();
            let start = (-(step as f64) / (150.0 + 500.0 * (1.0 - t))).exp();
            ((level + start) * (f64::from(noise[bin]) * 0.08).exp()) as f32
        })
        .collect();
    TimestepLossRow { step, mean, count: vec![80; BINS] }
}

pub fn settings() -> SamplingSettings {
    SamplingSettings::new(&config())
}

/// A frame of a trajectory: the digits under as much noise as its t has.
pub fn frame(trajectory: u64, index: usize, step: u64) -> PreviewFrame {
    let (num, total) = (10, 25);
    let schedule = Schedule::from_config(&config().diffusion).unwrap();
    let t = (999 * (total - index)) / total;
    let (alpha, sigma) = (schedule.alpha(t) as f32, schedule.sigma(t) as f32);
    let clean: Vec<f32> = (0..num).flat_map(digit).collect();
    let noise = normal(&mut generator(2, Stream::Sampling, trajectory), clean.len());
    let x_t = clean.iter().zip(&noise).map(|(x, e)| alpha * x + sigma * e).collect();
    let x_0 = clean.iter().zip(&noise).map(|(x, e)| x * (1.0 - sigma * 0.5) - 0.3 * sigma + 0.15 * sigma * e).collect();
    PreviewFrame {
        trajectory,
        index,
        total,
        t,
        step,
        x_t: Arc::new(x_t),
        x_0: Arc::new(x_0),
        num,
        classes: (0..num).collect(),
        settings: Arc::new(settings()),
        field: None,
        look: None,
    }
}

/// An open screen that knows nothing yet but its config.
pub fn opened(columns: u16, rows: u16, options: ScreenOptions) -> State {
    let mut state = State::new(ScreenOptions { config: Some(config()), ..options });
    update(&mut state, Message::Resize(columns, rows));
    update(&mut state, Message::Lab(Event::Phase(Phase::Starting("loading 60,000 digits".into()))));
    state
}

/// A run in the middle: 12,480 steps, a finished film and one under way.
pub fn running(columns: u16, rows: u16, options: ScreenOptions) -> State {
    let mut state = opened(columns, rows, options);
    let mut lab = |event| {
        update(&mut state, Message::Lab(event));
    };
    lab(Event::Ready(Arc::new(info(0))));
    lab(Event::Phase(Phase::Training));
    for step in 1..=12_480 {
        lab(Event::Step(record(step)));
        if step % 50 == 0 {
            lab(Event::TimestepLoss(row(step)));
        }
        if step % 4000 == 0 {
            lab(Event::CheckpointSaved { step, dir: "c".into(), took: Duration::from_millis(140) });
        }
        if step == 6_000 {
            lab(Event::SnapshotSaved { step, dir: "runs/2026-11-22-mnist-4f2a/snapshots/step-00006000".into() });
        }
    }
    for index in 0..=25 {
        update(&mut state, Message::Preview(frame(1, index, 12_300)));
    }
    watch(&mut state, 0, 10);
    for index in 0..=14 {
        update(&mut state, Message::Preview(frame(2, index, 12_400)));
    }
    watch(&mut state, 10, 20);
    update(&mut state, Message::Tick(Duration::from_secs(60)));
    state
}

/// Time goes by, in seconds from one moment to another.
pub fn watch(state: &mut State, from: u64, to: u64) {
    for ms in (from * 1000..=to * 1000).step_by(40) {
        update(state, Message::Tick(Duration::from_millis(ms)));
    }
}
