//! `difflab autoencoder` with the real program: trained, stopped, gone on with exactly, and refused what it can't do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use difflab::nn::autoencoder::{AutoencoderConfig, open_autoencoder};
use serde_json::Value;
use tempfile::TempDir;

const TINY: &str = r#"
name = "tiny"
seed = 3
[data]
dataset = "mnist-10k"
held_out = 16
[autoencoder]
block_out_channels = [8, 8]
norm_num_groups = 4
latent_channels = 2
batch_size = 8
[train]
warmup_steps = 2
eval_every = 4
checkpoint_every = 4
[preview]
num = 4
save_every = 6
"#;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("tiny.toml"), TINY).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn difflab(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_difflab")).args(words).current_dir(self.0.path()).output().unwrap()
    }

    fn done(&self, words: &[&str]) -> Vec<Value> {
        let output = self.difflab(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn losses(run: &Path) -> Vec<f64> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64().unwrap()).collect()
}

fn file(run: &Path, step: &str, name: &str) -> Vec<u8> {
    fs::read(run.join("checkpoints").join(step).join(name)).unwrap()
}

const WEIGHTS: &str = "vae/diffusion_pytorch_model.safetensors";

#[test]
fn both_kinds_train_learn_and_go_on_exactly() {
    let place = Place::new();
    for (kind, widths) in [("kl", "[8, 8]"), ("tiny", "[8, 8, 8]")] {
        let kind_set = format!("autoencoder.kind={kind}");
        let widths_set = format!("autoencoder.block_out_channels={widths}");
        let train = |run: &str, steps: &str| {
            let sets = ["--set", &kind_set, "--set", &widths_set, "--steps", steps, "--threads", "2"];
            place.done(&[&["autoencoder", "tiny.toml", "--no-tui", "--run", run], &sets[..]].concat())
        };
        let (straight, parts) = (format!("{kind}-straight"), format!("{kind}-parts"));
        train(&straight, "12");
        train(&parts, "12");
        // The second goes on from its middle.
        for step in ["step-00000012", "step-00000008"] {
            fs::remove_dir_all(place.path(&parts).join("checkpoints").join(step)).unwrap();
        }
        place.done(&["--resume", &parts, "--no-tui", "--threads", "2"]);
        let of = |run: &str| losses(&place.path(run));
        assert_eq!(of(&straight), of(&parts));
        assert_eq!(of(&straight).len(), 12);
        for name in [WEIGHTS, "difflab/weights.safetensors", "difflab/optimizer.safetensors"] {
            let last = |run: &str| file(&place.path(run), "step-00000012", name);
            assert_eq!(last(&straight), last(&parts), "{kind}: {name}");
        }
        let loaded = open_autoencoder(&place.path(&straight).join("checkpoints/step-00000012")).unwrap();
        assert_eq!(loaded.warnings, Vec::<String>::new());
        assert_eq!(loaded.config.latent_shape(28, 28).unwrap().2, 2);
        assert_eq!(matches!(loaded.config, AutoencoderConfig::Kl(_)), kind == "kl");
        let pictures = fs::read_dir(place.path(&straight).join("previews")).unwrap().count();
        assert!(pictures >= 1, "{pictures}");
        let card = fs::read_to_string(place.path(&straight).join("README.md")).unwrap();
        assert!(card.contains("autoencoder") && card.contains("2 latent channels"), "{card}");
    }
}

#[test]
fn it_learns_to_give_pictures_back() {
    let place = Place::new();
    place.done(&[
        "autoencoder",
        "tiny.toml",
        "--no-tui",
        "--run",
        "learns",
        "--steps",
        "120",
        "--set",
        "train.eval_every=40",
    ]);
    let all = losses(&place.path("learns"));
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&all[..5]), mean(&all[all.len() - 20..]));
    assert!(last < 0.6 * first, "from {first} to {last}");
}

