//! How the real program stops: at signals, whenever they come, and whatever it does.

#![cfg(unix)]

mod kill_campaign;
mod place;
#[path = "../program/mod.rs"]
mod program;
mod resuming;
mod subcommands;

use std::process::Child;
use std::time::{Duration, Instant};

use place::{AT_ONCE, Place, is_running, said, signal, steps, wait_for, wait_for_line};

const LONG: [&str; 5] = ["tiny.toml", "--run", "run", "--steps", "1000000"];

fn training(place: &Place, more: &[&str]) -> Child {
    let child = place.train(&[&LONG[..], more].concat()).spawn().unwrap();
    wait_for("the first steps", || place.lines("run/metrics.jsonl").len() > 3);
    child
}

/// Ended by a signal, everything saved.
fn assert_saved(place: &Place, child: Child, what: &str) {
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{what}: {}", said(&output));
    let last = steps(&place.lines("run/metrics.jsonl")).last().copied();
    assert_eq!(place.checkpoints("run").last().copied(), last, "{what}: the last step has no checkpoint");
}

#[test]
fn two_signals_within_milliseconds_are_one_request() {
    for (first, second, apart) in [("TERM", "TERM", 0), ("TERM", "TERM", 30), ("INT", "HUP", 5), ("HUP", "HUP", 200)] {
        let place = Place::new();
        let child = training(&place, &[]);
        signal(&child, first);
        std::thread::sleep(Duration::from_millis(apart));
        // The first may have been enough already.
        let _ = std::process::Command::new("kill").args(["-s", second, &child.id().to_string()]).output();
        assert_saved(&place, child, &format!("{first} and {second} {apart} ms apart"));
    }
}

#[test]
fn what_batch_systems_send_when_the_time_is_up_saves_and_ends() {
    let all = if cfg!(target_os = "linux") { &["XCPU", "USR1", "USR2", "PWR"][..] } else { &["XCPU", "USR1"] };
    for name in all {
        let place = Place::new();
        let child = training(&place, &[]);
        signal(&child, name);
        assert_saved(&place, child, name);
    }
}

