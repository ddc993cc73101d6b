//! The plain curve of one seed: the share read as asked after every so many steps.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::DIFFLAB;

/// What is trained, and how long.
pub struct Options {
    pub config: String,
    pub steps: u64,
    pub every: u64,
    pub threads: usize,
    pub set: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { config: "mnist".into(), steps: 600, every: 60, threads: 2, set: Vec::new() }
    }
}

/// Trains, lets `difflab eval` read 200 class-conditional samples (20 a class, w = 1, DDIM 50, EMA weights) of every
/// checkpoint, and prints the table. Minutes are wall clock from the start of the process to the checkpoint on disk.
pub fn measure(options: &Options) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let run = dir.path().join("run");
    let threads = options.threads.to_string();
    let mut settings = vec![
        format!("train.checkpoint_every={}", options.every),
        format!("train.keep_checkpoints={}", options.steps / options.every + 2),
    ];
    settings.extend(options.set.iter().cloned());

    // Stopped from outside and not by `--steps`, so that the learning rate follows the config's own, longer
    // schedule, as it does for everyone who starts the lab.
    let started = SystemTime::now();
    let mut train = Command::new(DIFFLAB);
    train.args([&options.config, "--no-tui", "--log", "json", "--threads", &threads, "--run"]).arg(&run);
    for setting in &settings {
        train.args(["--set", setting]);
    }
    let mut child = train.stdout(Stdio::null()).spawn().map_err(|e| format!("starting {DIFFLAB}: {e}"))?;
    let last = run.join(format!("checkpoints/step-{:08}", options.steps / options.every * options.every));
    while !last.is_dir() {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            return Err(format!("training ended early: {status}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;

    println!("`{}`, {} threads; {}", options.config, options.threads, machine());
    println!("\n| minutes | images | read as asked |\n|---|---|---|");
    let mut passed = None;
    for step in (1..=options.steps / options.every).map(|i| i * options.every) {
        let minutes = minutes_until(&run, step, started)?;
        let (share, images) = (judged(&run, step, &threads)?, images_at(&run, step)?);
        println!("| {minutes:.2} | {images} | {:.1} % |", 100.0 * share);
        if share >= 0.9 && passed.is_none() {
            passed = Some(minutes);
        }
    }
    match passed {
        Some(minutes) => println!("\n90 % passed at {minutes:.2} minutes"),
        None => println!("\n90 % not reached in {} steps", options.steps),
    }
    Ok(())
}

/// Minutes from the start of the process until the checkpoint's last file was written.
fn minutes_until(run: &Path, step: u64, started: SystemTime) -> Result<f64, String> {
    let folder = run.join(format!("checkpoints/step-{step:08}"));
    let written = std::fs::metadata(&folder).and_then(|m| m.modified()).map_err(|e| format!("{folder:?}: {e}"))?;
    Ok(written.duration_since(started).unwrap_or_default().as_secs_f64() / 60.0)
}

/// Share of 200 samples that the judge reads as the class asked for.
fn judged(run: &Path, step: u64, threads: &str) -> Result<f64, String> {
    let step = step.to_string();
    let output = Command::new(DIFFLAB)
        .arg("eval")
        .arg(run)
        .args(["--checkpoint", &step, "--num", "200", "--guidance-scale", "1", "--steps", "50"])
        .args(["--metrics", "accuracy", "--format", "json", "--threads", threads])
        .output()
        .map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let json: serde_json::Value = serde_json::from_str(&text)
        .map_err(|e| format!("difflab eval: {e}: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
    json["class_accuracy"].as_f64().ok_or(format!("difflab eval said {json}"))
}

fn images_at(run: &Path, step: u64) -> Result<u64, String> {
    let text = std::fs::read_to_string(run.join("config.toml")).map_err(|e| e.to_string())?;
    let config: toml::Table = text.parse().map_err(|e| format!("config.toml: {e}"))?;
    let batch = config["train"]["batch_size"].as_integer().unwrap_or(0);
    Ok(step * batch as u64)
}

/// "AMD EPYC, 2 cores", where the system says so.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    format!("{}, {} cores", model.unwrap_or(std::env::consts::ARCH), num_cpus::get_physical())
}
