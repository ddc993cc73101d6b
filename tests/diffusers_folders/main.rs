//! Folders of diffusers as runs, and runs as folders of diffusers.

mod settings;
mod weights;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use candle_core::{DType, Device, Tensor};
use difflab::run::{self, ImportOptions, LoadedModel};
use serde_json::{Value, json};

const FAMILIES: [&str; 4] = ["uncond_default", "cond_scale_shift", "bare_scale_shift", "ddpm_cifar10_family"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

fn tensors(path: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
    difference.to_vec1::<f32>().unwrap().into_iter().fold(0.0, f32::max)
}

fn difflab(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_difflab")).args(args).current_dir(dir).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A copy of a golden's folder that a test may spoil.
fn copy(name: &str, into: &Path) -> PathBuf {
    let to = into.join(name);
    for file in [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
    ] {
        fs::create_dir_all(to.join(file).parent().unwrap()).unwrap();
        fs::copy(golden(name).join(file), to.join(file)).unwrap();
    }
    to
}

#[test]
fn an_imported_network_answers_as_it_did_in_diffusers() {
    let dir = tempfile::tempdir().unwrap();
    for name in FAMILIES {
        let run = dir.path().join(name);
        run::import(&golden(name), &run, ImportOptions::default()).unwrap();
        let model = LoadedModel::open(&run, None).unwrap();
        let expected = tensors(&golden(name).join("golden.safetensors"));
        let x = expected["x"].permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
        let t = expected["t"].to_dtype(DType::F32).unwrap();
        let labels = expected.get("class_labels").map(|labels| labels.to_dtype(DType::U32).unwrap());
        let out = model.net.forward(&x, &t, labels.as_ref()).unwrap().permute((0, 3, 1, 2)).unwrap();
        let difference = largest_difference(&out, &expected["out"]);
        assert!(difference < 1e-4, "{name}: {difference}");
    }
}

#[test]
fn ddim_from_given_noise_ends_where_diffusers_ends() {
    let dir = tempfile::tempdir().unwrap();
    for name in FAMILIES {
        let expected = tensors(&golden(name).join("ddim.safetensors"));
        let noise = golden(name).join("ddim.safetensors");
        let imported = difflab(&["import", golden(name).to_str().unwrap(), name], dir.path());
        assert!(imported.status.success(), "{}", stderr(&imported));
        let mut ways = vec![("samples", "0")];
        if expected.contains_key("guided") {
            ways.push(("guided", "1"));
        }
        for (tensor, w) in ways {
            let sampled = difflab(
                &[
                    "sample",
                    name,
                    "--noise",
                    noise.to_str().unwrap(),
                    "--sampler",
                    "ddim",
                    "--steps",
                    "10",
                    "--guidance-scale",
                    w,
                    "--out",
                    "out.safetensors",
                    "--quiet",
                ],
                dir.path(),
            );
            assert!(sampled.status.success(), "{}", stderr(&sampled));
            let samples = &tensors(&dir.path().join("out.safetensors"))["samples"];
            // The file clips what a picture would.
            let difference = largest_difference(samples, &expected[tensor].clamp(-1f32, 1f32).unwrap());
            assert!(difference < 1e-3, "{name}, {tensor}: {difference}");
        }
    }
}

#[test]
fn the_ways_of_the_folder_s_scheduler_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let golden = golden("uncond_default").join("ddim.safetensors");
    let expected = tensors(&golden);
    let of = |name: &str| expected[name].clamp(-1f32, 1f32).unwrap();
    for (name, changes) in [
        ("offset", json!({"_class_name": "DDIMScheduler", "steps_offset": 1, "set_alpha_to_one": false})),
        ("linspace", json!({"_class_name": "DDIMScheduler", "timestep_spacing": "linspace"})),
    ] {
        let folder = copy("uncond_default", dir.path());
        // Which names the class too, and would win.
        fs::remove_file(folder.join("model_index.json")).unwrap();
        let path = folder.join("scheduler/scheduler_config.json");
        let mut settings: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        settings.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        fs::write(&path, settings.to_string()).unwrap();
        let imported = difflab(&["import", "uncond_default", name], dir.path());
        assert!(imported.status.success(), "{}", stderr(&imported));
        let noise = golden.to_str().unwrap();
        let sampled = difflab(
            &["sample", name, "--noise", noise, "--steps", "10", "--out", "out.safetensors", "--quiet"],
            dir.path(),
        );
        assert!(sampled.status.success(), "{}", stderr(&sampled));
        let samples = &tensors(&dir.path().join("out.safetensors"))["samples"];
        let difference = largest_difference(samples, &of(name));
        assert!(difference < 1e-3, "{name}: {difference}");
        assert!(largest_difference(samples, &of("samples")) > 1e-2, "{name} must matter");
    }
}

#[test]
fn older_layouts_old_names_and_split_weights_give_the_same_network() {
    let dir = tempfile::tempdir().unwrap();
    let name = "ddpm_cifar10_family";
    let whole = tensors(&golden(name).join("unet/diffusion_pytorch_model.safetensors"));
    let old_name = |name: &str| match name.contains(".attentions.") {
        true => [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")]
            .iter()
            .fold(name.to_string(), |name, (new, old)| name.replace(new, old)),
        false => name.to_string(),
    };
    let old: HashMap<String, Tensor> = whole.iter().map(|(name, t)| (old_name(name), t.clone())).collect();
    assert!(old.contains_key("mid_block.attentions.0.query.weight"));

    // As google/ddpm-cifar10-32 has it: everything at the top, the old names.
    let flat = dir.path().join("flat");
    fs::create_dir(&flat).unwrap();
    fs::copy(golden(name).join("unet/config.json"), flat.join("config.json")).unwrap();
    fs::copy(golden(name).join("scheduler/scheduler_config.json"), flat.join("scheduler_config.json")).unwrap();
    candle_core::safetensors::save(&old, flat.join("diffusion_pytorch_model.safetensors")).unwrap();

    let split = copy(name, dir.path());
    fs::remove_file(split.join("unet/diffusion_pytorch_model.safetensors")).unwrap();
    let mut names: Vec<&String> = whole.keys().collect();
    names.sort();
    let (first, second) = names.split_at(names.len() / 2);
    let mut map = serde_json::Map::new();
    for (shard, names) in [("a", first), ("b", second)] {
        let part: HashMap<String, Tensor> = names.iter().map(|n| (n.to_string(), whole[*n].clone())).collect();
        let file = format!("diffusion_pytorch_model-{shard}.safetensors");
        candle_core::safetensors::save(&part, split.join("unet").join(&file)).unwrap();
        map.extend(names.iter().map(|name| (name.to_string(), Value::from(file.clone()))));
    }
    let index = split.join("unet/diffusion_pytorch_model.safetensors.index.json");
    fs::write(&index, json!({"metadata": {}, "weight_map": map}).to_string()).unwrap();

    for (folder, run) in [(&flat, "from-flat"), (&split, "from-split")] {
        let target = dir.path().join(run);
        let imported = run::import(folder, &target, ImportOptions::default()).unwrap();
        assert_eq!(imported.config.diffusion.timesteps, 1000);
        let read = tensors(&target.join("checkpoints/step-00000000/unet/diffusion_pytorch_model.safetensors"));
        assert_eq!(read.len(), whole.len());
        for (name, tensor) in &whole {
            assert_eq!(largest_difference(&read[name], tensor), 0.0, "{run}: {name}");
        }
    }

    // An index may not reach out of its folder.
    fs::write(&index, json!({"weight_map": {"conv_in.weight": "../../x.safetensors"}}).to_string()).unwrap();
    let error = run::import(&split, &dir.path().join("reaching"), ImportOptions::default()).unwrap_err();
    assert!(format!("{error:#}").contains("../../x.safetensors"), "{error:#}");
}

#[test]
fn folders_that_cannot_be_imported_leave_no_run_and_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = |folder: &Path, options| {
        let target = dir.path().join("run");
        let error = run::import(folder, &target, options).unwrap_err();
        assert!(!target.exists());
        format!("{error:#}")
    };
    let plain = ImportOptions::default();
    let folder = copy("uncond_default", dir.path());
    let weights = folder.join("unet/diffusion_pytorch_model.safetensors");
    fs::rename(&weights, folder.join("unet/diffusion_pytorch_model.bin")).unwrap();
    assert!(refusal(&folder, plain).contains("only safetensors are read"));
    fs::rename(folder.join("unet/diffusion_pytorch_model.bin"), &weights).unwrap();
    assert!(refusal(&folder, ImportOptions { no_null_class: true, ..plain }).contains("no classes"));
    let edit = |file: &str, key: &str, value: Value| {
        let path = folder.join(file);
        let before = fs::read_to_string(&path).unwrap();
        let mut settings: Value = serde_json::from_str(&before).unwrap();
        settings[key] = value;
        fs::write(&path, settings.to_string()).unwrap();
        let message = refusal(&folder, plain);
        fs::write(&path, before).unwrap();
        message
    };
    assert!(edit("unet/config.json", "sample_size", Value::Null).contains("--image-size"));
    assert!(edit("unet/config.json", "sample_size", json!(30)).contains("multiples of 4"));
    assert!(edit("unet/config.json", "time_embedding_type", json!("fourier")).contains("time_embedding_type"));
    assert!(edit("unet/config.json", "layers_per_block", json!(3)).contains("shape"));
    assert!(edit("scheduler/scheduler_config.json", "beta_schedule", json!("laplace")).contains("laplace"));
    assert!(edit("scheduler/scheduler_config.json", "rescale_betas_zero_snr", json!(true)).contains("v_prediction"));
    assert!(refusal(&dir.path().join("nowhere"), plain).contains("nowhere"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half-made is left");
}

#[test]
fn an_imported_run_is_trained_further_once_it_knows_its_data_and_exports_again() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
    std::os::unix::fs::symlink(&datasets, dir.path().join("datasets")).unwrap();
    let imported = difflab(&["import", golden("uncond_default").to_str().unwrap(), "run"], dir.path());
    assert!(imported.status.success(), "{}", stderr(&imported));
    let resumed = difflab(&["--resume", "run", "--no-tui"], dir.path());
    assert_eq!(resumed.status.code(), Some(2));
    assert!(stderr(&resumed).contains("--set data.path"), "{}", stderr(&resumed));
    let changed = difflab(
        &["--resume", "run", "--no-tui", "--set", "data.dataset=mnist-10k", "--set", "model.dropout=0.5"],
        dir.path(),
    );
    assert_eq!(changed.status.code(), Some(2));
    assert!(stderr(&changed).contains("`model.dropout` cannot change"), "{}", stderr(&changed));
    let resumed = difflab(
        &[
            "--resume",
            "run",
            "--no-tui",
            "--steps",
            "2",
            "--set",
            "data.dataset=mnist-10k",
            "--set",
            "train.batch_size=4",
            "--set",
            "data.held_out=8",
            "--set",
            "train.warmup_steps=0",
            "--set",
            "preview.enabled=false",
        ],
        dir.path(),
    );
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let model = LoadedModel::open(&dir.path().join("run"), None).unwrap();
    assert_eq!(model.step, 2);

    let exported = difflab(&["export", "run", "out"], dir.path());
    assert!(exported.status.success(), "{}", stderr(&exported));
    let read = |folder: &Path, file: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap()
    };
    let (ours, theirs) = (dir.path().join("out"), golden("uncond_default"));
    for file in ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"] {
        assert_eq!(read(&ours, file), read(&theirs, file), "{file}");
    }
    assert!(fs::read_to_string(ours.join("README.md")).unwrap().contains("from_pretrained(\".\")"));
    let again = difflab(&["export", "run", "out"], dir.path());
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    assert!(difflab(&["export", "run", "out", "--force", "--checkpoint", "0"], dir.path()).status.success());
    // What is no export is never replaced.
    let refused = difflab(&["export", "run", "run", "--force"], dir.path());
    assert_eq!(refused.status.code(), Some(2));
    assert!(dir.path().join("run/config.toml").exists(), "{}", stderr(&refused));
}

