//! The history of a run's learning, and settings side by side, with the real program: what is kept, how exactly it comes
//! back after a kill, and what is drawn from it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::RgbImage;
use serde_json::Value;
use tempfile::TempDir;

/// Real digits, a network small enough for tests, and every kind of randomness switched on.
const TINY: &str = r#"
name = "tiny"
seed = 3
[data]
dataset = "mnist-10k"
held_out = 64
horizontal_flip = true
[diffusion]
timesteps = 20
[model]
block_out_channels = [8, 8]
norm_num_groups = 4
mid_attention = false
dropout = 0.1
class_conditional = true
[train]
steps = 30
batch_size = 8
warmup_steps = 2
eval_every = 0
checkpoint_every = 5
keep_checkpoints = 10
lr_schedule = "constant"
history = "on"
timestep_sampling = "importance"
[preview]
enabled = false
save_every = 0
steps = 3
[sample]
steps = 4
num = 4
"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(self.folder.path()).args(words.split_whitespace());
        if !words.starts_with("export") {
            command.args(["--threads", "2"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Standard output and standard error of what ends with `code`.
    fn ends(&self, words: &str, code: i32) -> (String, String) {
        said(words, &self.command(words).output().unwrap(), code)
    }

    fn succeeds(&self, words: &str) -> (String, String) {
        self.ends(words, 0)
    }

    fn picture(&self, name: &str) -> RgbImage {
        image::open(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}")).into_rgb8()
    }

    /// The steps in the folder `history/` of a run, all files of which are whole files of steps.
    fn kept(&self, run: &str) -> Vec<u64> {
        let entries = fs::read_dir(self.path(run).join("history")).unwrap();
        let step = |name: String| name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut steps: Vec<u64> = names.map(|name| step(name.clone()).unwrap_or_else(|| panic!("{name}"))).collect();
        steps.sort_unstable();
        steps
    }

    /// Are the weights that two runs have kept of a step the same, bit by bit? (The files also name the run.)
    fn assert_same_step(&self, one: &str, other: &str, step: u64) {
        let tensors = |run: &str| {
            let bytes = fs::read(self.path(run).join(format!("history/step-{step:08}.safetensors"))).unwrap();
            let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
            bytes[8 + header..].to_vec()
        };
        assert!(tensors(one) == tensors(other), "step {step} of {one} and {other}");
    }

    fn assert_same_checkpoint(&self, one: &str, other: &str) {
        for file in ["unet/diffusion_pytorch_model.safetensors", "difflab/weights.safetensors"] {
            let bytes = |checkpoint: &str| fs::read(self.path(checkpoint).join(file)).unwrap();
            assert!(bytes(one) == bytes(other), "{file} of {one} and {other}");
        }
    }

    fn remove_checkpoints_after(&self, run: &str, step: u64) {
        for entry in fs::read_dir(self.path(run).join("checkpoints")).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if name.strip_prefix("step-").and_then(|digits| digits.parse::<u64>().ok()).unwrap() > step {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    }
}

fn said(words: &str, output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words}: {out}{err}");
    (out, err)
}

const FIRST: [u64; 7] = [1, 2, 3, 5, 10, 20, 30];

#[test]
fn a_history_is_cut_back_with_its_run_and_comes_again_bit_for_bit() {
    let place = Place::new();
    let (out, said) = place.succeeds("tiny.toml --no-tui --run straight");
    assert!((out + &said).contains("the averaged weights of 7 steps (1, 2, 3, 5"), "{said}");
    assert_eq!(place.kept("straight"), FIRST);

    // It goes on from step 15, so that what was kept of 20 and 30 is of a future that may come otherwise.
    place.succeeds("tiny.toml --no-tui --run cut");
    place.remove_checkpoints_after("cut", 15);
    fs::write(place.path("cut/history/.step-00000020.safetensors.partial"), "half").unwrap();
    place.succeeds("--resume cut --no-tui --steps 18");
    assert_eq!(place.kept("cut"), FIRST[..5]);
    place.succeeds("--resume cut --no-tui --steps 30");
    assert_eq!(place.kept("cut"), FIRST);
    for step in FIRST {
        place.assert_same_step("straight", "cut", step);
    }

    // What a kill has cost of the checkpoint's own step is made up for.
    fs::remove_file(place.path("straight/history/step-00000030.safetensors")).unwrap();
    place.succeeds("--resume straight --no-tui --steps 32");
    assert_eq!(place.kept("straight"), FIRST);
    place.assert_same_step("straight", "cut", 30);

    // Short runs keep none unless they are told to, and say nothing of it.
    let (out, said) = place.succeeds("tiny.toml --no-tui --run short --set train.history=auto");
    assert!(!place.path("short/history").exists() && !(out + &said).contains("averaged weights"), "{said}");
    let (_, said) = place.ends("sample short --through-training -q", 2);
    assert!(said.contains("has kept no earlier steps") && said.contains("--set train.history=on"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_killed_run_has_whole_files_and_the_same_ones_in_the_end() {
    let place = Place::new();
    let train = "tiny.toml --no-tui --steps 60 --run";
    place.succeeds(&format!("{train} straight"));
    let mut child = place.command(&format!("{train} killed")).spawn().unwrap();
    let began = Instant::now();
    while !place.path("killed/history/step-00000020.safetensors").exists() {
        assert!(began.elapsed() < Duration::from_secs(120), "step 20 was not kept");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    place.succeeds("--resume killed --no-tui");
    assert_eq!(place.kept("killed"), [1, 2, 3, 5, 10, 20, 30, 50]);
    for step in place.kept("straight") {
        place.assert_same_step("straight", "killed", step);
    }
    let last = "checkpoints/step-00000060";
    place.assert_same_checkpoint(&format!("straight/{last}"), &format!("killed/{last}"));
}

#[test]
fn any_kept_step_can_be_sampled_measured_and_forked_from() {
    let place = Place::new();
    place.succeeds("tiny.toml --no-tui --run run");
    place.remove_checkpoints_after("run", 25);
    let (out, _) = place.succeeds("sample run --step 3 --num 2 --out three.png --images ascii");
    assert!(out.contains("EMA weights of step 3 (f16, from the history)"), "{out}");
    place.succeeds("sample run --checkpoint 25 --num 2 --out newest.png -q");
    assert_ne!(place.picture("three.png"), place.picture("newest.png"));
    let (_, said) = place.ends("sample run --step 7 -q", 2);
    assert!(
        said.contains("no checkpoint of step 7") && said.contains("its history has: 1, 2, 3, 5, 10, 20, 30"),
        "{said}"
    );
    let (out, said) = place.succeeds("eval run --step 3 --metrics vlb --vlb-images 4 --format json");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["step"], 3, "{report}");
    assert!(said.contains("half precision"), "{said}");
    let (_, said) = place.ends("export run folder --checkpoint 3", 2);
    assert!(said.contains("an export takes a checkpoint"), "{said}");

    // A fork has the averages alone to begin with, says so, and is a run like any other from then on.
    let fork = "fork run --step 3 --no-tui --set train.learning_rate=0.002 --run";
    let (out, said) = place.succeeds(&format!("{fork} fork"));
    assert!((out + &said).contains("its optimizer, its smoothed loss and its time begin anew"), "{said}");
    let config = fs::read_to_string(place.path("fork/config.toml")).unwrap();
    assert!(config.contains("[parent]") && config.contains("step = 3"), "{config}");
    assert_eq!(place.kept("fork"), [3, 5, 10, 20, 30]);
    place.assert_same_step("run", "fork", 3);
    let state = fs::read_to_string(place.path("fork/checkpoints/step-00000030/difflab/state.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&state).unwrap()["moments_since"], 3, "{state}");
    place.succeeds(&format!("{fork} again"));
    place.remove_checkpoints_after("again", 10);
    place.succeeds("--resume again --no-tui");
    let last = "checkpoints/step-00000030";
    place.assert_same_checkpoint(&format!("fork/{last}"), &format!("again/{last}"));

    // A file that was damaged is told, and nothing is drawn from it.
    let file = place.path("run/history/step-00000002.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    let (_, said) = place.ends("sample run --step 2 -q", 2);
    assert!(said.contains("step-00000002.safetensors is damaged") && said.contains("checksum"), "{said}");
    let (_, said) = place.succeeds("sample run --through-training --out strip.png -q");
    assert!(said.contains("step 2 is left out"), "{said}");
}

#[test]
fn one_noise_is_drawn_through_training_as_strip_and_as_film() {
    let place = Place::new();
    place.succeeds("tiny.toml --no-tui --run run");
    let (out, said) = place.succeeds("sample run --through-training --out strip.png --images ascii");
    assert!(out.contains("7 steps of training, 1 to 30 · 1 sample of “0” · ddim 4"), "{out}");
    assert!(said.contains("wrote strip.png"), "{said}");
    // Seven steps across; down the noise, three estimates, and the sample. A cell: 28 pixels six times as large.
    let strip = place.picture("strip.png");
    assert_eq!(strip.height(), 98 + 5 * 172 - 4 + 12);
    let left = left_of(strip.width(), 7 * 172 - 4 + 12);
    let cell = |column: u32, row: u32| -> Vec<u8> {
        let corner = (left + column * 172, 98 + row * 172);
        let pixels = (0..168).flat_map(|y| (0..168).map(move |x| (x, y)));
        pixels.map(|(x, y)| strip.get_pixel(corner.0 + x, corner.1 + y).0[0]).collect()
    };
    assert!(cell(0, 0).iter().any(|pixel| *pixel != cell(0, 0)[0]), "noise");
    for column in 1..7 {
        assert_eq!(cell(column, 0), cell(0, 0), "one noise");
    }
    assert_ne!(cell(6, 4), cell(0, 4), "several networks");

    place.succeeds("sample run --through-training --out film.gif -q");
    let file = std::io::BufReader::new(fs::File::open(place.path("film.gif")).unwrap());
    let frames = image::AnimationDecoder::into_frames(image::codecs::gif::GifDecoder::new(file).unwrap());
    let frames = frames.collect_frames().unwrap();
    assert_eq!(frames.len(), 7);
    // Ten digits in columns of four, 28 pixels four times as large.
    assert_eq!(frames[0].buffer().dimensions(), FILM);

    let (_, said) = place.ends("sample run --through-training --sampler pf_ode --out no.png", 2);
    assert!(said.contains("pf_ode chooses its own") && !place.path("no.png").exists(), "{said}");
    for conflict in ["--step 3", "--grid eta=0,1", "--trajectory t.gif"] {
        place.ends(&format!("sample run --through-training {conflict}"), 2);
    }
}

/// A picture of 453×340 pixels with its caption, and a line of progress.
const FILM: (u32, u32) = (480 + 24, 340 + 26 + 20 + 24 + 2);

/// Pixels before the first cell of a table whose other ones are so many: what its rows' labels take.
fn left_of(width: u32, others: u32) -> u32 {
    let left = width.checked_sub(others).unwrap_or_else(|| panic!("{width} pixels, and {others} for the cells"));
    assert!((40..=120).contains(&left), "{left} pixels for the labels");
    left
}

#[test]
fn settings_are_drawn_side_by_side_from_one_noise() {
    let place = Place::new();
    place.succeeds("tiny.toml --no-tui --run run");
    let grid = "sample run --grid sampler=ddim,unipc --grid guidance_scale=0,1,3";
    let (out, _) = place.succeeds(&format!("{grid} --num 1 --out table.png --images ascii"));
    assert!(out.contains("sampler (2) × guidance_scale (3) · 1 sample in each picture, from the same noise"), "{out}");
    let table = place.picture("table.png");
    // 1200 pixels for three: 28 pixels eight times as large.
    assert_eq!(table.height(), 98 + 2 * 228 - 4 + 12);
    let left = left_of(table.width(), 3 * 228 - 4 + 12);
    let cell = |column: u32, row: u32| {
        image::imageops::crop_imm(&table, left + column * 228, 98 + row * 228, 224, 224).to_image()
    };
    place.succeeds("sample run --num 1 --sampler unipc --guidance-scale 3 --out alone.png -q");
    let alone = image::imageops::resize(&place.picture("alone.png"), 224, 224, image::imageops::FilterType::Nearest);
    assert!(cell(2, 1) == alone, "a cell shows what its settings alone draw");
    assert!(cell(0, 0) != cell(1, 0) && cell(0, 0) != cell(0, 1));

    let (out, _) = place.succeeds("sample run --grid weights=raw,ema --out weights.png --images ascii");
    assert!(out.contains("weights (2) · 10 samples in each picture") && out.contains("· step 30 ·"), "{out}");
    assert!(place.path("weights.png").is_file());

    let refused = |words: &str, parts: &[&str]| {
        let (_, said) = place.ends(&format!("sample run {words} --out no.png"), 2);
        for part in parts {
            assert!(said.contains(part), "{words}: {part} is missing in: {said}");
        }
        assert!(!place.path("no.png").exists(), "{words} wrote something");
    };
    refused("--grid sampeler=ddim,unipc", &["--grid sampeler=ddim,unipc", "`sample.sampler`"]);
    refused("--grid steps=2,500", &["500"]);
    refused("--grid eta=0,7", &["--grid eta=7", "η"]);
    refused("--grid steps=0,2", &["--grid steps=0"]);
    refused("--grid seed=1,2", &["--seed"]);
    refused("--grid train.steps=1,2", &["[sample]"]);
    refused("--grid sampler=ddim,flow_euler", &["flow_euler"]);
    refused("--grid weights=raw,ema --step 3", &["the averaged weights alone"]);
    refused("--grid steps=2,3 --trajectory t.gif", &["--trajectory"]);
}
