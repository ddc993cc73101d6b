//! A task of the course as the page beside the lab has it.

use crate::course::{Deed, Question};

/// One of the station's tasks, with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct LessonTask {
    pub id: String,
    /// The run that it is about, where its station has several.
    pub run: Option<String>,
    pub question: Question,
    pub deed: Option<Deed>,
    /// Which parts of the deed have been seen.
    pub parts: Vec<bool>,
    pub done: bool,
    /// What was said last.
    pub said: Option<Said>,
}

/// What the page says below a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Right,
    /// It is not this; the hint comes with it.
    Wrong(String),
    /// It was no answer, or something is missing: what there is to do.
    Mend(String),
    Hint,
    Solution,
    /// Samples are being drawn and read.
    Measuring(String),
    /// What was measured, and whether it is right.
    Measured(bool, String),
}