#[test]
fn what_an_autoencoder_can_t_do_is_said() {
    let place = Place::new();
    place.done(&["autoencoder", "tiny.toml", "--no-tui", "--run", "one", "--steps", "2"]);
    let output = place.difflab(&["sample", "one", "--num", "2"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("autoencoder") && !said.contains("panicked"), "{said}");
    let said = |set: &str| {
        let output = place.difflab(&["autoencoder", "tiny.toml", "--no-tui", "--run", "no", "--set", set]);
        assert_eq!(output.status.code(), Some(2), "{set}");
        assert!(!place.path("no").exists(), "{set}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said("autoencoder.norm_num_groups=3").contains("autoencoder.norm_num_groups"));
    assert!(said("data.image_size=27").contains("multiples of"));
    assert!(said("data.dataset=two_moons").contains("points in the plane"));
    assert!(said("data.dataset=two_moons").contains("makes latents of pictures"));
    // It trains one whatever else is set.
    place.done(&["autoencoder", "tiny.toml", "--no-tui", "--run", "kind", "--steps", "1", "--set", "model.kind=unet"]);
    assert!(fs::read_to_string(place.path("kind/README.md")).unwrap().contains("An autoencoder"));
}

/// Exports and imports, and what is said of the run on the way.
#[test]
fn it_goes_to_diffusers_folders_and_back_with_latents_of_unit_variance() {
    let place = Place::new();
    for (kind, class) in [("kl", "AutoencoderKL"), ("tiny", "AutoencoderTiny")] {
        let set = format!("autoencoder.kind={kind}");
        // The seed of an imported run, so that both hold the same pictures out.
        let train =
            ["autoencoder", "tiny.toml", "--no-tui", "--run", kind, "--steps", "4", "--seed", "0", "--set", &set];
        place.done(&train);
        let folder = format!("{kind}-vae");
        let output = place.difflab(&["export", kind, &folder]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("unit variance"), "{said}");
        let readme = fs::read_to_string(place.path(&folder).join("README.md")).unwrap();
        assert!(readme.contains(class) && readme.contains("from_pretrained(\".\")"), "{readme}");
        let config: Value =
            serde_json::from_str(&fs::read_to_string(place.path(&folder).join("config.json")).unwrap()).unwrap();
        assert_eq!(config["_class_name"], class);
        assert_eq!(config["scaling_factor"].as_f64() == Some(1.0), kind == "kl", "{config}");
        // It stays what it is, and another command takes it back.
        let taken = place.difflab(&["export", kind, &folder]);
        assert!(!taken.status.success());
        assert!(place.difflab(&["export", kind, &folder, "--force"]).status.success());
        let back = format!("{kind}-back");
        let import: &[&str] = match kind {
            "tiny" => {
                let output = place.difflab(&["import", &folder, &back]);
                assert!(String::from_utf8_lossy(&output.stderr).contains("--image-size"), "{output:?}");
                assert!(!place.path(&back).exists());
                &["--image-size", "28"]
            }
            _ => &[],
        };
        place.done(&[&["import", &folder, &back], import].concat());
        // As well as before: only the latents' scale is another.
        let mse = |run: &str, more: &[&str]| {
            let ask = ["eval", run, "--metrics", "reconstruction", "--num", "16", "--format", "json"];
            let report = place.done(&[&ask[..], more].concat()).pop().unwrap();
            let error = report["reconstruction"]["mse"]["mean"].as_f64().unwrap();
            assert!(report["sampler"].is_null() && report["steps"].is_null(), "{report}");
            error
        };
        let data = ["--set", "data.dataset=mnist-10k", "--set", "data.held_out=16"];
        let (before, after) = (mse(kind, &[]), mse(&back, &data));
        assert!((before - after).abs() < 1e-4 * before, "{before} and {after}");
        // Trained further on data of its own.
        place.done(&["--resume", &back, "--no-tui", "--steps", "2", "--set", "data.dataset=mnist-10k"]);
        assert_eq!(losses(&place.path(&back)).len(), 2);
    }
}

#[test]
fn every_other_command_does_the_sensible_thing_or_says_why_not() {
    let place = Place::new();
    place.done(&["autoencoder", "tiny.toml", "--no-tui", "--run", "one", "--steps", "4", "--set", "train.history=on"]);
    for words in [
        &["sample", "one", "--num", "2"][..],
        &["sample", "one", "--through-training"],
        &["sample", "one", "--grid", "sample.steps=2,3"],
        &["explain", "forward", "--run", "one"],
        &["explain", "training-step", "--run", "one"],
        &["doctor", "one"],
        &["study", "steps", "one", "--out", "out"],
        &["eval", "one", "--metrics", "vlb"],
        &["--resume", "one", "--no-tui", "--set", "autoencoder.kind=tiny"],
        &["--resume", "one", "--no-tui", "--set", "autoencoder.latent_channels=3"],
        &["fork", "one", "--no-tui", "--run", "no", "--steps", "9", "--set", "autoencoder.block_out_channels=[8, 16]"],
    ] {
        let output = place.difflab(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("autoencoder"), "{words:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("shape"), "{words:?}: {said}");
    }
    for words in [
        &["eval", "one", "--num", "16"][..],
        &["compare", "one", "one"],
        &["report", "one", "-o", "report.html"],
        &["card", "one"],
        &["export-logs", "one", "--csv", "one.csv"],
        &["fork", "one", "--no-tui", "--run", "forked", "--steps", "6", "--set", "autoencoder.kl_weight=0.001"],
        &["runs", "--format", "json"],
    ] {
        let output = place.difflab(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        assert!(!said.contains("no samples could be drawn") && !said.contains("noise levels"), "{words:?}: {said}");
    }
    let page = fs::read_to_string(place.path("report.html")).unwrap();
    assert!(page.contains("knows no noise and no t") && !page.contains("Signal-to-noise"));
    let eval = String::from_utf8(place.difflab(&["eval", "one", "--num", "16"]).stdout).unwrap();
    for part in ["reconstructions of 16", "PSNR", "KL, nats", "judge-FID", "latents"] {
        assert!(eval.contains(part), "{part} is missing:\n{eval}");
    }
    assert!(!eval.contains("not measurable"), "{eval}");
}

#[test]
fn keys_that_change_nothing_are_said_by_name() {
    let place = Place::new();
    let said = |command: &[&str], set: &str| {
        let run = format!("run-{}", set.replace(['=', '.'], "-"));
        let output = place.difflab(&[command, &["--no-tui", "--run", &run, "--steps", "1", "--set", set]].concat());
        assert!(output.status.success(), "{set}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let autoencoder = ["autoencoder", "tiny.toml"];
    for set in ["diffusion.path=flow", "sample.steps=9", "model.dropout=0.1", "train.p_uncond=0.3"] {
        let key = set.split('=').next().unwrap();
        let text = said(&autoencoder, set);
        assert!(text.contains(&format!("{key} has no effect here")), "{set}: {text}");
    }
    assert!(!said(&autoencoder, "autoencoder.kl_weight=0.1").contains("no effect"));
    let plain = said(&["tiny.toml"], "autoencoder.kl_weight=0.2");
    assert!(plain.contains("autoencoder.kl_weight has no effect here"), "{plain}");
}
