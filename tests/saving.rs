//! The real program where writing fails, and where others touch its run folder: nothing that was learned is lost.

#![cfg(unix)]

mod program;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use candle_core::Device;
use difflab::config::Config;
use difflab::lab::{self, Audience, Event, Lab, LabPlan, RunChoice};
use difflab::run::{checkpoint, read_events};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use program::{hear_signals, signal};

/// Real digits, and a network small enough for tests.
const TINY: &str = r#"
name = "tiny"
seed = 3
[data]
dataset = "mnist-10k"
held_out = 16
[diffusion]
timesteps = 20
[model]
block_out_channels = [8, 8]
norm_num_groups = 4
mid_attention = false
[train]
steps = 20
batch_size = 4
warmup_steps = 2
eval_every = 0
checkpoint_every = 10
timestep_loss_every = 5
timestep_bins = 5
[preview]
enabled = false
steps = 5
[sample]
steps = 3
num = 2
"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        for name in ["home", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with arguments, in the place, with a home of its own.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp"));
        hear_signals(&mut command);
        command
    }

    fn train(&self, args: &[&str]) -> Command {
        let all = [&["tiny.toml", "--no-tui", "--threads", "1", "--run", "run"], args].concat();
        self.command(env!("CARGO_BIN_EXE_difflab"), &all)
    }

    fn resume(&self, args: &[&str]) -> Output {
        let all = [&["--no-tui", "--threads", "1", "--resume"], args].concat();
        self.command(env!("CARGO_BIN_EXE_difflab"), &all).output().unwrap()
    }

    /// Trains where no file may grow beyond `blocks` × 512 bytes: a stand-in for a disk that fills up, half-written
    /// lines included. The limit can be raised from outside.
    fn train_with_little_room(&self, blocks: usize, args: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_difflab");
        let given = args.join(" ");
        let script = format!("ulimit -S -f {blocks}; exec {program} tiny.toml --no-tui --threads 1 --run run {given}");
        self.command("sh", &["-c", &script])
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    fn metrics(&self, run: &str) -> Vec<u64> {
        whole_lines(&self.text(&format!("{run}/metrics.jsonl")))
            .iter()
            .map(|line| line["step"].as_u64().unwrap())
            .collect()
    }

    fn wait_for_steps(&self, run: &str, steps: usize) {
        wait_for("the first steps", || self.text(&format!("{run}/metrics.jsonl")).lines().count() >= steps);
    }
}

/// A program that runs, and what it has told so far.
struct Running {
    child: Child,
    told: Arc<Mutex<String>>,
}

impl Running {
    fn new(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let told = Arc::new(Mutex::new(String::new()));
        let (lines, all) = (BufReader::new(child.stdout.take().unwrap()).lines(), told.clone());
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| all.lock().unwrap().push_str(&(line + "\n")))
        });
        Self { child, told }
    }

    fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }
}

