//! Runs that are compared: drawn over one another, each in its colour.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::curves::Curves;
use super::film::{Film, Films, Still};
use super::heat::Heat;
use super::history::History;
use crate::config::Config;
use crate::data::{CatalogueEntry, catalogue};
use crate::tui::marked::{Marked, name_of};

/// Most runs at once.
pub const MOST_COMPARED: usize = Marked::MOST;

/// A run that is compared.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    pub dir: PathBuf,
    /// The name of its folder.
    pub name: String,
    /// Which of the colours is its: that of its mark in the list of runs, whatever comes and goes beside it.
    pub color: usize,
    /// The run that is trained on this screen: its curves are the screen's own, and the fields here stay empty.
    pub is_here: bool,
    pub config: Option<Config>,
    /// What it is trained on, in the plural.
    pub samples_word: &'static str,
    /// Every key of its config, dotted.
    pub keys: BTreeMap<String, toml::Value>,
    pub curves: Option<Curves>,
    pub history: History,
    pub heat: Heat,
    /// Its samples, from the noise that all have in common, and the shape of an image.
    pub films: Films,
    pub shape: (usize, usize, usize),
    /// Does a process train it?
    pub is_trained: bool,
    /// What its files say last is an error.
    pub has_failed: bool,
    /// Its files have been read to their end.
    pub is_read: bool,
    /// Why it can't be read, or sampled.
    pub trouble: Option<String>,
}

impl ComparedRun {
    pub fn new(dir: &Path, color: usize) -> Self {
        Self {
            dir: dir.to_path_buf(),
            name: name_of(dir),
            color,
            is_here: false,
            config: None,
            samples_word: "images",
            keys: BTreeMap::new(),
            curves: None,
            history: History::default(),
            heat: Heat::default(),
            films: Films::default(),
            shape: (0, 0, 0),
            is_trained: false,
            has_failed: false,
            is_read: false,
            trouble: None,
        }
    }

    /// What it was made with.
    pub fn set_config(&mut self, config: &Config) {
        self.curves = Curves::new(&config.diffusion);
        self.keys = config.values();
        let is_points = |entry: &CatalogueEntry| entry.name == config.data.dataset && entry.is_points();
        self.samples_word = if catalogue().iter().any(is_points) { "points" } else { "images" };
        self.config = Some(config.clone());
    }

    /// The moment of its samples that is nearest to timestep `t` of `of`.
    pub fn still_at(&self, t: usize, of: usize) -> Option<(&Film, &Still)> {
        let film = self.films.newest()?;
        // Runs with other numbers of timesteps are linked by the share of the way.
        let own = self.curves.as_ref().map_or(of, Curves::timesteps);
        let t = if own == of { t } else { t * own / of.max(1) };
        Some((film, film.stills().get(film.nearest(t))?))
    }
}

/// What a person looks at of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The one that the others are measured by.
    pub pinned: usize,
    /// The one under the cursor.
    pub chosen: usize,
    /// The heatmap shows the difference of the two.
    pub difference: bool,
}
