//! A station's tasks from its `[[task]]`.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::deed_reading::{DeedTable, check_deed_keys};
use super::kinds::{KINDS, QuestionKind};
use super::station::{Asks, CourseTask, TaskWords};
use super::station_error::StationError;
use super::station_text::{StationText, check_id, filled, nearest};

const TASK_KEYS: [&str; 13] =
    ["kind", "id", "run", "set", "range", "tolerance", "hint", "text", "answer", "solution", "right", "wrong", "done"];
const COMPUTED: &[&str] = &["kind", "id", "run", "set", "range", "tolerance", "hint"];
const OWN: [(&str, &[&str]); 3] = [
    ("number", &["kind", "id", "run", "text", "answer", "tolerance", "hint", "solution"]),
    ("choice", &["kind", "id", "run", "text", "right", "wrong", "hint", "solution"]),
    ("action", &["kind", "id", "run", "text", "done", "hint", "solution"]),
];
/// A letter each.
const MOST_CHOICES: usize = 26;

/// One `[[task]]`.
#[derive(Deserialize)]
pub struct TaskTable {
    kind: String,
    id: Option<String>,
    run: Option<String>,
    #[serde(default)]
    set: Vec<String>,
    range: Option<[usize; 2]>,
    tolerance: Option<f64>,
    hint: Option<String>,
    text: Option<String>,
    answer: Option<f64>,
    solution: Option<String>,
    right: Option<String>,
    #[serde(default)]
    wrong: Vec<String>,
    done: Option<DeedTable>,
}

/// Refuses kinds that there are not, and keys that nothing reads. Where each task begins.
///
/// # Errors
/// [`StationError`].
pub fn check_task_keys(file: &StationText, table: &DeTable) -> Result<Vec<String>, StationError> {
    let mut places = Vec::new();
    for (place, task) in file.tables(table, "task")? {
        let kind = task.get("kind").and_then(|kind| kind.get_ref().as_str());
        let Some(kind) = kind else {
            return Err(StationError::new(format!("{place}: a task needs a `kind`, in quotes")));
        };
        let allowed = keys_of(kind, &place)?;
        for (name, _) in task {
            file.check_key(name, allowed, &TASK_KEYS, &format!("a task of kind \"{kind}\""))?;
        }
        match task.get("done").map(Spanned::get_ref) {
            Some(DeValue::Table(deed)) => check_deed_keys(file, deed)?,
            Some(_) => return Err(StationError::new(format!("{place}: `done` is a table, as {{ frames = 10 }}"))),
            None => {}
        }
        places.push(place);
    }
    Ok(places)
}

fn keys_of(kind: &str, place: &str) -> Result<&'static [&'static str], StationError> {
    if let Some((_, keys)) = OWN.iter().find(|(name, _)| *name == kind) {
        return Ok(keys);
    }
    if KINDS.iter().any(|known| known.name == kind) {
        return Ok(COMPUTED);
    }
    let known = KINDS.iter().map(|kind| kind.name).chain(OWN.iter().map(|(name, _)| *name));
    let nearest = nearest(kind, known);
    Err(StationError::new(format!("{place}: there is no kind \"{kind}\" of task; did you mean \"{nearest}\"?")))
}

impl TaskTable {
    /// The task; its question has not been tried.
    ///
    /// # Errors
    /// [`StationError`]: what is missing or can't be.
    pub fn task(mut self, place: &str) -> Result<CourseTask, StationError> {
        let id = self.id.clone().unwrap_or_else(|| self.kind.clone());
        check_id(&id, place)?;
        if self.tolerance.is_some_and(|tolerance| !(tolerance.is_finite() && tolerance >= 0.0)) {
            return Err(StationError::new(format!("{place}: `tolerance` is a number, 0 or more")));
        }
        let done = self.done.take();
        let asks = match self.kind.as_str() {
            "number" => {
                let answer = self.answer.ok_or_else(|| self.needs("answer", place))?;
                if !answer.is_finite() {
                    return Err(StationError::new(format!("{place}: `answer` is a finite number, not {answer}")));
                }
                let tolerance = self.tolerance.ok_or_else(|| self.needs("tolerance", place))?;
                Asks::Number { written: self.written(place)?, answer, tolerance }
            }
            "choice" => self.choice(place)?,
            "action" => {
                let written = self.written(place)?;
                let deed = done.map(DeedTable::deed).transpose();
                let deed = deed.map_err(|why| StationError::new(format!("{place}: {why}")))?;
                Asks::Action { written, deed }
            }
            name => {
                let kind = KINDS.iter().find(|kind| kind.name == name);
                let kind: QuestionKind = *kind.ok_or_else(|| self.needs("a kind that there is", place))?;
                if self.range.is_some() && !kind.draws_t {
                    let why = format!("{place}: \"{name}\" draws no timestep; leave `range` out");
                    return Err(StationError::new(why));
                }
                Asks::Computed {
                    kind,
                    set: self.set,
                    range: self.range.map(|[least, most]| (least, most)),
                    tolerance: self.tolerance,
                    hint: filled(&self.hint),
                }
            }
        };
        Ok(CourseTask { id, run: self.run, asks })
    }

