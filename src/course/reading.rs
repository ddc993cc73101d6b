//! A station from its file. Nothing is passed over: unknown keys are refused with the nearest, and every question is asked
//! once, so that an impossible one is found before a learner finds it.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::deed_reading::{DEED_KEYS, DeedTable};
use super::kinds::{KINDS, QuestionKind};
use super::question::question;
use super::station::{Asks, CourseTask, Station, StationRun, TaskWords};
use crate::config::Config;
use crate::process::plain_file;

/// A station that can't be used: what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct StationError(String);

const STATION_KEYS: [&str; 8] = ["id", "title", "config", "set", "run", "text", "sources", "task"];
const RUN_KEYS: [&str; 5] = ["id", "title", "config", "set", "text"];
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

#[derive(Deserialize)]
struct StationFile {
    id: Option<String>,
    title: Option<String>,
    config: Option<String>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    run: Vec<RunTable>,
    text: Option<String>,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    task: Vec<TaskTable>,
}

#[derive(Deserialize)]
struct RunTable {
    id: Option<String>,
    title: Option<String>,
    config: Option<String>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct TaskTable {
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

impl Station {
    /// The station in a file. A config that ends in .toml is looked for from the file's folder.
    ///
    /// # Errors
    /// [`StationError`]: what can't be read or used, and where.
    pub fn open(path: &Path) -> Result<Self, StationError> {
        let source = path.display().to_string();
        let text = plain_file::read_text(path)
            .map_err(|error| StationError(format!("cannot read the station {source}: {error}")))?;
        Self::read(&text, &source, path.parent().unwrap_or(Path::new("")))
    }

    /// A station from TOML; `source` is what the messages call it, `folder` where its own configs lie.
    ///
    /// # Errors
    /// As [`Station::open`].
    pub fn read(text: &str, source: &str, folder: &Path) -> Result<Self, StationError> {
        // Windows editors like to begin files with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Reader { text, source }.station(folder)
    }
}

struct Reader<'a> {
    text: &'a str,
    source: &'a str,
}

impl Reader<'_> {
    fn at(&self, span: Range<usize>) -> String {
        let line = self.text.bytes().take(span.start).filter(|&byte| byte == b'\n').count() + 1;
        format!("{}:{line}", self.source)
    }

    fn not_toml(&self, error: &toml::de::Error) -> StationError {
        let reason = error.message().trim().replace('\n', " ");
        StationError(format!("{}: {reason}", self.at(error.span().unwrap_or(0..0))))
    }

    fn station(&self, folder: &Path) -> Result<Station, StationError> {
        let table = DeTable::parse(self.text).map_err(|error| self.not_toml(&error))?;
        let places = self.check_keys(table.get_ref())?;
        let run_places = self.check_run_keys(table.get_ref())?;
        let file: StationFile = toml::from_str(self.text).map_err(|error| self.not_toml(&error))?;
        let needed = |key: &str, value: Option<String>| {
            let value = value.filter(|value| !value.trim().is_empty());
            value.ok_or_else(|| StationError(format!("{}: a station needs `{key}`", self.source)))
        };
        let id = needed("id", file.id)?;
        self.check_id(&id)?;
        let config = needed("config", file.config)?;
        let mut station = Station {
            id,
            title: needed("title", file.title)?,
            config: placed(config, folder),
            set: file.set,
            runs: Vec::new(),
            text: needed("text", file.text)?,
            sources: file.sources,
            tasks: Vec::new(),
        };
        Config::load(&station.config, &station.set)
            .and_then(|config| config.validate())
            .map_err(|error| StationError(format!("{}: its run: {error}", self.source)))?;
        for (run, place) in file.run.into_iter().zip(run_places) {
            let run = self.run(run, &place, folder)?;
            if station.runs.iter().any(|other| other.id == run.id) {
                return Err(StationError(format!("{place}: two runs of this station are called \"{}\"", run.id)));
            }
            Config::load(station.config_of(Some(&run)), &station.set_of(Some(&run)))
                .and_then(|config| config.validate())
                .map_err(|error| StationError(format!("{place}: run \"{}\": {error}", run.id)))?;
            station.runs.push(run);
        }
        if file.task.is_empty() {
            return Err(StationError(format!("{}: a station needs a [[task]], at least one", self.source)));
        }
        for (task, place) in file.task.into_iter().zip(places) {
            let task = self.task(task, &place)?;
            if station.tasks.iter().any(|other| other.id == task.id) {
                return Err(StationError(format!(
                    "{place}: two tasks of this station are called \"{}\"; give one an `id` of its own",
                    task.id
                )));
            }
            if let Some(run) = task.run.as_ref().filter(|_| station.run_of(&task).is_none()) {
                return Err(StationError(format!("{place}: {}", no_such_run(run, &station.runs))));
            }
            if let Asks::Action { deed: Some(deed), .. } = &task.asks {
                let impossible = |why: String| StationError(format!("{place}: {why}"));
                let config = station.loaded(station.run_of(&task)).map_err(|error| impossible(error.to_string()))?;
                deed.check(&config).map_err(impossible)?;
            }
            question(&station, &task, 0)
                .map_err(|error| StationError(format!("{place}: this question can't be asked: {error:#}")))?;
            station.tasks.push(task);
        }
        Ok(station)
    }

