//! The list of runs on a terminal, and a run of another process on the screen.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::{Lab, Setup, step_on};
use super::trained_to;

/// A process that trains without a screen, until it is dropped.
pub struct Trains(Child);

impl Trains {
    pub fn in_folder(place: &Path, run: &str, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.args(["two-moons", "--no-tui", "--log", "json", "--threads", "1", "--run", run]).args(more);
        command.args(["--set", "model.hidden_width=16", "--set", "train.batch_size=8", "--set", "train.log_every=1"]);
        command.current_dir(place).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    pub fn end(mut self) -> i32 {
        self.0.wait().unwrap().code().unwrap()
    }
}

impl Drop for Trains {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder with a run that has ended, and one that another process trains.
fn two_runs() -> (tempfile::TempDir, Trains) {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(Trains::in_folder(place.path(), "runs/done", &["--steps", "20"]).end(), 0);
    let trains =
        Trains::in_folder(place.path(), "runs/live", &["--steps", "1000000", "--set", "train.checkpoint_every=50"]);
    let start = Instant::now();
    let begun = || std::fs::metadata(place.path().join("runs/live/metrics.jsonl")).is_ok_and(|about| about.len() > 0);
    while !begun() {
        assert!(start.elapsed() < Duration::from_secs(45), "it does not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
    (place, trains)
}

#[test]
fn the_list_opens_filters_and_shows_a_live_run_of_another_process() {
    let (place, trains) = two_runs();
    let mut lab = Lab::start_with(place, &Setup::default(), &["runs"]);
    let shown = lab.wait_for("the list", |screen| screen.contains("2 runs") && screen.contains("1 training"));
    assert!(shown.contains("done") && shown.contains("finished"), "{shown}");
    lab.press("/state=training");
    lab.wait_for("the filter", |screen| screen.contains("1 of 2") && !screen.contains("done"));
    lab.press("\r\r");
    let first = lab.wait_for("the run", |screen| {
        let all = super::PANELS.iter().all(|panel| screen.contains(panel));
        all && screen.contains("watched") && step_on(screen).is_some_and(|step| step > 0)
    });
    let step = step_on(&first).unwrap();
    lab.wait_for("its step to grow", trained_to(step + 20));
    // Samples come from its checkpoint, when asked; the run is not written to.
    let wait = |what: &str| {
        let start = Instant::now();
        while std::fs::read_dir(lab.place().join(what)).map_or(0, Iterator::count) == 0 {
            assert!(start.elapsed() < Duration::from_secs(45), "no {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait("runs/live/checkpoints");
    lab.press("g");
    lab.wait_for("a film", |screen| screen.contains("x_t at t"));
    lab.press(" ");
    lab.wait_for("why not", |screen| screen.contains("looked at, not trained here"));
    // It dies: the screen says so.
    drop(trains);
    lab.wait_for("its end", |screen| screen.contains("failed"));
    lab.press("q");
    lab.wait_for("the list again", |screen| screen.contains("1 of 2") || screen.contains("0 of 2"));
    lab.press("q");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    lab.assert_restored();
}

#[test]
fn a_lab_goes_on_training_while_another_run_is_looked_at() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(Trains::in_folder(place.path(), "done", &["--steps", "20"]).end(), 0);
    let words = ["two-moons", "--threads", "1", "--run", "own", "--steps", "1000000", "--set", "model.hidden_width=16"];
    let mut lab = Lab::start_with(place, &Setup::default(), &words);
    lab.wait_for("training", trained_to(5));
    lab.press("R");
    let list = lab.wait_for("the list", |screen| screen.contains("2 runs") && screen.contains("1 training"));
    let step = step_on(&list).unwrap_or(0);
    lab.press("/done\r\r");
    lab.wait_for("the other run", |screen| screen.contains("watched") && screen.contains("step 20 / 20"));
    lab.press("\x1b");
    lab.wait_for("the list again", |screen| screen.contains("1 of 2"));
    // The first Esc shows all runs again, the second goes back.
    lab.press("\x1b");
    lab.wait_for("all runs", |screen| !screen.contains("1 of 2"));
    lab.press("\x1b");
    let own = lab.wait_for("the lab", |screen| screen.contains("Denoising") && !screen.contains("watched"));
    assert!(step_on(&own).unwrap() > step, "it has gone on: {own}");
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    lab.assert_restored();
}

#[test]
fn watch_opens_a_run_and_a_fork_of_it_is_trained() {
    let (place, trains) = two_runs();
    let mut lab = Lab::start_with(place, &Setup::default(), &["watch", "done"]);
    lab.wait_for("the run", |screen| screen.contains("watched") && screen.contains("finished"));
    lab.press("F");
    lab.wait_for("the question", |screen| screen.contains("fork with:"));
    lab.press("hidden_width=32\r");
    lab.wait_for("why not", |screen| screen.contains("cannot change"));
    lab.press("\x15steps=1000000 lr=1e-4\r");
    let screen = lab.wait_for("the fork", |screen| {
        screen.contains("training") && !screen.contains("watched") && step_on(screen).is_some_and(|step| step > 25)
    });
    assert!(screen.contains("1,000,000"), "{screen}");
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    lab.assert_restored();
    let runs = std::fs::read_dir(lab.place().join("runs")).unwrap().flatten();
    let forks: Vec<_> =
        runs.map(|run| run.path()).filter(|run| !run.ends_with("done") && !run.ends_with("live")).collect();
    assert_eq!(forks.len(), 1, "{forks:?}");
    let config = std::fs::read_to_string(forks[0].join("config.toml")).unwrap();
    assert!(config.contains("[parent]") && config.contains("step = 20"), "{config}");
    drop(trains);
}

#[test]
fn a_watched_run_is_left_when_the_terminal_vanishes() {
    let (place, trains) = two_runs();
    let mut lab = Lab::start_with(place, &Setup::default(), &["watch", "live"]);
    lab.wait_for("the run", |screen| screen.contains("watched") && step_on(screen).is_some_and(|step| step > 0));
    lab.vanish();
    assert_eq!(lab.exit_code(), 130);
    drop(trains);
}

#[test]
fn a_lab_is_left_for_a_fork_of_its_run() {
    let words = ["two-moons", "--threads", "1", "--run", "own", "--steps", "1000000", "--set", "model.hidden_width=16"];
    let words = [&words[..], &["--set", "train.checkpoint_every=50"]].concat();
    let mut lab = Lab::start_with(tempfile::tempdir().unwrap(), &Setup::default(), &words);
    lab.wait_for("training", trained_to(60));
    lab.press("F");
    lab.wait_for("the question", |screen| screen.contains("fork with:"));
    lab.press("lr=1e-4 at=7\r");
    lab.wait_for("why not", |screen| screen.contains("no checkpoint of step 7"));
    lab.press("\x15lr=1e-4\r");
    lab.wait_for("the question", |screen| screen.contains("A fork of own at step"));
    lab.press("y");
    lab.wait_for("the fork", |screen| screen.contains("two-moons-learning_rate-0.0001") && screen.contains("training"));
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    lab.assert_restored();
    assert_eq!(lab.folders().len(), 2, "{:?}", lab.folders());
}
