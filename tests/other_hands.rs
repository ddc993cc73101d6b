//! The real program where others have been in a run's folder, or look into it too early: what they have done is said,
//! and what is advised is true.

#![cfg(unix)]

mod program;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use program::{hear_signals, signal};

/// Real digits with their classes, and a network small enough for tests.
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
class_conditional = true
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
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    /// The program, in the place, with a home of its own.
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(self.folder.path()).args(words.split_whitespace());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("home"));
        hear_signals(&mut command);
        command
    }

    fn run(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    fn train(&self, more: &str) -> Child {
        self.command(&format!("tiny.toml --no-tui --threads 1 --run runs/one {more}")).spawn().unwrap()
    }

    /// A run of 20 steps with checkpoints of 10 and 20.
    fn trained() -> Self {
        let place = Self::new();
        let output = place.train("").wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        place
    }

    fn steps(&self) -> Vec<u64> {
        let lines = self.text("runs/one/metrics.jsonl");
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["step"].as_u64().unwrap()).collect()
    }

    fn wait_for_steps(&self, steps: u64) {
        let newest = || self.text("runs/one/metrics.jsonl").lines().count() as u64;
        wait_for("the first steps", || newest() >= steps);
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// All that read a checkpoint of a run.
const READERS: [&str; 5] = [
    "sample runs/one -q --out a.png --threads 1",
    "eval runs/one",
    "doctor runs/one",
    "export runs/one exported",
    "study steps runs/one --out st --num 10 --steps 3 --samplers ddim --threads 1",
];

#[test]
fn a_run_that_is_being_trained_has_no_checkpoint_yet_and_is_not_to_be_started_again() {
    let place = Place::new();
    let child = place.train("--steps 100000 --set train.checkpoint_every=50000");
    place.wait_for_steps(3);
    for reader in READERS {
        let output = place.run(reader);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(2), "{reader}: {told}");
        assert!(told.contains("is being trained, and has no checkpoint yet"), "{reader}: {told}");
        assert!(told.contains("after step 50000") && !told.contains("start again"), "{reader}: {told}");
    }
    signal(&child, "KILL");
    child.wait_with_output().unwrap();
    for reader in READERS {
        let told = said(&place.run(reader));
        assert!(told.contains("start again") && !told.contains("being trained"), "{reader}: {told}");
    }
}

#[test]
fn a_file_in_the_place_of_the_checkpoints_is_called_one() {
    let place = Place::trained();
    fs::rename(place.path("runs/one/checkpoints"), place.path("aside")).unwrap();
    fs::write(place.path("runs/one/checkpoints"), "in the way").unwrap();
    let resume = "--no-tui --threads 1 --resume runs/one --steps 22";
    for reader in READERS.into_iter().chain([resume]) {
        let output = place.run(reader);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(2), "{reader}: {told}");
        assert!(told.contains("checkpoints is a file") && told.contains("move the file away"), "{reader}: {told}");
        assert!(!told.contains("start again") && !told.contains("missing"), "{reader}: {told}");
    }
    let listed = said(&place.run("runs"));
    assert!(listed.contains("checkpoints is a file") && !listed.contains("none"), "{listed}");
    fs::remove_file(place.path("runs/one/checkpoints")).unwrap();
    fs::rename(place.path("aside"), place.path("runs/one/checkpoints")).unwrap();
    assert_eq!(place.run(resume).status.code(), Some(0), "what was advised works");
}

#[test]
fn a_rewritten_classes_txt_relabels_nothing_and_is_said() {
    let place = Place::trained();
    let classes = place.text("runs/one/classes.txt");
    let sampled = |file: &str| {
        let name = classes.lines().next().unwrap();
        let output = place.run(&format!("sample runs/one --class {name} -q --out {file} --threads 1"));
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        (fs::read(place.path(file)).unwrap(), said(&output))
    };
    let before = sampled("before.png");
    let reversed: Vec<&str> = classes.lines().rev().collect();
    fs::write(place.path("runs/one/classes.txt"), reversed.join("\n") + "\n").unwrap();
    let after = sampled("after.png");
    assert!(before.0 == after.0, "another class was drawn");
    let differs = "classes.txt calls class 0";
    assert!(!before.1.contains(differs) && after.1.contains(differs), "{}", after.1);
    let exported = place.run("export runs/one exported");
    assert!(said(&exported).contains(differs), "{}", said(&exported));
    let resumed = place.run("--no-tui --threads 1 --resume runs/one --steps 22");
    assert!(said(&resumed).contains(differs) && said(&resumed).contains("rewritten"), "{}", said(&resumed));
    assert_eq!(place.text("runs/one/classes.txt"), classes);
    let quiet = place.run("--no-tui --threads 1 --resume runs/one --steps 24");
    assert!(!said(&quiet).contains("classes.txt"), "{}", said(&quiet));
}