#[test]
fn a_network_that_is_not_told_the_time_stays_so_in_checkpoints_and_exports_and_in_diffusers() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
    std::os::unix::fs::symlink(&datasets, dir.path().join("datasets")).unwrap();
    let set = [
        "data.dataset=mnist-10k",
        "data.held_out=8",
        "model.block_out_channels=8,16",
        "model.norm_num_groups=4",
        "model.noise_conditioning=false",
        "model.class_conditional=false",
        "sample.guidance_scale=0",
        "train.batch_size=4",
        "preview.enabled=false",
    ];
    let train = |steps: &str, begin: &[&str]| {
        let mut words = vec!["--no-tui", "--steps", steps];
        words.extend(begin);
        let trained = difflab(&words, dir.path());
        assert!(trained.status.success(), "{}", stderr(&trained));
        // Without a terminal warnings are lines on standard output.
        String::from_utf8_lossy(&trained.stdout).into_owned()
    };
    let sets: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    assert!(train("2", &[&["--run", "run"], &sets[..]].concat()).contains("the network is not told t"));
    train("3", &["--resume", "run"]);
    let exported = difflab(&["export", "run", "out"], dir.path());
    assert!(
        exported.status.success() && stderr(&exported).contains("the network is not told t"),
        "{}",
        stderr(&exported)
    );
    let folder = dir.path().join("out");
    assert!(fs::read_to_string(folder.join("README.md")).unwrap().contains("the network is not told t"));
    assert!(
        fs::read_to_string(dir.path().join("run/README.md")).unwrap().contains("| time | the network is not told t |")
    );

    // diffusers passes over a key that begins with _, and passes t: its network, in ours, is one that is told.
    let model = LoadedModel::open(&dir.path().join("run"), None).unwrap();
    let mut settings: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("unet/config.json")).unwrap()).unwrap();
    assert_eq!(settings.as_object_mut().unwrap().remove("_noise_conditioning"), Some(json!(false)));
    let (_, weights) = difflab::nn::diffusers::load_unet(&folder).unwrap();
    let theirs = difflab::nn::UNetConfig::from_json(&settings.to_string()).unwrap();
    let theirs = difflab::nn::UNet::new(&theirs, &weights).unwrap();
    let x = Tensor::randn(0f32, 1.0, (1, 28, 28, 1), &Device::Cpu).unwrap();
    let at = |t: f32| Tensor::new(&[t], &Device::Cpu).unwrap();
    let own = model.net.forward(&x, &at(10.0), None).unwrap();
    for t in [0.0, 10.0, 900.0] {
        assert_eq!(largest_difference(&theirs.forward(&x, &at(t), None).unwrap(), &own), 0.0, "{t}");
        assert_eq!(largest_difference(&model.net.forward(&x, &at(t), None).unwrap(), &own), 0.0, "{t}");
    }

    // An import knows it again.
    let imported = run::import(&folder, &dir.path().join("again"), ImportOptions::default()).unwrap();
    assert!(!imported.config.model.noise_conditioning && imported.notes.join("; ").contains("not told t"));
}