/// Every line of a file of JSON lines; it ends in a whole one.
fn whole_lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "a torn line: {text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
fn make_room(child: &Child) {
    let done = Command::new("prlimit").args(["--pid", &child.id().to_string(), "--fsize=unlimited"]).status().unwrap();
    assert!(done.success());
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn assert_goes_on(place: &Place, run: &str, from: u64) {
    let output = place.resume(&[run, "--steps", &(from + 2).to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains(&format!("\"start_step\":{from}")), "{}", stdout(&output));
    assert_eq!(place.metrics(run), (1..=from + 2).collect::<Vec<_>>(), "no step twice, none missing");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_waited_out_and_nothing_is_lost() {
    let place = Place::new();
    let settings = ["--steps", "200", "--set", "train.checkpoint_every=20"];
    let mut run = Running::new(place.train_with_little_room(16, &settings));
    wait_for("all steps", || run.told().contains("\"waiting\""));
    let full = place.metrics("run");
    assert!((1..100).contains(&full.len()), "{} lines had room", full.len());
    assert!(place.text("run/events.jsonl").ends_with('\n'));
    let told = run.told();
    let warnings = told.matches("cannot be written").count();
    assert!((1..=3).contains(&warnings), "it is said once a cause: {told}");
    assert!(told.contains("tried again") && !told.contains("--resume"), "{told}");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(run.child.try_wait().unwrap(), None, "it waits");

    make_room(&run.child);
    assert_eq!(run.child.wait().unwrap().code(), Some(0));
    assert_eq!(place.metrics("run"), (1..=200).collect::<Vec<_>>());
    let rows: Vec<u64> =
        whole_lines(&place.text("run/timestep_loss.jsonl")).iter().map(|row| row["step"].as_u64().unwrap()).collect();
    assert_eq!(rows, (1..=40).map(|i| 5 * i).collect::<Vec<_>>());
    assert!(whole_lines(&place.text("run/events.jsonl")).iter().any(|event| event["kind"] == "written"));
    let last = checkpoint::newest_good(&place.path("run")).unwrap();
    assert_eq!((last.0, last.2), (200, Vec::new()));
    assert_goes_on(&place, "run", 200);
}

#[cfg(target_os = "linux")]
#[test]
fn training_pauses_when_nothing_can_be_saved_for_long_and_goes_on_by_itself() {
    let place = Place::new();
    let patience = ["--set", "train.checkpoint_every=0", "--set", "train.save_patience_s=0.2"];
    let command = place.train_with_little_room(16, &[&["--steps", "1000000"][..], &patience].concat());
    let run = Running::new(command);
    wait_for("the pause", || run.told().contains("\"waiting\""));
    let steps = || run.told().matches("\"type\":\"step\"").count();
    // The steps before it have been told.
    let standing = steps();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(steps(), standing, "it stands still");
    make_room(&run.child);
    wait_for("more steps", || steps() > standing + 20);
    signal(&run.child, "TERM");
    let output = run.child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let all = place.metrics("run");
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
    assert_goes_on(&place, "run", all.len() as u64);
}

/// A file in the place of the folder for checkpoints stands for one that cannot be written to (which nothing
/// is for root).
fn forbid_checkpoints(place: &Place) {
    fs::write(place.path("run/checkpoints"), "in the way").unwrap();
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_owed_until_it_can() {
    let place = Place::new();
    let args = ["--steps", "100000", "--set", "train.checkpoint_every=5"];
    let child = place.train(&[&args[..], &["--set", "train.keep_checkpoints=1"]].concat()).spawn().unwrap();
    wait_for("a checkpoint", || place.path("run/checkpoints").is_dir());
    // In the midst of the training.
    while fs::rename(place.path("run/checkpoints"), place.path("aside")).is_err() {}
    while fs::write(place.path("run/checkpoints"), "in the way").is_err() {
        fs::remove_dir_all(place.path("run/checkpoints")).unwrap();
    }
    wait_for("the warning", || place.text("run/events.jsonl").contains("where a folder should be"));
    fs::remove_file(place.path("run/checkpoints")).unwrap();
    wait_for("a checkpoint", || checkpoint::newest_good(&place.path("run")).is_ok());
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let done = place.metrics("run").len() as u64;
    assert_goes_on(&place, "run", done);
}

#[test]
fn a_run_that_cannot_be_saved_at_its_end_is_saved_elsewhere_whole() {
    let place = Place::new();
    let child = place.train(&["--steps", "100000", "--set", "train.checkpoint_every=0"]).spawn().unwrap();
    place.wait_for_steps("run", 5);
    forbid_checkpoints(&place);
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let elsewhere = "home/difflab-rescued/run";
    assert!(stderr(&output).contains(elsewhere), "where it is saved is said: {}", stderr(&output));
    let told = stdout(&output) + &stderr(&output) + &place.text(&format!("{elsewhere}/events.jsonl"));
    assert!(!told.contains("writing works again"), "nothing was written here: {told}");
    let done = place.metrics(elsewhere).len() as u64;
    assert!(done >= 5);
    for file in ["config.toml", "README.md", "classes.txt", "run.json", "events.jsonl"] {
        assert!(place.path(elsewhere).join(file).is_file(), "{file} is missing");
    }
    assert_goes_on(&place, elsewhere, done);
}

#[test]
fn a_finished_run_that_cannot_be_saved_waits_a_while_and_is_saved_elsewhere() {
    let place = Place::new();
    let patience = ["--set", "train.checkpoint_every=0", "--set", "train.save_patience_s=1.5"];
    let child = place.train(&[&["--steps", "300"][..], &patience].concat()).spawn().unwrap();
    place.wait_for_steps("run", 5);
    forbid_checkpoints(&place);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("home/difflab-rescued/run"), "{}", stderr(&output));
    assert_goes_on(&place, "home/difflab-rescued/run", 300);
}

#[test]
fn a_config_that_is_deleted_meanwhile_is_written_anew() {
    let place = Place::new();
    let child = place.train(&["--steps", "100000", "--set", "train.checkpoint_every=0"]).spawn().unwrap();
    place.wait_for_steps("run", 5);
    for file in ["config.toml", "run.json"] {
        fs::remove_file(place.path("run").join(file)).unwrap();
    }
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("config.toml, run.json were missing"), "{}", stderr(&output));
    assert_goes_on(&place, "run", place.metrics("run").len() as u64);
}

#[test]
fn an_emptied_config_in_a_checkpoint_makes_it_a_damaged_one() {
    let place = trained();
    fs::write(place.path("run/checkpoints/step-00000020/difflab/config.toml"), "").unwrap();
    let output = place.resume(&["run", "--steps", "22"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("\"start_step\":10"), "{}", stdout(&output));
}

#[test]
fn a_run_that_can_be_saved_nowhere_says_so_and_promises_nothing() {
    let place = Place::new();
    let mut command = place.train(&["--steps", "100000", "--set", "train.checkpoint_every=0"]);
    // A file where folders should go.
    command.env("HOME", place.path("tiny.toml")).env("TMPDIR", place.path("tiny.toml"));
    let child = command.spawn().unwrap();
    place.wait_for_steps("run", 5);
    forbid_checkpoints(&place);
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let said = stderr(&output);
    assert!(said.contains("could not be saved") && said.contains("no checkpoint to continue from"), "{said}");
    assert!(!said.contains("--resume"), "{said}");
    assert!(stdout(&output).trim_end().ends_with("\"type\":\"ended\"}"), "{}", stdout(&output));
    assert!(stdout(&output).contains("\"ok\":false"));
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
#[test]
fn a_folder_that_is_renamed_is_followed() {
    let place = Place::new();
    let child = place.train(&["--steps", "400", "--set", "train.checkpoint_every=50"]).spawn().unwrap();
    place.wait_for_steps("run", 20);
    fs::rename(place.path("run"), place.path("moved")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!place.path("run").exists(), "nothing is made at the old place");
    assert!(stdout(&output).contains("\"type\":\"moved\"") && stderr(&output).contains("moved"), "{}", stderr(&output));
    assert_eq!(place.metrics("moved"), (1..=400).collect::<Vec<_>>());
    assert_eq!(checkpoint::newest_good(&place.path("moved")).unwrap().0, 400);
    assert_goes_on(&place, "moved", 400);
}

#[test]
fn a_folder_that_is_deleted_is_written_anew_whole() {
    let place = Place::new();
    let child = place.train(&["--steps", "400", "--set", "train.checkpoint_every=50"]).spawn().unwrap();
    place.wait_for_steps("run", 20);
    // New files may come in between.
    while fs::remove_dir_all(place.path("run")).is_err() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("was deleted"), "{}", stderr(&output));
    assert_eq!(place.metrics("run"), (1..=400).collect::<Vec<_>>());
    for file in ["config.toml", "README.md", "classes.txt", "events.jsonl"] {
        assert!(place.path("run").join(file).is_file(), "{file} is missing");
    }
    assert_goes_on(&place, "run", 400);
}

#[test]
fn a_folder_that_is_deleted_just_before_the_end_is_no_success_without_a_checkpoint() {
    let place = Place::new();
    let args = ["--steps", "100000", "--set", "train.checkpoint_every=0"];
    let child = place.train(&args).spawn().unwrap();
    place.wait_for_steps("run", 10);
    while fs::remove_dir_all(place.path("run")).is_err() {}
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let done = place.metrics("run").len() as u64;
    assert!(done >= 10);
    assert_goes_on(&place, "run", done);
}

/// A run of 20 steps with checkpoints of 10 and 20.
fn trained() -> Place {
    let place = Place::new();
    let output = place.train(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    place
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn pruning_keeps_what_is_whole_and_counts_nothing_else() {
    let place = trained();
    let checkpoints = place.path("run/checkpoints");
    let damaged = checkpoints.join("step-00000020/difflab/weights.safetensors");
    fs::write(&damaged, &fs::read(&damaged).unwrap()[..1000]).unwrap();
    let output = place.resume(&["run", "--steps", "15", "--set", "train.keep_checkpoints=1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(names(&checkpoints), ["step-00000015", "step-00000020"], "the damaged one is left to its owner");
    assert_eq!(checkpoint::newest_good(&place.path("run")).unwrap().0, 15);
    assert_goes_on(&place, "run", 15);
}

#[test]
fn a_copied_checkpoint_is_what_its_own_state_says() {
    let place = trained();
    let checkpoints = place.path("run/checkpoints");
    copy(&checkpoints.join("step-00000010"), &checkpoints.join("step-00000099"));
    assert_goes_on(&place, "run", 20);
    let output = place.resume(&["run", "--steps", "40", "--set", "train.keep_checkpoints=2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        names(&checkpoints),
        ["step-00000030", "step-00000040", "step-00000099"],
        "a copy neither counts nor goes"
    );
    // In the way of the program's own, it steps aside.
    fs::rename(checkpoints.join("step-00000099"), checkpoints.join("step-00000050")).unwrap();
    assert_goes_on(&place, "run", 40);
    let output = place.resume(&["run", "--steps", "50"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(names(&checkpoints).contains(&"step-00000050.aside".to_string()), "{:?}", names(&checkpoints));
    assert_goes_on(&place, "run", 50);
}

#[test]
fn a_checkpoint_of_another_run_is_refused_with_a_sentence() {
    let (place, other) = (trained(), Place::new());
    let output = other.train(&["--seed", "8", "--steps", "30"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    copy(&other.path("run/checkpoints/step-00000030"), &place.path("run/checkpoints/step-00000030"));
    let output = place.resume(&["run", "--steps", "22"]);
    let told = stdout(&output);
    assert!(told.contains("another run") && told.contains("seed 8") && told.contains("\"start_step\":20"), "{told}");
    // Nothing else is there: it cannot go on.
    for step in ["10", "20", "22"] {
        let _ = fs::remove_dir_all(place.path(&format!("run/checkpoints/step-000000{step}")));
    }
    let output = place.resume(&["run", "--steps", "40"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("another run"), "{}", stderr(&output));
}

#[test]
fn what_killed_processes_left_half_done_is_swept_and_a_lone_old_checkpoint_comes_back() {
    let place = trained();
    let checkpoints = place.path("run/checkpoints");
    fs::rename(checkpoints.join("step-00000020"), checkpoints.join(".step-00000020.old")).unwrap();
    let half = ["checkpoints/.step-00000030.partial", "snapshots/.step-00000010-4711.partial"];
    for folder in half {
        fs::create_dir_all(place.path("run").join(folder)).unwrap();
        fs::write(place.path("run").join(folder).join("weights"), "half").unwrap();
    }
    fs::create_dir(place.path("run/previews")).unwrap();
    fs::write(place.path("run/previews/.step-00000010.png.partial"), "half").unwrap();
    let sampled = place.command(env!("CARGO_BIN_EXE_difflab"), &["sample", "run", "-q", "--out", "a.png"]).output();
    assert_eq!(sampled.unwrap().status.code(), Some(0), "readers find it, too");
    let runs = difflab::run::catalogue::Summary::of(&place.path("run"));
    assert_eq!((runs.snapshots, runs.checkpoints), (0, vec![10, 20]), "half-written ones do not count");
    assert_goes_on(&place, "run", 20);
    for folder in half {
        assert!(!place.path("run").join(folder).exists(), "{folder} is still there");
    }
    assert_eq!(names(&place.path("run/previews")), Vec::<String>::new());
}

#[test]
fn a_run_of_a_difflab_without_run_ids_goes_on() {
    let place = trained();
    fs::remove_file(place.path("run/run.json")).unwrap();
    for step in ["10", "20"] {
        let folder = place.path(&format!("run/checkpoints/step-000000{step}"));
        let file = folder.join("difflab/state.json");
        let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let keys = state.as_object_mut().unwrap();
        assert!(keys.remove("run").is_some() && keys.remove("seed").is_some());
        let text = serde_json::to_string_pretty(&state).unwrap();
        fs::write(&file, &text).unwrap();
        let sum: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        let sums = folder.join("difflab/checksums.sha256");
        let lines = fs::read_to_string(&sums).unwrap();
        let other = |line: &str| match line.ends_with("  difflab/state.json") {
            true => format!("{sum}  difflab/state.json\n"),
            false => format!("{line}\n"),
        };
        fs::write(&sums, lines.lines().map(other).collect::<String>()).unwrap();
    }
    assert_goes_on(&place, "run", 20);
    assert!(place.path("run/run.json").is_file());
}

#[test]
fn divergence_keeps_the_last_finite_weights_and_says_what_applies() {
    let place = Place::new();
    let wild = ["--steps", "200", "--set", "train.learning_rate=1e30", "--set", "train.checkpoint_every=0"];
    let output = place.train(&wild).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("diverged") && said.contains("train.learning_rate = 1e29"), "{said}");
    assert!(!said.contains("untouched") && !said.contains("max_grad_norm"), "{said}");
    assert!(said.contains("no earlier checkpoint") && !said.contains("--resume"), "{said}");
    let (step, path) = checkpoint::all(&place.path("run")).pop().expect("the last finite weights");
    assert_eq!(step, place.metrics("run").len() as u64);
    for file in ["difflab/weights.safetensors", "unet/diffusion_pytorch_model.safetensors"] {
        for (name, tensor) in candle_core::safetensors::load(path.join(file), &Device::Cpu).unwrap() {
            let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(values.iter().all(|x| x.is_finite()), "{name} in {file}");
        }
    }
}

#[test]
fn what_is_no_file_among_a_runs_files_is_named_and_not_waited_for() {
    let place = trained();
    for (name, checkpoint) in [("metrics.jsonl", false), ("run.json", false), ("weights.safetensors", true)] {
        let run = format!("with-{name}");
        copy(&place.path("run"), &place.path(&run));
        let newest = checkpoint::all(&place.path(&run)).pop().unwrap().1;
        let path = if checkpoint { newest.join("difflab").join(name) } else { place.path(&run).join(name) };
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let output = place.resume(&[&run, "--steps", "22"]);
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains(name) && said.contains("a FIFO"), "{said}");
        // Of a checkpoint that can't be read an older one takes the place, if there is one.
        assert!(checkpoint || output.status.code() == Some(2), "{said}");
    }
}

#[test]
fn a_history_that_others_have_emptied_is_said_to_have_a_gap() {
    let place = trained();
    fs::write(place.path("run/metrics.jsonl"), "").unwrap();
    let output = place.resume(&["run", "--steps", "22"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stdout(&output) + &stderr(&output);
    assert!(told.contains("metrics.jsonl has no line of steps 1 to"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_folder_whose_name_is_no_utf_8_is_trained_in() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let train = ["tiny.toml", "--no-tui", "--threads", "1", "--steps", "2"];
    let mut command = place.command(env!("CARGO_BIN_EXE_difflab"), &train);
    let name = std::ffi::OsStr::from_bytes(b"inv\xff");
    let output = command.args([std::ffi::OsStr::new("--run"), name]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(place.folder.path().join(name).join("checkpoints").is_dir());
}

#[test]
fn a_start_that_fails_leaves_no_folder_that_refuses_the_next() {
    let place = Place::new();
    let output = place.train_with_little_room(1, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(!place.path("run").exists());
    assert_eq!(place.train(&["--steps", "2"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn a_snapshot_that_a_kill_has_cost_is_made_up_for_or_its_loss_is_noted() {
    let place = Place::new();
    let output = place.train(&["--set", "preview.snapshot_every=10"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(names(&place.path("run/snapshots")), ["step-00000010", "step-00000020"]);
    // As if it had been killed while it wrote them.
    fs::remove_dir_all(place.path("run/snapshots")).unwrap();
    let events = place.text("run/events.jsonl");
    let kept: Vec<&str> = events.lines().filter(|line| !line.contains("\"kind\":\"snapshot\"")).collect();
    assert_eq!(kept.len(), events.lines().count() - 2);
    fs::write(place.path("run/events.jsonl"), kept.join("\n") + "\n").unwrap();
    assert_goes_on(&place, "run", 20);
    assert_eq!(names(&place.path("run/snapshots")), ["step-00000020"], "its weights are those of the checkpoint");
    let lost = read_events(&place.path("run")).unwrap().into_iter().find(|event| event.kind == "snapshot_lost");
    assert_eq!(lost.map(|event| event.step), Some(10));
}

#[test]
fn a_lab_that_cannot_save_asks_and_saves_where_it_is_told_to() {
    let place = Place::new();
    let mut config = Config::from_toml(TINY, "tiny").unwrap();
    (config.train.steps, config.train.checkpoint_every) = (1_000_000, 0);
    let run = RunChoice::New { dir: Some(place.path("run")) };
    let (device, audience) = (Device::Cpu, Audience::Screen);
    let plan = LabPlan {
        config,
        run,
        device,
        threads: 1,
        accept_data: false,
        audience,
        warnings: vec![],
        chosen: vec![],
        after_step: None,
        racing: None,
        stage: None,
        then: None,
    };
    let lab = Lab::spawn(plan).unwrap();
    let wait = |wanted: &dyn Fn(&Event) -> bool| {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let event = lab.events.recv_deadline(end).expect("an event that never came");
            if wanted(&event) {
                return event;
            }
        }
    };
    wait(&|event| matches!(event, Event::Step(record) if record.step >= 3));
    forbid_checkpoints(&place);
    lab.commands.send(lab::Command::Leave).unwrap();
    let Event::CannotSave { reason, .. } = wait(&|event| matches!(event, Event::CannotSave { .. })) else {
        unreachable!()
    };
    assert!(reason.contains("where a folder should be"), "{reason}");
    wait(&|event| matches!(event, Event::Step(_)));
    // A place that does not take it either is said, and the run stays open.
    lab.commands.send(lab::Command::SaveElsewhere { dir: place.path("tiny.toml/x") }).unwrap();
    wait(&|event| matches!(event, Event::CannotSave { .. }));
    lab.commands.send(lab::Command::SaveElsewhere { dir: place.path("kept") }).unwrap();
    wait(&|event| matches!(event, Event::FolderMoved { dir, .. } if *dir == place.path("kept")));
    wait(&|event| matches!(event, Event::Ended(Ok(()))));
    let ending = lab.join().unwrap();
    assert_eq!(ending.run_dir, place.path("kept"));
    assert_goes_on(&place, "kept", ending.step);
}
