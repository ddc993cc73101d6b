//! A setting that needs another run: the one on the screen stays until that has made a step.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::lab::{Lab, Setup, step_on};
use super::{events, newest, trained_to};

/// Every step has its line.
const EACH: &[&str] = &["--set", "train.log_every=1"];

/// Types the line, and says yes.
fn ask_for(lab: &mut Lab, line: &str) {
    lab.press(&format!(":{line}\r"));
    lab.wait_for("the question", |screen| screen.contains("tart another with it?"));
    lab.press("y");
}

/// Step and loss of each line.
fn losses(run: &Path) -> Vec<(u64, f64)> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    lines.map(|line| (line["step"].as_u64().unwrap(), line["loss"].as_f64().unwrap())).collect()
}

/// Trains on in `run` without a screen, until it has the line of `step`.
fn train_on(run: &Path, step: u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
    command.args(["--resume", "run", "--no-tui", "--threads", "1"]).current_dir(run.parent().unwrap());
    let log = std::fs::File::create(run.with_file_name("log")).unwrap();
    let mut child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let start = Instant::now();
    while losses(run).last().is_none_or(|(last, _)| *last < step) {
        assert!(start.elapsed() < Duration::from_secs(45), "it does not go on");
        std::thread::sleep(Duration::from_millis(50));
    }
    let stopped = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_key_that_cannot_change_in_a_run_starts_another_beside_it() {
    let mut lab = Lab::start(&Setup { columns: 160, arguments: EACH, ..Setup::default() });
    lab.wait_for("training", trained_to(5));
    ask_for(&mut lab, "model.dropout=0.1");
    let screen = lab.wait_for("the new run", |screen| screen.contains("this run is in"));
    assert!(screen.contains("mnist-dropout-0.1") && screen.contains("difflab --resume run"), "{screen}");
    lab.wait_for("its training", trained_to(5));
    assert!(!lab.modes_are_as_before(), "the screen stays");
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    lab.assert_restored();
    assert_eq!(lab.folders(), ["mnist-dropout-0.1", "run"]);
    let (old, new) = (lab.run_dir(), lab.run_dir().with_file_name("mnist-dropout-0.1"));
    let config = |run: &Path| std::fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config(&new).contains("dropout = 0.1") && !config(&old).contains("dropout = 0.1"));
    assert!(newest(&new.join("checkpoints")).is_some(), "the new run has no checkpoint");
    assert_eq!(lab.screen().matches("difflab --resume").count(), 2, "{}", lab.screen());

    // The old one goes on as one does that was never left.
    let left_at = losses(&old).last().unwrap().0;
    assert!(
        newest(&old.join("checkpoints")).unwrap().ends_with(format!("step-{left_at:08}")),
        "saved at its last step"
    );
    train_on(&old, left_at + 20);
    let mut control = Lab::start(&Setup { arguments: EACH, ..Setup::default() });
    control.wait_for("the same steps", trained_to(left_at + 21));
    assert_eq!(control.end(), 130);
    let (mut resumed, mut never_left) = (losses(&old), losses(&control.run_dir()));
    let both = (left_at + 20) as usize;
    resumed.truncate(both);
    never_left.truncate(both);
    assert_eq!(resumed, never_left, "bit for bit");
}

#[test]
fn a_new_run_that_cannot_begin_costs_nothing_of_the_old_one() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(5));
    let lines = [
        // No data; data that a folder of pictures can't be; a combination that shows only with the data.
        "data.dataset=images data.path=nowhere",
        "data.dataset=npz data.path=run/config.toml",
        "data.held_out=20000",
    ];
    for line in lines {
        ask_for(&mut lab, line);
        let screen = lab.wait_for("the reason", |screen| screen.contains("This run goes on"));
        assert!(screen.contains("could not begin"), "{line}: {screen}");
        // Nothing acts on what lies behind.
        lab.press("dwq ");
        lab.press("\x1b");
        let back = lab.wait_for("the old run", |screen| !screen.contains("This run goes on"));
        let step = step_on(&back).unwrap();
        lab.wait_for("its training", trained_to(step + 20));
        assert_eq!(lab.folders(), ["run"], "{line}");
    }
    assert!(!events(&lab).contains("\"setting\""), "{}", events(&lab));
    // The line is there to be mended.
    ask_for(&mut lab, "data.held_out=20000");
    lab.wait_for("the reason", |screen| screen.contains("This run goes on"));
    lab.press(":");
    lab.wait_for("the line", |screen| screen.contains("held_out=20000"));
    lab.press("\x7f\x7f\x7f\r");
    lab.wait_for("the question", |screen| screen.contains("tart another with it?"));
    lab.press("y");
    lab.wait_for("the new run", |screen| screen.contains("this run is in"));
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    assert_eq!(lab.folders(), ["mnist-held_out-20", "run"]);
}

#[test]
fn a_signal_at_any_moment_of_the_change_leaves_everything_saved() {
    for wait_ms in [0, 20, 80, 200, 400, 800, 1500] {
        let mut lab = Lab::start(&Setup { arguments: EACH, ..Setup::default() });
        lab.wait_for("training", trained_to(5));
        ask_for(&mut lab, "seed=3");
        std::thread::sleep(Duration::from_millis(wait_ms));
        assert_eq!(lab.end(), 130, "{wait_ms}: {}", lab.written());
        lab.assert_restored();
        for folder in lab.folders() {
            let run = lab.run_dir().with_file_name(&folder);
            let last = losses(&run).last().unwrap().0;
            let saved = newest(&run.join("checkpoints"));
            let expected = format!("step-{last:08}");
            assert!(saved.is_some_and(|saved| saved.ends_with(expected)), "{wait_ms}: {folder} at step {last}");
        }
    }
}

#[test]
fn a_run_that_fails_at_its_start_is_mended_on_the_same_screen() {
    let arguments = &["--set", "data.held_out=20000"];
    let mut lab = Lab::start(&Setup { arguments, ..Setup::default() });
    lab.wait_for("the failure", |screen| screen.contains("The run has failed"));
    lab.press("dwz");
    ask_for(&mut lab, "data.held_out=20");
    lab.wait_for("training", trained_to(5));
    // The place that was asked for is free.
    assert_eq!(lab.folders(), ["run"]);
    assert_eq!(lab.end(), 130, "{}", lab.written());
    lab.assert_restored();
    assert!(newest(&lab.run_dir().join("checkpoints")).is_some());
}

#[test]
fn undone_settings_are_settings_in_the_runs_events() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(5));
    lab.press("-");
    lab.wait_for("the change", |screen| screen.contains("(0.5 × the configured"));
    lab.press("u");
    lab.wait_for("the undoing", |screen| screen.contains("(undone)"));
    assert_eq!(lab.end(), 130);
    let settings: Vec<String> =
        events(&lab).lines().filter(|line| line.contains("setting")).map(str::to_owned).collect();
    assert_eq!(settings.len(), 2, "{settings:?}");
    assert!(settings[0].contains("(0.5 ×") && settings[1].contains("as configured"), "{settings:?}");
}
