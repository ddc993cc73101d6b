//! What a station consists of.

use super::kinds::QuestionKind;

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
    pub text: String,
    /// Papers, with their equations.
    pub sources: Vec<String>,
    pub tasks: Vec<CourseTask>,
}

#[derive(Clone, Debug)]
pub struct CourseTask {
    /// One of its station's alone.
    pub id: String,
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
    /// Something to do in the lab.
    Action { written: TaskWords },
}

/// The words of a task that its file gives.
#[derive(Clone, Debug)]
pub struct TaskWords {
    pub text: String,
    pub hint: String,
    pub solution: String,
}

impl Station {
    /// The command line that trains its run in the lab.
    pub fn command(&self) -> String {
        let mut line = format!("difflab {}", quoted(&self.config));
        for set in &self.set {
            line.push_str(&format!(" --set {}", quoted(set)));
        }
        line
    }
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+,:%@".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
