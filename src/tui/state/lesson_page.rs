//! A station's page, broken into lines.

use super::lesson_task::{LessonTask, Said};
use crate::course::{Expected, Station, letter, prose};
use crate::explain::{Explanation, Part, text};
use crate::tui::words::columns;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    Text,
    Formula,
    Heading,
    Source,
    /// The first line of a task, which has its number.
    Task,
    Choice,
    Good,
    Bad,
    /// A hint, or a solution.
    Help,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLine {
    pub text: String,
    pub kind: LineKind,
    /// The task that it belongs to.
    pub task: Option<usize>,
}

/// The whole page, at most `width` columns wide; words that are wider are broken.
pub fn page_lines(
    station: &Station,
    (tasks, chosen): (&[LessonTask], usize),
    seed: u64,
    width: usize,
) -> Vec<PageLine> {
    let mut page = Page { width: width.max(10), task: None, lines: Vec::new() };
    page.prose(&station.text, LineKind::Text);
    for source in &station.sources {
        page.add(text::fitted_lines(&Part::Source(source.clone()), page.width), LineKind::Source);
    }
    for run in &station.runs {
        page.blank();
        page.add(text::fitted(&run.title, page.width), LineKind::Heading);
        page.prose(&run.text, LineKind::Text);
    }
    page.blank();
    let numbers = if seed == 0 { String::new() } else { format!(", with the numbers of seed {seed}") };
    page.add(text::fitted(&format!("Tasks{numbers}"), page.width), LineKind::Heading);
    for (i, task) in tasks.iter().enumerate() {
        page.task = None;
        page.blank();
        page.task = Some(i);
        page.of_task(i, task, i == chosen);
    }
    page.lines
}

struct Page {
    width: usize,
    task: Option<usize>,
    lines: Vec<PageLine>,
}

impl Page {
    fn add(&mut self, lines: Vec<String>, kind: LineKind) {
        let task = self.task;
        let line = |text: String| PageLine { text: text.trim_end().into(), kind, task };
        self.lines.extend(lines.into_iter().map(line));
    }

    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.text.is_empty()) {
            self.add(vec![String::new()], LineKind::Text);
        }
    }

    /// Paragraphs and formulas; formulas as formulas, the rest of one kind.
    fn prose(&mut self, words: &str, kind: LineKind) {
        let mut parts = Explanation::new("");
        prose(&mut parts, words);
        for (i, part) in parts.parts.iter().enumerate() {
            if i > 0 {
                self.blank();
            }
            let kind = if matches!(part, Part::Formula(_)) { LineKind::Formula } else { kind };
            self.add(text::fitted_lines(part, self.width), kind);
        }
    }

    fn of_task(&mut self, i: usize, task: &LessonTask, chosen: bool) {
        let mark = if task.done { '✓' } else { ' ' };
        let hand = if chosen { '▸' } else { ' ' };
        let place = format!("{hand}{mark}{} ", i + 1);
        let indent = " ".repeat(place.chars().count());
        let width = self.width;
        self.width = width.saturating_sub(indent.len()).max(10);
        let begin = self.lines.len();
        let do_it = if task.question.expected == Expected::Done { "In the lab: " } else { "" };
        self.prose(&format!("{do_it}{}", task.question.text.trim()), LineKind::Text);
        if let Expected::Choice { choices, .. } = &task.question.expected {
            for (nth, choice) in choices.iter().enumerate() {
                let said = text::fitted_lines(&Part::Text(format!("{}) {choice}", letter(nth))), self.width - 3);
                let said =
                    said.into_iter().enumerate().map(|(n, line)| if n > 0 { format!("   {line}") } else { line });
                self.add(said.collect(), LineKind::Choice);
            }
        }
        if let Some(deed) = task.deed.as_ref().filter(|_| !task.done) {
            let parts = deed.parts();
            if task.parts.len() > 1 || task.parts.iter().any(|seen| *seen) {
                self.parts(&parts, &task.parts);
            }
            if let Some(when) = deed.counts_from() {
                self.add(text::fitted(&when, self.width), LineKind::Help);
            }
        }
        self.said(task);
        self.width = width;
        for (n, line) in self.lines[begin..].iter_mut().enumerate() {
            let before = if n == 0 { place.as_str() } else { indent.as_str() };
            line.text = format!("{before}{}", line.text).trim_end().into();
            if n == 0 {
                line.kind = LineKind::Task;
            }
        }
    }

    /// What a deed consists of, ticked where it was seen; none is parted from its tick.
    fn parts(&mut self, parts: &[String], seen: &[bool]) {
        let mut lines: Vec<String> = Vec::new();
        for (part, seen) in parts.iter().zip(seen) {
            let part = format!("{} {part}", if *seen { '✓' } else { '·' });
            match lines.last_mut() {
                Some(line) if columns(line) + 3 + columns(&part) <= self.width => *line = format!("{line}   {part}"),
                _ => lines.extend(text::fitted(&part, self.width)),
            }
        }
        self.add(lines, LineKind::Choice);
    }

    fn said(&mut self, task: &LessonTask) {
        let hint = format!("Hint: {}", task.question.hint.trim());
        let Some(said) = &task.said else { return };
        match said {
            Said::Right => self.prose("Right.", LineKind::Good),
            Said::Wrong(answer) => {
                self.prose(&format!("{answer} is not it."), LineKind::Bad);
                self.prose(&hint, LineKind::Help);
            }
            Said::Mend(words) => self.prose(words, LineKind::Bad),
            Said::Hint => self.prose(&hint, LineKind::Help),
            Said::Solution => {
                if task.question.expected != Expected::Done {
                    self.prose(&format!("Answer: {}", task.question.right_answer()), LineKind::Help);
                }
                self.prose(task.question.solution.trim(), LineKind::Help);
            }
            Said::Measuring(words) => self.prose(words, LineKind::Help),
            Said::Measured(right, words) => self.prose(words, if *right { LineKind::Good } else { LineKind::Bad }),
        }
    }
}
