//! The flags of `difflab course`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::tui::ImageProtocol;

/// A course in diffusion models: ten stations, each with a small run for the lab, a page of text, and tasks.
///
/// On a terminal it opens the lab on the station's run, with text and tasks beside it: without a number on the first station
/// that is not done. On a pipe, or with --print, it lists the stations and what is done of them, or prints one. The numbers in
/// the questions follow from the seed, and the answers are computed by the code that trains and samples.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The station, from 1.
    #[arg(value_name = "N")]
    pub station: Option<usize>,
    /// A station of your own, a .toml file (docs/course.md), in place of the shipped ones.
    #[arg(long, value_name = "STATION.toml", conflicts_with = "station")]
    pub file: Option<PathBuf>,
    /// Print the list of stations, or the station, instead of opening the lab.
    #[arg(long)]
    pub print: bool,
    /// Answer tasks of the station: the task's number, =, and a number, a letter, or `done` for what was done in the lab.
    #[arg(long, value_name = "TASK=ANSWER", num_args = 1.., value_parser = answer,
        conflicts_with_all = ["sheet", "print", "format"])]
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
    /// How to print: text for a terminal, md for Markdown with LaTeX [default: text].
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<CourseFormat>,
    /// Forget what is done, of this station or of all.
    #[arg(long, conflicts_with_all = ["print", "check", "sheet", "seed", "format"])]
    pub reset: bool,
    /// Go on with this run in the lab, in place of a new one: a folder, the beginning of its name in runs/, or `latest`.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["print", "check", "sheet", "reset", "format"])]
    pub resume: Option<String>,
    /// How to draw pictures in the lab.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    pub images: ImageProtocol,
    /// Training threads in the lab [default: one per physical core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
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
