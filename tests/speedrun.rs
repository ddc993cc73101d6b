//! `difflab speedrun` with the real program, and the bench that runs a list of recipes by it.

#[cfg(unix)]
mod program;
#[path = "../benches/time_to_digits/recipes.rs"]
mod recipes;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const DIFFLAB: &str = env!("CARGO_BIN_EXE_difflab");

/// Points that a small network learns, and so few of them that they are compared in no time.
const MOONS: [&str; 4] = ["data.num_points=3000", "data.held_out=500", "preview.num=50", "train.checkpoint_every=20"];

/// A folder for temporary files: what a speedrun leaves behind lies there.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tmp")).unwrap();
        Self { root }
    }

    fn tmp(&self) -> std::path::PathBuf {
        self.root.path().join("tmp")
    }

    fn difflab(&self, words: &[&str]) -> Command {
        let mut command = Command::new(DIFFLAB);
        command.arg("speedrun").args(words).current_dir(self.root.path()).env("TMPDIR", self.tmp());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.tmp()).unwrap().next().is_none()
    }
}

fn moons<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let sets = MOONS.iter().flat_map(|set| ["--set", *set]);
    ["two-moons"].into_iter().chain(sets).chain(more.iter().copied()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_cannot_be_timed_is_refused_before_anything_is_trained() {
    let place = Place::new();
    for (words, wanted) in [
        ("mnits", "mnist"),
        ("emoji", "emoji can't be timed: the bundled judges read 28×28 grey digits and clothes"),
        ("mnist-ddpm", "its network knows no classes"),
        ("mnist-quick --num 15", "--num 15: equally many of each of the 10 classes are drawn; use 10 or 20"),
        ("mnist-quick --set seed=3", "--set seed: --seeds chooses them"),
        ("mnist-quick --set train.keep_checkpoints=3", "leave it out"),
        ("mnist-quick --set train.batchsize=3", "train.batch_size"),
        ("mnist-quick --set train.batch_size=0", "train.batch_size"),
        ("mnist-quick --limit -3", "--limit"),
        ("two-moons --target 0", "such as 3"),
    ] {
        let output = place.difflab(&words.split(' ').collect::<Vec<_>>()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {}", said(&output));
        assert!(said(&output).contains(wanted), "{words}: {}", said(&output));
        assert!(output.stdout.is_empty() && place.is_empty(), "{words}");
    }
}

#[test]
fn a_short_speedrun_times_its_checkpoints_and_leaves_nothing_behind() {
    let place = Place::new();
    // Over after five checkpoints, on a slow machine as well.
    let options = "--set train.steps=100 --seeds 1 --num 100 --target 1000000,1 --curve --format json";
    let output = place.difflab(&moons(&options.split(' ').collect::<Vec<_>>())).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(place.is_empty());
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    let seed = &row["seeds"][0];
    let checkpoints = seed["checkpoints"].as_array().unwrap();
    let seconds: Vec<f64> = checkpoints.iter().map(|saved| saved["seconds"].as_f64().unwrap()).collect();
    assert!(seconds.is_sorted() && seconds.last().unwrap() <= &20.0, "{seconds:?}");
    let steps: Vec<u64> = checkpoints.iter().map(|saved| saved["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [20, 40, 60, 80, 100]);
    // Any points are so near; the first checkpoint counts, since there is a second.
    assert_eq!(seed["reached"][0], checkpoints[0]);
    assert_eq!(row["targets"][0]["seconds"]["median"], checkpoints[0]["seconds"]);
    assert_eq!(seed["curve"].as_array().unwrap().len(), checkpoints.len());
    let rate = row["images_per_second"]["median"].as_f64().unwrap();
    let last = checkpoints.last().unwrap();
    assert!((rate - last["step"].as_f64().unwrap() * 256.0 / last["seconds"].as_f64().unwrap()).abs() < 1e-6);
    assert_eq!(
        (&row["config"], &row["by_the_rules"], &row["set"][3]),
        (&"two-moons".into(), &false.into(), &MOONS[3].into())
    );
    assert!(said(&output).contains("seed 0: 1000000 × real after "), "{}", said(&output));
}

#[test]
fn too_few_checkpoints_are_said_with_what_to_do() {
    let place = Place::new();
    let words = ["--seeds", "1", "--limit", "0.5", "--set", "train.checkpoint_every=1000000"];
    let output = place.difflab(&moons(&words)).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("no checkpoint after 0.5 s") && said(&output).contains("--limit"),
        "{}",
        said(&output)
    );
    assert!(place.is_empty());
}

/// Processes whose command line names a folder.
#[cfg(target_os = "linux")]
fn at_work_in(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let names = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).unwrap_or_default();
    let lines = fs::read_dir("/proc").unwrap().flatten().map(names);
    lines.filter(|line| String::from_utf8_lossy(line).contains(folder)).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_the_training_with_it_and_leaves_no_folder() {
    for name in ["INT", "TERM", "KILL"] {
        let place = Place::new();
        let mut command = place.difflab(&moons(&["--limit", "60", "--seeds", "3"]));
        program::hear_signals(&mut command);
        let child = command.spawn().unwrap();
        let begun = Instant::now();
        while at_work_in(&place.tmp()) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "no training begins");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(500));
        let asked = Instant::now();
        program::signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
        while at_work_in(&place.tmp()) > 0 {
            assert!(asked.elapsed() < Duration::from_secs(6), "{name}: the training goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
        if name != "KILL" {
            assert_eq!(output.status.code(), Some(130), "{}", said(&output));
            assert!(said(&output).contains("interrupted") && place.is_empty(), "{name}: {}", said(&output));
        }
    }
}

#[test]
fn a_list_of_recipes_is_measured_once_and_a_failure_stops_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (file, ledger) = (dir.path().join("recipes.toml"), dir.path().join("ledger.jsonl"));
    let sets: Vec<String> = MOONS.iter().map(|set| format!("\"{set}\"")).collect();
    let recipe = |name: &str, set: &str| {
        format!(
            "[[recipe]]\nname = \"{name}\"\nconfig = \"two-moons\"\nset = [{}, \"train.steps=60\", \"{set}\"]\nseeds = 1\nlimit = 60\ntarget = \
             [1e6]\n",
            sets.join(", ")
        )
    };
    let text = recipe("slower", "train.learning_rate=1e-3") + &recipe("wrong", "train.beta1=7");
    fs::write(&file, &text).unwrap();
    let recipes = recipes::read(&file).unwrap();
    let measured = recipes::measure(Path::new(DIFFLAB), &recipes, &ledger).unwrap();
    assert!(measured[0].is_ok(), "{measured:?}");
    assert!(measured[1].as_ref().unwrap_err().contains("train.beta1"), "{measured:?}");
    let table = recipes::table(&recipes, &measured);
    let mut lines = table.lines();
    let header = "| recipe | settings | seeds | seconds to 1000000 × real: median (least–most) | images/s |";
    assert_eq!(lines.next().unwrap(), header);
    assert!(lines.nth(1).unwrap().starts_with("| slower | `two-moons` `data.num_points=3000`"), "{table}");
    assert!(lines.next().unwrap().contains("failed: difflab: "), "{table}");

    // What is in the ledger is not measured again, not under another name either; other settings are.
    let kept = fs::read_to_string(&ledger).unwrap();
    assert_eq!(kept.lines().count(), 1, "the failure is not kept");
    fs::write(&ledger, kept.clone() + "{\"key\": {\"torn").unwrap();
    fs::write(&file, recipe("renamed", "train.learning_rate=1e-3") + &recipe("faster", "train.learning_rate=4e-3"))
        .unwrap();
    let recipes = recipes::read(&file).unwrap();
    let again = recipes::measure(Path::new(DIFFLAB), &recipes, &ledger).unwrap();
    assert_eq!(again[0], measured[0]);
    assert!(again[1].is_ok() && again[1] != measured[0]);
    let lines: Vec<String> = fs::read_to_string(&ledger).unwrap().lines().map(String::from).collect();
    assert_eq!((lines.len(), serde_json::from_str::<Value>(&lines[2]).unwrap()["name"].as_str()), (3, Some("faster")));

    for (wrong, named) in
        [("[[recipe]]\nnam = 1\n", "nam"), (&(text.clone() + &text), "slower"), ("recipe = 3", "recipe")]
    {
        fs::write(&file, wrong).unwrap();
        assert!(recipes::read(&file).unwrap_err().contains(named), "{wrong}");
    }
}
