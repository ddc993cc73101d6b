//! `difflab doctor`: what this terminal and this machine can do.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{doctor_device, doctor_run};
use crate::ascii::terminal_has_utf8;
use crate::data::catalogue;
use crate::kernels::{Isa, default_threads};
use crate::process::{free_memory, total_memory};
use crate::speak;
use crate::tui::terminal::abilities;
use crate::tui::terminal::image_protocol::{Graphics, ImageProtocol, detect, multiplexer};
use crate::tui::theme::{Capability, ThemeName};

/// Say what this terminal and this machine can do, and how to get the rest; or check whether a run's network uses the
/// time it is told, or whether a GPU computes what the CPU does.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Check this run instead: its folder, the beginning of its name in runs/, or `latest`.
    run: Option<String>,
    /// Check this device instead (cuda:0 or metal): each operation, forward and backward, against the CPU.
    #[arg(long, value_name = "DEVICE", conflicts_with = "run")]
    device: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Assume this way of drawing pictures.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    images: ImageProtocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Everything that is looked at. The field names are those of `--format json`.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    terminal: Terminal,
    machine: Machine,
    datasets: Vec<Dataset>,
    runs: Runs,
    features: Vec<&'static str>,
    /// What is missing and what to do about it; empty when all is well.
    advice: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Terminal {
    /// Is standard output a terminal? If not, the lab runs headless.
    is_terminal: bool,
    columns: Option<u16>,
    rows: Option<u16>,
    term: String,
    program: String,
    multiplexer: Option<&'static str>,
    /// "true colour", "256", "16" or "none".
    colors: &'static str,
    unicode: bool,
    background: Option<&'static str>,
    images: String,
    images_because: String,
    /// Width and height of a character in pixels.
    cell_pixels: Option<(u16, u16)>,
}

#[derive(Debug, Serialize)]
struct Machine {
    system: String,
    physical_cores: usize,
    logical_cores: usize,
    /// Threads that a run takes unless told.
    training_threads: usize,
    simd: Vec<&'static str>,
    memory_bytes: Option<u64>,
    memory_available_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Dataset {
    name: &'static str,
    images: usize,
    found: Option<PathBuf>,
    /// In words: where it would come from.
    source: String,
}

#[derive(Debug, Serialize)]
struct Runs {
    folder: PathBuf,
    writable: bool,
    problem: Option<String>,
}

/// Looks at everything and prints it.
///
/// # Errors
/// When standard output can't be written to, or the run has no network to look at.
pub fn run(args: Args) -> Result<()> {
    if let Some(run) = &args.run {
        return doctor_run::run(run, args.format == Format::Json);
    }
    if let Some(device) = &args.device {
        return doctor_device::run(device, args.format == Format::Json);
    }
    let report = Report::look(args.images);
    let text = match args.format {
        Format::Text => report.to_text(),
        Format::Json => serde_json::to_string_pretty(&report).context("writing the report as JSON")? + "\n",
    };
    Ok(speak::print(&text)?)
}

impl Report {
    fn look(images: ImageProtocol) -> Self {
        let terminal = Terminal::look(images);
        let datasets: Vec<Dataset> = catalogue().into_iter().map(Dataset::look).collect();
        let runs = Runs::look(Path::new("runs"));
        let advice = advice(&terminal, &runs);
        let version = env!("CARGO_PKG_VERSION");
        Self { version, terminal, machine: Machine::look(), datasets, runs, features: features(), advice }
    }

