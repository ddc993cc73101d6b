//! A folder to try runs in, and the program to try them with.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::program::hear_signals;
pub use super::program::signal;

/// Real digits, a network small enough for tests, and every kind of randomness switched on.
const TINY: &str = r#"
name = "tiny"
seed = 3
[data]
dataset = "mnist-10k"
held_out = 16
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
steps = 12
batch_size = 8
warmup_steps = 2
eval_every = 0
checkpoint_every = 5
timestep_loss_every = 3
timestep_bins = 5
[preview]
enabled = false
steps = 3
snapshot_every = 0
[sample]
steps = 3
num = 4
"#;

/// Everything here waits for something real, on machines that are busy: generous.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What the product promises to take at most is 2 s; machines that run tests are busy.
pub const AT_ONCE: Duration = Duration::from_secs(8);

pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with its output on pipes.
    pub fn difflab(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
        command.current_dir(self.folder.path()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        hear_signals(&mut command);
        command
    }

    /// Training without a screen.
    pub fn train(&self, args: &[&str]) -> Command {
        let mut command = self.difflab(args);
        command.args(["--no-tui", "--threads", "1"]);
        command
    }

    /// A shell's command line; `$D` is the program.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.current_dir(self.folder.path()).env("D", env!("CARGO_BIN_EXE_difflab")).args(["-c", line]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        hear_signals(&mut command);
        command
    }

    /// A folder of pictures that takes long to load: one picture under very many names.
    pub fn slow_pictures(&self, name: &str) {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        let noise = |x: u32, y: u32| image::Rgb([0u32, 1, 2].map(|c| (x * 7919 + y * 104_729 + c * 31) as u8));
        let picture = folder.join("0.png");
        image::RgbImage::from_fn(300, 300, noise).save(&picture).unwrap();
        (1..20_000).for_each(|i| fs::hard_link(&picture, folder.join(format!("{i}.png"))).unwrap());
    }

    pub fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(file)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Names and contents of all files below a folder, in order.
    pub fn contents(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(&self.path(name), &mut found);
        found.sort();
        found
    }

    /// What is left in a folder that a process may have written to: half-written things have such names.
    pub fn half_written(&self) -> Vec<PathBuf> {
        let all = self.contents(".");
        all.into_iter().map(|(path, _)| path).filter(|path| path.to_string_lossy().contains(".partial")).collect()
    }

    pub fn checkpoints(&self, run: &str) -> Vec<u64> {
        difflab::run::checkpoint::all(&self.path(run)).into_iter().map(|(step, _)| step).collect()
    }
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, found) } else { found.push((path.clone(), fs::read(&path).unwrap())) }
    }
}

pub fn steps(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["step"].as_u64().unwrap()).collect()
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the program has said a line of this kind on its standard output, which is read on from then.
pub fn wait_for_line(child: &mut Child, kind: &str) {
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended without a line \"{kind}\"");
        if line.contains(&format!("\"{kind}\"")) {
            break;
        }
    }
    std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
}

pub fn is_running(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_none()
}
