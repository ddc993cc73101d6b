//! The U-Net against numbers that diffusers itself computed: outputs, inner activations, gradients,
//! names and files.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use difflab::config::{DiffusionConfig, SampleConfig, SamplerName, ScheduleName, TimeScaleShift};
use difflab::diffusion::Schedule;
use difflab::nn::{DownBlockType, Net, ParameterKind, UNet, UNetConfig, UpBlockType, Weights, parameters};
use difflab::nn::{diffusers, parameter_count};

/// Name, and the loss mean(out²). The last two were made for settings that the first two leave at
/// their defaults: sines first, shifted frequencies, one head, padding right and below; and heads
/// that don't fill the channels, a scaled middle without normalization, centred input.
const GOLDENS: [(&str, f64); 4] = [
    ("uncond_default", 0.5341835618),
    ("cond_scale_shift", 0.1567213088),
    ("ddpm_cifar10_family", 0.0915660188),
    ("bare_scale_shift", 0.1100739613),
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

fn tensors(path: PathBuf) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

fn channels_last(x: &Tensor) -> Tensor {
    if x.rank() == 4 { x.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap() } else { x.clone() }
}

fn max_abs_difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    values(&(a - b).unwrap().abs().unwrap()).into_iter().fold(0.0, f32::max)
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// A batch, and what diffusers computed for it.
struct Inputs {
    x: Tensor,
    t: Tensor,
    labels: Option<Tensor>,
    expected: HashMap<String, Tensor>,
}

fn inputs(name: &str) -> Inputs {
    let expected = tensors(golden(name).join("golden.safetensors"));
    let t = expected["t"].to_dtype(DType::F32).unwrap();
    let labels = expected.get("class_labels").map(|l| l.to_dtype(DType::U32).unwrap());
    Inputs { x: channels_last(&expected["x"]), t, labels, expected }
}

#[test]
fn outputs_and_inner_activations_equal_diffusers() {
    for (name, _) in GOLDENS {
        let Inputs { x, t, labels, expected } = inputs(name);
        let (config, weights) = diffusers::load_unet(&golden(name)).unwrap();
        let unet = Net::UNet(UNet::new(&config, &weights).unwrap());
        let mut seen = BTreeMap::new();
        let mut observer = |module: &str, h: &Tensor| {
            seen.insert(module.to_string(), h.clone());
        };
        let output = unet.forward_observed(&x, &t, labels.as_ref(), &mut observer).unwrap();
        let mut compared = 0;
        for (key, value) in &expected {
            let Some(module) = key.strip_prefix("act.") else { continue };
            // Ours is one operation with the SiLU behind it.
            let (module, value) = match module {
                "conv_norm_out" => ("conv_act", value.silu().unwrap()),
                _ => (module, value.clone()),
            };
            let difference = max_abs_difference(&channels_last(&value), &seen[module]);
            assert!(difference < 1e-4, "{name}: {module} differs by {difference}");
            compared += 1;
        }
        assert_eq!(compared, if name.ends_with("default") || name.starts_with("cond") { 14 } else { 0 });
        let difference = max_abs_difference(&output, &channels_last(&expected["out"]));
        assert!(difference < 1e-4, "{name}: the output differs by {difference}");
    }
}

#[test]
fn the_gradient_of_every_parameter_equals_torch() {
    for (name, golden_loss) in GOLDENS {
        let Inputs { x, t, labels, .. } = inputs(name);
        let expected = tensors(golden(name).join("golden_grads.safetensors"));
        let (config, weights) = diffusers::load_unet(&golden(name)).unwrap();
        let kinds: HashMap<String, ParameterKind> =
            parameters(&config).unwrap().into_iter().map(|p| (p.name, p.kind)).collect();
        let (weights, vars) = weights.trainable().unwrap();
        let output = UNet::new(&config, &weights).unwrap().forward(&x, &t, labels.as_ref()).unwrap();
        let loss = output.sqr().unwrap().mean_all().unwrap();
        let value = loss.to_scalar::<f32>().unwrap() as f64;
        assert!((value - golden_loss).abs() < 1e-5, "{name}: loss {value}, not {golden_loss}");
        let grads = loss.backward().unwrap();
        assert_eq!(expected.len(), vars.len());
        for (parameter, var) in &vars {
            let grad = grads.get(var).unwrap_or_else(|| panic!("{name}: {parameter} has no gradient"));
            let grad = kinds[parameter].to_file_layout(grad).unwrap();
            let golden = &expected[parameter];
            let largest = values(golden).into_iter().fold(0f32, |m, v| m.max(v.abs()));
            // What is exactly zero in theory is rounding noise in both: softmax ignores a constant
            // added to all keys' scores, so to_k's bias has no influence.
            let allowed = if parameter.ends_with("to_k.bias") { 1e-6 } else { 1e-3 * largest };
            let difference = max_abs_difference(&grad, golden);
            assert!(difference < allowed, "{name}: {parameter} differs by {difference}, largest {largest}");
        }
    }
}

/// The fast kernels take f32 on a CPU and nothing else: in f64 every operation is the one made of candle's own
/// that runs on other devices too.
#[test]
fn the_operations_of_other_devices_give_the_same_outputs_and_gradients() {
    for (name, golden_loss) in GOLDENS {
        let Inputs { x, t, labels, expected } = inputs(name);
        let gradients = tensors(golden(name).join("golden_grads.safetensors"));
        let (config, weights) = diffusers::load_unet(&golden(name)).unwrap();
        let kinds: HashMap<String, ParameterKind> =
            parameters(&config).unwrap().into_iter().map(|p| (p.name, p.kind)).collect();
        let double = |tensor: &Tensor| tensor.to_dtype(DType::F64).unwrap();
        let in_f64 = weights.iter().map(|(name, tensor)| (name.to_string(), double(tensor))).collect();
        let (weights, vars) = Weights::from_map(in_f64).trainable().unwrap();
        let unet = UNet::new(&config, &weights).unwrap();
        let output = unet.forward(&double(&x), &double(&t), labels.as_ref()).unwrap();
        assert_eq!(output.dtype(), DType::F64);
        let loss = output.sqr().unwrap().mean_all().unwrap();
        assert!((loss.to_scalar::<f64>().unwrap() - golden_loss).abs() < 1e-5, "{name}");
        let single = |tensor: &Tensor| tensor.to_dtype(DType::F32).unwrap();
        let difference = max_abs_difference(&single(&output), &channels_last(&expected["out"]));
        assert!(difference < 1e-4, "{name}: the output differs by {difference}");
        let grads = loss.backward().unwrap();
        for (parameter, var) in &vars {
            let grad = grads.get(var).unwrap_or_else(|| panic!("{name}: {parameter} has no gradient"));
            let grad = kinds[parameter].to_file_layout(&single(grad)).unwrap();
            let golden = &gradients[parameter];
            let largest = values(golden).into_iter().fold(0f32, |m, v| m.max(v.abs()));
            let allowed = if parameter.ends_with("to_k.bias") { 1e-6 } else { 1e-3 * largest };
            let difference = max_abs_difference(&grad, golden);
            assert!(difference < allowed, "{name}: {parameter} differs by {difference}, largest {largest}");
        }
    }
}

#[test]
fn saving_and_loading_is_exact_and_writes_the_folder_that_diffusers_wrote() {
    for (name, _) in GOLDENS {
        let (config, weights) = diffusers::load_unet(&golden(name)).unwrap();
        let scheduler: serde_json::Value =
            serde_json::from_str(&read(&golden(name), "scheduler/scheduler_config.json")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        diffusers::save_pipeline(dir.path(), &config, &weights, Some(&scheduler)).unwrap();
        for file in ["model_index.json", "scheduler/scheduler_config.json", "unet/config.json"] {
            let (ours, theirs) = (read(dir.path(), file), read(&golden(name), file));
            // Small numbers are written otherwise.
            let theirs = theirs.replace("1e-05", "0.00001").replace("1e-06", "1e-6");
            assert_eq!(ours, theirs, "{name}: {file}");
        }
        let file = "unet/diffusion_pytorch_model.safetensors";
        let (ours, theirs) = (tensors(dir.path().join(file)), tensors(golden(name).join(file)));
        assert_eq!(ours.len(), theirs.len());
        for (parameter, theirs) in &theirs {
            assert_eq!(ours[parameter].dims(), theirs.dims());
            assert_eq!(values(&ours[parameter]), values(theirs), "{name}: {parameter}");
        }
        let (again, reloaded) = diffusers::load_unet(dir.path()).unwrap();
        assert_eq!(again, config);
        assert_eq!(reloaded.len(), weights.len());
        for ((_, a), (_, b)) in reloaded.iter().zip(weights.iter()) {
            assert_eq!(values(a), values(b));
        }
    }
}

fn read(dir: &Path, file: &str) -> String {
    std::fs::read_to_string(dir.join(file)).unwrap()
}

/// The network whose tensors the diffusers documentation of this project counts.
fn worked_example() -> UNetConfig {
    use DownBlockType::*;
    use UpBlockType::*;
    UNetConfig {
        in_channels: 1,
        out_channels: 1,
        block_out_channels: vec![32, 64, 64],
        down_block_types: vec![DownBlock2D, AttnDownBlock2D, DownBlock2D],
        up_block_types: vec![UpBlock2D, AttnUpBlock2D, UpBlock2D],
        norm_num_groups: 8,
        num_class_embeds: Some(11),
        ..UNetConfig::default()
    }
}

#[test]
fn the_worked_example_has_the_tensors_that_diffusers_makes() {
    let config = worked_example();
    let list = parameters(&config).unwrap();
    assert_eq!(list.len(), 269);
    assert_eq!(parameter_count(&config).unwrap(), 1_624_577);
    let shapes: BTreeMap<_, _> = list.iter().map(|p| (p.name.as_str(), p.file_shape())).collect();
    for (name, shape) in [
        ("class_embedding.weight", vec![11, 128]),
        ("time_embedding.linear_1.weight", vec![128, 32]),
        ("down_blocks.1.resnets.0.conv_shortcut.weight", vec![64, 32, 1, 1]),
        ("down_blocks.1.attentions.0.to_q.weight", vec![64, 64]),
        ("up_blocks.0.resnets.2.conv1.weight", vec![64, 128, 3, 3]),
        ("up_blocks.1.resnets.2.conv1.weight", vec![64, 96, 3, 3]),
        ("up_blocks.2.resnets.0.conv1.weight", vec![32, 96, 3, 3]),
        ("up_blocks.2.resnets.2.conv_shortcut.weight", vec![32, 64, 1, 1]),
        ("up_blocks.0.resnets.0.time_emb_proj.weight", vec![64, 128]),
        ("conv_norm_out.weight", vec![32]),
        ("conv_out.weight", vec![1, 32, 3, 3]),
    ] {
        assert_eq!(shapes[name], shape, "{name}");
    }
    assert!(!shapes.contains_key("down_blocks.0.resnets.0.conv_shortcut.weight"));
    assert!(!shapes.contains_key("down_blocks.2.resnets.0.conv_shortcut.weight"));

    let film = UNetConfig { resnet_time_scale_shift: TimeScaleShift::ScaleShift, ..config };
    let list = parameters(&film).unwrap();
    assert_eq!(list.len(), 267);
    let film_shape = list.iter().find(|p| p.name == "up_blocks.0.resnets.0.time_emb_proj.weight").unwrap();
    assert_eq!(film_shape.file_shape(), [128, 128]);
    assert!(list.iter().all(|p| !p.name.starts_with("mid_block.attentions.0.group_norm")));
}

/// Every way in which an architecture can differ, at the smallest size.
fn families() -> Vec<(&'static str, UNetConfig)> {
    use DownBlockType::*;
    use UpBlockType::*;
    let base = UNetConfig {
        in_channels: 3,
        block_out_channels: vec![8, 16],
        layers_per_block: 1,
        norm_num_groups: 4,
        attention_head_dim: Some(4),
        down_block_types: vec![DownBlock2D, AttnDownBlock2D],
        up_block_types: vec![AttnUpBlock2D, UpBlock2D],
        ..UNetConfig::default()
    };
    let film = TimeScaleShift::ScaleShift;
    let with = |change: fn(&mut UNetConfig)| {
        let mut config = base.clone();
        change(&mut config);
        config
    };
    vec![
        ("additive", base.clone()),
        ("FiLM", UNetConfig { resnet_time_scale_shift: film, attn_norm_num_groups: Some(4), ..base.clone() }),
        ("FiLM without the middle norm", UNetConfig { resnet_time_scale_shift: film, ..base.clone() }),
        ("class-conditional", with(|c| c.num_class_embeds = Some(2))),
        ("one head", with(|c| c.attention_head_dim = None)),
        ("heads that don't fill the channels", with(|c| c.attention_head_dim = Some(3))),
        ("no middle attention", with(|c| c.add_attention = false)),
        ("no middle block", with(|c| c.mid_block_type = None)),
        ("padding right and below", with(|c| c.downsample_padding = 0)),
        ("sines first", with(|c| (c.flip_sin_to_cos, c.freq_shift) = (false, 1.0))),
        ("scaled middle", with(|c| c.mid_block_scale_factor = 2.0)),
        ("centred input", with(|c| c.center_input_sample = true)),
        ("own time width", with(|c| c.time_embedding_dim = Some(20))),
        ("dropout", with(|c| c.dropout = 0.3)),
    ]
}

/// `n` images of `size` × `size` pixels, with times and labels.
fn small_batch(config: &UNetConfig, n: usize, size: usize) -> (Tensor, Tensor, Option<Tensor>) {
    let count = n * size * size * config.in_channels;
    let x: Vec<f32> = (0..count).map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0).collect();
    let t: Vec<f32> = (0..n).map(|i| 40.0 + 111.5 * i as f32).collect();
    let labels: Vec<u32> = (0..n as u32).map(|i| i % config.num_class_embeds.unwrap_or(1) as u32).collect();
    let device = &Device::Cpu;
    (
        Tensor::from_vec(x, (n, size, size, config.in_channels), device).unwrap(),
        Tensor::from_vec(t, n, device).unwrap(),
        config.num_class_embeds.map(|_| Tensor::from_vec(labels, n, device).unwrap()),
    )
}

#[test]
fn every_parameter_of_every_family_gets_a_gradient() {
    let shipped = difflab::config::shipped().iter().map(|(name, text)| {
        let model = difflab::config::Config::from_toml(text, name).unwrap().model;
        (*name, UNetConfig::new(&model, 16, 16, 1, Some(3)))
    });
    for (family, config) in families().into_iter().chain(shipped) {
        // No level may shrink to one pixel, where attention has nothing to choose from.
        let (x, t, labels) = small_batch(&config, 2, 16);
        let (weights, vars) = Weights::init(&config, 3, &Device::Cpu).unwrap().trainable().unwrap();
        let unet = Net::UNet(UNet::new(&config, &weights).unwrap());
        let mut rng = difflab::random::generator(1, difflab::random::Stream::Dropout, 0);
        let output = unet.forward_train(&x, &t, labels.as_ref(), Some(&mut rng)).unwrap();
        let loss = (&output * &output.sin().unwrap()).unwrap().sum_all().unwrap();
        let grads = loss.backward().unwrap();
        for (name, var) in &vars {
            let grad = grads.get(var).unwrap_or_else(|| panic!("{family}: {name} has no gradient"));
            let largest = values(grad).into_iter().fold(0f32, |m, v| m.max(v.abs()));
            // Softmax ignores a constant added to all scores, so to_k's bias has no influence.
            let some = largest > 0.0 || name.ends_with("to_k.bias");
            assert!(some && largest.is_finite(), "{family}: the gradient of {name} is {largest}");
        }
    }
}

#[test]
fn a_sample_does_not_depend_on_the_others_in_its_batch() {
    for (family, config) in families() {
        let (x, t, labels) = small_batch(&config, 4, 8);
        let unet = UNet::new(&config, &Weights::init(&config, 5, &Device::Cpu).unwrap()).unwrap();
        let together = unet.forward(&x, &t, labels.as_ref()).unwrap();
        for i in 0..4 {
            let one = |v: &Tensor| v.narrow(0, i, 1).unwrap().contiguous().unwrap();
            let alone = unet.forward(&one(&x), &one(&t), labels.as_ref().map(one).as_ref()).unwrap();
            let difference = max_abs_difference(&alone, &one(&together));
            assert!(difference < 1e-5, "{family}: image {i} differs by {difference}");
        }
    }
}

#[test]
fn setting_a_variable_is_seen_by_networks_of_its_detached_tensors() {
    let (_, config) = families().remove(0);
    let (x, t, labels) = small_batch(&config, 2, 8);
    let (weights, vars) = Weights::init(&config, 1, &Device::Cpu).unwrap().trainable().unwrap();
    let unet = UNet::new(&config, &weights.detached()).unwrap();
    let other = Weights::init(&config, 2, &Device::Cpu).unwrap();
    let expected = UNet::new(&config, &other).unwrap().forward(&x, &t, labels.as_ref()).unwrap();
    let before = unet.forward(&x, &t, labels.as_ref()).unwrap();
    for (name, var) in &vars {
        var.set(other.get(name).unwrap()).unwrap();
    }
    let after = unet.forward(&x, &t, labels.as_ref()).unwrap();
    assert!(max_abs_difference(&before, &expected) > 1e-3);
    assert_eq!(values(&after), values(&expected));
    assert!(!after.track_op(), "inference must not record a graph");
    let training = UNet::new(&config, &weights).unwrap().forward(&x, &t, labels.as_ref()).unwrap();
    assert!(training.track_op());
}

#[test]
fn folders_of_all_families_and_older_layouts_load_again() {
    let scheduler = serde_json::json!({"_class_name": "DDPMScheduler", "num_train_timesteps": 1000});
    for (family, config) in families() {
        let weights = Weights::init(&config, 9, &Device::Cpu).unwrap();
        let dir = tempfile::tempdir().unwrap();
        diffusers::save_pipeline(dir.path(), &config, &weights, Some(&scheduler)).unwrap();
        // Older repositories have the files at the top.
        for folder in [dir.path().to_path_buf(), dir.path().join("unet")] {
            let loaded = diffusers::open_unet(&folder).unwrap();
            assert_eq!(loaded.config, config, "{family}");
            assert!(loaded.warnings.is_empty(), "{family}: {:?}", loaded.warnings);
            for ((name, a), (_, b)) in loaded.weights.iter().zip(weights.iter()) {
                assert_eq!(values(a), values(b), "{family}: {name}");
            }
        }
    }
}

#[test]
fn old_attention_names_are_read_and_extra_tensors_are_warned_about() {
    let dir = tempfile::tempdir().unwrap();
    copy_golden("uncond_default", dir.path());
    let path = dir.path().join("unet/diffusion_pytorch_model.safetensors");
    let mut renamed: HashMap<String, Tensor> = tensors(path.clone())
        .into_iter()
        .map(|(name, tensor)| {
            let name = name.replace(".to_q.", ".query.").replace(".to_k.", ".key.").replace(".to_v.", ".value.");
            (name.replace(".to_out.0.", ".proj_attn."), tensor)
        })
        .collect();
    assert!(renamed.contains_key("mid_block.attentions.0.proj_attn.weight"));
    renamed.insert("decoder.bias".into(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap());
    candle_core::safetensors::save(&renamed, &path).unwrap();
    let loaded = diffusers::open_unet(dir.path()).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].contains("decoder.bias"));
    let (_, expected) = diffusers::load_unet(&golden("uncond_default")).unwrap();
    for ((name, a), (_, b)) in loaded.weights.iter().zip(expected.iter()) {
        assert_eq!(values(a), values(b), "{name}");
    }
}

