//! What a run that goes on may change, with the real program: the same data wherever they lie, the same network and
//! process, and everything else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{GrayImage, Luma};
use serde_json::Value;
use tempfile::TempDir;

const TINY: &str = r#"
name = "fruit"
[data]
dataset = "images"
path = "fruit"
[diffusion]
timesteps = 20
[model]
block_out_channels = [8, 8]
norm_num_groups = 4
mid_attention = false
class_conditional = true
[train]
steps = 2
batch_size = 4
warmup_steps = 0
timestep_bins = 5
eval_every = 1
[preview]
enabled = false
save_every = 0
steps = 3
[sample]
steps = 3
num = 4
"#;

/// A folder with fruit, each kind in a folder of its own, and a run trained on it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for (class, value) in [("apple", 20), ("banana", 120), ("cherry", 220)] {
            for i in 0..20 {
                place.picture(&format!("fruit/{class}/{i}.png"), value + i);
            }
        }
        fs::write(place.path("tiny.toml"), TINY).unwrap();
        place.succeeds(&["tiny.toml", "--run", "run"]);
        place
    }

    fn picture(&self, name: &str, value: u8) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_pixel(16, 16, Luma([value])).save(path).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn difflab(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.args(args).args(["--no-tui", "--threads", "1"]).output().unwrap()
    }

    fn succeeds(&self, args: &[&str]) -> String {
        let output = self.difflab(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Refused as something that the user can mend, with all these words, and nothing changed.
    fn refused(&self, args: &[&str], words: &[&str]) {
        let before = tree(&self.path("run"));
        let output = self.difflab(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{word} is missing: {said}");
        }
        assert_eq!(tree(&self.path("run")), before, "{args:?} changed the run");
    }

    fn resumes(&self, more: &[&str]) -> String {
        let steps = (self.steps_done() + 2).to_string();
        self.succeeds(&[&["--resume", "run", "--steps", &steps], more].concat())
    }

    fn steps_done(&self) -> usize {
        fs::read_to_string(self.path("run/metrics.jsonl")).unwrap().lines().count()
    }

    fn edit(&self, from: &str, to: &str) {
        let file = self.path("run/config.toml");
        let text = fs::read_to_string(&file).unwrap();
        let (from, to) = (format!("\n{from}\n"), format!("\n{to}\n"));
        assert!(text.contains(&from), "{from} is not in {text}");
        fs::write(file, text.replace(&from, &to)).unwrap();
    }
}

/// Every file under a folder with what is in it; the lock is empty anyway.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn the_same_data_go_on_also_from_another_place_and_say_nothing() {
    let place = Place::new();
    let said = place.resumes(&[]);
    let ready: Value = said.lines().find(|line| line.contains("\"ready\"")).unwrap().parse().unwrap();
    assert_eq!(ready["warnings"], serde_json::json!([]));
    assert_eq!((ready["train_images"].as_u64(), ready["held_out_images"].as_u64()), (Some(57), Some(3)));
    place.rename("fruit", "moved");
    place.refused(&["--resume", "run"], &["no such folder"]);
    place.resumes(&["--set", "data.path=moved"]);
    // `~` is the folder itself here, and the run remembers where its data are now.
    place.rename("moved", "again");
    place.resumes(&["--set", "data.path=~/again"]);
    place.resumes(&[]);
    assert_eq!(place.steps_done(), 10);
}

