//! Signals while a subcommand works.

use std::time::{Duration, Instant};

use crate::place::{AT_ONCE, Place, is_running, said, signal};

/// Starts the command, lets it work, and stops it; returns what it said.
fn stopped(place: &Place, args: &[&str], name: &str) -> String {
    let mut child = place.difflab(args).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(is_running(&mut child), "{args:?} was over too early to show anything");
    let asked = Instant::now();
    signal(&child, name);
    let output = child.wait_with_output().unwrap();
    assert!(asked.elapsed() < AT_ONCE, "{args:?}: {:?}", asked.elapsed());
    let said = said(&output);
    assert_eq!(output.status.code(), Some(130), "{args:?}: {said}");
    assert!(said.contains("interrupted"), "{args:?}: {said}");
    said
}

#[test]
fn a_signal_ends_sample_eval_and_study_at_once_and_leaves_nothing_half_written() {
    let place = Place::new();
    let trained = place.train(&["tiny.toml", "--run", "run"]).output().unwrap();
    assert_eq!(trained.status.code(), Some(0), "{}", said(&trained));
    let before = place.contents(".");
    // One network call takes seconds: nothing in it looks whether it was interrupted.
    let sample = ["sample", "run", "--num", "100000", "--steps", "20", "--threads", "1", "--out", "grid.png"];
    stopped(&place, &[&sample[..], &["--trajectory", "film.gif"]].concat(), "TERM");
    stopped(&place, &["eval", "run", "--num", "100000", "--steps", "20", "--threads", "1"], "INT");
    assert!(place.contents(".") == before, "something was left behind");

    let study = ["study", "steps", "run", "--out", "study", "--num", "20000", "--steps", "2,20", "--threads", "1"];
    let said = stopped(&place, &study, "HUP");
    assert!(said.contains("interrupted"), "{said}");
    assert!(place.half_written().is_empty(), "{:?}", place.half_written());
    assert!(!place.path("study/steps.md").exists(), "a table of half the numbers");
}
