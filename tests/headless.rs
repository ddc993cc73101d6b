//! The real program without a screen: what it leaves behind, how it stops, and how it goes on.

mod panicking;
#[cfg(unix)]
mod program;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Device;
use difflab::config::{Config, NetworkKind, PrecisionChoice};
use difflab::kernels::Workers;
use difflab::kernels::precision::taken;
use difflab::train::Trainer;
use serde_json::Value;
use tempfile::TempDir;

#[cfg(unix)]
use program::{hear_signals, signal};

/// Real digits, a network small enough for tests, and every kind of randomness switched on.
const TINY: &str = r#"
name = "tiny"
seed = 3
[data]
dataset = "mnist-10k"
held_out = 16
horizontal_flip = true
[diffusion]
timesteps = 20
[model]
block_out_channels = [8, 8]
norm_num_groups = 4
mid_attention = false
dropout = 0.1
class_conditional = true
[train]
steps = 12
batch_size = 8
warmup_steps = 2
eval_every = 4
checkpoint_every = 5
timestep_loss_every = 3
timestep_bins = 5
[preview]
num = 4
steps = 3
save_every = 6
[sample]
steps = 3
num = 4
"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(self.folder.path()).args(args).args(["--no-tui", "--threads", "2"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        hear_signals(&mut command);
        command
    }

    fn difflab(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A subcommand, which trains nothing. Expects success.
    fn tool(&self, args: &[&str]) -> Output {
        let output = self.subcommand(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        output
    }

    /// A subcommand, whatever comes of it.
    fn subcommand(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_difflab")).current_dir(self.folder.path()).args(args).output().unwrap()
    }

    /// Expects success and returns what came out.
    fn succeeds(&self, args: &[&str]) -> String {
        let output = self.difflab(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        json_lines(&fs::read_to_string(self.path(file)).unwrap())
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn steps(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["step"].as_u64().unwrap()).collect()
}

/// The lines without what a clock decides.
fn timeless(lines: Vec<Value>) -> Vec<Value> {
    let strip = |mut line: Value| {
        for key in ["images_per_s", "elapsed_s", "memory_mib", "cpu_share"] {
            line.as_object_mut().unwrap().remove(key);
        }
        line
    };
    lines.into_iter().map(strip).collect()
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_run_on_a_pipe_tells_json_lines_and_leaves_the_whole_folder() {
    let place = Place::new();
    let told = json_lines(&place.succeeds(&["tiny.toml", "--run", "run"]));
    let kind = |line: &Value| line["type"].as_str().unwrap().to_string();
    let kinds: Vec<String> = told.iter().map(kind).collect();
    assert_eq!(kinds.iter().filter(|k| *k == "step").count(), 12);
    assert!(
        kinds.contains(&"ready".into()) && kinds.contains(&"checkpoint".into()) && kinds.contains(&"preview".into())
    );
    assert_eq!(told.last().unwrap()["ok"], true);
    #[cfg(target_os = "linux")]
    {
        let memory = &told[told.len() - 2];
        assert!(kind(memory) == "memory" && memory["peak_memory_mib"].as_f64().unwrap() > 1.0, "{memory}");
        assert!(fs::read_to_string(place.path("run/README.md")).unwrap().contains("MiB while training"));
    }

    let metrics = place.lines("run/metrics.jsonl");
    assert_eq!(steps(&metrics), (1..=12).collect::<Vec<_>>());
    for key in ["epoch", "loss", "loss_smoothed", "lr", "grad_norm", "images_per_s", "elapsed_s"] {
        assert!(metrics.iter().all(|line| line[key].as_f64().is_some_and(f64::is_finite)), "{key}");
    }
    let evaluated: Vec<u64> =
        steps(&metrics.iter().filter(|l| l.get("val_loss").is_some()).cloned().collect::<Vec<_>>());
    assert_eq!(evaluated, [4, 8, 12]);
    let rows = place.lines("run/timestep_loss.jsonl");
    assert_eq!(steps(&rows), [3, 6, 9, 12]);
    let count: u64 = rows.iter().flat_map(|row| row["count"].as_array().unwrap()).map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(count, 12 * 8, "every sample of every step is counted");
    for file in ["config.toml", "README.md", "events.jsonl", "previews/step-00000012.png"] {
        assert!(place.path("run").join(file).is_file(), "{file} is missing");
    }
    for file in ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json", "difflab/state.json"] {
        assert!(place.path("run/checkpoints/step-00000012").join(file).is_file(), "{file} is missing");
    }
    let again = place.succeeds(&["run/config.toml", "--run", "again"]);
    assert!(!again.is_empty());
    assert_eq!(timeless(place.lines("again/metrics.jsonl")), timeless(metrics), "config.toml alone repeats the run");
}

#[test]
fn the_last_picture_is_drawn_once() {
    let place = Place::new();
    // Time enough to draw each picture as soon as it is due, the last step's before the run's end asks for it.
    place.succeeds(&["tiny.toml", "--run", "run", "--set", "preview.budget=0.9"]);
    let mut events = place.lines("run/events.jsonl");
    events.retain(|event| event["kind"] == "preview");
    assert_eq!(steps(&events), [6, 12]);
}

#[test]
fn n_steps_straight_equal_half_of_them_then_a_restored_trainer_bit_for_bit() {
    let config = Config::from_toml(TINY, "tiny").unwrap();
    let data = difflab::data::load(&config.data).unwrap();
    let trainer = || {
        let held_out = config.data.held_out.of(data.len());
        let (train, held_out) = data.clone().split_held_out(held_out, config.seed).unwrap();
        Trainer::new(&config, train, &held_out, &Device::Cpu, Arc::new(Workers::new(2).unwrap())).unwrap()
    };
    let mut straight = trainer();
    let reports: Vec<_> = (0..8).map(|_| straight.step().unwrap()).collect();
    let mut first = trainer();
    (0..4).for_each(|_| drop(first.step().unwrap()));
    let mut second = trainer();
    second.restore(&first.state().unwrap()).unwrap();
    drop(first);
    for report in &reports[4..] {
        assert_eq!(&second.step().unwrap(), report);
    }
    assert_eq!(straight.held_out_loss().unwrap(), second.held_out_loss().unwrap());
    let (a, b) = (straight.state().unwrap(), second.state().unwrap());
    for (a, b) in [(a.weights, b.weights), (a.ema, b.ema), (a.moments, b.moments)] {
        for ((name, a), (_, b)) in a.iter().zip(&b) {
            let values = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(a), values(b), "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn after_kill_9_a_resumed_run_equals_one_that_was_never_stopped() {
    let place = Place::new();
    let settings = ["--steps", "120", "--set", "train.checkpoint_every=15", "--set", "preview.enabled=false"];
    let straight = [&["tiny.toml", "--run", "straight"][..], &settings].concat();
    place.succeeds(&straight);
    let killed = [&["tiny.toml", "--run", "killed"][..], &settings].concat();
    let mut child = place.command(&killed).stdout(Stdio::null()).spawn().unwrap();
    wait_for("the second checkpoint and some steps more", || {
        let text = fs::read_to_string(place.path("killed/metrics.jsonl")).unwrap_or_default();
        text.lines().count() > 40
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let done = place.lines("killed/metrics.jsonl").len();
    assert!(done < 120, "the run was killed too late to show anything");
    // As if the kill had torn the last line.
    let metrics = place.path("killed/metrics.jsonl");
    fs::write(&metrics, fs::read_to_string(&metrics).unwrap() + "{\"step\":99,\"lo").unwrap();

    place.succeeds(&["--resume", "killed"]);
    assert_eq!(steps(&place.lines("killed/metrics.jsonl")), (1..=120).collect::<Vec<_>>(), "no gap, no double");
    assert_eq!(timeless(place.lines("killed/metrics.jsonl")), timeless(place.lines("straight/metrics.jsonl")));
    let read = |run: &str, file: &str| fs::read(place.path(run).join(file)).unwrap();
    assert_eq!(read("killed", "timestep_loss.jsonl"), read("straight", "timestep_loss.jsonl"));
    for file in
        ["unet/diffusion_pytorch_model.safetensors", "difflab/weights.safetensors", "difflab/optimizer.safetensors"]
    {
        let file = format!("checkpoints/step-00000120/{file}");
        assert!(read("killed", &file) == read("straight", &file), "{file} differs");
    }
}

#[test]
fn a_run_of_points_goes_on_bit_for_bit_and_is_sampled_as_points() {
    let place = Place::new();
    let small = [
        "--set=data.num_points=600",
        "--set=data.held_out=100",
        "--set=model.hidden_width=16",
        "--set=model.dropout=0.1",
        "--set=train.batch_size=32",
        "--set=train.lr_schedule=constant",
        "--set=preview.num=20",
    ];
    let run = |name: &str, steps: &str| {
        place.succeeds(&[&["two-moons", "--run", name, "--steps", steps][..], &small].concat());
    };
    run("straight", "40");
    run("halves", "20");
    place.succeeds(&["--resume", "halves", "--steps", "40"]);
    for file in ["mlp/weights.safetensors", "difflab/weights.safetensors", "difflab/optimizer.safetensors"] {
        let read = |run: &str| fs::read(place.path(run).join("checkpoints/step-00000040").join(file)).unwrap();
        assert!(read("halves") == read("straight"), "{file} differs");
    }
    let index = fs::read_to_string(place.path("straight/checkpoints/step-00000040/model_index.json")).unwrap();
    assert!(!index.contains("UNet2DModel"), "{index}");

    let tool = |args: &[&str]| String::from_utf8(place.tool(args).stdout).unwrap();
    let sample = ["sample", "straight", "--num", "50", "--steps", "5", "--quiet"];
    let files = ["--out", "points.safetensors", "--trajectory", "film.gif"];
    tool(&[&sample[..], &files].concat());
    let samples = candle_core::safetensors::load(place.path("points.safetensors"), &Device::Cpu).unwrap();
    assert_eq!(samples["samples"].dims(), [50, 2, 1, 1]);
    assert!(fs::read(place.path("film.gif")).unwrap().starts_with(b"GIF89a"));
    let other =
        ["--seed", "0", "--set", "sample.spacing=karras", "--set", "sample.rho=3", "--out", "other.safetensors"];
    tool(&[&sample[..], &other].concat());
    let flags = ["--seed", "0", "--spacing", "karras", "--rho", "3", "--out", "flags.safetensors"];
    tool(&[&sample[..], &flags].concat());
    let read = |file: &str| fs::read(place.path(file)).unwrap();
    assert!(read("other.safetensors") == read("flags.safetensors"), "a key does what its flag does");
    assert!(read("other.safetensors") != read("points.safetensors"));
    for (key, said) in
        [("train.steps=3", "belong to its training"), ("diffusion.variance_type=learned_range", "trained with")]
    {
        let output = place.subcommand(&["sample", "straight", "--set", key]);
        assert_eq!(output.status.code(), Some(2), "{key}");
        assert!(stderr(&output).contains(said), "{key}: {}", stderr(&output));
    }
    tool(&[&sample[..], &["--out", "points.png"]].concat());
    assert!(fs::read(place.path("points.png")).unwrap().starts_with(b"\x89PNG"));
    tool(&["data", "show", "two_moons", "--out", "data.png"]);
    assert!(tool(&["data", "list"]).contains("two_moons"));

    // The architecture stays what it is.
    let output = place.difflab(&["--resume", "halves", "--set", "model.hidden_width=17"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let output = place.difflab(&["two-moons", "--set", "model.kind=unet"]);
    assert!(stderr(&output).contains("model.kind = \"mlp\""), "{}", stderr(&output));
}

#[test]
fn a_sampler_that_would_spoil_samples_is_named_before_training_and_before_sampling() {
    let place = Place::new();
    let told = json_lines(&place.succeeds(&[
        "two-moons",
        "--run=run",
        "--steps=20",
        "--set=diffusion.prediction_type=epsilon",
        "--set=data.num_points=600",
        "--set=data.held_out=100",
        "--set=model.hidden_width=16",
        "--set=train.batch_size=32",
        "--set=train.warmup_steps=2",
        "--set=preview.num=20",
    ]));
    let ready = told.iter().find(|line| line["type"] == "ready").unwrap();
    let warnings = ready["warnings"].to_string();
    assert!(warnings.contains("sampler ddim") && warnings.contains("v_prediction"), "{warnings}");
    assert!(fs::read_to_string(place.path("run/events.jsonl")).unwrap().contains("sampler ddim"));

    let said = |more: &[&str]| stderr(&place.tool(&[&["sample", "run", "--num=5", "--quiet"], more].concat()));
    let warning = said(&["--out=a.png"]);
    assert!(warning.contains("warning: sampler ddim") && warning.contains("--spacing karras"), "{warning}");
    assert!(!said(&["--out=b.png", "--spacing=karras"]).contains("warning"));

    let eval = ["eval", "run", "--metrics=energy_distance", "--num=50", "--steps=5", "--format=json"];
    let report: Value = serde_json::from_slice(&place.tool(&eval).stdout).unwrap();
    let distance = &report["energy_distance"];
    assert!(distance["mean"].as_f64().unwrap() > distance["floor"].as_f64().unwrap(), "{distance}");
    assert_eq!((&distance["points"], &distance["floor_points"]), (&100.into(), &50.into()));
}

#[cfg(unix)]
#[test]
fn sigterm_and_ctrl_c_save_and_end_with_130() {
    for name in ["TERM", "INT", "HUP"] {
        let place = Place::new();
        let args = ["tiny.toml", "--run", "run", "--steps", "100000", "--log", "text"];
        let child = place.command(&args).spawn().unwrap();
        wait_for("the first steps", || place.path("run/metrics.jsonl").is_file() && !place.lines_so_far().is_empty());
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{name}: {}", stderr(&output));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let step = *steps(&place.lines("run/metrics.jsonl")).last().unwrap();
        let checkpoint = format!("checkpoints/step-{step:08}");
        assert!(said.contains(&checkpoint), "{name}: where it was saved is not said: {said}");
        assert!(place.path("run").join(checkpoint).is_dir());
        let more = (step + 3).to_string();
        place.succeeds(&["--resume", "run", "--steps", &more]);
        assert_eq!(place.lines("run/metrics.jsonl").len() as u64, step + 3);
    }
}

impl Place {
    fn lines_so_far(&self) -> String {
        fs::read_to_string(self.path("run/metrics.jsonl")).unwrap_or_default()
    }
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_used() {
    let place = Place::new();
    place.succeeds(&["tiny.toml", "--run", "run"]);
    let damaged = place.path("run/checkpoints/step-00000012/difflab/weights.safetensors");
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let told = json_lines(&place.succeeds(&["--resume", "run", "--steps", "14"]));
    let ready = told.iter().find(|line| line["type"] == "ready").unwrap();
    assert_eq!(ready["start_step"], 10);
    let warnings = ready["warnings"].to_string();
    assert!(warnings.contains("step-00000012") && warnings.contains("weights.safetensors"), "{warnings}");
    assert_eq!(steps(&place.lines("run/metrics.jsonl")), (1..=14).collect::<Vec<_>>());

    for (step, path) in checkpoints(&place.path("run")) {
        fs::remove_file(path.join("difflab/optimizer.safetensors")).unwrap();
        assert!(step > 0);
    }
    let output = place.difflab(&["--resume", "run", "--steps", "20"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("optimizer.safetensors"), "{}", stderr(&output));
    assert_eq!(place.lines("run/metrics.jsonl").len(), 14, "nothing was touched");
}

fn checkpoints(run: &Path) -> Vec<(u64, PathBuf)> {
    difflab::run::checkpoint::all(run)
}

#[test]
fn a_run_of_a_newer_format_is_refused() {
    let place = Place::new();
    place.succeeds(&["tiny.toml", "--run", "run"]);
    let state = place.path("run/checkpoints/step-00000012/difflab/state.json");
    let text = fs::read_to_string(&state).unwrap().replace("\"format_version\": 1", "\"format_version\": 7");
    fs::write(&state, text).unwrap();
    let output = place.difflab(&["--resume", "run"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("newer difflab") && stderr(&output).contains("format 7"), "{}", stderr(&output));

    let config = place.path("run/config.toml");
    let text = fs::read_to_string(&config).unwrap().replace("version = 1", "version = 9");
    fs::write(&config, text + "\n[hyperdrive]\nwarp = 9\n").unwrap();
    let output = place.difflab(&["--resume", "run"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("newer difflab"), "{}", stderr(&output));
}

#[test]
fn what_a_resumed_run_cannot_change_is_refused() {
    let place = Place::new();
    place.succeeds(&["tiny.toml", "--run", "run"]);
    let output = place.difflab(&["--resume", "run", "--set", "model.block_out_channels=8,16"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("model"), "{}", stderr(&output));
}

#[test]
fn an_occupied_folder_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/thesis.txt"), "precious").unwrap();
    let output = place.difflab(&["tiny.toml", "--run", "mine"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("mine") && !stderr(&output).contains("--resume"), "{}", stderr(&output));
    assert_eq!(fs::read_dir(place.path("mine")).unwrap().count(), 1);
}

#[test]
fn a_place_where_nothing_can_be_written_is_refused() {
    let place = Place::new();
    let output = place.difflab(&["tiny.toml", "--run", "tiny.toml/run"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot write in tiny.toml/run"), "{}", stderr(&output));
}

#[test]
fn a_run_that_diverges_says_so_and_goes_on_from_its_last_sound_checkpoint() {
    let place = Place::new();
    place.succeeds(&["tiny.toml", "--run", "run"]);
    let wild = [
        "--resume",
        "run",
        "--steps",
        "200",
        "--set",
        "train.learning_rate=1e30",
        "--set",
        "train.lr_schedule=constant",
        "--set",
        "train.checkpoint_every=0",
    ];
    let output = place.difflab(&wild);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stderr(&output);
    for part in ["diverged", "step", "learning rate", "train.learning_rate"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(!said.contains("max_grad_norm"), "it is 1 already: {said}");
    // The last finite weights are kept, but not gone on from: they are spoiled already.
    let kept = checkpoints(&place.path("run")).last().map(|(step, _)| *step).unwrap();
    assert!(kept > 12 && said.contains(&format!("(step {kept}), but already damaged")), "{said}");
    assert!(said.contains("continues from step 12"), "{said}");
    let sane = ["--resume", "run", "--steps", "14", "--set", "train.learning_rate=1e-3"];
    let told = place.succeeds(&sane);
    assert!(told.contains("diverged") && told.contains("going on from step 12 instead"), "{told}");
    assert_eq!(steps(&place.lines("run/metrics.jsonl")), (1..=14).collect::<Vec<_>>());
}

#[test]
fn a_regular_checkpoint_of_spoiled_weights_is_marked_and_not_gone_on_from() {
    let place = Place::new();
    place.succeeds(&["tiny.toml", "--run", "run"]);
    let every = ["--set", "train.checkpoint_every=1", "--set", "train.lr_schedule=constant"];
    let wild = [&["--resume", "run", "--steps", "200", "--set", "train.learning_rate=1e30"][..], &every].concat();
    let output = place.difflab(&wild);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("already damaged") && !said.contains("what remains"), "{said}");
    let kept = checkpoints(&place.path("run")).last().map(|(step, _)| *step).unwrap();
    assert!(kept > 12 && said.contains(&format!("(step {kept})")), "{said}");
    let told = place.succeeds(&["--resume", "run", "--steps", "16", "--set", "train.learning_rate=1e-3"]);
    assert!(told.contains("diverged") && told.contains("going on from step"), "{told}");
}

#[test]
fn a_reader_that_goes_away_does_not_end_the_run() {
    let place = Place::new();
    let mut child = place.command(&["tiny.toml", "--run", "run", "--steps", "60"]).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with('{'), "{first}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    assert_eq!(place.lines("run/metrics.jsonl").len(), 60);
}

#[test]
fn a_panic_in_the_worker_ends_the_run_with_code_1_and_is_noted() {
    let place = Place::new();
    let words = ["tiny.toml", "--run", "run", "--no-tui", "--threads", "2"];
    let (file, arguments, (name, value)) = panicking::program(&words);
    let output = Command::new(file).current_dir(place.folder.path()).args(arguments).env(name, value).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("--resume"), "{}", stderr(&output));
    assert!(stderr(&output).contains("the training thread panicked: step 7 was to panic"), "{}", stderr(&output));
    let events = fs::read_to_string(place.path("run/events.jsonl")).unwrap();
    assert!(events.lines().last().unwrap().contains("\"error\""), "{events}");
    place.succeeds(&["--resume", "run"]);
    assert_eq!(steps(&place.lines("run/metrics.jsonl")), (1..=12).collect::<Vec<_>>());
}

#[test]
fn off_a_terminal_the_lab_goes_headless_and_says_so() {
    let place = Place::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
    command.current_dir(place.folder.path()).args(["tiny.toml", "--run", "run", "--steps", "2"]).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("without a screen"), "{}", stderr(&output));
    assert_eq!(place.lines("run/metrics.jsonl").len(), 2);
}

#[test]
fn runs_lists_what_there_is() {
    let place = Place::new();
    place.succeeds(&["tiny.toml"]);
    let list = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        let output = command.current_dir(place.folder.path()).arg("runs").args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let runs: Value = serde_json::from_str(&list(&["--format", "json"])).unwrap();
    assert_eq!(runs[0]["step"], 12);
    assert_eq!(runs[0]["checkpoints"], serde_json::json!([5, 10, 12]));
    assert!(list(&[]).contains("12/12"));
    place.succeeds(&["--resume", "latest", "--steps", "13"]);
}

#[test]
fn epochs_are_counted_in_steps_and_said_and_a_run_goes_on_by_them() {
    let place = Place::new();
    let steps = || Config::load(place.path("run/config.toml").to_str().unwrap(), &[]).unwrap().train.steps;
    // 10,000 digits but 16 in batches of 8: 1,248 steps an epoch.
    let first = place.difflab(&["tiny.toml", "--run", "run", "--epochs", "0.01", "--log", "text"]);
    let said = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(said.contains("0.01 epochs = 13 steps: 9,984 images in batches of 8"), "{said}{}", stderr(&first));
    assert!(said.contains("step 13/13") && steps() == 13, "{said}");
    let on = place.difflab(&["--resume", "run", "--epochs", "0.012", "--log", "text"]);
    let said = String::from_utf8_lossy(&on.stdout).into_owned();
    assert!(said.contains("0.012 epochs = 15 steps") && said.contains("step 15/15"), "{said}{}", stderr(&on));
    assert_eq!(steps(), 15);
    for both in [&["--epochs", "1", "--steps", "3"][..], &["--epochs", "1", "--set", "train.steps=3"]] {
        let refused = place.difflab(&[&["tiny.toml", "--run", "other"], both].concat());
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        assert!(stderr(&refused).contains("steps") && stderr(&refused).contains("epochs"), "{}", stderr(&refused));
        assert!(!place.path("other").exists());
    }
}

#[test]
fn one_command_trains_for_so_many_epochs_and_compares_them() {
    let place = Place::new();
    let study = ["study", "epochs", "long", "--train", "tiny.toml", "--epochs", "0.02,0.04", "--num", "4"];
    let study = [&study[..], &["--steps", "2", "--threads", "2", "--set", "train.batch_size=64"]].concat();
    place.tool(&study);
    let table = fs::read_to_string(place.path("study/epochs.md")).unwrap();
    assert!(table.contains("| 4 | 0.03 |") && table.contains("| 7 | 0.04 |"), "{table}");
    let again = place.tool(&study);
    assert!(stderr(&again).contains("long has its 0.04 epochs already"), "{}", stderr(&again));
    let alone = place.subcommand(&["study", "epochs", "long", "--train", "tiny.toml"]);
    assert_eq!(alone.status.code(), Some(2), "--train needs --epochs");
}

/// What is dropped inside a residual block is a bit a number; as tensors beside it, it doubled the peak.
#[test]
#[cfg(target_os = "linux")]
fn dropout_takes_hardly_any_memory() {
    let place = Place::new();
    let peak = |dropout: &str| -> f64 {
        let (run, dropout) = (format!("with-{dropout}"), format!("model.dropout={dropout}"));
        let told = place.succeeds(&[
            "emoji",
            "--steps",
            "1",
            "--run",
            &run,
            "--log",
            "json",
            "--set",
            "train.batch_size=32",
            "--set",
            &dropout,
            "--set",
            "preview.save_every=0",
        ]);
        let memory = json_lines(&told).into_iter().find(|line| line["type"] == "memory").unwrap();
        memory["peak_memory_mib"].as_f64().unwrap()
    };
    let (with, without) = (peak("0.1"), peak("0.0"));
    assert!(with < 1.2 * without, "{with} MiB with dropout, {without} without");
}

#[test]
fn auto_is_decided_when_a_run_begins_and_goes_on_as_its_config_then_says() {
    let place = Place::new();
    let faster = taken(PrecisionChoice::Auto, NetworkKind::Unet, &Device::Cpu);
    let both = || {
        let config = Config::load(place.path("run/config.toml").to_str().unwrap(), &[]).unwrap();
        [config.train.precision, config.sample.precision]
    };
    let said = |kind: &str| {
        let of_kind = place.lines("run/events.jsonl").into_iter().filter(|event| event["kind"] == kind);
        of_kind.map(|event| event["what"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let auto = ["--set", "train.precision=auto", "--set", "sample.precision=auto"];
    place.succeeds(&[&["tiny.toml", "--run", "run", "--steps", "4"], &auto[..]].concat());
    assert_eq!(both(), [faster.into(); 2]);
    let words = format!("train.precision, sample.precision: {}, ", faster.name());
    assert_eq!(said("chosen").iter().filter(|what| what.starts_with(&words)).count(), 1, "{:?}", said("chosen"));

    // A machine on which bf16 is slow.
    let goes_on = |more: &[&str]| {
        let mut command = place.command(&[&["--resume", "run"], more].concat());
        let output = command.env("DIFFLAB_ISA", "scalar").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    };
    goes_on(&["--steps", "6"]);
    assert_eq!(both(), [faster.into(); 2], "what was decided stays");
    goes_on(&["--steps", "8", "--set", "train.precision=auto"]);
    assert_eq!(both(), [PrecisionChoice::F32, faster.into()], "asked for anew, it is decided anew");
    let changed = said("resume").last().unwrap().contains("train.precision = \"f32\"");
    assert_eq!(changed, PrecisionChoice::from(faster) != PrecisionChoice::F32, "{:?}", said("resume"));

    let refused = place.difflab(&["tiny.toml", "--run", "none", "--set", "train.precision=f16"]);
    let message = stderr(&refused);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(["f32", "bf16", "auto"].iter().all(|name| message.contains(name)), "{message}");
}