#[test]
fn metrics_that_others_have_cut_off_are_said_to_be_lost_while_it_trains() {
    let place = Place::new();
    let child = place.train("--steps 100000 --set train.checkpoint_every=0");
    place.wait_for_steps(10);
    fs::OpenOptions::new().write(true).open(place.path("runs/one/metrics.jsonl")).unwrap().set_len(0).unwrap();
    let cut = || place.text("runs/one/events.jsonl").matches("cut metrics.jsonl off").count();
    wait_for("the warning", || cut() > 0);
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), cut()), (Some(130), 1), "it is said once: {}", said(&output));
    assert!(said(&output).contains("cut metrics.jsonl off: the lines of steps 1 to "), "{}", said(&output));
    let steps = place.steps();
    assert!(steps[0] > 10 && steps.windows(2).all(|pair| pair[1] == pair[0] + 1), "{steps:?}");
}

#[test]
fn a_run_whose_config_cannot_be_put_back_is_saved_elsewhere_and_nothing_works_again() {
    let place = Place::new();
    let child = place.train("--steps 1000000 --set train.checkpoint_every=0");
    place.wait_for_steps(5);
    // A folder where the new file would be written stands for a lack of permission, which nothing is for root.
    fs::create_dir(place.path("runs/one/.config.toml.partial")).unwrap();
    fs::write(place.path("runs/one/.config.toml.partial/x"), "").unwrap();
    fs::remove_file(place.path("runs/one/config.toml")).unwrap();
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    let told = said(&output);
    assert!(told.contains("difflab-rescued/one") && !told.contains("writing works again"), "{told}");
    let resumed = place.run("--no-tui --threads 1 --resume home/difflab-rescued/one --steps 1");
    assert!(said(&resumed).contains("steps, and train.steps = 1 asks for fewer"), "{}", said(&resumed));
}

#[test]
fn an_automatic_snapshot_that_was_whole_before_a_kill_is_not_made_twice() {
    let place = Place::new();
    let due = "--set train.checkpoint_every=10 --set preview.snapshot_every=15";
    // Stopped behind the snapshot of step 15, the run comes by it again.
    let output = place.train(&format!("--steps 20 {due}")).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    fs::remove_dir_all(place.path("runs/one/checkpoints/step-00000020")).unwrap();
    let resumed = place.run("--no-tui --threads 1 --resume runs/one --steps 20");
    assert!(said(&resumed).contains("\"start_step\":10"), "{}", said(&resumed));
    let names = || {
        let entries = fs::read_dir(place.path("runs/one/snapshots")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["step-00000015"]);
    // Other weights make another.
    fs::remove_dir_all(place.path("runs/one/checkpoints/step-00000020")).unwrap();
    let resumed = place.run("--no-tui --threads 1 --resume runs/one --steps 20 --set train.learning_rate=0.01");
    assert!(said(&resumed).contains("\"start_step\":10"), "{}", said(&resumed));
    assert_eq!(names(), ["step-00000015", "step-00000015-2"]);
}

#[test]
fn places_that_nothing_can_be_written_in_are_refused_before_the_work_with_a_cure() {
    let place = Place::trained();
    assert_eq!(place.run("export runs/one exported").status.code(), Some(0));
    // Below a file no folder can be.
    for command in ["export runs/one tiny.toml/x", "import exported tiny.toml/x"] {
        let output = place.run(command);
        assert_eq!(output.status.code(), Some(2), "{command}: {}", said(&output));
        assert!(said(&output).contains("choose another place"), "{command}: {}", said(&output));
    }
}
