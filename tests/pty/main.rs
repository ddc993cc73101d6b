//! The real program in a real (pseudo) terminal: what it draws, what it answers, how it leaves.

#![cfg(unix)]

mod another_run;
mod compare;
mod course;
mod experiments;
mod explaining;
mod films;
mod lab;
#[path = "../panicking/mod.rs"]
mod panicking;
mod random_keys;
mod runs;
mod terminals;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lab::{Lab, Setup, step_on};

const PANELS: [&str; 4] = ["Loss", "Loss per timestep", "Schedule", "Denoising"];

fn trained_to(step: u64) -> impl Fn(&str) -> bool {
    move |screen| step_on(screen).is_some_and(|now| now >= step)
}

/// The newest folder in `folder`, when there is one.
fn newest(folder: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-")));
    found.sort();
    found.pop()
}

fn events(lab: &Lab) -> String {
    std::fs::read_to_string(lab.run_dir().join("events.jsonl")).unwrap_or_default()
}

#[test]
fn it_opens_at_once_and_all_four_panels_live_from_real_training() {
    let start = Instant::now();
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("the first frame", |screen| PANELS.iter().all(|panel| screen.contains(panel)));
    assert!(start.elapsed() < Duration::from_secs(5), "the first frame came after {:?}", start.elapsed());
    assert!(!lab.modes_are_as_before(), "the lab needs raw mode");
    let early = lab.wait_for("training", trained_to(10));
    let first = step_on(&early).unwrap();
    let later = lab.wait_for("more training", trained_to(first + 20));
    assert_ne!(early, later);
    for panel in PANELS {
        assert!(later.contains(panel), "{panel} is missing:\n{later}");
    }
    lab.wait_for("a held-out loss", |screen| {
        let words: Vec<&str> = screen.split_whitespace().collect();
        words.windows(2).any(|pair| pair[0] == "held-out" && pair[1].parse::<f64>().is_ok())
    });
    // Pictures: the preview and the training image are drawn in half-blocks.
    lab.wait_for("a picture", |screen| screen.matches('▀').count() > 50);
}

#[test]
fn s_writes_a_snapshot_and_says_where_and_quitting_saves_and_restores() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(5));
    lab.press("s");
    let folder = lab.wait_for_file(|run| newest(&run.join("snapshots")).filter(|d| d.join("snapshot.json").exists()));
    for file in ["grid.png", "samples.safetensors", "trajectory.gif", "snapshot.json"] {
        assert!(folder.join(file).exists(), "{file} is missing");
    }
    lab.wait_for("the place of the snapshot", |screen| screen.contains("snapshots/step-"));
    lab.press("q");
    lab.wait_for("the question", |screen| screen.to_lowercase().contains("leave"));
    lab.press("y");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    lab.assert_restored();
    assert!(newest(&lab.run_dir().join("checkpoints")).is_some(), "no checkpoint");
    let words = lab.screen();
    assert!(words.contains("difflab --resume"), "{words}");
}

#[test]
fn a_panic_in_the_worker_is_shown_and_the_terminal_restored() {
    let mut lab = Lab::start(&Setup { panics: true, ..Setup::default() });
    let screen = lab.wait_for("the failure", |screen| screen.to_lowercase().contains("panic"));
    assert!(screen.contains("failed") && screen.contains("step"), "the header stays:\n{screen}");
    lab.press("q");
    assert_eq!(lab.exit_code(), 1);
    lab.assert_restored();
    assert!(lab.screen().contains("panicked"), "the reason is on the normal screen:\n{}", lab.screen());
}

#[test]
fn ctrl_c_saves_and_ends_with_130_as_the_signal_does() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(5));
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    lab.assert_restored();
    assert!(newest(&lab.run_dir().join("checkpoints")).is_some(), "no checkpoint");
    assert!(lab.screen().contains("difflab --resume"), "{}", lab.screen());
}

#[test]
fn sigterm_and_sighup_save_and_restore() {
    for signal in ["TERM", "HUP"] {
        let mut lab = Lab::start(&Setup::default());
        lab.wait_for("training", trained_to(5));
        lab.signal(signal);
        assert_eq!(lab.exit_code(), 130, "{signal}: {}", lab.written());
        lab.assert_restored();
        let checkpoint = newest(&lab.run_dir().join("checkpoints"));
        assert!(checkpoint.is_some_and(|c| c.join("unet").exists()), "{signal}: no checkpoint");
    }
}

#[test]
fn a_terminal_that_vanishes_leaves_a_saved_run() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(5));
    lab.vanish();
    assert_eq!(lab.exit_code(), 130);
    assert!(newest(&lab.run_dir().join("checkpoints")).is_some(), "no checkpoint; events:\n{}", events(&lab));
}

#[test]
fn eighty_by_twenty_four_is_enough_and_less_is_said_to_be_too_little() {
    let mut lab = Lab::start(&Setup { columns: 80, rows: 24, ..Setup::default() });
    lab.wait_for("training", trained_to(5));
    let screen = lab.wait_for("a loss", |screen| screen.contains("0."));
    assert!(screen.contains("Loss") && screen.lines().count() <= 24, "{screen}");
    lab.press("\t\t\tz");
    lab.wait_for("Denoising, zoomed", |screen| screen.contains("Denoising") && !screen.contains("Schedule"));
    lab.resize(30, 8);
    lab.wait_for("the sentence", |screen| screen.contains("Training continues"));
    lab.resize(80, 24);
    lab.wait_for("Denoising again", |screen| screen.contains("Denoising"));
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130);
    lab.assert_restored();
}

