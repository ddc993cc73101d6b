//! Whatever is pressed, the program goes on, and gives the terminal back.
//!
//! `DIFFLAB_KEYS` is the number of keys, 20000 say for a longer walk.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::lab::{Lab, Setup};
use super::runs::Trains;
use super::{PANELS, trained_to};

/// Everything but what leaves (q, Ctrl-C), suspends (Ctrl-Z), or picks an action by its name (:).
const LETTERS: &str = "abcdefghijklmnoprstuvwxyz0123456789ABCDEFGHIJKLMNOPRSTUVWXYZ+-=.,;/[]{}!?, ";

const OTHERS: [&str; 23] = [
    "\t",
    "\r",
    "\x1b",
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[H",
    "\x1b[F",
    "\x1b[5~",
    "\x1b[6~",
    "\x1b[Z",
    "\x1b[1;2C",
    "\x1b[1;5D",
    "\x0c",
    "\x1b[<0;30;10M",
    "\x1b[<32;40;12M",
    "\x1b[<64;90;30M",
    "\x1b[<65;20;30M",
    "\x1b[200~x\x1b[201~",
    ":snap\x1b",
    ":zzz\r",
    // The list, with two runs marked, and their comparison.
    "R  V",
];

fn count(usual: usize) -> usize {
    std::env::var("DIFFLAB_KEYS").ok().and_then(|keys| keys.parse().ok()).unwrap_or(usual)
}

/// Presses `count` keys.
fn walk(lab: &mut Lab, seed: u64, count: usize) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for i in 0..count {
        if random.random_range(0..3) == 0 {
            lab.press(OTHERS[random.random_range(0..OTHERS.len())]);
        } else {
            let at = random.random_range(0..LETTERS.len());
            lab.press(&LETTERS[at..=at]);
        }
        if i % 50 == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    // Out of whatever is open.
    for _ in 0..8 {
        lab.press("\x1b");
        std::thread::sleep(Duration::from_millis(60));
    }
}

#[test]
fn it_survives_one_cell_and_two_thousand_random_keys() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(3));
    for (columns, rows) in [(1, 1), (300, 100), (80, 24), (20, 5), (120, 40)] {
        lab.resize(columns, rows);
        std::thread::sleep(Duration::from_millis(60));
    }
    lab.wait_for("the panels after resizing", |screen| PANELS.iter().all(|panel| screen.contains(panel)));
    walk(&mut lab, 2, count(2000));
    let screen = lab.wait_for("the lab after the keys", |screen| screen.contains("difflab"));
    assert!(!screen.contains("panicked"), "{screen}");
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.screen());
    lab.assert_restored();
}

#[test]
fn it_survives_random_keys_among_several_runs() {
    let place = tempfile::tempdir().unwrap();
    for run in ["runs/one", "runs/two", "runs/three"] {
        assert_eq!(Trains::in_folder(place.path(), run, &["--steps", "20"]).end(), 0);
    }
    let words = ["two-moons", "--threads", "1", "--run", "runs/own", "--set", "model.hidden_width=16"];
    let mut lab = Lab::start_with(place, &Setup::default(), &words);
    lab.wait_for("training", trained_to(3));
    walk(&mut lab, 11, count(1000));
    let screen = lab.wait_for("the lab after the keys", |screen| screen.contains("difflab"));
    assert!(!screen.contains("panicked"), "{screen}");
    lab.press("\x03");
    // A fork of a run that was done has nothing to interrupt.
    let code = lab.exit_code();
    assert!(code == 130 || code == 0, "{code}: {}", lab.screen());
    lab.assert_restored();
}
