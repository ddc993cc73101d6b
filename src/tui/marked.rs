//! Runs that are held side by side: those marked in the list of runs, in their order, each with a colour.

use std::path::{Path, PathBuf};

use crate::config::ScheduleName;
use crate::tui::theme::Role;

/// Each colour stays apart from the others for a colour-blind eye (`picture::palette`).
const COLORS: [Role; 7] = [
    Role::Train,
    Role::HeldOut,
    Role::Schedule(ScheduleName::Cosine),
    Role::Schedule(ScheduleName::Linear),
    Role::Schedule(ScheduleName::Sigmoid),
    Role::Good,
    Role::Noisy,
];

/// A run that is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedRun {
    pub dir: PathBuf,
    /// As the list calls it.
    pub name: String,
    /// Its colour's place among those of a plot of many lines (`Palette::line`); no two marked runs share one.
    pub color: usize,
}

impl MarkedRun {
    /// Its colour on the screen.
    pub fn role(&self) -> Role {
        COLORS[self.color % COLORS.len()]
    }
}

/// The marked runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    runs: Vec<MarkedRun>,
    baseline: Option<PathBuf>,
}

impl Marked {
    /// So many at most.
    pub const MOST: usize = COLORS.len();

    /// In the order in which they were marked.
    pub fn runs(&self) -> &[MarkedRun] {
        &self.runs
    }

    /// The run in `dir`, if it is marked.
    pub fn of(&self, dir: &Path) -> Option<&MarkedRun> {
        self.runs.iter().find(|run| run.dir == dir)
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

    pub fn clear(&mut self) {
        *self = Self::default();
    }
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
    fn colours_are_those_of_a_plot_of_many_lines() {
        use crate::tui::theme::{Capability, Theme, ThemeName};
        let theme = Theme::new(ThemeName::Dark, Capability::TrueColor);
        for (color, role) in COLORS.into_iter().enumerate() {
            let [r, g, b] = theme.palette().line(color);
            assert_eq!(theme.style(role).fg, Some(ratatui::style::Color::Rgb(r, g, b)), "{role:?}");
        }
    }
}
