//! `difflab course` in a real terminal: the page beside the lab, an answer that is kept, and a deed that the lab sees.

use std::fs;

use super::lab::{Lab, Setup};
use super::trained_to;

const STATION: &str = r#"
id = "tiny"
title = "A tiny station"
config = "mnist-quick"
set = [
    "data.held_out=32", "diffusion.timesteps=100", "model.block_out_channels=[4, 8]", "model.norm_num_groups=2",
    "model.mid_attention=false", "train.batch_size=4", "train.steps=1000000", "preview.num=4", "preview.steps=4",
    "preview.save_every=0", "sample.num=4", "sample.steps=4",
]
text = "Each step adds noise. $$x_t = \\alpha x_0 + \\sigma\\epsilon$$"
[[task]]
kind = "number"
text = "How much is one and one?"
answer = 2
tolerance = 0
hint = "Count."
solution = "Two."
[[task]]
id = "end"
kind = "action"
text = "put the cursor to the noisiest timestep."
done = { cursor_t = [99] }
hint = "F2, then 3, then End."
solution = "There is nothing to be seen."
"#;

#[test]
fn answers_and_deeds_are_kept_in_the_learner_s_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tiny.toml"), STATION).unwrap();
    let data = folder.path().join("data");
    let setup = Setup { columns: 100, rows: 30, shell: "export XDG_DATA_HOME=$PWD/data", ..Setup::default() };
    let mut lab = Lab::start_with(folder, &setup, &["course", "--file", "tiny.toml", "--threads", "1"]);
    let screen = lab.wait_for("the page", |screen| screen.contains("A tiny station"));
    assert!(screen.contains("x_t = α x_0 + σϵ") || screen.contains("x_t ="), "{screen}");
    lab.wait_for("training beside it", trained_to(5));
    lab.press("3\r");
    lab.wait_for("a hint", |screen| screen.contains("3 is not it") && screen.contains("Count."));
    lab.press("\u{7f}2\r");
    lab.wait_for("the tick", |screen| screen.contains("1/2 done"));
    // F2, the panel of the schedule, the noisiest timestep.
    lab.press("\u{1b}OQ");
    lab.wait_for("the lab has the keys", |screen| screen.contains("read on"));
    lab.press("3z");
    lab.press("\u{1b}[F");
    lab.wait_for("the deed", |screen| screen.contains("2/2 done"));
    lab.press("q");
    lab.wait_for("the question", |screen| screen.to_lowercase().contains("leave"));
    lab.press("y");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    lab.assert_restored();
    let kept = fs::read_to_string(data.join("difflab/course.json")).unwrap();
    assert!(kept.contains("\"tiny\"") && kept.contains("\"number\"") && kept.contains("\"end\""), "{kept}");
    let runs = runs(&lab);
    assert!(runs.iter().any(|name| name.contains("course-tiny")), "{runs:?}");
}

/// What its runs are called.
fn runs(lab: &Lab) -> Vec<String> {
    let folders = fs::read_dir(lab.place().join("runs")).unwrap();
    let mut names: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_station_s_other_run_is_called_after_it_and_begun_again_gets_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let runs_of_it = "[[run]]\nid = \"a\"\ntitle = \"Run A\"\n[[run]]\nid = \"c\"\ntitle = \"Run C\"\n\
                      set = [\"diffusion.schedule=linear\"]\n[[task]]\nrun = \"a\"\n";
    let station = STATION.replacen("[[task]]\n", runs_of_it, 1);
    let station = station.replace("[[task]]\nid = \"end\"\n", "[[task]]\nid = \"end\"\nrun = \"c\"\n");
    fs::write(folder.path().join("tiny.toml"), station).unwrap();
    let setup = Setup { columns: 130, rows: 30, shell: "export XDG_DATA_HOME=$PWD/data", ..Setup::default() };
    let mut lab = Lab::start_with(folder, &setup, &["course", "--file", "tiny.toml", "--threads", "1"]);
    lab.wait_for("the first run", |screen| screen.contains("Run A is shown"));
    lab.wait_for("training", trained_to(3));
    // The run of the second task, that of the first, and the second's again.
    for (key, shown) in [("\t", "Run C is shown"), ("\t", "Run A is shown"), ("\t", "Run C is shown")] {
        lab.press(key);
        lab.wait_for("another run is wanted", |screen| screen.contains("r opens Run"));
        lab.press("r");
        lab.wait_for("the question", |screen| screen.contains("Another run?"));
        lab.press("y");
        lab.wait_for("the other run", |screen| screen.contains(shown));
        lab.wait_for("it trains", trained_to(3));
    }
    lab.press("q");
    lab.wait_for("the question", |screen| screen.to_lowercase().contains("leave"));
    lab.press("y");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    let runs = runs(&lab);
    // Without their dates; the first has an id behind its name.
    let names: Vec<&str> = runs.iter().map(|name| &name[11..]).collect();
    let ended = |end: &str| names.iter().filter(|name| **name == end).count();
    assert_eq!(
        (runs.len(), ended("course-tiny-a"), ended("course-tiny-c"), ended("course-tiny-c-2")),
        (4, 1, 1, 1),
        "{runs:?}"
    );
}
