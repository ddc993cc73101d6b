//! Diffusion in latents with the real program: both stages by one command, going on exactly, what comes out of it, and what
//! happens when the autoencoder is gone, changed or of another size.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use difflab::nn::autoencoder::open_autoencoder;
use serde_json::Value;
use tempfile::TempDir;

const TINY: &str = r#"
name = "tiny-latent"
seed = 3
[data]
dataset = "idx"
path = "images-idx3-ubyte"
labels = "labels-idx1-ubyte"
held_out = 16
latents = "own"
[model]
block_out_channels = [8, 8]
norm_num_groups = 4
layers_per_block = 1
attention_levels = []
mid_attention = false
class_conditional = true
[autoencoder]
block_out_channels = [8, 8]
norm_num_groups = 4
latent_channels = 2
batch_size = 8
steps = 4
[train]
steps = 6
batch_size = 8
warmup_steps = 2
eval_every = 3
checkpoint_every = 3
keep_checkpoints = 9
history = "on"
[sample]
num = 2
steps = 3
[preview]
num = 2
save_every = 6
"#;

/// Pictures of 8×8 pixels: so many steps that nothing takes long.
const SIDE: usize = 8;
const PICTURES: usize = 80;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("tiny.toml"), TINY).unwrap();
        let header = |magic: u32, sizes: &[usize]| -> Vec<u8> {
            let sizes = sizes.iter().flat_map(|size| (*size as u32).to_be_bytes());
            magic.to_be_bytes().into_iter().chain(sizes).collect()
        };
        let pixel = |i: usize| ((i * 37 + (i / 64) * 11) % 256) as u8;
        let pixels = (0..PICTURES * SIDE * SIDE).map(pixel);
        let images = header(0x803, &[PICTURES, SIDE, SIDE]).into_iter().chain(pixels);
        fs::write(place.path("images-idx3-ubyte"), images.collect::<Vec<u8>>()).unwrap();
        let labels = header(0x801, &[PICTURES]).into_iter().chain((0..PICTURES).map(|i| (i % 3) as u8));
        fs::write(place.path("labels-idx1-ubyte"), labels.collect::<Vec<u8>>()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn difflab(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.args(words).current_dir(self.0.path()).env("DIFFLAB_CACHE", self.path("cache")).output().unwrap()
    }

    fn done(&self, words: &[&str]) -> String {
        let output = self.difflab(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
    }

    /// What it says when it refuses.
    fn refused(&self, words: &[&str]) -> String {
        let output = self.difflab(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && !said.contains("panicked"), "{words:?}: {said}");
        said
    }

    /// Both stages, in the folder `run` and beside it.
    fn train(&self, run: &str) -> Vec<Value> {
        let told = self.done(&["tiny.toml", "--no-tui", "--threads", "2", "--run", run]);
        told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn losses(run: &Path) -> Vec<f64> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64().unwrap()).collect()
}

fn bytes(run: &Path, name: &str) -> Vec<u8> {
    fs::read(run.join("checkpoints/step-00000006").join(name)).unwrap()
}

#[test]
fn one_command_trains_both_stages_and_the_second_time_the_second_alone() {
    let place = Place::new();
    let told = place.train("a");
    let stages: Vec<&str> =
        told.iter().filter(|line| line["type"] == "ready").filter_map(|line| line["stage"].as_str()).collect();
    assert_eq!(stages, ["stage 1 of 2: autoencoder", "stage 2 of 2: diffusion in its latents"]);
    assert_eq!((losses(&place.path("a-autoencoder")).len(), losses(&place.path("a")).len()), (4, 6));
    let ready = told.iter().rev().find(|line| line["type"] == "ready").unwrap();
    assert_eq!(ready["image_shape"], serde_json::json!([SIDE, SIDE, 1]));
    assert!(ready["chosen"][0].as_str().unwrap().contains("4×4 with 2 channels"), "{ready}");
    let again = place.train("b");
    assert_eq!(again.iter().filter(|line| line["type"] == "ready").count(), 1, "the autoencoder is there");
    assert!(!place.path("b-autoencoder").exists());
    assert_eq!(losses(&place.path("b")), losses(&place.path("a")), "the same latents, the same numbers");
    let card = fs::read_to_string(place.path("a/README.md")).unwrap();
    assert!(
        card.contains("latent diffusion model") && card.contains("4×4 with 2 channels, of an AutoencoderKL"),
        "{card}"
    );
    // Pictures come out of it, not latents.
    place.done(&["sample", "a", "--num", "1", "--quiet", "--out", "one.png"]);
    place.done(&["sample", "a", "--num", "3", "--quiet", "--out", "some.safetensors"]);
    let samples = candle_core::safetensors::load(place.path("some.safetensors"), &candle_core::Device::Cpu).unwrap();
    assert_eq!(samples["samples"].dims(), [3, 1, SIDE, SIDE]);
    for edit in [&["--sdedit", "one.png"][..], &["--invert", "one.png"], &["--interpolate", "1,2", "--num", "3"]] {
        place.done(&[&["sample", "a", "--quiet", "--out", "edited.png"], edit].concat());
        fs::remove_file(place.path("edited.png")).unwrap();
    }
    let said = place.done(&["eval", "a", "--metrics", "vlb", "--vlb-images", "4"]);
    assert!(said.contains("likelihoods are those of the 4×4 latents"), "{said}");
    let said = place.done(&["explain", "sampling-step", "--run", "a"]);
    assert!(said.contains("diffuses in latents"), "{said}");
}

#[test]
fn a_stopped_run_goes_on_exactly_without_where_the_autoencoder_came_from() {
    let place = Place::new();
    place.train("straight");
    place.train("parts");
    fs::remove_dir_all(place.path("parts/checkpoints/step-00000006")).unwrap();
    fs::remove_dir_all(place.path("straight-autoencoder")).unwrap();
    fs::remove_dir_all(place.path("cache")).unwrap();
    // Nor does it need its own copy: each checkpoint has one.
    fs::write(place.path("parts/autoencoder/config.json"), "{}").unwrap();
    let said = place.done(&["--resume", "parts", "--no-tui", "--threads", "2"]);
    assert!(said.contains("was not the autoencoder that this run diffuses in"), "{said}");
    assert_eq!(losses(&place.path("straight")), losses(&place.path("parts")));
    for name in ["unet/diffusion_pytorch_model.safetensors", "difflab/optimizer.safetensors"] {
        assert_eq!(bytes(&place.path("straight"), name), bytes(&place.path("parts"), name), "{name}");
    }
    for run in ["straight", "parts"] {
        let opened = open_autoencoder(&place.path(run).join("autoencoder")).unwrap();
        assert_eq!(opened.config.latent_channels(), 2);
    }
}

#[test]
fn it_goes_to_diffusers_and_comes_back() {
    let place = Place::new();
    place.train("a");
    for (run, has_classes) in [("a", true), ("b", false)] {
        if !has_classes {
            let sets = ["--set", "model.class_conditional=false", "--set", "sample.guidance_scale=0"];
            place.done(&[&["tiny.toml", "--no-tui", "--threads", "2", "--run", run], &sets[..]].concat());
        }
        let folder = format!("{run}-exported");
        place.done(&["export", run, &folder]);
        let index = place.path(&folder).join("model_index.json");
        let readme = fs::read_to_string(place.path(&folder).join("README.md")).unwrap();
        match has_classes {
            true => {
                assert!(!index.exists() && place.path(&folder).join("vae/config.json").is_file());
                assert!(readme.contains("AutoencoderKL.from_pretrained(\"vae\")"), "{readme}");
            }
            false => {
                let index: Value = serde_json::from_str(&fs::read_to_string(index).unwrap()).unwrap();
                assert_eq!(index["_class_name"], "LDMPipeline");
                assert_eq!(index["vqvae"], serde_json::json!(["diffusers", "AutoencoderKL"]));
                assert!(readme.contains("LDMPipeline.from_pretrained"), "{readme}");
            }
        }
        assert!(readme.contains("latent diffusion model for 8×8 images with 1 channel"), "{readme}");
        // Its network alone: what decodes is beside it.
        let said = place.refused(&["import", &format!("{folder}/unet"), "alone"]);
        assert!(said.contains(&format!("difflab import {folder} RUN")) && !place.path("alone").exists(), "{said}");
        let back = format!("{run}-back");
        let said = place.done(&["import", &folder, &back]);
        assert!(said.contains("draws 4×4 latents with 2 channels, which the AutoencoderKL decodes"), "{said}");
        let samples = |run: &str| {
            let file = format!("{run}.safetensors");
            place.done(&[
                "sample",
                run,
                "--num",
                "3",
                "--seed",
                "1",
                "--steps",
                "3",
                "--sampler",
                "ddim",
                "--guidance-scale",
                "0",
                "--quiet",
                "--out",
                &file,
            ]);
            fs::read(place.path(&file)).unwrap()
        };
        assert_eq!(samples(run), samples(&back), "{run}");
    }
}

#[test]
fn inpainting_keeps_the_pixels_that_are_kept() {
    let place = Place::new();
    place.train("a");
    let picture = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(x * 20 + y * 10) as u8]));
    picture.save(place.path("picture.png")).unwrap();
    image::GrayImage::from_fn(8, 8, |x, _| image::Luma([if x < 3 { 255 } else { 0 }]))
        .save(place.path("mask.png"))
        .unwrap();
    let words = ["sample", "a", "--inpaint", "picture.png", "--mask", "mask.png", "--num", "1", "--jumps", "1"];
    let said = place.done(&[&words[..], &["--quiet", "--out", "filled.safetensors"]].concat());
    assert!(said.contains("inpainting in latents, each of 2×2 pixels"), "{said}");
    let filled = candle_core::safetensors::load(place.path("filled.safetensors"), &candle_core::Device::Cpu).unwrap();
    let filled: Vec<f32> = filled["samples"].flatten_all().unwrap().to_vec1().unwrap();
    for (i, value) in filled.iter().enumerate().filter(|(i, _)| i % 8 >= 3) {
        let want = f32::from(picture.get_pixel((i % 8) as u32, (i / 8) as u32).0[0]) / 127.5 - 1.0;
        assert!((value - want).abs() < 1e-5, "{i}: {value}, not {want}");
    }
}

