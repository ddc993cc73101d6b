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
    let runs: Vec<String> = fs::read_dir(lab.place().join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(runs.iter().any(|name| name.contains("course-tiny")), "{runs:?}");
}
