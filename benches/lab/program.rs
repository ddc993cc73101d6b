//! The real program: how soon it answers while training fills all cores, and what it costs.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::quantile;

const DIFFLAB: &str = env!("CARGO_BIN_EXE_difflab");
const COLUMNS: u16 = 200;
const ROWS: u16 = 60;
/// Seconds of each measured stretch of training, after a warm-up.
const STRETCH: f64 = 20.0;
const WARM_UP: f64 = 5.0;
/// How often each way is measured; they take turns, so that a busy machine is unfair to none.
const ROUNDS: usize = 3;

/// Milliseconds from a key to the first bytes that show its answer.
pub fn key_to_frame() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut lab = Screen::open(&folder.path().join("run"), &[]);
    wait_for_steps(&folder.path().join("run"), 3);
    let mut times = Vec::new();
    for i in 0..40 {
        let from = lab.written();
        let start = Instant::now();
        lab.press("?");
        while !lab.shows_since(from, "pause or resume training") {
            assert!(start.elapsed() < Duration::from_secs(5), "the help never came");
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
        // Closes it again; not in step with the frames.
        lab.press("x");
        std::thread::sleep(Duration::from_millis(237 + 11 * (i % 7)));
    }
    println!(
        "\n| key to frame while training fills all cores ({COLUMNS}×{ROWS}) | median | 95 % below | slowest of {} |",
        times.len()
    );
    println!("|---|---|---|---|");
    let [median, most, all] = [0.5, 0.95, 1.0].map(|share| quantile(&mut times, share));
    println!("| `?` | {median:.1} ms | {most:.1} ms | {all:.1} ms |");
}

/// Images per second of the training: headless, on the screen, and with previews.
pub fn throughput() {
    let off: &[&str] = &["--set", "preview.enabled=false"];
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(headless(off));
        rates[1].push(on_screen(off));
        rates[2].push(on_screen(&[]));
    }
    let [headless, screen, previews] = rates.map(|mut rates| quantile(&mut rates, 0.5));
    println!("\n| training of `mnist` | images/s | of headless |");
    println!("|---|---|---|");
    for (what, rate) in [
        ("headless, previews off", headless),
        ("lab on the screen, previews off", screen),
        ("lab on the screen, previews on, as shipped", previews),
    ] {
        println!("| {what} | {rate:.0} | {:.1} % |", 100.0 * rate / headless);
    }
}

fn headless(more: &[&str]) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut child = std::process::Command::new(DIFFLAB)
        .args(arguments(&run, more))
        .arg("--no-tui")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let rate = rate_of(&run);
    let _ = child.kill();
    let _ = child.wait();
    rate
}

fn on_screen(more: &[&str]) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let _lab = Screen::open(&run, more);
    rate_of(&run)
}

fn arguments(run: &Path, more: &[&str]) -> Vec<String> {
    let run = run.display().to_string();
    let fixed = ["mnist", "--steps", "1000000", "--run", &run, "--set", "train.checkpoint_every=0"];
    fixed.iter().chain(more).map(|arg| arg.to_string()).collect()
}

/// Images per second of wall clock between two lines of metrics.jsonl.
fn rate_of(run: &Path) -> f64 {
    wait_for_steps(run, 1);
    std::thread::sleep(Duration::from_secs_f64(WARM_UP));
    let (start, first) = (Instant::now(), newest_step(run));
    std::thread::sleep(Duration::from_secs_f64(STRETCH));
    // Up to the moment at which a step appears, so that no half step is counted.
    let before = newest_step(run);
    while newest_step(run) == before {
        std::thread::sleep(Duration::from_millis(1));
    }
    let steps = newest_step(run) - first;
    steps as f64 * batch_size(run) / start.elapsed().as_secs_f64()
}

fn wait_for_steps(run: &Path, steps: u64) {
    let start = Instant::now();
    while newest_step(run) < steps {
        assert!(start.elapsed() < Duration::from_secs(120), "no training in {}", run.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn newest_step(run: &Path) -> u64 {
    let path: PathBuf = run.join("metrics.jsonl");
    let Ok(mut file) = std::fs::File::open(path) else { return 0 };
    let end = file.metadata().map_or(0, |m| m.len());
    let _ = std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(end.saturating_sub(2000)));
    let mut tail = String::new();
    let _ = file.read_to_string(&mut tail);
    let whole = tail.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let line = whole.lines().last().unwrap_or_default();
    serde_json::from_str::<serde_json::Value>(line).ok().and_then(|v| v["step"].as_u64()).unwrap_or(0)
}

fn batch_size(run: &Path) -> f64 {
    let text = std::fs::read_to_string(run.join("config.toml")).expect("the run's config");
    let config = difflab::config::Config::from_toml(&text, "config.toml").expect("a valid config");
    config.train.batch_size as f64
}

/// The lab in a terminal that only takes everything in.
struct Screen {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Screen {
    fn open(run: &Path, more: &[&str]) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(DIFFLAB);
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        for name in ["TMUX", "STY", "NO_COLOR", "LC_ALL"] {
            command.env_remove(name);
        }
        command.args(arguments(run, more));
        command.cwd(std::env::current_dir().expect("a working folder"));
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let taken = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let mut buffer = [0u8; 1 << 16];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                taken.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..n]);
            }
        });
        Self { child, master: pair.master, writer, bytes }
    }

    fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).and_then(|()| self.writer.flush()).expect("the terminal takes keys");
    }

    /// Bytes so far.
    fn written(&self) -> usize {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Was `text` written after the byte `from`? A frame leaves out what is on the screen already, such
    /// as the blanks, so those are not looked for.
    fn shows_since(&self, from: usize, text: &str) -> bool {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = without_escapes(&bytes[from.min(bytes.len())..]);
        plain.contains(&text.replace(' ', ""))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.master.get_size();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text alone.
fn without_escapes(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            let _ = chars.find(|c| c.is_ascii_alphabetic());
        } else if !c.is_whitespace() {
            plain.push(c);
        }
    }
    plain
}
