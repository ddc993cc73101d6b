//! Which runs are compared on a screen, and what they have in common.

use std::path::{Path, PathBuf};

use super::compared::{ComparedRun, MOST_COMPARED};
use super::curves::Curves;
use super::heat::Heat;
use super::history::History;
use super::panes::Paned;
use super::screen::State;
use crate::config;
use crate::run::distinct_names;
use crate::tui::marked::is_same;

impl State {
    /// Compares these runs from now on: none ends it. They are the marked ones then. The one that is trained here is always
    /// among them. Returns those whose files are to be followed; of more than [`MOST_COMPARED`] the first.
    pub fn compare(&mut self, dirs: &[PathBuf]) -> Vec<PathBuf> {
        let here = self.live.info.as_ref().map(|info| info.run_dir.clone());
        let mut wanted: Vec<PathBuf> = Vec::new();
        for dir in here.iter().filter(|_| !dirs.is_empty()).chain(dirs) {
            if wanted.len() < MOST_COMPARED && !wanted.iter().any(|known| is_same(known, dir)) {
                wanted.push(dir.clone());
            }
        }
        self.marked.set(&wanted);
        // What was sampled had others.
        self.panes.next_round();
        (self.panes.shown, self.panes.playing) = (Paned::Nothing, None);
        let chosen = self.live.compared.get(self.comparison.chosen).map(|run| run.dir.clone());
        let mut before = std::mem::take(&mut self.live.compared);
        let mut runs: Vec<Option<ComparedRun>> = wanted
            .iter()
            .map(|dir| before.iter().position(|run| is_same(&run.dir, dir)).map(|known| before.swap_remove(known)))
            .collect();
        for (dir, run) in wanted.iter().zip(&mut runs) {
            let color = self.marked.known(dir).map_or(0, |marked| marked.color);
            run.get_or_insert_with(|| ComparedRun::new(dir, color)).color = color;
        }
        self.live.compared = runs.into_iter().flatten().collect();
        for (run, name) in self.live.compared.iter_mut().zip(distinct_names(&wanted)) {
            run.name = name;
        }
        for run in &mut self.live.compared {
            run.is_here = here.as_ref().is_some_and(|here| is_same(here, &run.dir));
            if run.is_here
                && let Some(config) = &self.config
            {
                run.set_config(config);
            }
        }
        self.comparison.chosen = chosen.and_then(|dir| self.place_of(&dir)).unwrap_or(0);
        self.hold_against_the_pinned();
        // What was frozen had others.
        self.frozen = None;
        self.reading = None;
        self.plots.window = None;
        self.live.compared.iter().filter(|run| !run.is_here).map(|run| run.dir.clone()).collect()
    }

    fn place_of(&self, dir: &Path) -> Option<usize> {
        self.live.compared.iter().position(|run| is_same(&run.dir, dir))
    }

    /// The compared runs are measured by the one that is pinned among the marked ones; where none is, by the first.
    pub fn hold_against_the_pinned(&mut self) {
        let pinned = self.marked.baseline().and_then(|run| self.place_of(&run.dir));
        self.comparison.pinned = pinned.unwrap_or(0);
    }

    /// The marked runs that are not this screen's own.
    pub fn marked_others(&self) -> Vec<PathBuf> {
        let here = self.live.info.as_ref().map(|info| &info.run_dir);
        let is_other = |dir: &&PathBuf| here.is_none_or(|here| !is_same(here, dir));
        self.marked.runs().iter().map(|run| &run.dir).filter(is_other).cloned().collect()
    }

    /// Are the marked runs, with this screen's own, those that are compared?
    pub fn compares_the_marked(&self) -> bool {
        let own = usize::from(self.live.info.is_some());
        let others = self.marked_others();
        others.len() + own == self.live.compared.len() && others.iter().all(|dir| self.place_of(dir).is_some())
    }

    /// Are runs compared?
    pub fn is_comparing(&self) -> bool {
        !self.compared().is_empty()
    }

    /// Is nothing trained or watched on this screen but what is compared?
    pub fn only_compares(&self) -> bool {
        self.is_comparing() && self.live.info.is_none()
    }

    /// The runs that are compared.
    pub fn compared(&self) -> &[ComparedRun] {
        &self.data().compared
    }

    /// One of them, by its folder.
    pub fn compared_mut(&mut self, dir: &Path) -> Option<&mut ComparedRun> {
        self.live.compared.iter_mut().find(|run| run.dir == dir)
    }

    /// The one under the cursor.
    pub fn chosen_run(&self) -> Option<&ComparedRun> {
        self.compared().get(self.comparison.chosen.min(self.compared().len().saturating_sub(1)))
    }

    /// The one that the others are measured by.
    pub fn pinned_run(&self) -> Option<&ComparedRun> {
        self.compared().get(self.comparison.pinned.min(self.compared().len().saturating_sub(1)))
    }

