//! The flags of `difflab course`.

use std::path::PathBuf;

use clap::ValueEnum;

/// A course in diffusion models: ten stations, each with a small run for the lab, a page of text, and tasks.
///
/// Without a number it lists the stations and what is done of them; with one it prints that station. The numbers in the
/// questions follow from the seed, and the answers are computed by the code that trains and samples.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The station, from 1.
    #[arg(value_name = "N")]
    pub station: Option<usize>,
    /// A station of your own, a .toml file (docs/course.md), in place of the shipped ones.
    #[arg(long, value_name = "STATION.toml", conflicts_with = "station")]
    pub file: Option<PathBuf>,
    /// Answer tasks of the station: the task's number, =, and a number, a letter, or `done` for what was done in the lab.
    #[arg(long, value_name = "TASK=ANSWER", num_args = 1.., value_parser = answer, conflicts_with = "sheet")]
    pub check: Vec<(usize, String)>,
    /// Print a sheet of questions to hand out, of one station or of all.
    #[arg(long)]
    pub sheet: bool,
    /// With the sheet: the answers and worked solutions.
    #[arg(long, requires = "sheet")]
    pub solutions: bool,
    /// Which numbers the questions have [default: that of your last answers, at first 0].
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// text for a terminal, md for Markdown with LaTeX.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = CourseFormat::Text)]
    pub format: CourseFormat,
    /// Forget what is done.
    #[arg(long, conflicts_with_all = ["station", "file", "check", "sheet", "seed"])]
    pub reset: bool,
}

/// How stations and sheets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CourseFormat {
    Text,
    Md,
}

fn answer(given: &str) -> Result<(usize, String), String> {
    let (task, answer) = given.split_once('=').unwrap_or((given, ""));
    match (task.trim().parse(), answer.trim()) {
        (Ok(task), answer) if !answer.is_empty() => Ok((task, answer.into())),
        _ => Err("an answer is the number of a task, = and what you found, such as 2=0.25".into()),
    }
}
