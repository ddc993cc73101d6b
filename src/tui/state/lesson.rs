//! The course beside the lab: the station that is read, its tasks, and what the learner has said and done.

use std::sync::Arc;

use super::lesson_page::{PageLine, page_lines};
use super::lesson_sight::LessonSight;
use super::lesson_task::LessonTask;
use crate::config::{Config, PrecisionChoice};
use crate::course::{Asks, CourseProgress, Deed, Expected, Question, Station, StationRun, question};

/// A station and its number, where it is one of the shipped ones.
#[derive(Clone, Debug)]
pub struct NumberedStation {
    pub number: Option<usize>,
    pub station: Station,
}

/// A run that a station has, and its config.
#[derive(Clone, Debug, PartialEq)]
pub struct LessonRun {
    /// Of several: its id and title.
    pub run: Option<StationRun>,
    /// `None`: it can't be read any more; why.
    pub config: Result<Config, String>,
}

/// The learner's desk.
#[derive(Clone, Debug)]
pub struct Lesson {
    pub stations: Arc<Vec<NumberedStation>>,
    /// Which of them is read.
    pub at: usize,
    pub seed: u64,
    pub progress: CourseProgress,
    pub tasks: Vec<LessonTask>,
    pub runs: Vec<LessonRun>,
    /// The task that keys mean.
    pub chosen: usize,
    /// What is typed.
    pub line: String,
    /// What was typed and judged last: another number is not typed on behind it.
    pub answered: Option<String>,
    /// The first line that is shown.
    pub scroll: usize,
    /// Keys go to the page.
    pub has_focus: bool,
    /// Columns and rows of the whole terminal, the lab's part included.
    pub terminal: (u16, u16),
    /// The page, broken for its width.
    pub page: Vec<PageLine>,
    /// Columns and rows that the page's text has.
    pub room: (usize, usize),
    /// What the lab has shown.
    pub sight: LessonSight,
}

impl Lesson {
    /// Opens the `at`-th of `stations`, of which there is one at least, with the questions of `seed`.
    pub fn new(stations: Vec<NumberedStation>, at: usize, seed: u64, progress: CourseProgress) -> Self {
        let mut lesson = Self {
            at: at.min(stations.len().saturating_sub(1)),
            stations: Arc::new(stations),
            seed,
            progress,
            tasks: Vec::new(),
            runs: Vec::new(),
            chosen: 0,
            line: String::new(),
            answered: None,
            scroll: 0,
            has_focus: true,
            terminal: (0, 0),
            page: Vec::new(),
            room: (0, 0),
            sight: LessonSight::default(),
        };
        lesson.go_to(lesson.at);
        lesson
    }

    pub fn station(&self) -> &NumberedStation {
        &self.stations[self.at]
    }

    /// Turns to a station; its first task that is not done is chosen.
    pub fn go_to(&mut self, at: usize) {
        self.at = at.min(self.stations.len() - 1);
        let NumberedStation { station, .. } = &self.stations[self.at];
        let done = self.progress.of(&station.id);
        self.tasks = station
            .tasks
            .iter()
            .map(|task| {
                let deed = match &task.asks {
                    Asks::Action { deed, .. } => deed.clone(),
                    _ => None,
                };
                LessonTask {
                    id: task.id.clone(),
                    run: task.run.clone(),
                    question: question(station, task, self.seed).unwrap_or_else(|error| impossible(&error)),
                    parts: vec![false; deed.as_ref().map_or(0, |deed| deed.parts().len())],
                    deed,
                    done: done.contains(&task.id),
                    said: None,
                }
            })
            .collect();
        let config = |run: Option<&StationRun>| station.loaded(run).map_err(|error| error.to_string());
        self.runs = match station.runs.is_empty() {
            true => vec![LessonRun { run: None, config: config(None) }],
            false => {
                station.runs.iter().map(|run| LessonRun { run: Some(run.clone()), config: config(Some(run)) }).collect()
            }
        };
        self.chosen = self.tasks.iter().position(|task| !task.done).unwrap_or(0);
        self.line.clear();
        self.scroll = 0;
        // What was done before is not done for this station.
        self.sight = LessonSight::default();
        self.break_lines();
    }

    pub fn task(&self) -> Option<&LessonTask> {
        self.tasks.get(self.chosen)
    }

    pub fn task_mut(&mut self) -> Option<&mut LessonTask> {
        self.tasks.get_mut(self.chosen)
    }

    /// How many tasks of the station are done.
    pub fn done(&self) -> usize {
        self.tasks.iter().filter(|task| task.done).count()
    }

    /// The run that the chosen task is about; else the station's first.
    pub fn wanted_run(&self) -> Option<&LessonRun> {
        let named = self.task().and_then(|task| task.run.as_ref());
        let of_task = self.runs.iter().find(|run| run.run.as_ref().map(|run| &run.id) == named);
        of_task.or(self.runs.first())
    }

    /// Which of the station's runs has this config, its name aside.
    pub fn run_on_screen(&self, config: &Config) -> Option<usize> {
        // Each frame asks: compared as values, not as the texts of all keys.
        let alike = |own: &Config| {
            let mut like = Config { name: own.name.clone(), ..config.clone() };
            if own.train.shards == 0 {
                // The run has chosen it by its threads.
                like.train.shards = 0;
            }
            for (own, like) in
                [(own.train.precision, &mut like.train.precision), (own.sample.precision, &mut like.sample.precision)]
            {
                if own == PrecisionChoice::Auto {
                    *like = own;
                }
            }
            like == *own
        };
        self.runs.iter().position(|run| run.config.as_ref().is_ok_and(alike))
    }

    /// Does a letter belong to an answer of the chosen task?
    pub fn takes(&self, c: char) -> bool {
        let Some(task) = self.task() else { return false };
        match (&task.question.expected, &task.deed) {
            (Expected::Number { .. }, _) => c.is_ascii_digit() || ".,+-−e".contains(c),
            (Expected::Choice { choices, .. }, _) => {
                let nth = (c.to_ascii_lowercase() as usize).wrapping_sub('a' as usize);
                nth < choices.len()
            }
            (Expected::Done, Some(Deed::FewestSteps { .. })) => c.is_ascii_digit(),
            (Expected::Done, _) => false,
        }
    }

    /// Breaks the page anew: its width, its station or what it says has changed. The chosen task stays where it is seen.
    pub fn break_lines(&mut self) {
        self.page = page_lines(&self.stations[self.at].station, (&self.tasks, self.chosen), self.seed, self.room.0);
        self.scroll = self.scroll.min(self.page.len().saturating_sub(self.room.1));
    }

    /// Scrolls so that the chosen task is seen, with what is said of it.
    pub fn show_chosen(&mut self) {
        let of_task = |line: &PageLine| line.task == Some(self.chosen);
        let (Some(first), Some(last)) = (self.page.iter().position(of_task), self.page.iter().rposition(of_task))
        else {
            return;
        };
        let rows = self.room.1.max(1);
        if last >= self.scroll + rows {
            self.scroll = last + 1 - rows;
        }
        // Where it has no room as a whole, its beginning.
        self.scroll = self.scroll.min(first);
    }
}

/// In the place of a question that a test would have found.
fn impossible(error: &anyhow::Error) -> Question {
    let text = format!("This question can't be asked: {error:#}");
    Question { text, expected: Expected::Done, hint: "Take another task.".into(), solution: "There is none.".into() }
}
