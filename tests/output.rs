//! What the program says must arrive, or be known not to have: full disks, closed pipes, and terminals gone.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// A run small enough for tests, trained once for all of them.
fn run_folder() -> &'static Path {
    static RUN: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs/small");
        let output = train(folder.path(), &path, "train.steps=6").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        (folder, path)
    });
    path
}

fn difflab(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn train(at: &Path, run: &Path, set: &str) -> Command {
    let mut command = difflab(&["mnist-quick", "--no-tui", "--threads", "1", "--run"]);
    command.current_dir(at).arg(run);
    let small = [
        "data.dataset=mnist-10k",
        "data.held_out=32",
        "model.block_out_channels=[8,8]",
        "model.norm_num_groups=4",
        "model.mid_attention=false",
        "train.batch_size=8",
        "train.steps=6",
        "preview.enabled=false",
        set,
    ];
    command.args(small.iter().flat_map(|set| ["--set", set]));
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A device on which every write fails as on a full disk.
#[cfg(target_os = "linux")]
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// A pipe whose reader has gone.
#[cfg(unix)]
fn deserted() -> std::io::PipeWriter {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer
}

/// Every way to print a result; `{run}` is a run's folder.
const PRINTING: [&str; 21] = [
    "--help",
    "--version",
    "help sample",
    "sample --help",
    "--help-config",
    "schedule",
    "schedule linear --format csv",
    "data list",
    "data list --format json",
    "data show two_moons --images ascii",
    "data show two_moons --images halfblock",
    "runs",
    "runs --format json",
    "runs --format csv",
    "runs restore",
    "compare {run} {run}",
    "doctor",
    "doctor {run}",
    "eval {run} --metrics vlb --vlb-images 8 --threads 1",
    "sample {run} --num 1 --steps 2 --images ascii --threads 1",
    "bench mnist-quick --print-unet-config",
];

fn words(line: &str) -> Vec<String> {
    let run = run_folder().display().to_string();
    line.split_whitespace().map(|word| word.replace("{run}", &run)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_could_not_be_written_is_no_success() {
    for line in PRINTING {
        let args = words(line);
        let mut command = difflab(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let output = command.stdout(full()).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.contains("standard output could not be written"), "{line}: {said}");
        assert!(!said.contains("panicked"), "{line}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn whoever_closed_the_pipe_has_read_enough() {
    for line in PRINTING {
        let args = words(line);
        let mut command = difflab(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let output = command.stdout(deserted()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked") && !stderr(&output).contains("pipe"), "{}", stderr(&output));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn remarks_that_nobody_can_hear_cost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_folder().display().to_string();
    let made = |file: &str| folder.path().join(file).exists();
    for full_disk in [true, false] {
        let check = |line: &str, code: i32| {
            let args: Vec<String> = line.split_whitespace().map(|word| word.replace("{run}", &run)).collect();
            let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
            command.args(args).current_dir(folder.path()).stdout(Stdio::null()).stdin(Stdio::null());
            if full_disk {
                command.stderr(full())
            } else {
                command.stderr(deserted())
            };
            assert_eq!(command.status().unwrap().code(), Some(code), "{line}");
        };
        check("sample {run} -q --num 1 --steps 2 --out a.png --trajectory a.gif --threads 1", 0);
        assert!(made("a.png") && made("a.gif"));
        check("export {run} ex --force", 0);
        assert!(made("ex/model_index.json"));
        check("import ex imported", 0);
        assert!(made("imported/config.toml"));
        check("study steps {run} --out st --num 10 --steps 3 --samplers ddim,euler --threads 1", 0);
        assert!(made("st/steps.md"));
        check("schedule --plot s.png", 0);
        check("compare {run} {run} --plot c.png", 0);
        check("data show two_moons --out d.png", 0);
        assert!(made("s.png") && made("c.png") && made("d.png"));
        // What went wrong is told by the code even then.
        check("sample nowhere", 2);
        check("schedule --nonsense", 2);
        for file in ["a.png", "a.gif", "s.png", "c.png", "d.png"] {
            std::fs::remove_file(folder.path().join(file)).unwrap();
        }
        for dir in ["imported", "st"] {
            std::fs::remove_dir_all(folder.path().join(dir)).unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn training_goes_on_where_its_log_cannot_be_written_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (log, name) in [("json", "a"), ("text", "b")] {
        let run = folder.path().join(name);
        let output = train(folder.path(), &run, "train.steps=5").args(["--log", log]).stdout(full()).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.matches("warning: standard output could not be written").count(), 1, "{said}");
        assert!(said.contains("not all of its log"), "{said}");
        let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        assert_eq!(metrics.lines().count(), 5);
        assert!(run.join("checkpoints/step-00000005").is_dir());
    }
    let run = folder.path().join("c");
    let output = train(folder.path(), &run, "train.steps=5").stdout(deserted()).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(run.join("checkpoints/step-00000005").is_dir());
}

#[cfg(target_os = "linux")]
#[test]
fn samples_that_cannot_be_shown_are_in_their_file_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("grid.png");
    let args = words("sample {run} --num 1 --steps 2 --images halfblock --threads 1 --out");
    let mut command = difflab(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let output = command.arg(&out).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("wrote"), "{}", stderr(&output));
    assert!(image::open(&out).is_ok());
}
