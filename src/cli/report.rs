//! `difflab report`: runs as one file for a browser, to be handed on.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::output::OutputFile;
use crate::process::interrupt::Interrupted;
use crate::report::{self, DrawnSamples, MARK, ReportedRun, Shown};
use crate::run::{self, distinct_names};
use crate::speak;
use crate::thousands::thousands;

/// Write a report: one HTML file with everything in it, for a browser, a phone or paper.
///
/// Curves of loss, the loss by timestep, the schedule, samples and a film of their way from noise, the evaluation, the config
/// (of several runs what differs) and the model card. Nothing is fetched when it is read. Samples are those of the newest
/// snapshot; a run that has none draws some for the report.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run folders, beginnings of names in runs/, or `latest`.
    #[arg(required = true)]
    runs: Vec<String>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE.html")]
    out: PathBuf,
    /// Draw no samples: show those that the runs have left, if any.
    #[arg(long)]
    no_drawing: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// A run that can't be read, or a file that can't be written.
pub fn run(args: Args) -> Result<()> {
    let out = OutputFile::new(&args.out, "--out", &["html", "htm"])?;
    let dirs: Vec<PathBuf> = args.runs.iter().map(|name| run::find(name)).collect::<Result<_, _>>()?;
    let names = distinct_names(&dirs);
    let runs: Vec<ReportedRun> =
        dirs.iter().zip(&names).map(|(dir, name)| ReportedRun::read(dir, name)).collect::<Result<_>>()?;
    runs.iter().flat_map(|run| &run.doubts).for_each(speak::warn);
    // They are there until the page is written.
    let mut drawn: Vec<DrawnSamples> = Vec::new();
    let mut shown = Vec::new();
    for run in &runs {
        shown.push(pictures(run, args.no_drawing, &mut drawn)?);
    }
    let now = jiff::Zoned::now().strftime("%-d %B %Y, %H:%M");
    let made = format!("Written by difflab {} on {now}.", env!("CARGO_PKG_VERSION"));
    let page = report::page(&runs, &shown, &made)?;
    page.notes.iter().for_each(|note| speak::remark(format_args!("note: {note}")));
    let replaced = is_something_else(&out.path);
    out.write(|path, _| std::fs::write(path, &page.html).context("writing the page"))?;
    if replaced {
        speak::warn(format_args!("{} was there, and no report of difflab's: it has been replaced", out.path.display()));
    }
    speak::remark(format_args!("wrote {} ({:.1} MB)", out.path.display(), page.html.len() as f64 / 1e6));
    Ok(())
}

/// What to show of a run: what it has left, or, where that has no film, what is drawn now.
fn pictures(run: &ReportedRun, no_drawing: bool, drawn: &mut Vec<DrawnSamples>) -> Result<Result<Shown, String>> {
    let left = report::left_by(&run.dir);
    if left.as_ref().is_some_and(|left| left.film.is_some()) {
        return Ok(left.ok_or_else(String::new));
    }
    if run.config.trains_autoencoder() {
        let none =
            "the run trained an autoencoder, which draws no samples, and has left no picture of its reconstructions";
        return Ok(left.ok_or_else(|| none.into()));
    }
    if no_drawing {
        return Ok(left.ok_or_else(|| "the run has left no pictures, and none were drawn (--no-drawing)".into()));
    }
    let num = thousands(run.config.sample.num);
    speak::remark(format_args!("drawing {num} samples for {}, which has no snapshot", run.name));
    match report::draw(&run.dir) {
        Ok(new) => {
            new.warnings.iter().for_each(speak::warn);
            let shown = Shown::of(&new);
            drawn.push(new);
            Ok(Ok(shown))
        }
        Err(error) if Interrupted::caused(&error) => Err(error),
        Err(error) => {
            let why = format!("no samples could be drawn: {error:#}");
            speak::warn(format_args!("{}: {why}", run.name));
            Ok(left.ok_or(why))
        }
    }
}

/// Is there a file, and no report?
fn is_something_else(path: &Path) -> bool {
    let mut head = vec![0; MARK.len()];
    match File::open(path) {
        Ok(mut file) => file.read_exact(&mut head).is_err() || head != MARK.as_bytes(),
        Err(_) => false,
    }
}