#[test]
fn a_terminal_that_says_sixel_gets_sixels_and_none_over_the_help() {
    let answer = "\x1b[6;18;9t\x1b[?1;0;256S\x1b[?62;4;22c";
    let mut lab = Lab::start(&Setup { answer, ..Setup::default() });
    lab.wait_for("training", trained_to(5));
    let start = Instant::now();
    while !lab.written().contains("\x1bP0;1;0q") {
        assert!(start.elapsed() < Duration::from_secs(30), "no sixel was sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    lab.press("?");
    lab.wait_for("the help", |screen| screen.contains("type to search"));
    std::thread::sleep(Duration::from_millis(500));
    let before = lab.written().matches("\x1bP0;1;0q").count();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(lab.written().matches("\x1bP0;1;0q").count(), before, "pictures were drawn over the help");
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130);
    lab.assert_restored();
}

#[test]
fn a_stopped_lab_gives_the_terminal_back_and_goes_on() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(3));
    lab.press("\x1a");
    let start = Instant::now();
    while !lab.modes_are_as_before() {
        assert!(start.elapsed() < Duration::from_secs(20), "Ctrl-Z did not give the terminal back");
        std::thread::sleep(Duration::from_millis(20));
    }
    lab.signal("CONT");
    let step = lab.wait_for("the lab again", |screen| PANELS.iter().all(|panel| screen.contains(panel)));
    lab.wait_for("training that goes on", trained_to(step_on(&step).unwrap_or(0) + 5));
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130);
    lab.assert_restored();
}

#[test]
fn a_terminal_that_nobody_reads_does_not_keep_a_signal_from_saving_and_ending() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(5));
    lab.stall();
    // Each size is drawn whole, which soon fills what the terminal holds.
    for i in 0..40 {
        lab.resize(if i % 2 == 0 { 250 } else { 249 }, 90);
        std::thread::sleep(Duration::from_millis(100));
    }
    let asked = Instant::now();
    lab.signal("TERM");
    assert_eq!(lab.exit_code(), 130);
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert!(newest(&lab.run_dir().join("checkpoints")).is_some(), "no checkpoint; events:\n{}", events(&lab));
    assert!(lab.modes_are_as_before(), "the terminal is still in raw mode");
}

#[test]
fn whatever_kills_it_the_terminal_is_given_back_first() {
    for signal in ["QUIT", "ABRT", "SEGV", "BUS", "ALRM", "SYS", "VTALRM"] {
        // Without a core file in the test's folder.
        let mut lab = Lab::start(&Setup { shell: "ulimit -c 0", ..Setup::default() });
        lab.wait_for("training", trained_to(3));
        assert!(!lab.modes_are_as_before());
        lab.signal(signal);
        assert_ne!(lab.exit_code(), 0, "{signal}");
        lab.assert_restored();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_lack_of_memory_gives_the_terminal_back_and_says_what_it_is() {
    let mut lab =
        Lab::start(&Setup { shell: "ulimit -c 0", arguments: &["--set", "sample.num=65000"], ..Setup::default() });
    lab.wait_for("training", trained_to(3));
    lab.leave_no_memory();
    // A snapshot of this size needs more than the allocator has kept.
    lab.press("s");
    assert_ne!(lab.exit_code(), 0);
    lab.assert_restored();
    let words = lab.screen();
    assert!(words.contains("out of memory") && words.contains("train.batch_size"), "{words}");
}

#[test]
fn a_lab_under_nohup_survives_the_hangup() {
    let mut lab = Lab::start(&Setup { shell: "trap '' HUP", ..Setup::default() });
    let step = step_on(&lab.wait_for("training", trained_to(5))).unwrap();
    lab.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    lab.wait_for("training that goes on", trained_to(step + 20));
    lab.signal("TERM");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    lab.assert_restored();
}

#[test]
fn leaving_does_not_wait_for_a_long_snapshot() {
    let arguments = &["--set", "sample.num=20000", "--set", "sample.steps=100"];
    let mut lab = Lab::start(&Setup { arguments, ..Setup::default() });
    lab.wait_for("training", trained_to(5));
    lab.press("s");
    std::thread::sleep(Duration::from_millis(500));
    let asked = Instant::now();
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    lab.assert_restored();
    assert!(newest(&lab.run_dir().join("checkpoints")).is_some(), "no checkpoint");
    let left = std::fs::read_dir(lab.run_dir().join("snapshots")).map_or(0, |entries| entries.count());
    assert_eq!(left, 0, "half a snapshot");
}

#[test]
fn leaving_before_the_first_step_leaves_no_run() {
    // Building this network takes a while.
    let arguments = &["--set", "model.block_out_channels=[512, 512]", "--set", "model.norm_num_groups=32"];
    let mut lab = Lab::start(&Setup { arguments, ..Setup::default() });
    lab.wait_for("the first frame", |screen| PANELS.iter().all(|panel| screen.contains(panel)));
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    lab.assert_restored();
    if !lab.run_dir().exists() {
        assert!(lab.screen().contains("stopped before the first step"), "{}", lab.screen());
    } else {
        // The machine was quicker than the key.
        assert!(newest(&lab.run_dir().join("checkpoints")).is_some(), "a run that cannot be resumed");
    }
}
