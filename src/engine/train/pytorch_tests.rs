//! What PyTorch repeats: tests/parity/steps.py trains diffusers' network from the weights that this writes, on the same
//! batches, and compares.

use std::collections::HashMap;
use std::path::Path;
use std::{env, fs};

use candle_core::safetensors::save;

use super::*;
use crate::data;
use crate::nn::diffusers::{save_pipeline, save_weights};

/// Steps that are repeated, and those whose weights are compared.
const STEPS: u64 = 100;
const COMPARED: [u64; 3] = [1, 10, 100];
/// Steps of which timesteps, classes and images are looked at.
const DRAWN: u64 = 2000;
/// Seeds whose first weights are looked at.
const SEEDS: u64 = 5;

#[test]
#[ignore = "for tests/parity/run.py, which says where the configs are and repeats the steps"]
fn steps_that_pytorch_repeats() {
    let folder = env::var("DIFFLAB_PARITY").expect("a folder of configs in DIFFLAB_PARITY");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            write_steps(&path);
        }
    }
}

/// Trains by the config at `path`, and writes beside it, in a folder of its name, what went in and what came out.
fn write_steps(path: &Path) {
    let config = Config::load(path.to_str().unwrap(), &[]).unwrap();
    let out = path.with_extension("");
    fs::create_dir_all(&out).unwrap();
    let (data, held_out) = {
        let all = data::load(&config.data).unwrap();
        let held_out = config.data.held_out.of(all.len());
        all.split_held_out(held_out, config.seed).unwrap()
    };
    let workers = Arc::new(Workers::new(2).unwrap());
    let fresh = |seed: u64| {
        let config = Config { seed, ..config.clone() };
        Trainer::new(&config, data.clone(), &held_out, &Device::Cpu, workers.clone()).unwrap()
    };
    for seed in 0..SEEDS {
        save_raw(&fresh(seed), &out.join(format!("fresh-{seed}")));
    }
    write_draws(&fresh(config.seed), &out);

    let mut trainer = fresh(config.seed);
    save_raw(&trainer, &out.join("start"));
    let mut batches: HashMap<&str, Vec<Tensor>> = HashMap::new();
    let mut reports = Vec::new();
    for step in 0..STEPS {
        let draws = trainer.draws(step);
        let shape = (draws.drawn.timesteps.len(), data.height, data.width, data.channels);
        let mut put =
            |name, tensor: candle_core::Result<Tensor>| batches.entry(name).or_default().push(tensor.unwrap());
        put("pixels", Tensor::from_vec(draws.pixels, shape, &Device::Cpu));
        put("noise", Tensor::from_vec(draws.noise, shape, &Device::Cpu));
        put("timesteps", Tensor::from_vec(draws.drawn.timesteps, shape.0, &Device::Cpu));
        assert_eq!(draws.drawn.corrections, None, "steps.py knows no corrections");
        if let Some(classes) = draws.classes {
            put("classes", whole(classes));
        }
        let report = trainer.step().unwrap();
        reports.extend([report.loss, report.grad_norm, report.lr, trainer.ema.decay(report.step)]);
        if COMPARED.contains(&report.step) {
            save_unet(&trainer, &trainer.state().unwrap().weights, &out.join(format!("raw-{}", report.step)));
            save_unet(&trainer, &trainer.ema.weights(), &out.join(format!("ema-{}", report.step)));
        }
    }
    let mut tensors: HashMap<&str, Tensor> =
        batches.into_iter().map(|(name, all)| (name, Tensor::stack(&all, 0).unwrap())).collect();
    tensors.insert("reports", Tensor::from_vec(reports, (STEPS as usize, 4), &Device::Cpu).unwrap());
    save(&tensors, out.join("steps.safetensors")).unwrap();
    fs::write(out.join("config.toml"), config.to_toml()).unwrap();
}

/// Timesteps, classes and images of many steps.
fn write_draws(trainer: &Trainer, out: &Path) {
    let (mut timesteps, mut classes, mut images) = (Vec::new(), Vec::new(), Vec::new());
    let batch = trainer.config.train.batch_size;
    for step in 0..DRAWN {
        let draws = trainer.draws(step);
        timesteps.extend(draws.drawn.timesteps);
        classes.extend(draws.classes.unwrap_or_default());
        let indices = indices_of_step(trainer.data.len(), batch, trainer.config.seed, step);
        images.extend(indices.iter().map(|&index| index as u32));
    }
    let labels = trainer.data.class_of(&images.iter().map(|&index| index as usize).collect::<Vec<_>>());
    let count = timesteps.len();
    let tensors = HashMap::from([
        ("timesteps", Tensor::from_vec(timesteps, count, &Device::Cpu).unwrap()),
        ("classes", whole(classes).unwrap()),
        ("labels", whole(labels).unwrap()),
        ("images", whole(images).unwrap()),
    ]);
    save(&tensors, out.join("draws.safetensors")).unwrap();
}

/// Whole numbers as torch reads them.
fn whole(numbers: Vec<u32>) -> candle_core::Result<Tensor> {
    let numbers: Vec<i64> = numbers.into_iter().map(i64::from).collect();
    let count = numbers.len();
    Tensor::from_vec(numbers, count, &Device::Cpu)
}

/// The raw weights as a folder of diffusers.
fn save_raw(trainer: &Trainer, out: &Path) {
    let NetConfig::UNet(config) = &trainer.net_config else { panic!("a U-Net") };
    let weights = Weights::from_map(trainer.state().unwrap().weights.into_iter().collect());
    save_pipeline(out, config, &weights, None).unwrap();
}

fn save_unet(trainer: &Trainer, weights: &[(String, Tensor)], out: &Path) {
    let weights = Weights::from_map(weights.iter().cloned().collect());
    save_weights(&out.with_extension("safetensors"), &trainer.net_config, &weights).unwrap();
}