    fn run(&self, table: RunTable, place: &str, folder: &Path) -> Result<StationRun, StationError> {
        let needed = |key: &str, value: Option<String>| {
            let value = value.filter(|value| !value.trim().is_empty());
            value.ok_or_else(|| StationError(format!("{place}: a run needs `{key}`")))
        };
        let id = needed("id", table.id)?;
        self.check_id(&id)?;
        let config = table.config.map(|config| placed(config, folder));
        Ok(StationRun { id, title: needed("title", table.title)?, config, set: table.set, text: table.text })
    }

    fn check_id(&self, id: &str) -> Result<(), StationError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        match id.chars().all(fits) {
            true => Ok(()),
            false => Err(StationError(format!(
                "{}: \"{id}\" can't be an id: ids are small letters, digits, hyphens and underscores",
                self.source
            ))),
        }
    }

    /// Refuses keys that nothing reads. Where each task begins.
    fn check_keys(&self, table: &DeTable<'_>) -> Result<Vec<String>, StationError> {
        let mut places = Vec::new();
        for (name, value) in table {
            self.check_key(name, &STATION_KEYS, &STATION_KEYS, "a station")?;
            if name.get_ref() != "task" {
                continue;
            }
            let DeValue::Array(tasks) = value.get_ref() else {
                return Err(StationError(format!("{}: `task` is a list; write [[task]]", self.at(name.span()))));
            };
            for task in tasks.iter() {
                let place = self.at(task.span());
                let DeValue::Table(task) = task.get_ref() else {
                    return Err(StationError(format!("{place}: `task` is a list of tables; write [[task]]")));
                };
                let kind = task.get("kind").and_then(|kind| kind.get_ref().as_str());
                let Some(kind) = kind else {
                    return Err(StationError(format!("{place}: a task needs a `kind`, in quotes")));
                };
                let allowed = self.keys_of(kind, &place)?;
                for (name, _) in task {
                    self.check_key(name, allowed, &TASK_KEYS, &format!("a task of kind \"{kind}\""))?;
                }
                match task.get("done").map(Spanned::get_ref) {
                    Some(DeValue::Table(deed)) => {
                        for (name, _) in deed {
                            self.check_key(name, &DEED_KEYS, &DEED_KEYS, "`done`")?;
                        }
                    }
                    Some(_) => return Err(StationError(format!("{place}: `done` is a table, as {{ frames = 10 }}"))),
                    None => {}
                }
                places.push(place);
            }
        }
        Ok(places)
    }

    /// Refuses keys of runs that nothing reads. Where each run begins.
    fn check_run_keys(&self, table: &DeTable<'_>) -> Result<Vec<String>, StationError> {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == "run") else { return Ok(Vec::new()) };
        let DeValue::Array(runs) = value.get_ref() else {
            return Err(StationError(format!("{}: `run` is a list; write [[run]]", self.at(name.span()))));
        };
        let mut places = Vec::new();
        for run in runs.iter() {
            let place = self.at(run.span());
            let DeValue::Table(run) = run.get_ref() else {
                return Err(StationError(format!("{place}: `run` is a list of tables; write [[run]]")));
            };
            for (name, _) in run {
                self.check_key(name, &RUN_KEYS, &RUN_KEYS, "a run")?;
            }
            places.push(place);
        }
        Ok(places)
    }

    fn keys_of(&self, kind: &str, place: &str) -> Result<&'static [&'static str], StationError> {
        if let Some((_, keys)) = OWN.iter().find(|(name, _)| *name == kind) {
            return Ok(keys);
        }
        if KINDS.iter().any(|known| known.name == kind) {
            return Ok(COMPUTED);
        }
        let known = KINDS.iter().map(|kind| kind.name).chain(OWN.iter().map(|(name, _)| *name));
        Err(StationError(format!(
            "{place}: there is no kind \"{kind}\" of task; did you mean \"{}\"?",
            nearest(kind, known)
        )))
    }

    fn check_key(
        &self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        allowed: &[&str],
        known: &[&str],
        of: &str,
    ) -> Result<(), StationError> {
        let key: &str = name.get_ref();
        if allowed.contains(&key) {
            return Ok(());
        }
        let at = self.at(name.span());
        Err(StationError(match known.contains(&key) {
            true => format!("{at}: {of} has no key `{key}`; it takes {}", allowed.join(", ")),
            false => {
                let nearest = nearest(key, allowed.iter().copied());
                format!("{at}: unknown key `{key}`; did you mean `{nearest}`?")
            }
        }))
    }

    fn task(&self, mut table: TaskTable, place: &str) -> Result<CourseTask, StationError> {
        let id = table.id.clone().unwrap_or_else(|| table.kind.clone());
        self.check_id(&id)?;
        let needs = |key: &str| StationError(format!("{place}: a task of kind \"{}\" needs `{key}`", table.kind));
        let tolerance = table.tolerance;
        if tolerance.is_some_and(|tolerance| !(tolerance.is_finite() && tolerance >= 0.0)) {
            return Err(StationError(format!("{place}: `tolerance` is a number, 0 or more")));
        }
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let written = || -> Result<TaskWords, StationError> {
            Ok(TaskWords {
                text: filled(&table.text).ok_or_else(|| needs("text"))?,
                hint: filled(&table.hint).ok_or_else(|| needs("hint"))?,
                solution: filled(&table.solution).ok_or_else(|| needs("solution"))?,
            })
        };
        let asks = match table.kind.as_str() {
            "number" => {
                let answer = table.answer.filter(|answer| answer.is_finite()).ok_or_else(|| needs("answer"))?;
                let tolerance = tolerance.ok_or_else(|| needs("tolerance"))?;
                Asks::Number { written: written()?, answer, tolerance }
            }
            "choice" => {
                let right = filled(&table.right).ok_or_else(|| needs("right"))?;
                if table.wrong.is_empty() {
                    return Err(needs("wrong"));
                }
                if table.wrong.contains(&right) || table.wrong.len() >= MOST_CHOICES {
                    return Err(StationError(format!(
                        "{place}: `wrong` is a list of 1 to {} sentences, none of them the right one",
                        MOST_CHOICES - 1
                    )));
                }
                Asks::Choice { written: written()?, right, wrong: table.wrong.clone() }
            }
            "action" => {
                let written = written()?;
                let deed = table.done.take().map(DeedTable::deed).transpose();
                Asks::Action { written, deed: deed.map_err(|why| StationError(format!("{place}: {why}")))? }
            }
            name => {
                let kind: QuestionKind =
                    *KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| needs("a kind that there is"))?;
                if table.range.is_some() && !kind.draws_t {
                    return Err(StationError(format!("{place}: \"{name}\" draws no timestep; leave `range` out")));
                }
                Asks::Computed {
                    kind,
                    set: table.set.clone(),
                    range: table.range.map(|[least, most]| (least, most)),
                    tolerance,
                    hint: filled(&table.hint),
                }
            }
        };
        Ok(CourseTask { id, run: table.run, asks })
    }
}