    fn choice(&self, place: &str) -> Result<Asks, StationError> {
        let right = filled(&self.right).ok_or_else(|| self.needs("right", place))?;
        if self.wrong.is_empty() {
            return Err(self.needs("wrong", place));
        }
        let told_apart = |(i, sentence): (usize, &String)| {
            let sentence = sentence.trim();
            let same = |other: &String| other.trim() == sentence;
            !sentence.is_empty() && !same(&right) && !self.wrong[..i].iter().any(same)
        };
        if self.wrong.len() >= MOST_CHOICES || !self.wrong.iter().enumerate().all(told_apart) {
            return Err(StationError::new(format!(
                "{place}: `wrong` is a list of 1 to {} sentences, no two of them the same and none of them the right one",
                MOST_CHOICES - 1
            )));
        }
        Ok(Asks::Choice { written: self.written(place)?, right, wrong: self.wrong.clone() })
    }

    fn written(&self, place: &str) -> Result<TaskWords, StationError> {
        Ok(TaskWords {
            text: filled(&self.text).ok_or_else(|| self.needs("text", place))?,
            hint: filled(&self.hint).ok_or_else(|| self.needs("hint", place))?,
            solution: filled(&self.solution).ok_or_else(|| self.needs("solution", place))?,
        })
    }

    fn needs(&self, key: &str, place: &str) -> StationError {
        StationError::new(format!("{place}: a task of kind \"{}\" needs `{key}`", self.kind))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::course::Station;

    fn read(task: &str) -> Result<Station, StationError> {
        let head = "id = \"a\"\ntitle = \"A\"\nconfig = \"mnist-quick\"\ntext = \"Words.\"\n[[task]]\n";
        Station::read(&format!("{head}{task}"), "my.toml", Path::new(""))
    }

    #[test]
    fn what_a_task_of_one_s_own_lacks_is_said() {
        let words = "text = \"t\"\nhint = \"h\"\nsolution = \"s\"\n";
        let said = |task: &str| read(&format!("{task}\n{words}")).unwrap_err().to_string();
        assert!(
            said("kind = \"number\"\ntolerance = 0").contains("my.toml:5: a task of kind \"number\" needs `answer`")
        );
        assert!(said("kind = \"number\"\ntolerance = 0\nanswer = nan").contains("finite number, not NaN"));
        assert!(said("kind = \"number\"\nanswer = 3").contains("needs `tolerance`"));
        assert!(said("kind = \"choice\"\nright = \"x\"").contains("needs `wrong`"));
        for wrong in ["[\"x\"]", "[\"y\", \"y\"]", "[\" \"]"] {
            assert!(said(&format!("kind = \"choice\"\nright = \"x\"\nwrong = {wrong}")).contains("no two of them"));
        }
        assert!(said("kind = \"action\"\ndone = 3").contains("`done` is a table"));
        assert!(said("kind = \"action\"\ndone = { frames = 0 }").contains("1 to 100"));
        assert!(
            said("kind = \"action\"\ndone = { frmes = 3 }").contains("my.toml:7: unknown key `frmes`; did you mean")
        );
        assert!(read(&format!("kind = \"choice\"\nright = \"x\"\nwrong = [\"y\"]\n{words}")).is_ok());
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic(
            key in prop::sample::select(TASK_KEYS.to_vec()), value in r#"(\[[0-9, ]{0,8}\]|"[a-z\\$ ]{0,8}"|-?[0-9.e]{1,6}|\{\})"#,
            kind in prop::sample::select(vec!["number", "choice", "action", "alpha_bar_at", "x_t", "snr_one", "y"]),
        ) {
            let _ = read(&format!("kind = \"{kind}\"\n{key} = {value}\n"));
        }
    }
}
