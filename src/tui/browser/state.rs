//! What is listed, chosen, filtered and sorted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::columns::{COLUMNS, CellWidths, cell_widths, widths};
use super::line::LineInput;
use crate::run::catalogue::{Completions, Filter, FilterError, ListedRun, RunOrder, completions};

/// What keys are taken for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RunsMode {
    #[default]
    Table,
    /// The filter is typed; of the ways to go on one may be chosen.
    Filter {
        way: Option<usize>,
    },
    /// The chosen run's note, or its tags.
    Note(LineInput),
    Tags(LineInput),
    /// What a fork of the chosen run is to have otherwise.
    Fork(LineInput),
    /// "Move it to the trash?"
    Trash,
}

/// The list of runs.
#[derive(Clone, Debug)]
pub struct Browser {
    pub place: PathBuf,
    /// All runs, by name; `None` before the first look.
    pub runs: Option<Arc<Vec<ListedRun>>>,
    /// Why the place cannot be read.
    pub trouble: Option<String>,
    /// Those that the filter admits, sorted: places in `runs`.
    pub shown: Vec<usize>,
    /// What the cells of each of `runs` take.
    cells: Vec<CellWidths>,
    /// The width of each column.
    pub widths: CellWidths,
    pub filter: LineInput,
    /// What is wrong with the line; the terms before it hold.
    pub filter_error: Option<FilterError>,
    admitted: Filter,
    /// The column that is sorted by, and whether the largest comes first. `None`: as was asked for at the start.
    pub sorted: Option<(usize, bool)>,
    order: RunOrder,
    /// The folder of the chosen run.
    pub chosen: Option<PathBuf>,
    /// The first row on the screen.
    pub top: usize,
    /// Rows of the table on the screen.
    pub rows: usize,
    pub mode: RunsMode,
    /// Why a note, tags or the keys of a fork were not taken; until the line is changed.
    pub refusal: Option<String>,
    /// The chosen of the ways to go on with the keys of a fork.
    pub way: Option<usize>,
    /// What was moved to the trash: its name, and where it lies.
    pub trashed: Vec<(String, PathBuf)>,
    /// The run that is trained in this program.
    pub own: Option<PathBuf>,
}

impl Browser {
    /// Of the runs in `place`; the newest names come first.
    pub fn new(place: &Path) -> Self {
        let mut browser = Self {
            place: place.to_path_buf(),
            runs: None,
            trouble: None,
            shown: Vec::new(),
            cells: Vec::new(),
            widths: [0; COLUMNS.len()],
            filter: LineInput::default(),
            filter_error: None,
            admitted: Filter::default(),
            sorted: None,
            order: RunOrder::default(),
            chosen: None,
            top: 0,
            rows: 1,
            mode: RunsMode::Table,
            refusal: None,
            way: None,
            trashed: Vec::new(),
            own: None,
        };
        browser.sort_by(0, true);
        browser
    }

    /// With a filter and, where one is asked for, an order.
    pub fn with(mut self, filter: &str, order: Option<RunOrder>) -> Self {
        self.filter = LineInput::with(filter);
        self.read_filter();
        if let Some(order) = order {
            (self.order, self.sorted) = (order, None);
            self.arrange();
        }
        self
    }

    /// All runs that are known.
    pub fn all(&self) -> &[ListedRun] {
        self.runs.as_ref().map_or(&[], |runs| runs)
    }

    /// The runs that are shown, in their order.
    pub fn listed(&self) -> impl ExactSizeIterator<Item = &ListedRun> {
        let all = self.all();
        self.shown.iter().map(move |&i| &all[i])
    }

    /// The chosen run, with its row.
    pub fn chosen_run(&self) -> Option<(usize, &ListedRun)> {
        // As bytes: of thousands, comparing component by component is felt.
        let chosen = self.chosen.as_deref()?.as_os_str();
        self.listed().enumerate().find(|(_, run)| run.path.as_os_str() == chosen)
    }

