//! `E` in a real terminal: live numbers of the network in training, and a step by hand.

use super::lab::{Lab, Setup};
use super::{events, trained_to};

#[test]
fn e_explains_with_the_numbers_of_the_run_and_n_takes_a_step_by_hand() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(5));
    lab.press("E");
    lab.wait_for("the loss explained", |screen| screen.contains("Explain") && screen.contains("The question"));
    let weights = |screen: &str| {
        let line = screen.lines().find(|line| line.contains("weights of step"))?;
        line.split("weights of step").nth(1)?.split_whitespace().next()?.replace(',', "").parse::<u64>().ok()
    };
    let first = lab.wait_for("the step of its weights", |screen| weights(screen).is_some());
    let first = weights(&first).unwrap();
    // Newer weights, by themselves.
    lab.wait_for("newer numbers", |screen| weights(screen).is_some_and(|step| step > first));
    lab.press("\t");
    lab.wait_for("the next topic", |screen| screen.contains("One training step by hand") && screen.contains("Press n"));
    lab.press("n");
    lab.wait_for("the step by hand", |screen| screen.contains("The batch") && screen.contains("paused"));
    assert!(!events(&lab).contains("\"error\""));
    // The words of the table's head: "the trainer" alone is on the first screen too.
    lab.press(&"\u{1b}[6~".repeat(4));
    lab.wait_for("the optimizer's formula", |screen| screen.contains("the trainer") && screen.contains("apart"));
    lab.press("\u{1b}");
    lab.wait_for("the panels", |screen| !screen.contains("Explain ·"));
    lab.press("q");
    lab.wait_for("the question", |screen| screen.to_lowercase().contains("leave"));
    lab.press("y");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    lab.assert_restored();
}
