//! Runs that are held side by side: those marked in the list of runs, which the lab draws over one another. Each has
//! a colour, the same everywhere.

use std::path::{Path, PathBuf};

/// A run that is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedRun {
    pub dir: PathBuf,
    /// As the list calls it.
    pub name: String,
    /// The number of its colour ([`Theme::run`](crate::tui::theme::Theme::run)); no two marked runs share one.
    pub color: usize,
}

/// The marked runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    runs: Vec<MarkedRun>,
    baseline: Option<PathBuf>,
}

impl Marked {
    /// So many at most: more lines than that are a tangle, and their colours no longer apart.
    pub const MOST: usize = 8;

    /// In the order in which they were marked.
    pub fn runs(&self) -> &[MarkedRun] {
        &self.runs
    }

    /// The run in `dir`, if it is marked.
    pub fn of(&self, dir: &Path) -> Option<&MarkedRun> {
        self.runs.iter().find(|run| run.dir == dir)
    }

    /// The same, however the path to it is written.
    pub fn known(&self, dir: &Path) -> Option<&MarkedRun> {
        self.of(dir).or_else(|| self.runs.iter().find(|run| is_same(&run.dir, dir)))
    }

    /// The one that the others are held against, if one is pinned.
    pub fn baseline(&self) -> Option<&MarkedRun> {
        self.of(self.baseline.as_deref()?)
    }

    /// Is it the one in `dir`?
    pub fn is_baseline(&self, dir: &Path) -> bool {
        self.baseline.as_deref() == Some(dir)
    }

    /// Marks the run in `dir`, with the first colour that is free. False: there are as many as there are colours.
    pub fn mark(&mut self, dir: &Path, name: &str) -> bool {
        if self.of(dir).is_some() {
            return true;
        }
        let free = (0..Self::MOST).find(|color| self.runs.iter().all(|run| run.color != *color));
        let Some(color) = free else { return false };
        self.runs.push(MarkedRun { dir: dir.to_path_buf(), name: name.to_string(), color });
        true
    }

    /// Takes the mark away, and the pin with it.
    pub fn unmark(&mut self, dir: &Path) {
        self.runs.retain(|run| run.dir != dir);
        self.baseline.take_if(|baseline| baseline == dir);
    }

    /// Pins the run in `dir`, which is marked so as well; of the one that is pinned takes the pin away. False as of
    /// [`Self::mark`].
    pub fn pin(&mut self, dir: &Path, name: &str) -> bool {
        if self.is_baseline(dir) {
            self.baseline = None;
            return true;
        }
        let marked = self.mark(dir, name);
        if marked {
            self.baseline = Some(dir.to_path_buf());
        }
        marked
    }

    /// Marks these runs and no others; of more than [`Self::MOST`] the first. Those that are marked keep their colours.
    pub fn set(&mut self, dirs: &[PathBuf]) {
        self.runs.retain(|run| dirs.iter().any(|dir| is_same(dir, &run.dir)));
        for dir in dirs {
            if self.known(dir).is_none() {
                self.mark(dir, &name_of(dir));
            }
        }
        self.baseline.take_if(|baseline| self.runs.iter().all(|run| run.dir != *baseline));
    }

    /// The others are held against the run in `dir`, if that is marked.
    pub fn hold_against(&mut self, dir: &Path) {
        self.baseline = self.known(dir).map(|run| run.dir.clone());
    }

    /// Writes the paths as a list of the runs in `place` does.
    pub fn write_as_in(&mut self, place: &Path) {
        let whole = whole(place);
        let written = |dir: &PathBuf| match self::whole(dir).strip_prefix(&whole) {
            Ok(rest) => place.join(rest),
            Err(_) => dir.clone(),
        };
        for run in &mut self.runs {
            run.dir = written(&run.dir);
        }
        self.baseline = self.baseline.as_ref().map(written);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The name of a run's folder.
pub fn name_of(dir: &Path) -> String {
    dir.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Do two paths lead to the same folder? One may be relative to where the program began.
pub fn is_same(a: &Path, b: &Path) -> bool {
    a == b || whole(a) == whole(b)
}

fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_marked_run_keeps_a_colour_of_its_own() {
        let mut marked = Marked::default();
        let dir = |i: usize| PathBuf::from(format!("runs/{i}"));
        for i in 0..Marked::MOST {
            assert!(marked.mark(&dir(i), "x"));
        }
        assert!(!marked.mark(&dir(99), "x") && !marked.pin(&dir(99), "x") && marked.mark(&dir(3), "x"));
        marked.unmark(&dir(2));
        assert!(marked.pin(&dir(99), "y"));
        assert_eq!(marked.baseline().map(|run| (run.name.as_str(), run.color)), Some(("y", 2)));
        assert_eq!(marked.of(&dir(3)).map(|run| run.color), Some(3), "the others keep theirs");
        marked.pin(&dir(99), "y");
        assert!(marked.baseline().is_none() && marked.of(&dir(99)).is_some());
        marked.pin(&dir(99), "y");
        marked.unmark(&dir(99));
        assert!(marked.baseline().is_none() && marked.runs().len() == Marked::MOST - 1);
        marked.clear();
        assert_eq!(marked, Marked::default());
    }

    #[test]
    fn there_are_as_many_as_colours_that_are_told_apart() {
        use crate::tui::theme::{Capability, Theme, ThemeName};
        let theme = Theme::new(ThemeName::Dark, Capability::TrueColor);
        let mut colors: Vec<String> = (0..Marked::MOST).map(|color| format!("{:?}", theme.run(color).fg)).collect();
        colors.sort();
        colors.dedup();
        assert_eq!(colors.len(), Marked::MOST);
    }

    #[test]
    fn a_run_is_known_however_its_path_is_written() {
        let here = std::env::current_dir().unwrap();
        let mut marked = Marked::default();
        marked.set(&[here.join("runs/a"), PathBuf::from("./b")]);
        marked.hold_against(Path::new("b"));
        assert_eq!(marked.known(Path::new("runs/a")).map(|run| run.color), Some(0));
        marked.write_as_in(Path::new("runs"));
        assert_eq!(marked.of(Path::new("runs/a")).map(|run| run.name.as_str()), Some("a"));
        assert_eq!(marked.baseline().map(|run| run.dir.as_path()), Some(Path::new("./b")));
        marked.set(&[PathBuf::from("c"), here.join("runs/a")]);
        assert!(marked.baseline().is_none());
        let colors: Vec<_> = marked.runs().iter().map(|run| (run.name.as_str(), run.color)).collect();
        assert_eq!(colors, [("a", 0), ("c", 1)]);
    }
}