    /// Takes a new list in. The chosen run stays chosen; where it is gone, its neighbour takes its place.
    pub fn take(&mut self, runs: Arc<Vec<ListedRun>>) {
        let row = self.chosen_run().map_or(0, |(row, _)| row);
        self.trouble = None;
        self.cells = runs.iter().map(cell_widths).collect();
        self.runs = Some(runs);
        self.arrange();
        if self.chosen_run().is_none() {
            self.choose_row(row);
        }
    }

    /// Reads the filter's line anew. While its end can't be understood, what stands before that holds.
    pub fn read_filter(&mut self) {
        let line = self.filter.text();
        match Filter::parse(line) {
            Ok(filter) => (self.admitted, self.filter_error) = (filter, None),
            Err(error) => {
                let before = line.get(..error.at.start).unwrap_or_default();
                let terms = before.rfind(char::is_whitespace).map_or("", |end| &before[..end]);
                self.admitted = Filter::parse(terms).unwrap_or_default();
                self.filter_error = Some(error);
            }
        }
        self.arrange();
        if self.chosen_run().is_none() {
            self.choose_row(0);
        }
    }

    /// Sorts by a column.
    pub fn sort_by(&mut self, column: usize, descending: bool) {
        let column = column.min(COLUMNS.len() - 1);
        let sign = if descending { "-" } else { "" };
        let keys: Vec<String> = COLUMNS[column].sort.split(',').map(|key| format!("{sign}{key}")).collect();
        // Every column can be sorted by: a test asks.
        self.order = RunOrder::parse(&keys.join(",")).unwrap_or_default();
        self.sorted = Some((column, descending));
        self.arrange();
    }

    fn arrange(&mut self) {
        let Some(runs) = self.runs.clone() else { return };
        self.shown = (0..runs.len()).filter(|&i| self.admitted.admits(&runs[i])).collect();
        self.widths = widths(self.shown.iter().map(|&i| &self.cells[i]));
        self.shown.sort_by(|&a, &b| self.order.compare(&runs[a], &runs[b]));
        self.keep_in_sight();
    }

    /// Chooses the run in that row, or the last.
    pub fn choose_row(&mut self, row: usize) {
        let last = self.shown.len().saturating_sub(1);
        let chosen = self.listed().nth(row.min(last)).map(|run| run.path.clone());
        self.chosen = chosen;
        self.keep_in_sight();
    }

    /// Moves the choice by so many rows.
    pub fn move_by(&mut self, by: isize) {
        let row = self.chosen_run().map_or(0, |(row, _)| row);
        self.choose_row(row.saturating_add_signed(by));
    }

    /// The table has so many rows on the screen.
    pub fn set_rows(&mut self, rows: usize) {
        self.rows = rows.max(1);
        self.keep_in_sight();
    }

    fn keep_in_sight(&mut self) {
        if let Some((row, _)) = self.chosen_run() {
            self.top = self.top.clamp((row + 1).saturating_sub(self.rows), row);
        }
        self.top = self.top.min(self.shown.len().saturating_sub(self.rows));
    }

    /// Begins to ask for a line.
    pub fn ask_for(&mut self, mode: RunsMode) {
        (self.mode, self.refusal, self.way) = (mode, None, None);
    }

    /// Asks what a fork of the run in `dir` is to have otherwise.
    pub fn ask_for_fork(&mut self, dir: &Path) {
        let is_same = |run: &ListedRun| std::path::absolute(&run.path).ok() == std::path::absolute(dir).ok();
        let known = self.all().iter().find(|run| is_same(run)).map(|run| run.path.clone());
        self.chosen = Some(known.unwrap_or_else(|| dir.to_path_buf()));
        self.ask_for(RunsMode::Fork(LineInput::default()));
        self.keep_in_sight();
    }

    /// How the filter could go on.
    pub fn ways_on(&self) -> Completions {
        let mut tags: Vec<String> = self.all().iter().flat_map(|run| run.summary.tags.iter().cloned()).collect();
        tags.sort();
        tags.dedup();
        completions(self.filter.text(), self.filter.cursor(), &tags)
    }
}
