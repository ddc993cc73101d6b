//! What a station consists of.

use super::deed::Deed;
use super::kinds::QuestionKind;
use crate::config::{Config, ConfigError};
use crate::process::shell_word;

/// A lesson: a small run, a page of text, and tasks. Texts are paragraphs of Markdown with LaTeX between dollars; a
/// paragraph between double dollars is a formula.
#[derive(Clone, Debug)]
pub struct Station {
    /// Small letters, digits and hyphens; progress is kept by it.
    pub id: String,
    pub title: String,
    /// A shipped config or the path of a file.
    pub config: String,
    /// `KEY=VALUE`, on top of the config.
    pub set: Vec<String>,
    /// Where it has several runs: each is the station's own with something else. Empty where it has one.
    pub runs: Vec<StationRun>,
    pub text: String,
    /// Papers, with their equations.
    pub sources: Vec<String>,
    pub tasks: Vec<CourseTask>,
}

/// One of a station's runs.
#[derive(Clone, Debug, PartialEq)]
pub struct StationRun {
    /// One of its station's alone: small letters, digits and hyphens; tasks name it.
    pub id: String,
    pub title: String,
    /// As [`Station::config`], in its place.
    pub config: Option<String>,
    /// `KEY=VALUE`, on top of the config and the station's `set`.
    pub set: Vec<String>,
    /// What there is to read about it, paragraphs as in [`Station`]; may be empty.
    pub text: String,
    /// What it is made with is the question, and not told.
    pub secret: bool,
}

#[derive(Clone, Debug)]
pub struct CourseTask {
    /// One of its station's alone.
    pub id: String,
    /// The `id` of the run that it is about, where its station has several.
    pub run: Option<String>,
    pub asks: Asks,
}

/// What a task asks for.
#[derive(Clone, Debug)]
pub enum Asks {
    /// A question of the program's own, whose numbers are drawn and whose answer is computed.
    Computed {
        kind: QuestionKind,
        /// On top of the station's own.
        set: Vec<String>,
        /// The timesteps that t is drawn from, both included.
        range: Option<(usize, usize)>,
        /// How far off an answer may be, in place of the question's own.
        tolerance: Option<f64>,
        /// In place of the question's own.
        hint: Option<String>,
    },
    /// A question whose answer the file gives.
    Number { written: TaskWords, answer: f64, tolerance: f64 },
    /// One of some sentences is right; their order is drawn.
    Choice { written: TaskWords, right: String, wrong: Vec<String> },
    /// Something to do in the lab, which sees it for itself where the file says what there is to see.
    Action { written: TaskWords, deed: Option<Deed> },
}

/// The words of a task that its file gives.
#[derive(Clone, Debug)]
pub struct TaskWords {
    pub text: String,
    pub hint: String,
    pub solution: String,
}

impl Station {
    /// The command line that trains its run in the lab; of several runs the first.
    pub fn command(&self) -> String {
        self.command_of(self.runs.first())
    }

    /// The command line that trains this run of it in the lab; without one, what its runs have in common.
    pub fn command_of(&self, run: Option<&StationRun>) -> String {
        let mut line = format!("difflab {}", shell_word(self.config_of(run)));
        for set in self.set_of(run) {
            line.push_str(&format!(" --set {}", shell_word(&set)));
        }
        line
    }

    /// The config of this run of it.
    pub fn config_of<'a>(&'a self, run: Option<&'a StationRun>) -> &'a str {
        run.and_then(|run| run.config.as_deref()).unwrap_or(&self.config)
    }

    /// `KEY=VALUE`, on top of the config, for this run of it.
    pub fn set_of(&self, run: Option<&StationRun>) -> Vec<String> {
        self.set.iter().chain(run.iter().flat_map(|run| &run.set)).cloned().collect()
    }

    /// The config of this run of it, read, and called after the station unless it has a name.
    ///
    /// # Errors
    /// When the config can't be read.
    pub fn loaded(&self, run: Option<&StationRun>) -> Result<Config, ConfigError> {
        let set = self.set_of(run);
        let mut config = Config::load(self.config_of(run), &set)?;
        if !set.iter().any(|set| set.trim_start().starts_with("name=")) {
            config.name = match run {
                Some(run) => format!("course-{}-{}", self.id, run.id),
                None => format!("course-{}", self.id),
            };
        }
        Ok(config)
    }

    /// The run that a task is about, where it names one.
    pub fn run_of(&self, task: &CourseTask) -> Option<&StationRun> {
        self.runs.iter().find(|run| Some(&run.id) == task.run.as_ref())
    }
}