#[test]
fn half_precision_files_become_f32() {
    let dir = tempfile::tempdir().unwrap();
    copy_golden("uncond_default", dir.path());
    let path = dir.path().join("unet/diffusion_pytorch_model.safetensors");
    let (_, expected) = diffusers::load_unet(dir.path()).unwrap();
    for dtype in [DType::F16, DType::BF16, DType::F64] {
        let stored: HashMap<_, _> = tensors(golden("uncond_default").join("unet").join(path.file_name().unwrap()))
            .into_iter()
            .map(|(name, tensor)| (name, tensor.to_dtype(dtype).unwrap()))
            .collect();
        candle_core::safetensors::save(&stored, &path).unwrap();
        let (_, weights) = diffusers::load_unet(dir.path()).unwrap();
        for ((name, a), (_, b)) in weights.iter().zip(expected.iter()) {
            assert_eq!(a.dtype(), DType::F32);
            assert!(max_abs_difference(a, b) < 1e-2, "{name} as {dtype:?}");
        }
    }
}

#[test]
fn damaged_folders_are_refused_with_the_file_and_the_tensor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("unet/diffusion_pytorch_model.safetensors");
    let message = || format!("{:#}", diffusers::load_unet(dir.path()).unwrap_err());
    assert!(message().contains("holds no U-Net"), "{}", message());

    copy_golden("uncond_default", dir.path());
    let mut changed = tensors(path.clone());
    changed.remove("conv_out.bias");
    candle_core::safetensors::save(&changed, &path).unwrap();
    assert!(message().contains("\"conv_out.bias\" is missing"), "{}", message());

    changed.insert("conv_out.bias".into(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap());
    candle_core::safetensors::save(&changed, &path).unwrap();
    assert!(message().contains("\"conv_out.bias\": has shape [3]"), "{}", message());

    copy_golden("uncond_default", dir.path());
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let message = message();
        assert!(message.contains("diffusion_pytorch_model.safetensors is "), "{message}");
        assert!(["damaged", "cut off"].iter().any(|word| message.contains(word)), "{message}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(message().contains("diffusion_pytorch_model.safetensors is missing"), "{}", message());
}

fn copy_golden(name: &str, to: &Path) {
    std::fs::create_dir_all(to.join("unet")).unwrap();
    for file in ["unet/config.json", "unet/diffusion_pytorch_model.safetensors"] {
        std::fs::copy(golden(name).join(file), to.join(file)).unwrap();
    }
}

#[test]
fn scheduler_settings_have_the_keys_that_diffusers_writes() {
    let theirs: serde_json::Value =
        serde_json::from_str(&read(&golden("uncond_default"), "scheduler/scheduler_config.json")).unwrap();
    let ddpm = SampleConfig { sampler: SamplerName::Ddpm, ..SampleConfig::default() };
    let made = |diffusion: &DiffusionConfig| diffusers::scheduler_config(diffusion, &ddpm).unwrap().settings;
    let ours = made(&DiffusionConfig::default());
    // diffusers passes over keys that begin with _, and reads its own two.
    let known = |key: &&String| *key != "_difflab";
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().filter(known).cloned().collect::<Vec<_>>();
    assert_eq!(keys(&ours), keys(&theirs));
    assert_eq!(ours["beta_schedule"], "squaredcos_cap_v2");
    assert_eq!(ours["timestep_spacing"], "trailing");

    let sigmoid = DiffusionConfig { schedule: ScheduleName::Sigmoid, timesteps: 20, ..DiffusionConfig::default() };
    let ours = made(&sigmoid);
    let betas: Vec<f64> = serde_json::from_value(ours["trained_betas"].clone()).unwrap();
    assert_eq!(betas, Schedule::from_config(&sigmoid).unwrap().betas);
}
