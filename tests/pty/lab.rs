//! The real program in a terminal of our own.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

use crate::panicking;

/// Everything here waits for something real, on machines that are busy: generous.
const PATIENCE: Duration = Duration::from_secs(45);

/// A network so small that steps take a few milliseconds.
const TINY: &[&str] = &[
    "data.dataset=\"mnist-10k\"",
    "data.held_out=32",
    "diffusion.timesteps=100",
    "model.block_out_channels=[4, 8]",
    "model.norm_num_groups=2",
    "model.mid_attention=false",
    "train.batch_size=4",
    "train.eval_every=20",
    "train.checkpoint_every=0",
    "train.timestep_loss_every=5",
    "preview.num=4",
    "preview.steps=4",
    "preview.save_every=0",
    "sample.num=4",
    "sample.steps=4",
];

/// What the program has written, as bytes and as a screen.
struct Output {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

/// A running lab.
pub struct Lab {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    /// Kept open, so that the terminal's modes can still be read after the program has ended.
    _slave: Option<Box<dyn SlavePty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    output: Arc<Mutex<Output>>,
    closing: Arc<AtomicBool>,
    /// While set, nobody reads what the program writes.
    stalled: Arc<AtomicBool>,
    modes_before: String,
    folder: tempfile::TempDir,
}

/// How a lab is started.
pub struct Setup {
    pub columns: u16,
    pub rows: u16,
    pub environment: &'static [(&'static str, &'static str)],
    pub arguments: &'static [&'static str],
    pub steps: &'static str,
    /// What a shell does before it becomes the program; nothing: there is no shell.
    pub shell: &'static str,
    /// What the terminal answers as soon as it is asked for its attributes.
    pub answer: &'static str,
    /// Is it the program that panics in its training?
    pub panics: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            columns: 120,
            rows: 40,
            environment: &[],
            arguments: &[],
            steps: "1000000",
            shell: "",
            answer: "",
            panics: false,
        }
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: columns * 9, pixel_height: rows * 18 }
}

/// The program with `words`, and nothing yet in its environment that it isn't made of.
fn command(setup: &Setup, words: &[&str]) -> CommandBuilder {
    let program = env!("CARGO_BIN_EXE_difflab");
    if setup.panics {
        let (file, arguments, (name, value)) = panicking::program(words);
        let mut command = CommandBuilder::new(file);
        command.args(arguments);
        command.env_clear();
        command.env(name, value);
        return command;
    }
    let mut command = CommandBuilder::new(if setup.shell.is_empty() { program } else { "/bin/sh" });
    if !setup.shell.is_empty() {
        command.args(["-c", &format!("{}; exec \"$0\" \"$@\"", setup.shell), program]);
    }
    command.args(words);
    command.env_clear();
    command
}

fn at_least_one(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n.max(1)).unwrap()
}

impl Lab {
    pub fn start(setup: &Setup) -> Self {
        let mut words = vec!["mnist", "--threads", "1", "--steps", setup.steps, "--run", "run"];
        words.extend(TINY.iter().flat_map(|setting| ["--set", setting]));
        words.extend(setup.arguments);
        Self::start_with(tempfile::tempdir().unwrap(), setup, &words)
    }

    /// Any subcommand, in a folder that may have something in it.
    pub fn start_with(folder: tempfile::TempDir, setup: &Setup, words: &[&str]) -> Self {
        let pair = native_pty_system().openpty(size(setup.columns, setup.rows)).unwrap();
        let mut command = command(setup, words);
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        for (name, value) in setup.environment {
            command.env(name, value);
        }
        command.cwd(folder.path());
        let modes_before = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        let parser = vt100::Parser::new(at_least_one(setup.rows), at_least_one(setup.columns), 0);
        let output = Arc::new(Mutex::new(Output { parser, bytes: Vec::new() }));
        let closing = Arc::new(AtomicBool::new(false));
        let stalled = Arc::new(AtomicBool::new(false));
        let mut lab = Self {
            child,
            writer: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            _slave: Some(pair.slave),
            output,
            closing,
            stalled,
            modes_before,
            folder,
        };
        lab.read_along(setup.answer);
        lab
    }

