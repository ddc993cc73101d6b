//! Autoencoders against numbers that diffusers itself computed: moments, decoded pictures, gradients, names and files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use difflab::nn::autoencoder::{Autoencoder, AutoencoderConfig, LoadedAutoencoder, open_autoencoder, save_autoencoder};
use difflab::nn::{ParameterKind, Weights, parameters};

const GOLDENS: [&str; 6] = ["kl_attention", "kl_bare", "kl_deep", "tiny_f2", "tiny_f4", "tiny_f8"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/autoencoders").join(name)
}

/// By name, pictures channels last.
fn tensors(path: PathBuf) -> HashMap<String, Tensor> {
    let all = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let last = |x: Tensor| x.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    all.into_iter().map(|(name, x)| if x.rank() == 4 { (name, last(x)) } else { (name, x) }).collect()
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn largest(x: &Tensor) -> f64 {
    values(x).into_iter().fold(0.0, |most, v| most.max(v.abs()))
}

fn apart(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims());
    values(a).into_iter().zip(values(b)).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

fn moments(autoencoder: &Autoencoder, x: &Tensor) -> Tensor {
    let said = autoencoder.encode(x).unwrap();
    match &said.log_variance {
        Some(log_variance) => Tensor::cat(&[&said.mean, log_variance], 3).unwrap(),
        None => said.mean,
    }
}

#[test]
fn moments_and_pictures_equal_diffusers() {
    for name in GOLDENS {
        let LoadedAutoencoder { config, weights, warnings } = open_autoencoder(&golden(name)).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        let expected = tensors(golden(name).join("golden.safetensors"));
        let autoencoder = Autoencoder::new(&config, &weights).unwrap();
        let difference = apart(&moments(&autoencoder, &expected["x"]), &expected["moments"]);
        assert!(difference < 1e-4, "{name}: the moments differ by {difference}");
        let difference = apart(&autoencoder.decode(&expected["z"]).unwrap(), &expected["decoded"]);
        assert!(difference < 1e-4, "{name}: the picture differs by {difference}");
        let (_, h, w, _) = expected["x"].dims4().unwrap();
        let (_, latent_h, latent_w, latent_c) = expected["z"].dims4().unwrap();
        assert_eq!(config.latent_shape(h, w).unwrap(), (latent_h, latent_w, latent_c));
    }
}

#[test]
fn the_gradient_of_every_parameter_equals_torch() {
    for name in GOLDENS {
        let LoadedAutoencoder { config, weights, .. } = open_autoencoder(&golden(name)).unwrap();
        let given = tensors(golden(name).join("golden.safetensors"));
        let expected =
            candle_core::safetensors::load(golden(name).join("golden_grads.safetensors"), &Device::Cpu).unwrap();
        let kinds: HashMap<String, ParameterKind> =
            parameters(&config).unwrap().into_iter().map(|p| (p.name, p.kind)).collect();
        let (weights, vars) = weights.trainable().unwrap();
        let autoencoder = Autoencoder::new(&config, &weights).unwrap();
        let encoded = (moments(&autoencoder, &given["x"]) * &given["weigh_moments"]).unwrap().sum_all();
        let decoded = (autoencoder.decode(&given["z"]).unwrap() * &given["weigh_decoded"]).unwrap().sum_all();
        let grads = (encoded.unwrap() + decoded.unwrap()).unwrap().backward().unwrap();
        assert_eq!(expected.len(), vars.len());
        for (parameter, var) in &vars {
            let grad = grads.get(var).unwrap_or_else(|| panic!("{name}: {parameter} has no gradient"));
            let grad = kinds[parameter].to_file_layout(grad).unwrap();
            let golden = &expected[parameter];
            // Softmax ignores a constant added to all keys' scores: to_k's bias has no influence.
            let allowed = if parameter.ends_with("to_k.bias") { 1e-4 } else { 1e-3 * largest(golden) };
            let difference = apart(&grad, golden);
            assert!(difference < allowed, "{name}: {parameter} differs by {difference}, largest {}", largest(golden));
        }
    }
}

#[test]
fn what_is_written_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    for name in GOLDENS {
        let LoadedAutoencoder { config, weights, .. } = open_autoencoder(&golden(name)).unwrap();
        let place = dir.path().join(name).join("vae");
        save_autoencoder(&place, &config, &weights).unwrap();
        // Of a pipeline's folder its vae/ is read.
        let again = open_autoencoder(place.parent().unwrap()).unwrap();
        assert_eq!(again.config, config);
        for ((a, x), (b, y)) in weights.iter().zip(again.weights.iter()) {
            assert_eq!((a, values(x)), (b, values(y)));
        }
        let theirs = std::fs::read_to_string(golden(name).join("config.json")).unwrap();
        let ours = std::fs::read_to_string(place.join("config.json")).unwrap();
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(&ours), json(&theirs), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |path: &Path| format!("{:#}", open_autoencoder(path).unwrap_err());
    assert!(refused(&dir.path().join("none")).contains("there is no folder"));
    assert!(refused(dir.path()).contains("holds no autoencoder"));
    std::fs::write(dir.path().join("config.json"), r#"{"_class_name": "VQModel"}"#).unwrap();
    assert!(refused(dir.path()).contains("VQModel"));
    std::fs::copy(golden("tiny_f4").join("config.json"), dir.path().join("config.json")).unwrap();
    assert!(refused(dir.path()).contains("diffusion_pytorch_model"));
    // The weights of another architecture.
    let weights = golden("tiny_f8").join("diffusion_pytorch_model.safetensors");
    std::fs::copy(weights, dir.path().join("diffusion_pytorch_model.safetensors")).unwrap();
    assert!(refused(dir.path()).contains("tensor"), "{}", refused(dir.path()));

    let LoadedAutoencoder { config, weights, .. } = open_autoencoder(&golden("kl_attention")).unwrap();
    let autoencoder = Autoencoder::new(&config, &weights).unwrap();
    let zeros = |shape: (usize, usize, usize, usize)| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let said = format!("{:#}", autoencoder.encode(&zeros((1, 16, 16, 3))).err().unwrap());
    assert!(said.contains("3 channels"), "{said}");
    let said = format!("{:#}", autoencoder.encode(&zeros((1, 18, 16, 1))).err().unwrap());
    assert!(said.contains("multiples of the factor 4"), "{said}");
    let said = format!("{:#}", autoencoder.decode(&zeros((1, 4, 4, 4))).unwrap_err());
    assert!(said.contains("latents of 4 channels"), "{said}");
    let fresh = Weights::init(&config, 0, &Device::Cpu).unwrap();
    assert_eq!(fresh.len(), weights.len());
    assert!(matches!(config, AutoencoderConfig::Kl(_)));
}

/// For tests/parity/run.py, which puts inputs and diffusers' outputs beside each autoencoder.
#[test]
#[ignore = "needs the folders of tests/parity/run.py"]
fn autoencoders_beside_diffusers_answer_as_it_does() {
    let place = std::env::var("DIFFLAB_PARITY").expect("the folder of the autoencoders in DIFFLAB_PARITY");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("parity.safetensors").is_file());
    folders.sort();
    for folder in folders {
        let expected = tensors(folder.join("parity.safetensors"));
        let LoadedAutoencoder { config, weights, .. } = open_autoencoder(&folder).unwrap();
        let autoencoder = Autoencoder::new(&config, &weights).unwrap();
        let latents = apart(&autoencoder.encode(&expected["x"]).unwrap().mean, &expected["z"]);
        let pictures = apart(&autoencoder.decode(&expected["z"]).unwrap(), &expected["decoded"]);
        println!("PARITY {} {latents} {pictures}", folder.file_name().unwrap().display());
    }
}
