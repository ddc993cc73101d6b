//! Bad configs and bad data, given to the real program: a clear message, exit code 2, nothing written.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A network and a run small enough for tests.
const TINY: [&str; 9] = [
    "model.block_out_channels=8,8",
    "model.norm_num_groups=4",
    "model.mid_attention=false",
    "train.batch_size=2",
    "train.steps=2",
    "train.warmup_steps=0",
    "data.held_out=1",
    "preview.enabled=false",
    "preview.save_every=0",
];

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name).display().to_string()
    }

    /// Trains without a screen into `run/`.
    fn train(&self, config: &str, set: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(self.folder.path()).env_remove("DIFFLAB_DATASETS");
        command.args([config, "--no-tui", "--threads", "1", "--run", "run"]);
        command.args(set.iter().flat_map(|set| ["--set", set]));
        command.output().unwrap()
    }

    /// Expects a refusal with exit code 2 and no run folder, and returns what it said.
    fn refused(&self, config: &str, set: &[&str]) -> String {
        let output = self.train(config, set);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{set:?}: {said}");
        assert!(!self.path("run").exists(), "{set:?}: a run folder was left behind");
        assert!(!said.contains("panicked"), "{said}");
        said
    }
}

fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
}

fn idx(dims: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(elements);
    bytes
}

#[test]
fn a_config_with_a_slip_names_file_line_and_the_nearest_key() {
    let place = Place::new();
    let config = place.write("mine.toml", "name = \"mine\"\n\n[train]\nbatchsize = 64\n");
    assert_says(&place.refused(&config, &[]), &["mine.toml:4", "train.batchsize", "`train.batch_size`"]);
    let config = place.write("mine.toml", "[train]\nbatch_size = \"64\"\n");
    assert_says(&place.refused(&config, &[]), &["mine.toml:2", "train.batch_size", "whole number"]);
    let config = place.write("mine.toml", "[train\n");
    assert_says(&place.refused(&config, &[]), &["mine.toml:1", "not valid TOML"]);
    let config = place.write("mine.toml", "version = 99\nteleport = true\n");
    assert_says(&place.refused(&config, &[]), &["version 99", "newer difflab"]);
    assert_says(&place.refused("mnits", &[]), &["did you mean `mnist`"]);
    assert_says(&place.refused("mnist", &["train.batchsize=64"]), &["--set train.batchsize=64", "`train.batch_size`"]);
}

#[test]
fn a_config_that_is_no_text_or_no_file_says_what_it_is() {
    let place = Place::new();
    let binary = place.write("binary.toml", b"seed = 1\n\xff\xfe");
    assert_says(&place.refused(&binary, &[]), &["binary.toml", "no text in UTF-8", "line 2"]);
    let fifo = place.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert_says(&place.refused(&fifo.display().to_string(), &[]), &["fifo", "it is a FIFO, not a file"]);
}

#[test]
fn names_out_of_files_do_not_act_on_the_terminal() {
    let place = Place::new();
    let config = place.write("evil.toml", "\"a\\u001b[31m\" = 1\n");
    let said = place.refused(&config, &[]);
    assert!(said.contains("a\\u{1b}[31m") && !said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn impossible_values_are_refused_before_anything_is_written() {
    let place = Place::new();
    for (set, parts) in [
        (&["diffusion.timesteps=0"][..], &["diffusion.timesteps = 0", "1000 is usual"][..]),
        (&["train.batch_size=0"], &["train.batch_size = 0", "at least one image"]),
        (&["model.block_out_channels=8,16,16,16"], &["28×28", "24 or 32", "use 3 levels"]),
        (&["model.norm_num_groups=5"], &["model.norm_num_groups = 5", "doesn't divide"]),
        (&["diffusion.beta_end=1.0", "diffusion.prediction_type=epsilon"], &["beta_end = 1", "v_prediction"]),
        (&["data.held_out=10000"], &["data.held_out = 10000", "nothing to train on"]),
        (&["data.dataset=minst"], &["did you mean \"mnist\""]),
    ] {
        assert_says(&place.refused("mnist-quick", set), parts);
    }
}

#[test]
fn idx_files_that_are_missing_truncated_or_lying_are_refused_by_name() {
    let place = Place::new();
    let refuse = |images: &str| place.refused("mnist-quick", &["data.dataset=idx", &format!("data.path={images}")]);
    assert_says(&refuse("nowhere/train-images-idx3-ubyte"), &["nowhere", "no such file"]);
    let whole = idx(&[4, 8, 8], &[100; 4 * 8 * 8]);
    let truncated = place.write("truncated", &whole[..whole.len() - 10]);
    assert_says(&refuse(&truncated), &["truncated", "4×8×8 = 256 bytes", "found 246"]);
    let lying = place.write("lying", idx(&[u32::MAX, 4096, 4096], &[0; 64]));
    assert_says(&refuse(&lying), &["lying", "the header lies"]);
    let other = place.write("other", "PNG? No.");
    assert_says(&refuse(&other), &["other", "00000803"]);
    let unlabelled = place.write("unlabelled", &whole);
    assert_says(&refuse(&unlabelled), &["no class labels", "model.class_conditional = false"]);
}

#[test]
fn one_broken_picture_is_skipped_counted_and_named_and_the_rest_trains() {
    let place = Place::new();
    std::fs::create_dir(place.path("cats")).unwrap();
    for i in 0..4 {
        image::GrayImage::from_pixel(8, 8, image::Luma([i * 50])).save(place.path(&format!("cats/{i}.png"))).unwrap();
    }
    place.write("cats/broken.png", "not a picture");
    let config = place.write("cats.toml", "name = \"cats\"\n[data]\ndataset = \"images\"\npath = \"cats\"\n");
    let output = place.train(&config, &TINY);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let events = std::fs::read_to_string(place.path("run/events.jsonl")).unwrap();
    assert_says(&events, &["skipped 1 of 5 files", "broken.png"]);
    assert!(Path::new(&place.path("run/config.toml")).is_file());
}

#[test]
fn folders_without_pictures_are_refused() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    let refuse = |path: &str| {
        let path = format!("data.path={path}");
        place.refused(
            "mnist-quick",
            &["data.dataset=images", &path, "model.class_conditional=false", "sample.guidance_scale=0"],
        )
    };
    assert_says(&refuse("empty"), &["empty", "no pictures in this folder"]);
    assert_says(&refuse("nowhere"), &["nowhere", "no such folder"]);
    assert_says(&place.refused("mnist-quick", &["data.dataset=images"]), &["set data.path"]);
}