#[test]
fn a_class_table_without_a_null_class_gets_one() {
    let dir = tempfile::tempdir().unwrap();
    let options = ImportOptions { no_null_class: true, ..ImportOptions::default() };
    let name = "cond_scale_shift";
    run::import(&golden(name), &dir.path().join("run"), options).unwrap();
    let model = LoadedModel::open(&dir.path().join("run"), None).unwrap();
    assert_eq!((model.net.num_classes(), model.classes.len()), (Some(4), 4));
    let expected = tensors(&golden(name).join("golden.safetensors"));
    let x = expected["x"].permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    let t = expected["t"].to_dtype(DType::F32).unwrap();
    let labels = expected["class_labels"].to_dtype(DType::U32).unwrap();
    let out = model.net.forward(&x, &t, Some(&labels)).unwrap().permute((0, 3, 1, 2)).unwrap();
    assert!(largest_difference(&out, &expected["out"]) < 1e-4);
    run::import(&golden(name), &dir.path().join("other"), ImportOptions::default()).unwrap();
    assert_eq!(LoadedModel::open(&dir.path().join("other"), None).unwrap().net.num_classes(), Some(3));
}

/// For tests/parity/run.py, which puts inputs and diffusers' outputs beside each export.
#[test]
#[ignore = "needs the exports of tests/parity/run.py"]
fn exported_networks_answer_as_diffusers_does() {
    let exports = std::env::var("DIFFLAB_PARITY").expect("the folder of the exports in DIFFLAB_PARITY");
    let mut folders: Vec<PathBuf> = fs::read_dir(exports).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let expected = tensors(&folder.join("parity.safetensors"));
        let (config, weights) = difflab::nn::diffusers::load_unet(&folder).unwrap();
        let unet = difflab::nn::UNet::new(&config, &weights).unwrap();
        let x = expected["x"].permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
        let labels = expected.get("class_labels").map(|labels| labels.to_dtype(DType::U32).unwrap());
        let out = unet.forward(&x, &expected["t"], labels.as_ref()).unwrap().permute((0, 3, 1, 2)).unwrap();
        println!("PARITY {} {}", folder.file_name().unwrap().display(), largest_difference(&out, &expected["out"]));
    }
}