    /// Reads what the program writes, on a thread of its own; answers its question when it comes.
    fn read_along(&mut self, answer: &str) {
        let (output, closing) = (Arc::clone(&self.output), Arc::clone(&self.closing));
        let stalled = Arc::clone(&self.stalled);
        let mut reader = self.master.as_ref().unwrap().try_clone_reader().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0u8; 1 << 14];
            while !closing.load(Ordering::SeqCst) {
                let Ok(n @ 1..) = reader.read(&mut buffer) else { return };
                let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                output.bytes.extend_from_slice(&buffer[..n]);
                output.parser.process(&buffer[..n]);
                drop(output);
                while stalled.load(Ordering::SeqCst) && !closing.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        });
        if !answer.is_empty() {
            let start = Instant::now();
            while !self.written().contains("\x1b[c") {
                assert!(start.elapsed() < PATIENCE, "it never asked what the terminal can do");
                std::thread::sleep(Duration::from_millis(2));
            }
            self.press(answer);
        }
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The folder that the program was started in.
    pub fn place(&self) -> &Path {
        self.folder.path()
    }

    /// What is in the folder that the program was started in.
    pub fn folders(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Lines in the run's metrics.jsonl.
    pub fn lines(&self) -> usize {
        std::fs::read_to_string(self.run_dir().join("metrics.jsonl")).map_or(0, |text| text.lines().count())
    }

    /// Asks it to end, and returns its exit code.
    pub fn end(&mut self) -> u32 {
        self.signal("TERM");
        self.exit_code()
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        self.output().parser.screen().contents()
    }

    /// Everything written so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.output().bytes).into_owned()
    }

    /// The bytes so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.output().bytes.clone()
    }

    /// Waits until the screen satisfies `condition`.
    pub fn wait_for(&mut self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if condition(&screen) {
                return screen;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended ({ended:?}) while waiting for {what}:\n{}", self.written());
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a file to exist and returns its path.
    pub fn wait_for_file(&self, find: impl Fn(&Path) -> Option<PathBuf>) -> PathBuf {
        let start = Instant::now();
        loop {
            if let Some(path) = find(&self.run_dir()) {
                return path;
            }
            assert!(start.elapsed() < PATIENCE, "a file never came:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn press(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.output().parser.set_size(at_least_one(rows), at_least_one(columns));
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
    }

    /// Sends a signal by its name, "TERM".
    pub fn signal(&self, name: &str) {
        let process = self.child.process_id().unwrap().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &process]).status().unwrap();
        assert!(sent.success());
    }

    /// From now on nobody reads what the program writes: a window that hangs, a connection that is asleep.
    pub fn stall(&self) {
        self.stalled.store(true, Ordering::SeqCst);
    }

    /// Somebody reads again.
    pub fn go_on_reading(&self) {
        self.stalled.store(false, Ordering::SeqCst);
    }

    /// Leaves the program almost no more memory than it has.
    #[cfg(target_os = "linux")]
    pub fn leave_no_memory(&self) {
        let process = self.child.process_id().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmSize:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        let limit = format!("--as={}", kib * 1024 + (40 << 20));
        let set = std::process::Command::new("prlimit").args(["--pid", &process.to_string(), &limit]).status();
        assert!(set.unwrap().success());
    }

    /// The terminal vanishes: its window was closed, the connection is gone.
    pub fn vanish(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        self.writer = None;
        self.master = None;
    }

    /// Are the terminal's modes those from before the start?
    pub fn modes_are_as_before(&self) -> bool {
        modes(&**self.master.as_ref().unwrap()) == self.modes_before
    }

    /// Waits for the program to end and returns its exit code.
    pub fn exit_code(&mut self) -> u32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(start.elapsed() < PATIENCE, "it doesn't end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Panics unless the terminal is as it was before the program ran.
    pub fn assert_restored(&self) {
        // What it wrote last may still be on its way.
        let start = Instant::now();
        while self.output().parser.screen().alternate_screen() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(100));
        {
            let output = self.output();
            let screen = output.parser.screen();
            assert!(!screen.alternate_screen(), "still on the alternate screen");
            assert!(!screen.hide_cursor(), "the cursor is hidden");
            assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is still watched");
            assert!(!screen.bracketed_paste(), "pasting is still bracketed");
        }
        assert!(self.modes_are_as_before(), "the terminal is still in raw mode");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The terminal's modes, in words.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a Unix terminal has modes"))
}

/// The step that the header names: "step 1,234 / …".
pub fn step_on(screen: &str) -> Option<u64> {
    let (_, rest) = screen.split_once("step ")?;
    let digits: String =
        rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    digits.parse().ok()
}