    fn to_text(&self) -> String {
        let mut text = format!("difflab {}\n", self.version);
        section(&mut text, "Terminal", &self.terminal.lines());
        section(&mut text, "Machine", &self.machine.lines());
        let datasets: Vec<_> = self.datasets.iter().map(|d| (d.name, d.source.clone())).collect();
        section(&mut text, "Datasets", &datasets);
        let state = match &self.runs.problem {
            None => "writable".to_owned(),
            Some(problem) => problem.clone(),
        };
        let features = if self.features.is_empty() { "none (CPU only)".into() } else { self.features.join(", ") };
        let folder = format!("{} ({state})", self.runs.folder.display());
        section(&mut text, "Program", &[("run folder", folder), ("extra features", features)]);
        if self.advice.is_empty() {
            text.push_str("\nAll is well.\n");
        } else {
            text.push_str("\nTo do\n");
            for line in &self.advice {
                let _ = writeln!(text, "  - {line}");
            }
        }
        text
    }
}

/// A heading and its lines, the values aligned.
fn section(text: &mut String, heading: &str, lines: &[(&str, String)]) {
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    // Writing into a string doesn't fail.
    let _ = writeln!(text, "\n{heading}");
    for (label, value) in lines {
        let _ = writeln!(text, "  {label:width$}  {value}");
    }
}

impl Terminal {
    fn look(images: ImageProtocol) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let size = is_terminal.then(crossterm::terminal::size).and_then(Result::ok);
        let graphics = if is_terminal {
            detect(images)
        } else {
            Graphics::new(ImageProtocol::Halfblock, "standard output is no terminal")
        };
        let colors = match abilities::colors(&graphics) {
            Capability::TrueColor => "true colour",
            Capability::Ansi256 => "256",
            Capability::Ansi16 | Capability::Console => "16",
            Capability::None => "none",
        };
        let background = graphics.background.map(|_| match abilities::theme(&graphics) {
            ThemeName::Light => "light",
            ThemeName::Dark | ThemeName::Projector => "dark",
        });
        let get = |name| std::env::var(name).unwrap_or_default();
        Self {
            is_terminal,
            columns: size.map(|(columns, _)| columns),
            rows: size.map(|(_, rows)| rows),
            term: get("TERM"),
            program: get("TERM_PROGRAM"),
            multiplexer: multiplexer(),
            colors,
            unicode: terminal_has_utf8(),
            background,
            images: graphics.protocol.to_string(),
            images_because: graphics.reason.clone(),
            cell_pixels: graphics.cell,
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let size = match (self.columns, self.rows) {
            (Some(columns), Some(rows)) => format!("{columns} × {rows} characters"),
            _ if self.is_terminal => "unknown".into(),
            _ => "standard output is no terminal: the lab runs headless".into(),
        };
        let kind = [self.term.as_str(), self.program.as_str(), self.multiplexer.unwrap_or_default()];
        let kind: Vec<&str> = kind.into_iter().filter(|part| !part.is_empty()).collect();
        let cell = match self.cell_pixels {
            Some((width, height)) => format!("{width} × {height} pixels"),
            None => "unknown".into(),
        };
        vec![
            ("size", size),
            ("kind", if kind.is_empty() { "unknown (TERM is not set)".into() } else { kind.join(", ") }),
            ("colours", self.colors.into()),
            ("characters", if self.unicode { "Unicode".into() } else { "ASCII".into() }),
            ("background", self.background.unwrap_or("unknown; assumed dark").into()),
            ("pictures", format!("{} ({})", self.images, self.images_because)),
            ("one character", cell),
        ]
    }
}

impl Machine {
    fn look() -> Self {
        Self {
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            physical_cores: num_cpus::get_physical(),
            logical_cores: num_cpus::get(),
            training_threads: default_threads(),
            simd: simd(),
            memory_bytes: total_memory(),
            memory_available_bytes: free_memory(),
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64);
        let memory = match (self.memory_bytes, self.memory_available_bytes) {
            (Some(total), Some(free)) => format!("{}, {} available", gib(total), gib(free)),
            (Some(total), None) => gib(total),
            _ => "unknown".into(),
        };
        vec![
            ("system", self.system.clone()),
            ("cores", format!("{} physical, {} logical", self.physical_cores, self.logical_cores)),
            ("training", format!("{} threads unless --threads says otherwise", self.training_threads)),
            ("SIMD", if self.simd.is_empty() { "none known".into() } else { self.simd.join(", ") }),
            ("memory", memory),
        ]
    }
}

/// The instruction sets that the kernels care about.
fn simd() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let known = [
        ("amx", Isa::available().first().is_some_and(|isa| isa.name() == "amx")),
        ("avx512bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
    ];
    #[cfg(target_arch = "aarch64")]
    let known = [("neon", std::arch::is_aarch64_feature_detected!("neon"))];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let known = [("", false)];
    known.into_iter().filter(|(_, here)| *here).map(|(name, _)| name).collect()
}

impl Dataset {
    fn look(entry: crate::data::CatalogueEntry) -> Self {
        let source = match (&entry.found, entry.by_formula) {
            (Some(folder), _) => format!("{} images in {}", entry.images, folder.display()),
            (None, true) => "made by formula".to_owned(),
            (None, false) => "inside the binary".to_owned(),
        };
        Self { name: entry.name, images: entry.images, found: entry.found, source }
    }
}

impl Runs {
    /// Tries to make a file where the run folders go, or where that folder would be made.
    fn look(folder: &Path) -> Self {
        let place = if folder.is_dir() { folder } else { Path::new(".") };
        let problem = tempfile::tempfile_in(place).err().map(|error| format!("not writable: {error}"));
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Self { folder, writable: problem.is_none(), problem }
    }
}

/// The cargo features that this binary was built with.
fn features() -> Vec<&'static str> {
    [
        ("cuda", cfg!(feature = "cuda")),
        ("cudnn", cfg!(feature = "cudnn")),
        ("metal", cfg!(feature = "metal")),
        ("accelerate", cfg!(feature = "accelerate")),
        ("mkl", cfg!(feature = "mkl")),
    ]
    .into_iter()
    .filter(|(_, built)| *built)
    .map(|(name, _)| name)
    .collect()
}

