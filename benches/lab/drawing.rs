//! Frames and memory, from a made-up run: no training.

use std::sync::Arc;
use std::time::{Duration, Instant};

use difflab::config::Config;
use difflab::diffusion::Schedule;
use difflab::lab::{Event, Live, Phase, PreviewFrame, RunInfo, SamplingSettings, StepRecord, TimestepLossRow};
use difflab::tui::message::Message;
use difflab::tui::options::ScreenOptions;
use difflab::tui::pictures::HalfBlocks;
use difflab::tui::state::State;
use difflab::tui::theme::Capability;
use difflab::tui::update::update;
use difflab::tui::view::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::quantile;

const COLUMNS: u16 = 200;
const ROWS: u16 = 60;
const SIDE: usize = 28;

pub fn measure() {
    println!(
        "\n| steps so far | memory of the screen's state | update and draw, {COLUMNS}×{ROWS}: median | 99 % below |"
    );
    println!("|---|---|---|---|");
    // The long run first, and both kept: memory that the one gives back would be free for the other.
    let mut measured = [100_000, 1_000].map(|steps| {
        let before = resident_bytes();
        let state = run_of(steps);
        (steps, resident_bytes().saturating_sub(before), state)
    });
    measured.reverse();
    for (steps, memory, state) in &mut measured {
        let mut times = frames(state, *steps);
        let [median, most] = [0.5, 0.99].map(|share| quantile(&mut times, share));
        println!("| {steps} | {:.1} MB | {median:.2} ms | {most:.2} ms |", *memory as f64 / 1e6);
    }
}

/// Milliseconds of each of 300 frames, with a new step before each and a new preview frame before
/// every second one.
fn frames(state: &mut State, steps: u64) -> Vec<f64> {
    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, ROWS)).expect("memory");
    let pictures = HalfBlocks { capability: Capability::TrueColor };
    (0..300)
        .map(|i| {
            let preview = frame(10 + i / 50, (i % 50) as usize / 2, steps);
            let start = Instant::now();
            update(state, Message::Lab(Event::Step(record(steps + i + 1))));
            if i % 2 == 0 {
                update(state, Message::Preview(preview));
            }
            update(state, Message::Tick(Duration::from_secs(60) + Duration::from_millis(33) * i as u32));
            terminal.draw(|frame| view(state, frame, &pictures)).expect("memory");
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect()
}

/// A state that has seen so many steps.
fn run_of(steps: u64) -> State {
    let mut config = Config { name: "bench".into(), ..Config::default() };
    config.model.class_conditional = true;
    config.train.steps = 2 * steps;
    let schedule = Schedule::from_config(&config.diffusion).expect("the default schedule");
    let mut state = State::new(ScreenOptions { config: Some(config.clone()), ..ScreenOptions::default() });
    let info = RunInfo {
        run_dir: "runs/bench".into(),
        network: "U-Net".into(),
        parameters: 1_000_000,
        train_images: 59_000,
        held_out_images: 1_000,
        steps_per_epoch: 59_000.0 / 64.0,
        image_shape: (SIDE, SIDE, 1),
        sample_shape: (SIDE, SIDE, 1),
        classes: (0..10).map(|class| class.to_string()).collect(),
        conditional: true,
        alphas_cumprod: Arc::new(schedule.alphas_cumprod),
        examples: (0..3).map(|_| Arc::new(pixels(1, 3))).collect(),
        latent_examples: vec![],
        points: Arc::default(),
        device: "cpu".into(),
        threads: 2,
        start_step: 0,
        warnings: vec![],
        chosen: vec![],
        stage: None,
        live: Live::new(&config),
        config,
    };
    update(&mut state, Message::Resize(COLUMNS, ROWS));
    update(&mut state, Message::Lab(Event::Ready(Arc::new(info))));
    update(&mut state, Message::Lab(Event::Phase(Phase::Training)));
    for step in 1..=steps {
        update(&mut state, Message::Lab(Event::Step(record(step))));
        if step % 50 == 0 {
            update(&mut state, Message::Lab(Event::TimestepLoss(row(step))));
        }
        if step % 1000 == 0 {
            let took = Duration::from_millis(100);
            update(&mut state, Message::Lab(Event::CheckpointSaved { step, dir: "runs/bench".into(), took }));
        }
    }
    for index in 0..=25 {
        update(&mut state, Message::Preview(frame(1, index, steps)));
    }
    state
}

/// Something between 0 and 1 that depends on `i` alone.
fn noise(i: u64) -> f64 {
    (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64
}

fn record(step: u64) -> StepRecord {
    let base = 0.03 + (-(step as f64) / 300.0).exp();
    StepRecord {
        step,
        epoch: step as f64 / 900.0,
        loss: base * (0.8 + 0.4 * noise(step)),
        loss_min: None,
        loss_max: None,
        comm_share: None,
        loss_smoothed: base,
        val_loss: step.is_multiple_of(200).then_some(base * 1.05),
        lr: 1e-3,
        grad_norm: 0.4 + 0.1 * noise(step),
        images_per_s: 400.0,
        elapsed_s: step as f64 * 0.16,
        memory_mib: None,
        cpu_share: None,
    }
}

fn row(step: u64) -> TimestepLossRow {
    let mean = (0..40).map(|bin| (0.01 + 0.5 / (1 + bin) as f64 * (0.8 + 0.4 * noise(step + bin))) as f32).collect();
    TimestepLossRow { step, mean, count: vec![80; 40] }
}

fn pixels(num: usize, seed: u64) -> Vec<f32> {
    (0..num * SIDE * SIDE).map(|i| (2.0 * noise(seed << 32 | i as u64) - 1.0) as f32).collect()
}

fn frame(trajectory: u64, index: usize, step: u64) -> PreviewFrame {
    let total = 25;
    PreviewFrame {
        trajectory,
        index: index.min(total),
        total,
        t: 999 * (total - index.min(total)) / total,
        step,
        x_t: Arc::new(pixels(10, trajectory * 100 + index as u64)),
        x_0: Arc::new(pixels(10, trajectory * 100 + 50 + index as u64)),
        num: 10,
        classes: (0..10).collect(),
        settings: Arc::new(SamplingSettings::new(&Config::default())),
        field: None,
        look: None,
    }
}

/// Memory that this process holds, where Linux says so; else 0.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
