//! Files damaged at random, given to every reader: no panic, no hang, bounded memory, and a sentence.
//!
//! The ordinary suite tries a few hundred. The whole campaign:
//! `DIFFLAB_FUZZ=20000 cargo test --release --test fuzz -- --ignored --nocapture`
//! (another start: `DIFFLAB_FUZZ_SEED=7`). A failure prints the reader, the seed and where the file is kept.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};
use difflab::config::{Config, DataConfig};
use difflab::data;
use difflab::run::{self, HowFound, LoadedModel, checkpoint};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Longest that one file may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most that the process may have had in memory at once, in MiB.
const MOST_MEMORY: f64 = 2500.0;

/// A file, and what reads it.
struct Target {
    name: String,
    /// The file that is damaged, in a copy of what lies around it.
    file: PathBuf,
    whole: Vec<u8>,
    read: Box<dyn Fn() -> Result<(), String>>,
    /// What a message must name, one of them.
    named: Vec<String>,
}

fn data_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

/// Words of an error with all its causes.
fn words(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

fn target(name: &str, file: PathBuf, read: impl Fn() -> Result<(), String> + 'static) -> Target {
    let whole = std::fs::read(&file).unwrap();
    // A message names the file or what it lies in.
    let named = file.ancestors().take(4).filter_map(|part| Some(part.file_name()?.to_string_lossy().into_owned()));
    Target { name: name.into(), named: named.collect(), whole, read: Box::new(read), file }
}

/// Every reader of data.
fn data_targets(place: &Path) -> Vec<Target> {
    let mut targets = Vec::new();
    let formats = data_folder().join("formats");
    for entry in std::fs::read_dir(&formats).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let folder = place.join(format!("picture-{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        copy(&formats.join(&name), &folder.join(&name));
        let config = DataConfig {
            dataset: "images".into(),
            path: folder.display().to_string(),
            image_size: 16,
            ..DataConfig::default()
        };
        targets.push(target(&name, folder.join(&name), move || data::load(&config).map(drop).map_err(words)));
    }
    for (source, damaged, dataset) in [
        ("keras.npz", "", "npz"),
        ("medmnist.npz", "", "npz"),
        ("signed.npy", "", "npz"),
        ("half.npy", "", "npz"),
        ("floats", "labels.npy", "npz"),
        ("cifar-10", "data_batch_1.bin", "cifar"),
        ("cifar-10", "batches.meta.txt", "cifar"),
        ("cifar-100.tar.gz", "", "cifar"),
        ("emnist", "emnist-letters-train-images-idx3-ubyte.gz", "idx"),
        ("emnist", "emnist-letters-train-labels-idx1-ubyte.gz", "idx"),
        ("labelled", "labels.csv", "images"),
        ("hugging", "metadata.jsonl", "images"),
    ] {
        let there = place.join(format!("{dataset}-{damaged}-{source}"));
        copy(&data_folder().join(source), &there);
        let config = DataConfig { dataset: dataset.into(), path: there.display().to_string(), ..DataConfig::default() };
        let file = if damaged.is_empty() { there } else { there.join(damaged) };
        targets.push(target(source, file, move || data::load(&config).map(drop).map_err(words)));
    }
    // Plain idx, and the tar within its gzip: damage that no checksum catches.
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 8, 0, 0, 0, 8];
    idx.extend(std::fs::read(data_folder().join("x.bytes")).unwrap());
    let plain = place.join("plain-images-idx3-ubyte");
    std::fs::write(&plain, idx).unwrap();
    let config = DataConfig { dataset: "idx".into(), path: plain.display().to_string(), ..DataConfig::default() };
    targets.push(target("idx", plain, move || data::load(&config).map(drop).map_err(words)));
    let mut tar = Vec::new();
    let packed = std::fs::read(data_folder().join("cifar-100.tar.gz")).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut tar).unwrap();
    let plain = place.join("plain.tar");
    std::fs::write(&plain, tar).unwrap();
    let config = DataConfig { dataset: "cifar".into(), path: plain.display().to_string(), ..DataConfig::default() };
    targets.push(target("tar", plain, move || data::load(&config).map(drop).map_err(words)));
    targets
}

