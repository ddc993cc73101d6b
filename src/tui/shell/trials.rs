//! Other runs, tried beside the one on the screen before that is left.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use crossbeam_channel::Receiver;

use crate::config::Config;
use crate::lab::{Command, Event, Lab, LabPlan, RunChoice};
use crate::process::signals::Listening;
use crate::process::{free_memory, resident_memory};
use crate::run::{ForkPoint, experiment_of, folder_beside};
use crate::sampling::check_config_stability;
use crate::tui::state::NewRun;

/// Who opens and ends runs on trial.
pub trait Trials {
    /// Begins to open the run, and returns what it reports.
    ///
    /// # Errors
    /// Why it can't even be tried.
    fn begin(&mut self, wanted: &NewRun) -> Result<Receiver<Event>>;

    /// It is not wanted any more: it ends, and leaves nothing behind.
    fn abandon(&mut self);
}

/// Where nothing is trained nothing can be tried.
pub struct NoTrials;

impl Trials for NoTrials {
    fn begin(&mut self, _: &NewRun) -> Result<Receiver<Event>> {
        bail!("nothing is trained on this screen: difflab CONFIG trains a run");
    }

    fn abandon(&mut self) {}
}

/// The runs that are tried in this program.
pub struct OtherRuns {
    /// As the program was started.
    first: LabPlan,
    /// The last run that had a name given to it, at first that of the program's start: the others are called after it.
    named: Config,
    /// The keys that the run on the screen was asked for with, of all that came between it and that one too.
    asked: Vec<String>,
    trial: Option<Trial>,
    /// Those that end by themselves, unwanted.
    ending: Vec<Lab>,
}

/// A run on trial.
struct Trial {
    lab: Lab,
    config: Config,
    asked: Vec<String>,
    /// Signals end it until it is kept.
    signals: Listening,
}

/// A run that has stood its trial.
pub struct KeptLab {
    pub lab: Lab,
    pub config: Config,
    /// Let go of once others listen to the signals for it.
    pub signals: Listening,
}

impl OtherRuns {
    pub fn new(first: LabPlan) -> Self {
        Self { named: first.config.clone(), first, asked: Vec::new(), trial: None, ending: Vec::new() }
    }

    /// Takes the run on trial as the one that stays. Who takes it tells it so.
    pub fn keep(&mut self) -> Option<KeptLab> {
        let Trial { lab, config, asked, signals } = self.trial.take()?;
        match is_named(&asked) {
            true => (self.named, self.asked) = (config.clone(), Vec::new()),
            false => self.asked = asked,
        }
        Some(KeptLab { lab, config, signals })
    }

    /// Waits until nothing is left of what was not wanted.
    pub fn close(mut self) {
        self.abandon();
        // How they ended is no matter to anybody.
        self.ending.into_iter().for_each(|lab| _ = lab.join());
    }

    /// Where the new run goes: beside the one on the screen, or where that would have been.
    fn folder(&self, wanted: &NewRun, asked: &[String]) -> Result<Option<PathBuf>> {
        let beside = match (&wanted.beside, &self.first.run) {
            (Some(dir), _) => dir.clone(),
            (None, RunChoice::Resume(dir)) => dir.clone(),
            // The first run never began: its place is free.
            (None, RunChoice::New { dir } | RunChoice::Fork { dir, .. }) => return Ok(dir.clone()),
        };
        // A name that was given says all.
        if is_named(asked) {
            return Ok(Some(folder_beside(&beside, &wanted.config.name, &[])?));
        }
        let changes = self.named.changes(&wanted.config);
        let changes: Vec<_> = changes.into_iter().filter(|(key, _)| asked.iter().any(|a| a == key)).collect();
        Ok(Some(folder_beside(&beside, &self.named.name, &changes)?))
    }
}

impl Trials for OtherRuns {
    fn begin(&mut self, wanted: &NewRun) -> Result<Receiver<Event>> {
        room_for_two(wanted)?;
        let keys = wanted.asked.iter().filter_map(|setting| setting.split(" = ").next()).map(str::to_owned);
        let asked: Vec<String> = self.asked.iter().cloned().chain(keys).collect();
        let dir = match &wanted.fork {
            None => self.folder(wanted, &asked)?,
            Some(from) => Some(folder_of_fork(from, &wanted.config)?),
        };
        // It is called as its folder is: the header says what is trained.
        let mut config = wanted.config.clone();
        let follows = wanted.beside.is_some() && !is_named(&asked);
        if let Some(name) = dir.as_deref().filter(|_| follows).and_then(Path::file_name) {
            config.name = name.to_string_lossy().into_owned();
        }
        let run = match &wanted.fork {
            None => RunChoice::New { dir },
            Some(from) => RunChoice::Fork { from: from.clone(), dir },
        };
        let mut warnings = config.validate()?;
        warnings.extend(check_config_stability(&config));
        // It may wait for nobody.
        let (chosen, racing, stage, then) = (Vec::new(), None, None, None);
        let plan = LabPlan { config: config.clone(), run, warnings, chosen, racing, stage, then, ..self.first.clone() };
        let lab = Lab::on_trial(plan)?;
        let signals = lab.give_up_on_signals().context("listening for signals")?;
        let events = lab.events.clone();
        self.trial = Some(Trial { lab, config, asked, signals });
        Ok(events)
    }

