//! Runs that are compared on a terminal.

use super::lab::{Lab, Setup};
use super::runs::Trains;

#[test]
fn marked_runs_are_drawn_over_one_another_and_sampled_from_one_noise() {
    let place = tempfile::tempdir().unwrap();
    for (run, schedule) in [("runs/a", "linear"), ("runs/b", "cosine")] {
        let set = format!("diffusion.schedule={schedule}");
        assert_eq!(Trains::in_folder(place.path(), run, &["--steps", "60", "--set", &set]).end(), 0);
    }
    let mut lab = Lab::start_with(place, &Setup::default(), &["runs"]);
    lab.wait_for("the list", |screen| screen.contains("2 runs") && screen.contains("finished"));
    lab.press("  ");
    lab.wait_for("the marks", |screen| screen.contains("2 marked") && screen.matches('■').count() == 2);
    lab.press("V");
    lab.wait_for("both curves in all panels", |screen| {
        let all = super::PANELS.iter().all(|panel| screen.contains(panel));
        all && screen.contains("comparing 2 runs") && screen.contains("Δ")
    });
    lab.press("O");
    lab.wait_for("what differs", |screen| {
        ["diffusion.schedule", "\"linear\"", "\"cosine\""].iter().all(|word| screen.contains(word))
    });
    lab.press("\x1b");
    lab.wait_for("the panels", |screen| !screen.contains("diffusion.schedule"));
    lab.press("g");
    lab.wait_for("samples", |screen| screen.contains("from the same noise ·"));
    lab.press("H");
    lab.wait_for("their difference", |screen| screen.contains("of the second's loss"));
    lab.press("q");
    lab.wait_for("the list again", |screen| screen.contains("2 marked"));
    lab.press("q");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    lab.assert_restored();
}