    /// The run to subtract from and the one to be subtracted, where the heatmap shows a difference: the one under the
    /// cursor and the pinned one, or with the pinned one under the cursor the next.
    pub fn subtracted(&self) -> Option<(&ComparedRun, &ComparedRun)> {
        let (runs, pinned) = (self.compared(), self.pinned_run()?);
        let chosen = self.chosen_run()?;
        if !self.comparison.difference || runs.len() < 2 {
            return None;
        }
        let other = if chosen.dir == pinned.dir { runs.iter().find(|run| run.dir != pinned.dir)? } else { chosen };
        Some((other, pinned))
    }

    /// The curves of a compared run.
    pub fn history_of<'a>(&'a self, run: &'a ComparedRun) -> &'a History {
        if run.is_here { &self.data().history } else { &run.history }
    }

    /// The losses per timestep of a compared run.
    pub fn heat_of<'a>(&'a self, run: &'a ComparedRun) -> &'a Heat {
        if run.is_here { &self.data().heat } else { &run.heat }
    }

    /// The schedule of a compared run.
    pub fn curves_of<'a>(&'a self, run: &'a ComparedRun) -> Option<&'a Curves> {
        if run.is_here { self.curves.as_ref() } else { run.curves.as_ref() }
    }

    /// The curves of the run that is read: the one under the cursor, or the screen's own.
    pub fn read_history(&self) -> &History {
        self.chosen_run().map_or(&self.data().history, |run| self.history_of(run))
    }

    /// The losses per timestep of the run that is read.
    pub fn read_heat(&self) -> &Heat {
        self.chosen_run().map_or(&self.data().heat, |run| self.heat_of(run))
    }

    /// The curves of all runs that are drawn.
    pub fn shown_histories(&self) -> Vec<&History> {
        match self.compared() {
            [] => vec![&self.data().history],
            runs => runs.iter().map(|run| self.history_of(run)).collect(),
        }
    }

    /// What of the losses of the compared runs can't be compared, in a sentence.
    pub fn comparability(&self) -> Option<String> {
        let known: Vec<_> = self.compared().iter().map(|run| &run.keys).filter(|keys| !keys.is_empty()).collect();
        if known.len() < 2 { None } else { config::comparable(&known).words() }
    }

    /// Keys on which the configs of the compared runs differ, each with every run's value; `None` where it has none.
    pub fn differing_keys(&self) -> Vec<(String, Vec<Option<String>>)> {
        let runs = self.compared();
        let mut all: Vec<&String> = runs.iter().flat_map(|run| run.keys.keys()).collect();
        all.sort();
        all.dedup();
        let known = |run: &&ComparedRun| !run.keys.is_empty();
        let differs = |key: &&String| {
            let mut values = runs.iter().filter(known).map(|run| run.keys.get(*key));
            values.next().is_some_and(|first| values.any(|value| value != first))
        };
        let value = |run: &ComparedRun, key: &String| run.keys.get(key).map(toml::Value::to_string);
        let row = |key: &String| (key.clone(), runs.iter().map(|run| value(run, key)).collect());
        all.into_iter().filter(differs).map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::tui::options::ScreenOptions;

    #[test]
    fn a_run_keeps_its_colour_whatever_comes_and_goes() {
        let mut state = State::new(ScreenOptions::default());
        let dirs = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(state.compare(&dirs(&["a", "b", "c", "b"])), dirs(&["a", "b", "c"]));
        let colors =
            |state: &State| state.compared().iter().map(|run| (run.name.clone(), run.color)).collect::<Vec<_>>();
        state.compare(&dirs(&["c", "a", "d"]));
        assert_eq!(colors(&state), [("c".into(), 2), ("a".into(), 0), ("d".into(), 1)]);
        let many: Vec<PathBuf> = (0..20).map(|i| PathBuf::from(format!("run-{i}"))).collect();
        assert_eq!(state.compare(&many).len(), MOST_COMPARED);
        assert!(state.compare(&[]).is_empty() && !state.is_comparing());
        // Every race has a side that is as it is.
        state.compare(&dirs(&["one/a-as-it-is", "other/a-as-it-is"]));
        let names: Vec<&str> = state.compared().iter().map(|run| run.name.as_str()).collect();
        assert_eq!(names, ["one/a-as-it-is", "other/a-as-it-is"]);
    }

    #[test]
    fn only_what_differs_is_listed_and_what_is_not_known_yet_differs_from_nothing() {
        let mut state = State::new(ScreenOptions::default());
        state.compare(&["a", "b", "c"].map(PathBuf::from));
        let mut config = Config::default();
        state.live.compared[0].set_config(&config);
        assert!(state.differing_keys().is_empty());
        config.train.learning_rate *= 2.0;
        state.live.compared[2].set_config(&config);
        let keys = state.differing_keys();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].0, "train.learning_rate");
        assert!(keys[0].1[0].is_some() && keys[0].1[1].is_none() && keys[0].1[0] != keys[0].1[2]);
    }
}
