//! A race and a sweep on a terminal.

use std::path::Path;

use super::lab::{Lab, Setup, step_on};
use super::{newest, trained_to};

/// Points, learned by a network of a few weights.
const MOONS: &str = r#"
name = "moons"
[data]
dataset = "two_moons"
held_out = 200
[diffusion]
timesteps = 50
[model]
kind = "mlp"
hidden_width = 8
hidden_layers = 1
[train]
steps = 1000000
batch_size = 16
log_every = 1
checkpoint_every = 0
[preview]
enabled = false
save_every = 0
[sample]
steps = 5
"#;

fn start(setup: &Setup, words: &str) -> Lab {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("moons.toml"), MOONS).unwrap();
    Lab::start_with(place, setup, &words.split_whitespace().collect::<Vec<_>>())
}

const RACE: &str = "race moons.toml --vs --set train.learning_rate=0.01 --out race --threads 1";
const SIDES: [&str; 2] = ["a-as-it-is", "b-learning_rate=0.01"];

fn assert_both_saved(place: &Path) {
    for side in SIDES {
        assert!(newest(&place.join("race").join(side).join("checkpoints")).is_some(), "{side} has no checkpoint");
    }
}

#[test]
fn a_race_is_seen_live_paused_and_left_with_all_sides_saved() {
    for (columns, rows) in [(120, 40), (80, 24)] {
        let mut lab = start(&Setup { columns, rows, ..Setup::default() }, RACE);
        let first = lab.wait_for("both sides and the luck", |screen| {
            SIDES.iter().all(|side| screen.contains(side))
                && screen.contains("race of 2")
                && screen.contains("same weights, batches, noise")
                && step_on(screen).is_some_and(|step| step > 5)
        });
        lab.wait_for("its step to grow", trained_to(step_on(&first).unwrap() + 30));
        lab.wait_for("a difference", |screen| screen.contains("pinned") && screen.contains(" %"));
        lab.press(" ");
        lab.wait_for("the pause", |screen| screen.contains("race of 2 paused"));
        lab.press(" ");
        lab.wait_for("going on", |screen| !screen.contains("race of 2 paused"));
        lab.press("q");
        lab.wait_for("the question", |screen| screen.contains("Leave the race?"));
        lab.press("y");
        assert_eq!(lab.exit_code(), 0, "{}", lab.written());
        lab.assert_restored();
        assert_both_saved(lab.place());
        assert!(lab.screen().contains("the same command goes on with the race in race"), "{}", lab.screen());
    }
}

#[test]
fn a_signal_and_ctrl_c_save_all_sides_of_a_race() {
    for key in [false, true] {
        let mut lab = start(&Setup::default(), RACE);
        lab.wait_for("training", trained_to(5));
        match key {
            true => lab.press("\x03"),
            false => lab.signal("TERM"),
        }
        assert_eq!(lab.exit_code(), 130, "{}", lab.written());
        lab.assert_restored();
        assert_both_saved(lab.place());
        assert!(lab.screen().contains("interrupted, and saved"), "{}", lab.screen());
    }
}

#[test]
fn a_side_that_diverges_is_said_and_the_race_ends_with_its_table() {
    let words = "race moons.toml --vs --set train.learning_rate=1e30 --steps 400 --out race --threads 1";
    let mut lab = start(&Setup::default(), words);
    let end = lab.wait_for("the end", |screen| screen.contains("race of 2 finished"));
    assert!(end.contains("1 failed") && !end.contains("400 / 400"), "{end}");
    lab.press("q");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    lab.assert_restored();
    let table = lab.screen();
    assert!(table.contains("a: as it is") && table.contains("diverged"), "{table}");
}

#[test]
fn a_sweep_fills_its_list_run_by_run_and_prints_its_table_when_it_is_left() {
    let words = "sweep moons.toml --grid train.learning_rate=1e-3,1e-2 --steps 2000 --out sweep --threads 1";
    let mut lab = start(&Setup::default(), words);
    lab.wait_for("a run", |screen| screen.contains(" of 2") && screen.contains("learning_rate=0.001,seed=0"));
    let list = lab.wait_for("the end", |screen| {
        screen.contains("sweep finished")
            && screen.contains("learning_rate=0.01,seed=0")
            && !screen.contains("training")
            && screen.contains("q leaves, and prints the table")
    });
    assert!(!list.contains("run 2 of 2"), "{list}");
    lab.press("q");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    lab.assert_restored();
    let table = lab.screen();
    assert!(table.contains("held-out loss") && table.contains("0.001") && table.contains("0.01"), "{table}");
    assert!(lab.place().join("sweep/sweep.md").is_file());
}

#[test]
fn a_fork_asked_for_when_a_sweep_is_over_begins_after_its_table() {
    let words = "sweep moons.toml --grid train.learning_rate=1e-3 --steps 40 --out sweep --threads 1";
    let mut lab = start(&Setup::default(), words);
    lab.wait_for("the end", |screen| {
        screen.contains("sweep finished") && screen.contains("learning_rate=0.001,seed=0") && screen.contains("40 / 40")
    });
    lab.press("F");
    lab.wait_for("the question", |screen| screen.contains("fork with:"));
    lab.press("steps=1000000 lr=1e-4\r");
    lab.wait_for("the fork", |screen| {
        screen.contains("1,000,000") && screen.contains("training") && step_on(screen).is_some_and(|step| step > 45)
    });
    assert!(lab.place().join("sweep/sweep.md").is_file());
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130, "{}", lab.written());
    lab.assert_restored();
}

#[test]
fn without_a_screen_where_none_is_wanted() {
    let words = "sweep moons.toml --grid train.learning_rate=1e-3 --steps 20 --out sweep --threads 1 --no-tui";
    let mut lab = start(&Setup::default(), words);
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    assert!(!lab.written().contains("\x1b[?1049h"), "{}", lab.written());
    assert!(lab.screen().contains("held-out loss"), "{}", lab.screen());
}