#[test]
fn an_autoencoder_that_is_gone_changed_or_of_another_size_is_a_sentence_and_nothing_is_lost() {
    let place = Place::new();
    place.train("a");
    let with = |set: &str| ["tiny.toml", "--no-tui", "--run", "no", "--set", set].map(String::from);
    let refused = |set: &str| {
        let words = with(set);
        let said = place.refused(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said.contains("data.latents") && !place.path("no").exists(), "{set}: {said}");
        said
    };
    assert!(refused("data.latents=nowhere").contains("nowhere"));
    assert!(refused("data.latents=cache").contains("holds no autoencoder"));
    // Trained for pictures of one channel.
    let said = place.refused(&[
        "tiny.toml",
        "--no-tui",
        "--run",
        "no",
        "--set",
        "data.latents=a-autoencoder",
        "--set",
        "data.channels=3",
    ]);
    assert!(said.contains("for pictures of 1 channel, and these have 3"), "{said}");
    let said = place.refused(&[
        "tiny.toml",
        "--no-tui",
        "--run",
        "no",
        "--set",
        "data.latents=a-autoencoder",
        "--set",
        "data.image_size=7",
    ]);
    assert!(said.contains("multiples of"), "{said}");
    assert!(!place.path("no").exists());
    // A run that goes on stays in its latents.
    for set in ["data.latents=a-autoencoder", "data.latents=", "autoencoder.latent_channels=3"] {
        let said = place.refused(&["--resume", "a", "--no-tui", "--steps", "8", "--set", set]);
        assert!(said.contains("can't change any more"), "{set}: {said}");
        let said = place.refused(&["fork", "a", "--no-tui", "--steps", "8", "--run", "no", "--set", set]);
        assert!(said.contains("can't change any more") && !place.path("no").exists(), "{set}: {said}");
    }
    // A network that doesn't fit is refused before the autoencoder is trained for it.
    let said = place.refused(&[
        "tiny.toml",
        "--no-tui",
        "--run",
        "no",
        "--set",
        "model.block_out_channels=8,8,8,8",
        "--set",
        "autoencoder.steps=5",
    ]);
    assert!(said.contains("the latents are 4×4") && !place.path("no-autoencoder").exists(), "{said}");
    let said = place.done(&[
        "tiny.toml",
        "--no-tui",
        "--run",
        "larger",
        "--set",
        "data.latents=a-autoencoder",
        "--set",
        "data.image_size=16",
        "--set",
        "train.steps=1",
    ]);
    assert!(said.contains("was trained on pictures of 8×8, and these are 16×16"), "{said}");
    // Of a checkpoint whose own copy was changed, or is gone, the run's is taken.
    let sample = ["sample", "a", "--num", "1", "--seed", "1", "--quiet", "--out", "x.safetensors"];
    place.done(&sample);
    let sampled = fs::read(place.path("x.safetensors")).unwrap();
    let weights = place.path("a/checkpoints/step-00000006/vae/diffusion_pytorch_model.safetensors");
    let mut changed = fs::read(&weights).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&weights, changed).unwrap();
    for gone in [false, true] {
        if gone {
            fs::remove_dir_all(weights.parent().unwrap()).unwrap();
        }
        let said = place.done(&sample);
        assert!(
            said.contains("step-00000006 has lost its autoencoder, or that was changed: a/autoencoder has"),
            "{said}"
        );
        assert_eq!(fs::read(place.path("x.safetensors")).unwrap(), sampled);
    }
    let said = place.done(&["--resume", "a", "--no-tui", "--threads", "2", "--steps", "7"]);
    assert!(said.contains("step-00000006 has lost its autoencoder") && losses(&place.path("a")).len() == 7, "{said}");
    // Where the run has none, either, it is damaged, and one before it is taken.
    fs::remove_dir_all(place.path("a/checkpoints/step-00000007")).unwrap();
    let aside = place.path("aside");
    fs::rename(place.path("a/autoencoder"), &aside).unwrap();
    let said = place.done(&sample);
    assert!(said.contains("vae/config.json") && said.contains("going on from step 3 instead"), "{said}");
    fs::rename(&aside, place.path("a/autoencoder")).unwrap();
    // A step of the history has the run's copy, or one of a checkpoint where that is gone.
    fs::remove_dir_all(place.path("a/autoencoder")).unwrap();
    place.done(&["sample", "a", "--checkpoint", "1", "--num", "1", "--quiet", "--out", "y.png"]);
    fs::remove_dir_all(place.path("a/checkpoints")).unwrap();
    let said = place.refused(&["sample", "a", "--checkpoint", "1", "--num", "1", "--quiet", "--out", "z.png"]);
    assert!(said.contains("autoencoder, and that is gone or changed"), "{said}");
}