/// Every reader of configs and runs, on a run of two steps.
fn run_targets(place: &Path) -> Vec<Target> {
    let run = place.join("run");
    let set = [
        "model.block_out_channels=8,8",
        "model.norm_num_groups=4",
        "model.mid_attention=false",
        "train.batch_size=2",
        "train.steps=2",
        "train.warmup_steps=0",
        "train.checkpoint_every=1",
        "preview.enabled=false",
        "preview.save_every=0",
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
    command.current_dir(place).args(["mnist-quick", "--no-tui", "--threads", "1", "--run"]).arg(&run);
    let output = command.args(set.iter().flat_map(|set| ["--set", set])).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let config = Config::load(&run.join("config.toml").display().to_string(), &[]).unwrap();
    let newest = run.join("checkpoints/step-00000002");
    let mut targets = Vec::new();

    let file = run.join("config.toml");
    let shown = file.display().to_string();
    targets.push(target("config", file, move || Config::load(&shown, &[]).map(drop).map_err(words)));
    let at = run.clone();
    targets.push(target("metrics", run.join("metrics.jsonl"), move || run::read_metrics(&at).map(drop).map_err(words)));
    let at = run.clone();
    targets.push(target("events", run.join("events.jsonl"), move || run::read_events(&at).map(drop).map_err(words)));
    let at = run.clone();
    let classes = run.join("classes.txt");
    targets.push(target("classes", classes, move || LoadedModel::open(&at, None).map(drop).map_err(words)));
    for name in [
        "difflab/state.json",
        "difflab/weights.safetensors",
        "difflab/optimizer.safetensors",
        "difflab/checksums.sha256",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
        "model_index.json",
    ] {
        let (folder, config, at) = (newest.clone(), config.clone(), run.clone());
        targets.push(target(name, newest.join(name), move || {
            let _ = checkpoint::verify(&folder);
            checkpoint::newest_good(&at).map(drop).map_err(words)?;
            // What a file says whose checksum nobody asks for.
            LoadedModel::open(&at, Some(2)).map(drop).map_err(words)?;
            checkpoint::load(&folder, &config, &Device::Cpu).map(drop).map_err(words)
        }));
    }
    // The same as a folder of diffusers, where there are no checksums.
    let foreign = place.join("foreign");
    copy(&newest, &foreign);
    std::fs::remove_dir_all(foreign.join("difflab")).unwrap();
    for name in [
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
        "model_index.json",
    ] {
        let (from, into) = (foreign.clone(), place.join("imported"));
        targets.push(target(name, foreign.join(name), move || {
            let _ = std::fs::remove_dir_all(&into);
            run::import(&from, &into, run::ImportOptions { image_size: None, no_null_class: true })
                .map(drop)
                .map_err(words)
        }));
    }
    let noise = place.join("noise.safetensors");
    let zeros = Tensor::zeros((2, 8, 8, 1), DType::F32, &Device::Cpu).unwrap();
    let how = HowFound { sample: Config::default().sample, class: Some(1) };
    run::write_noise(&noise, &zeros, &how).unwrap();
    let file = noise.clone();
    targets.push(target("noise", noise, move || run::read_noise(&file, (8, 8, 1)).map(drop).map_err(words)));
    targets
}

/// One to a few damages: bytes changed, cut off, cut out, doubled, set to extremes; numbers in text made large.
fn damage(whole: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        if bytes.is_empty() {
            bytes.push(rng.random());
        }
        // Headers are where the decisions are.
        let end = if rng.random() { bytes.len() } else { bytes.len().min(96) };
        let at = rng.random_range(0..end);
        let to = (at + rng.random_range(1..=16)).min(bytes.len());
        match rng.random_range(0..9) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => bytes[at..to].fill(if rng.random() { 0xff } else { 0 }),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..to)),
            5 => {
                let piece = bytes[at..to].to_vec();
                let times = rng.random_range(1..200);
                bytes.splice(at..at, piece.repeat(times));
            }
            6 => drop(bytes.splice(at..at, (0..rng.random_range(1..20)).map(|_| rng.random()).collect::<Vec<u8>>())),
            7 => {
                let extreme = [u32::MAX, i32::MAX as u32, 1 << 16, 100_000][rng.random_range(0..4)];
                let extreme = if rng.random() { extreme.to_be_bytes() } else { extreme.to_le_bytes() };
                let to = (at + 4).min(bytes.len());
                bytes[at..to].copy_from_slice(&extreme[..to - at]);
            }
            _ => {
                let words =
                    ["99999999999999999999", "-1", "1e999", "null", "{", "[[[[[[", "\"", "NaN", "\u{1b}[2J", "\n"];
                let word = words[rng.random_range(0..words.len())];
                bytes.splice(at..to, word.bytes());
            }
        }
    }
    bytes
}

fn campaign(count: usize, seed: u64) {
    let place = tempfile::tempdir().unwrap();
    let mut targets = data_targets(place.path());
    targets.extend(run_targets(place.path()));
    let (mut accepted, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    for target in &targets {
        let read = (target.read)();
        assert!(read.is_ok(), "{}: whole, and refused: {read:?}", target.name);
    }
    for index in 0..count {
        let target = &targets[index % targets.len()];
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1 << 32).wrapping_add(index as u64));
        let bytes = damage(&target.whole, &mut rng);
        std::fs::write(&target.file, &bytes).unwrap();
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| (target.read)()));
        let took = started.elapsed();
        slowest = slowest.max(took);
        let problem = match result {
            Err(_) => Some("it panicked".to_string()),
            _ if took > PATIENCE => Some(format!("it took {took:?}")),
            Ok(Ok(())) => {
                accepted += 1;
                None
            }
            Ok(Err(message)) => {
                refused += 1;
                let named = target.named.iter().any(|name| message.contains(name.as_str()));
                let internal = ["panicked", "the decoder failed on it", "ChunkType", "called `"];
                let fit = named && !internal.iter().any(|word| message.contains(word)) && !message.contains('\u{1b}');
                (!fit).then(|| format!("it said: {message}"))
            }
        };
        if let Some(problem) = problem {
            let kept = std::env::temp_dir().join(format!("difflab-fuzz-{seed}-{index}"));
            std::fs::write(&kept, &bytes).unwrap();
            panic!("{} (seed {seed}, input {index}, kept as {}): {problem}", target.name, kept.display());
        }
        std::fs::write(&target.file, &target.whole).unwrap();
    }
    let memory = difflab::process::peak_resident_mib().unwrap_or(0.0);
    println!(
        "{count} damaged files over {} readers and formats: {accepted} read, {refused} refused; the slowest took \
         {slowest:?}; peak memory {memory:.0} MiB",
        targets.len()
    );
    assert!(memory < MOST_MEMORY, "{memory} MiB");
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn damaged_files_end_in_a_sentence() {
    campaign(600, 1);
}

#[test]
#[ignore = "takes minutes; see the top of this file"]
fn the_whole_campaign() {
    campaign(number("DIFFLAB_FUZZ", 20_000) as usize, number("DIFFLAB_FUZZ_SEED", 2));
}