#[test]
fn a_deliberate_second_signal_ends_at_once_and_claims_no_checkpoint_that_is_not_there() {
    let place = Place::new();
    // One step takes minutes, so that saving has to wait.
    let slow = ["--set", "model.block_out_channels=128,128", "--set", "train.batch_size=4096"];
    let mut child = place.train(&[&LONG[..], &slow].concat()).spawn().unwrap();
    wait_for_line(&mut child, "training");
    signal(&child, "TERM");
    std::thread::sleep(Duration::from_millis(400));
    signal(&child, "TERM");
    std::thread::sleep(Duration::from_millis(1200));
    assert!(is_running(&mut child), "a repeat within a second has ended it");
    signal(&child, "HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(is_running(&mut child), "a terminal that goes away insists on nothing");
    let asked = Instant::now();
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert_eq!(output.status.code(), Some(130));
    let said = said(&output);
    assert!(said.contains("second signal") && said.contains("without saving"), "{said}");
    assert!(said.contains("no checkpoint") && !said.contains("--resume"), "{said}");
}

#[test]
fn a_signal_while_the_data_are_loaded_stops_at_once_and_leaves_nothing() {
    let place = Place::new();
    place.slow_pictures("pictures");
    let data = ["--set", "data.dataset=images", "--set", "data.path=pictures", "--set", "data.image_size=8"];
    let plain = ["--set", "model.class_conditional=false"];
    for name in ["TERM", "INT", "HUP"] {
        // Without --run the folder would come into runs/.
        let mut child = place.train(&[&["tiny.toml"], &data[..], &plain].concat()).spawn().unwrap();
        wait_for_line(&mut child, "starting");
        std::thread::sleep(Duration::from_millis(300));
        let asked = Instant::now();
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert!(asked.elapsed() < AT_ONCE, "{name}: {:?}", asked.elapsed());
        assert_eq!(output.status.code(), Some(130), "{name}: {}", said(&output));
        assert!(said(&output).contains("no run folder was made"), "{name}: {}", said(&output));
        assert!(!place.path("runs").exists(), "{name}: something was left behind");
    }
}

#[test]
fn ignored_signals_stay_ignored() {
    for name in ["HUP", "INT"] {
        let place = Place::new();
        // As nohup does it, and as a shell without job control does it for `command &`.
        let line = format!("trap '' {name}; exec $D {} --no-tui --threads 1", LONG.join(" "));
        let mut child = place.shell(&line).spawn().unwrap();
        wait_for("the first steps", || place.lines("run/metrics.jsonl").len() > 3);
        signal(&child, name);
        std::thread::sleep(Duration::from_millis(500));
        let so_far = place.lines("run/metrics.jsonl").len();
        wait_for("steps after it", || place.lines("run/metrics.jsonl").len() > so_far + 3);
        assert!(is_running(&mut child), "{name} has ended it");
        signal(&child, "TERM");
        assert_saved(&place, child, name);
    }
}

#[test]
fn it_needs_no_terminal_and_no_open_files() {
    let place = Place::new();
    let line = "nohup nice -n 3 $D tiny.toml --run run --threads 1 <&- >&- 2>&-";
    let output = place.shell(line).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(steps(&place.lines("run/metrics.jsonl")), (1..=12).collect::<Vec<_>>());
    assert_eq!(place.checkpoints("run").last(), Some(&12));
}

#[test]
fn an_output_that_nobody_reads_does_not_hold_the_end_up() {
    let place = Place::new();
    // A pipe that is full: JSON lines at every step, and nobody takes them.
    let mut child = place.train(&LONG).args(["--log", "json"]).spawn().unwrap();
    wait_for("more lines than a pipe holds", || place.lines("run/metrics.jsonl").len() > 350);
    let asked = Instant::now();
    signal(&child, "TERM");
    wait_for("its end", || !is_running(&mut child));
    assert!(asked.elapsed() < 2 * AT_ONCE, "{:?}", asked.elapsed());
    assert_saved(&place, child, "a full pipe");
}

#[test]
fn a_snapshot_that_is_being_written_is_broken_off_whole() {
    let place = Place::new();
    let long = ["--set", "preview.snapshot_every=3", "--set", "sample.num=20000", "--set", "sample.steps=20"];
    let child = training(&place, &long);
    let asked = Instant::now();
    signal(&child, "TERM");
    assert_saved(&place, child, "a long snapshot");
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert_eq!(place.contents("run/snapshots"), [], "half a snapshot was left");
    let events = place.lines("run/events.jsonl");
    assert!(events.iter().any(|event| event["what"].as_str().unwrap().contains("broken off")), "{events:?}");
}

#[test]
fn time_in_which_it_was_stopped_is_not_the_training_s() {
    let place = Place::new();
    let began = Instant::now();
    let child = training(&place, &[]);
    for _ in 0..2 {
        signal(&child, "STOP");
        std::thread::sleep(Duration::from_secs(3));
        signal(&child, "CONT");
        let so_far = place.lines("run/metrics.jsonl").len();
        wait_for("steps after it", || place.lines("run/metrics.jsonl").len() > so_far + 20);
    }
    let all = began.elapsed().as_secs_f64();
    signal(&child, "TERM");
    assert_saved(&place, child, "after two stops");
    let elapsed: Vec<f64> =
        place.lines("run/metrics.jsonl").iter().map(|line| line["elapsed_s"].as_f64().unwrap()).collect();
    assert!(elapsed.is_sorted());
    let last = elapsed.last().unwrap();
    assert!(*last < all - 5.5, "{last} s of {all} s in which it was stopped for 6 s");
    let longest = elapsed.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(longest < 2.5, "a step of {longest} s");
}