#[test]
fn what_has_no_place_in_latents_is_said() {
    let place = Place::new();
    // What compares runs trains no first stage.
    for words in [&["race", "tiny.toml", "--vs", "--set", "seed=4"][..], &["sweep", "tiny.toml", "--grid", "seed=1,2"]]
    {
        let said = place.refused(words);
        assert!(said.contains("no run in runs/ has trained the autoencoder"), "{said}");
        assert!(!place.path("runs").exists(), "nothing is begun");
    }
    assert!(place.refused(&["speedrun", "tiny.toml"]).contains("an autoencoder is trained"));
    place.train("a");
    for key in ["sample.clip_sample", "sample.thresholding"] {
        let set = format!("{key}=true");
        let said = place.done(&["sample", "a", "--set", &set, "--num", "1", "--quiet", "--out", "x.png"]);
        assert!(said.contains(&format!("{key} = true keeps x̂_0 within [-1, 1], and latents have no range")), "{said}");
    }
    let said = place.done(&[
        "race",
        "tiny.toml",
        "--set",
        "data.latents=a-autoencoder",
        "--vs",
        "--set",
        "data.latents=",
        "--steps",
        "1",
        "--out",
        "pixels",
    ]);
    assert!(said.contains("since data.latents differs") && said.contains("Likelihoods in latents"), "{said}");
    assert!(!said.contains("standard errors  "), "no verdict: {said}");
    let said = place.done(&["explain", "data", "--run", "a"]);
    assert!(said.contains("latents have no range"), "{said}");
}