#[test]
fn renamed_shifted_and_added_classes_are_refused_by_name_or_accepted() {
    let place = Place::new();
    place.rename("fruit/apple", "fruit/zucchini");
    let renamed = ["apple is gone, zucchini is new", "class 0 of the network was apple, and would be called banana"];
    place.refused(&["--resume", "run", "--steps", "4"], &[&renamed[..], &["--accept-data"]].concat());
    let said = place.resumes(&["--accept-data"]);
    assert!(said.contains("zucchini is new") && said.contains("accepted (--accept-data)"), "{said}");
    // These are its data now.
    place.resumes(&[]);

    place.picture("fruit/kiwi/0.png", 7);
    place.refused(&["--resume", "run", "--accept-data"], &["learned 3 classes", "the data have 4"]);
    place.refused(&["--resume", "run"], &["the class kiwi is new", "60 images, now there are 61"]);
    // What would be refused too is not advised.
    let output = place.difflab(&["--resume", "run"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("learned 3 classes") && !said.contains("--accept-data"), "{said}");
}

#[test]
fn swapped_classes_and_renamed_files_are_refused_by_name() {
    let place = Place::new();
    place.rename("fruit/apple/7.png", "fruit/apple/z.png");
    place.refused(&["--resume", "run"], &["the same images of apple come in another order, as after renaming files"]);
    place.rename("fruit/apple/z.png", "fruit/apple/7.png");
    place.rename("fruit/apple", "apple");
    place.rename("fruit/banana", "fruit/apple");
    place.rename("apple", "fruit/banana");
    let swapped = ["the images of apple are called banana now", "the images of banana are called apple now"];
    place.refused(&["--resume", "run"], &swapped);
}

#[test]
fn eval_measures_only_on_what_the_run_was_trained_on_unless_told_to() {
    let place = Place::new();
    let eval = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(place.folder.path()).env("HOME", place.folder.path());
        command.args(["eval", "run", "--metrics", "vlb", "--vlb-images", "1", "--threads", "1"]).args(more);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = eval(&[]);
    assert!(code == Some(0) && !said.contains("accepted"), "{said}");
    fs::write(place.path("fruit/apple/3.png"), "").unwrap();
    let (code, said) = eval(&[]);
    assert!(code == Some(2) && said.contains("skipped 1 of 60 files") && said.contains("3.png: it is empty"), "{said}");
    place.picture("fruit/apple/3.png", 99);
    let (code, said) = eval(&[]);
    assert_eq!(code, Some(2), "{said}");
    for part in ["not those that this run was trained on", "not the same ones", "--accept-data"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    let (code, said) = eval(&["--accept-data"]);
    assert!(code == Some(0) && said.contains("accepted (--accept-data)"), "{said}");
    place.rename("fruit/apple", "fruit/zucchini");
    assert_eq!(eval(&[]).0, Some(2));
    place.picture("fruit/kiwi/0.png", 7);
    let (code, said) = eval(&["--accept-data"]);
    assert!(code == Some(2) && said.contains("learned 3 classes"), "{said}");
}

#[test]
fn other_pictures_sizes_and_held_out_sets_are_refused_by_their_difference() {
    let place = Place::new();
    place.refused(&["--resume", "run", "--set", "data.held_out=0"], &["3 images were held out", "would be trained on"]);
    place.refused(&["--resume", "run", "--set", "data.image_size=8"], &["16×16 grey, now they are 8×8 grey"]);
    place.refused(&["--resume", "run", "--set", "data.channels=3"], &["now they are 16×16 RGB"]);
    place.refused(&["--resume", "run", "--set", "data.channels=3", "--accept-data"], &["images of 1 channels"]);
    place.picture("fruit/apple/3.png", 99);
    place.refused(&["--resume", "run"], &["not the same ones"]);
    fs::write(place.path("fruit/apple/3.png"), "").unwrap();
    let skipped = ["apple had 20, now 19", "skipped 1 of 60 files", "3.png: it is empty"];
    place.refused(&["--resume", "run"], &skipped);
    fs::remove_file(place.path("fruit/apple/3.png")).unwrap();
    place.refused(&["--resume", "run"], &["apple had 20, now 19"]);
    let said = place.resumes(&["--accept-data", "--set", "data.held_out=0.1", "--set", "data.image_size=8"]);
    assert!(said.contains("apple had 20, now 19"), "{said}");
}

#[test]
fn a_config_edited_by_hand_against_the_checkpoint_is_refused_by_key() {
    let place = Place::new();
    for (line, edited, key) in [
        ("prediction_type = \"v_prediction\"", "prediction_type = \"epsilon\"", "diffusion.prediction_type"),
        ("schedule = \"cosine\"", "schedule = \"linear\"", "diffusion.schedule"),
        ("timesteps = 20", "timesteps = 30", "diffusion.timesteps"),
        ("block_out_channels = [8, 8]", "block_out_channels = [8, 16]", "model.block_out_channels"),
        ("seed = 0", "seed = 1", "seed"),
        ("batch_size = 4", "batch_size = 5", "train.batch_size"),
    ] {
        place.edit(line, edited);
        let value = |line: &str| line.split_once(" = ").unwrap().1.to_string();
        place.refused(
            &["--resume", "run"],
            &[&format!("`{key}` cannot change"), &value(line), &value(edited), "config.toml says"],
        );
        place.edit(edited, line);
    }
    place.refused(&["--resume", "run", "--set", "seed=1"], &["`seed` cannot change", "--set asks for 1"]);
    // What training may take otherwise goes on, and the run says so.
    place.edit("learning_rate = 0.001", "learning_rate = 0.002");
    place.resumes(&[]);
    let events = fs::read_to_string(place.path("run/events.jsonl")).unwrap();
    assert!(events.contains("train.learning_rate = 0.002"), "{events}");
}

#[test]
fn a_run_of_an_older_difflab_goes_on_with_a_sentence() {
    let place = Place::new();
    let checkpoint = place.path("run/checkpoints/step-00000002");
    for file in ["difflab/config.toml", "difflab/data.json"] {
        fs::remove_file(checkpoint.join(file)).unwrap();
    }
    let manifest = checkpoint.join("difflab/checksums.sha256");
    let text = fs::read_to_string(&manifest).unwrap();
    let kept: Vec<&str> =
        text.lines().filter(|line| !line.ends_with("config.toml") && !line.ends_with("data.json")).collect();
    fs::write(&manifest, kept.join("\n") + "\n").unwrap();
    place
        .refused(&["--resume", "run", "--set", "data.path=elsewhere"], &["`data.path` cannot change", "older difflab"]);
    let said = place.resumes(&[]);
    assert!(said.contains("doesn't say which data it was trained on"), "{said}");
    assert!(!place.resumes(&[]).contains("doesn't say"), "the next checkpoint does");
}