/// A config that ends in .toml lies where the station does.
fn placed(config: String, folder: &Path) -> String {
    let own = config.ends_with(".toml") && !Path::new(&config).is_absolute();
    if own { folder.join(&config).display().to_string() } else { config }
}

fn no_such_run(run: &str, runs: &[StationRun]) -> String {
    match runs.is_empty() {
        true => format!("there is no run \"{run}\": this station has one run, and no [[run]]"),
        false => {
            let nearest = nearest(run, runs.iter().map(|run| run.id.as_str()));
            format!("there is no run \"{run}\"; did you mean \"{nearest}\"?")
        }
    }
}

fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    known
        .max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "id = \"a\"\ntitle = \"A\"\nconfig = \"mnist-quick\"\ntext = \"Words.\"\n";

    fn read(text: &str) -> Result<Station, StationError> {
        Station::read(text, "my.toml", Path::new(""))
    }

    #[track_caller]
    fn refused(tasks: &str, sentence: &str) {
        let said = read(&format!("{HEAD}{tasks}")).unwrap_err().to_string();
        assert!(said.contains(sentence), "{said}");
    }

    #[test]
    fn a_station_is_read_whole() {
        let text = format!(
            "\u{feff}{HEAD}set = [\"diffusion.schedule=linear\"]\nsources = [\"Ho et al. 2020, eq. 4\"]\n\
             [[task]]\nkind = \"alpha_bar_at\"\nrange = [100, 200]\n\
             [[task]]\nkind = \"number\"\ntext = \"t\"\nanswer = 3\ntolerance = 0\nhint = \"h\"\nsolution = \"s\"\n"
        );
        let station = read(&text).unwrap();
        assert_eq!(station.tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["alpha_bar_at", "number"]);
        assert_eq!(station.command(), "difflab mnist-quick --set diffusion.schedule=linear");
        let drawn = question(&station, &station.tasks[0], 3).unwrap();
        assert!(drawn.text.starts_with("Schedule linear"), "{}", drawn.text);
        assert_eq!(question(&station, &station.tasks[1], 3).unwrap().judge("3"), Ok(true));
    }

    #[test]
    fn a_station_has_several_runs_and_a_task_is_about_one() {
        let runs = "set = [\"diffusion.schedule=linear\"]\n[[run]]\nid = \"a\"\ntitle = \"Run A\"\n\
                    set = [\"diffusion.timesteps=100\"]\n[[run]]\nid = \"b\"\ntitle = \"Run B\"\ntext = \"Look.\"\n\
                    [[run]]\nid = \"c\"\ntitle = \"Run C\"\nconfig = \"fashion\"\n";
        let task = "[[task]]\nkind = \"snr_one\"\n[[task]]\nid = \"of-a\"\nkind = \"snr_one\"\nrun = \"a\"\n";
        let station = read(&format!("{HEAD}{runs}{task}")).unwrap();
        assert_eq!(station.runs.len(), 3);
        let common = "difflab mnist-quick --set diffusion.schedule=linear";
        assert_eq!(station.command(), format!("{common} --set diffusion.timesteps=100"));
        assert_eq!(station.command_of(Some(&station.runs[1])), common);
        assert_eq!(station.command_of(None), common);
        assert_eq!(station.command_of(Some(&station.runs[2])), common.replace("mnist-quick", "fashion"));
        let text = |i: usize| question(&station, &station.tasks[i], 0).unwrap().text;
        assert!(text(0).contains("T = 1000") && text(1).contains("T = 100$"), "{} {}", text(0), text(1));
        refused("[[run]]\nid = \"a\"\n[[task]]\nkind = \"snr_one\"\n", "my.toml:5: a run needs `title`");
        refused("[[run]]\ntitle = \"A\"\n", "a run needs `id`");
        refused(&format!("{runs}[[run]]\nid = \"a\"\ntitle = \"A\"\n"), "two runs of this station are called \"a\"");
        refused(&format!("{runs}sett = []\n"), "unknown key `sett`; did you mean `set`?");
        refused("[[run]]\nid = \"a\"\ntitle = \"A\"\nset = [\"train.stps=3\"]\n", "my.toml:5: run \"a\": ");
        refused(&format!("{runs}[[task]]\nkind = \"snr_one\"\nrun = \"aa\"\n"), "no run \"aa\"; did you mean \"a\"?");
        refused("[[task]]\nkind = \"snr_one\"\nrun = \"a\"\n", "this station has one run");
        refused("run = 3\n", "write [[run]]");
        refused("run = [3]\n", "write [[run]]");
    }

    #[test]
    fn what_is_unknown_is_refused_with_the_nearest_and_its_line() {
        refused("txet = \"x\"\n", "my.toml:5: unknown key `txet`; did you mean `text`?");
        refused("[[task]]\nkind = \"snr_won\"\n", "there is no kind \"snr_won\" of task; did you mean \"snr_one\"?");
        refused(
            "[[task]]\nkind = \"snr_one\"\ntolerence = 1\n",
            "my.toml:7: unknown key `tolerence`; did you mean `tolerance`?",
        );
        refused(
            "[[task]]\nkind = \"snr_one\"\nanswer = 1\n",
            "\"snr_one\" has no key `answer`; it takes kind, id, run, set",
        );
        refused("[[task]]\nkind = \"snr_one\"\nrange = [1, 2]\n", "draws no timestep");
        refused("[[task]]\nkind = \"alpha_bar_at\"\nrange = [1, 1000]\n", "two timesteps from 0 to 999");
        refused("[[task]]\nkind = \"flow_step\"\n", "diffusion.path = \"flow\", not \"vp\"");
        refused("[[task]]\nkind = \"snr_one\"\n[[task]]\nkind = \"snr_one\"\n", "two tasks of this station are called");
        refused("[[task]]\nid = \"x\"\n", "needs a `kind`");
        refused("[[task]]\nkind = \"action\"\ntext = \"x\"\nhint = \"y\"\n", "needs `solution`");
        refused("[[task]]\nkind = \"snr_one\"\ntolerance = -1\n", "0 or more");
        refused("task = 3\n", "write [[task]]");
        refused("task = [3]\n", "write [[task]]");
        refused("set = [\"train.stps=3\"]\n", "its run: ");
        refused("set = [3]\n", "my.toml:5: ");
        refused("", "needs a [[task]]");
        let said = |text: &str| read(text).unwrap_err().to_string();
        assert!(said("id = \"a\"\n").contains("needs `config`"));
        assert!(said("id = \"A b\"\n").contains("can't be an id"));
        assert!(said("id = = 3\n").starts_with("my.toml:1: "));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = read(&text);
        }

        #[test]
        fn nor_does_a_station_with_any_words(
            key in prop::sample::select(TASK_KEYS.to_vec()), value in r#"(\[[0-9, ]{0,8}\]|"[a-z\\$ ]{0,8}"|-?[0-9.e]{1,6}|\{\})"#,
            kind in prop::sample::select(vec!["number", "choice", "action", "alpha_bar_at", "x_t", "snr_one", "y"]),
        ) {
            let _ = read(&format!("{HEAD}[[task]]\nkind = \"{kind}\"\n{key} = {value}\n"));
        }
    }
}