fn advice(terminal: &Terminal, runs: &Runs) -> Vec<String> {
    let mut advice = Vec::new();
    if let (Some(columns), Some(rows)) = (terminal.columns, terminal.rows)
        && (columns < 80 || rows < 24)
    {
        advice.push(format!("make the terminal larger: {columns} × {rows} is less than 80 × 24"));
    }
    if terminal.is_terminal && matches!(terminal.colors, "16" | "none") {
        advice.push(
            "colours: if the terminal has more than it says, set COLORTERM=truecolor (and unset NO_COLOR)".into(),
        );
    }
    if terminal.is_terminal && !terminal.unicode {
        advice.push("characters: set LANG to a UTF-8 locale, such as C.UTF-8".into());
    }
    if terminal.multiplexer.is_some() {
        advice.push("pictures: outside the multiplexer the terminal may show them in full resolution".into());
    }
    if !runs.writable {
        advice.push("run folder: go to a folder that you can write to, or give one with --run".into());
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_complete_off_a_terminal_too() {
        let report = Report::look(ImageProtocol::Auto);
        assert!(report.machine.physical_cores >= 1);
        assert!(report.datasets.iter().any(|d| d.name == "mnist"));
        let json: serde_json::Value = serde_json::to_value(&report).unwrap();
        for key in ["version", "terminal", "machine", "datasets", "runs", "features", "advice"] {
            assert!(json.get(key).is_some(), "{key}");
        }
        let text = report.to_text();
        for heading in ["Terminal", "Machine", "Datasets", "Program"] {
            assert!(text.contains(heading), "{text}");
        }
    }

    #[test]
    fn a_folder_that_is_not_writable_is_said_to_be_so() {
        let missing = Runs::look(Path::new("/proc/self"));
        assert!(!missing.writable);
        assert!(missing.problem.is_some());
        let here = tempfile::tempdir().unwrap();
        assert!(Runs::look(here.path()).writable);
    }
}