    fn abandon(&mut self) {
        if let Some(trial) = self.trial.take() {
            // A full channel can't be: nothing else is sent. A closed one: it has ended.
            let _ = trial.lab.commands.try_send(Command::Quit { save: false });
            self.ending.push(trial.lab);
        }
    }
}

/// A free folder for a fork, beside its parent; of one in a race or a sweep, whose runs are its own, beside that.
pub fn folder_of_fork(from: &ForkPoint, config: &Config) -> Result<PathBuf> {
    let mut changes = from.before.changes(config);
    changes.retain(|(key, _)| !key.starts_with("parent"));
    let name = if changes.is_empty() { format!("{}-fork-{}", config.name, from.step) } else { config.name.clone() };
    let beside = experiment_of(&from.run).unwrap_or(&from.run);
    Ok(folder_beside(beside, &name, &changes)?)
}

/// Has a person named the run?
fn is_named(asked: &[String]) -> bool {
    asked.iter().any(|key| key == "name")
}

/// Is there memory for another run as large as this one? A run that has ended has given its own back.
fn room_for_two(wanted: &NewRun) -> Result<()> {
    match (free_memory(), resident_memory()) {
        (Some(free), Some(used)) if wanted.in_two && free < used => bail!(
            "both runs would be in memory until the new one has made a step: this one has {} MiB, and {} MiB are free. \
             Quit (q) and start the other with --set {}",
            used >> 20,
            free >> 20,
            wanted.asked.iter().map(|setting| setting.replace(" = ", "=")).collect::<Vec<_>>().join(" --set ")
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Audience;

    fn plan(run: RunChoice) -> LabPlan {
        LabPlan {
            config: Config { name: "two-moons".into(), ..Config::default() },
            run,
            device: candle_core::Device::Cpu,
            threads: 1,
            accept_data: false,
            audience: Audience::Screen,
            warnings: vec![],
            chosen: vec![],
            after_step: None,
            racing: None,
            stage: None,
            then: None,
        }
    }

    fn wanted(line: &str, before: &Config, beside: Option<PathBuf>) -> NewRun {
        let config = before.clone().with_assignments(line).unwrap();
        let asked = before.changes(&config).into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        NewRun {
            config,
            asked,
            taken_along: vec![],
            warnings: vec![],
            in_two: true,
            beside,
            line: line.into(),
            fork: None,
        }
    }

    fn folder(runs: &OtherRuns, wanted: &NewRun) -> Option<PathBuf> {
        let keys = wanted.asked.iter().filter_map(|setting| setting.split(" = ").next()).map(str::to_owned);
        let asked: Vec<String> = runs.asked.iter().cloned().chain(keys).collect();
        runs.folder(wanted, &asked).unwrap()
    }

    #[test]
    fn a_new_run_goes_beside_the_old_one_under_what_it_has_otherwise() {
        let parent = tempfile::tempdir().unwrap();
        let place = |name: &str| parent.path().join(name);
        let first = plan(RunChoice::New { dir: Some(place("first")) });
        let mut runs = OtherRuns::new(first.clone());
        let swiss = wanted("data.dataset=swiss_roll", &first.config, Some(place("first")));
        assert_eq!(folder(&runs, &swiss), Some(place("two-moons-swiss_roll")));
        // One that failed before it had a folder leaves its place.
        let never_begun = wanted("data.dataset=swiss_roll", &first.config, None);
        assert_eq!(folder(&runs, &never_begun), Some(place("first")));
        // The third is named after both changes.
        runs.asked = vec!["data.dataset".into()];
        let third = wanted("seed=3", &swiss.config, Some(place("two-moons-swiss_roll")));
        assert_eq!(folder(&runs, &third), Some(place("two-moons-seed-3-swiss_roll")));
    }

    #[test]
    fn a_run_that_has_a_name_is_called_by_it_alone_and_those_after_it_too() {
        let parent = tempfile::tempdir().unwrap();
        let place = |name: &str| parent.path().join(name);
        let mut first = plan(RunChoice::New { dir: Some(place("first")) });
        first.config.name = "course-x-a".into();
        let mut runs = OtherRuns::new(first.clone());
        let c = wanted("name=course-x-c diffusion.schedule=linear", &first.config, Some(place("first")));
        assert_eq!(folder(&runs, &c), Some(place("course-x-c")));
        std::fs::create_dir(place("course-x-c")).unwrap();
        std::fs::write(place("course-x-c/config.toml"), "").unwrap();
        assert_eq!(folder(&runs, &c), Some(place("course-x-c-2")));
        runs.named = c.config.clone();
        let other = wanted("seed=3", &c.config, Some(place("course-x-c")));
        assert_eq!(folder(&runs, &other), Some(place("course-x-c-seed-3")));
        // The same once more: with nothing otherwise it has the same name.
        let again = NewRun { asked: vec!["sample.guidance_scale = 1.0".into()], ..c };
        assert_eq!(folder(&runs, &again), Some(place("course-x-c-2")));
    }
}
