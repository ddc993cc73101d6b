//! A station from its file. Nothing is passed over: unknown keys are refused with the nearest, and every question is asked
//! once, so that an impossible one is found before a learner finds it.

use std::path::Path;

use serde::Deserialize;
use toml::de::DeTable;

use super::question::question;
use super::run_reading::{StationRunTable, check_run_keys, no_such_run, placed};
use super::station::{Asks, Station, StationRun};
use super::station_error::StationError;
use super::station_text::{StationText, check_id, filled, on_one_line};
use super::task_reading::{TaskTable, check_task_keys};
use super::wording::check_words;
use crate::config::Config;
use crate::process::plain_file;

const STATION_KEYS: [&str; 8] = ["id", "title", "config", "set", "run", "text", "sources", "task"];

#[derive(Deserialize)]
struct StationFile {
    id: Option<String>,
    title: Option<String>,
    config: Option<String>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    run: Vec<StationRunTable>,
    text: Option<String>,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    task: Vec<TaskTable>,
}

impl Station {
    /// The station in a file. A config that ends in .toml is looked for from the file's folder.
    ///
    /// # Errors
    /// [`StationError`]: what can't be read or used, and where.
    pub fn open(path: &Path) -> Result<Self, StationError> {
        let source = path.display().to_string();
        let text = plain_file::read_text(path)
            .map_err(|error| StationError::new(format!("cannot read the station {source}: {error}")))?;
        Self::read(&text, &source, path.parent().unwrap_or(Path::new("")))
    }

    /// A station from TOML; `source` is what the messages call it, `folder` where its own configs lie.
    ///
    /// # Errors
    /// As [`Station::open`].
    pub fn read(text: &str, source: &str, folder: &Path) -> Result<Self, StationError> {
        // Windows editors like to begin files with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        read(&StationText { text, source }, folder)
    }
}

fn read(file: &StationText, folder: &Path) -> Result<Station, StationError> {
    let table = DeTable::parse(file.text).map_err(|error| file.not_toml(&error))?;
    let table = table.get_ref();
    for (name, _) in table {
        file.check_key(name, &STATION_KEYS, &STATION_KEYS, "a station")?;
    }
    let task_places = check_task_keys(file, table)?;
    let run_places = check_run_keys(file, table)?;
    check_words(file, table)?;
    let StationFile { id, title, config, set, run, text, sources, task } =
        toml::from_str(file.text).map_err(|error| file.not_toml(&error))?;
    let needed = |key: &str, value: Option<String>| {
        filled(&value).ok_or_else(|| StationError::new(format!("{}: a station needs `{key}`", file.source)))
    };
    let id = needed("id", id)?;
    check_id(&id, file.source)?;
    let mut station = Station {
        id,
        config: placed(needed("config", config)?, folder),
        title: on_one_line(&needed("title", title)?),
        set,
        runs: Vec::new(),
        text: needed("text", text)?,
        sources,
        tasks: Vec::new(),
    };
    check_config(&station, None).map_err(|why| StationError::new(format!("{}: its run: {why}", file.source)))?;
    for (run, place) in run.into_iter().zip(run_places) {
        add_run(&mut station, run, &place, folder)?;
    }
    if task.is_empty() {
        return Err(StationError::new(format!("{}: a station needs a [[task]], at least one", file.source)));
    }
    for (task, place) in task.into_iter().zip(task_places) {
        add_task(&mut station, task, &place)?;
    }
    Ok(station)
}

/// Can its run, or this one of its runs, be trained?
fn check_config(station: &Station, run: Option<&StationRun>) -> Result<(), String> {
    let config = Config::load(station.config_of(run), &station.set_of(run));
    config.and_then(|config| config.validate()).map(|_| ()).map_err(|error| error.to_string())
}

fn add_run(station: &mut Station, table: StationRunTable, place: &str, folder: &Path) -> Result<(), StationError> {
    let run = table.run(place, folder)?;
    if station.runs.iter().any(|other| other.id == run.id) {
        return Err(StationError::new(format!("{place}: two runs of this station are called \"{}\"", run.id)));
    }
    check_config(station, Some(&run))
        .map_err(|why| StationError::new(format!("{place}: run \"{}\": {why}", run.id)))?;
    station.runs.push(run);
    Ok(())
}

fn add_task(station: &mut Station, table: TaskTable, place: &str) -> Result<(), StationError> {
    let task = table.task(place)?;
    if station.tasks.iter().any(|other| other.id == task.id) {
        return Err(StationError::new(format!(
            "{place}: two tasks of this station are called \"{}\"; give one an `id` of its own",
            task.id
        )));
    }
    if let Some(run) = task.run.as_ref().filter(|_| station.run_of(&task).is_none()) {
        return Err(StationError::new(format!("{place}: {}", no_such_run(run, &station.runs))));
    }
    if let Asks::Action { deed: Some(deed), .. } = &task.asks {
        let impossible = |why: String| StationError::new(format!("{place}: {why}"));
        let run = station.run_of(&task).or(station.runs.first());
        let config = station.loaded(run).map_err(|error| impossible(error.to_string()))?;
        deed.check(&config).map_err(impossible)?;
    }
    question(station, &task, 0)
        .map_err(|error| StationError::new(format!("{place}: this question can't be asked: {error:#}")))?;
    station.tasks.push(task);
    Ok(())
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
        refused("[[task]]\nkind = \"snr_one\"\nid = \"\"\n", "my.toml:5: \"\" can't be an id");
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
    }
}
