//! The columns of the table.

use crate::data::shown;
use crate::run::catalogue::{ListedRun, Summary};
use crate::tui::format::{count, duration, thousands, three_digits};
use crate::tui::words::columns;

/// A column.
pub struct RunsColumn {
    pub title: &'static str,
    /// What it is sorted by, as `--sort` has it, and whether the largest comes first when it is chosen.
    pub sort: &'static str,
    pub largest_first: bool,
    pub cell: fn(&Summary) -> String,
    pub is_number: bool,
    /// Those with the smallest number stay the longest where it is narrow.
    pub rank: u8,
    /// No wider than this.
    pub most: usize,
}

const fn column(title: &'static str, sort: &'static str, cell: fn(&Summary) -> String, rank: u8) -> RunsColumn {
    RunsColumn { title, sort, largest_first: false, cell, is_number: false, rank, most: 40 }
}

const fn number(title: &'static str, sort: &'static str, cell: fn(&Summary) -> String, rank: u8) -> RunsColumn {
    RunsColumn { is_number: true, ..column(title, sort, cell, rank) }
}

/// The place of a run's name and of its state.
pub const NAME: usize = 0;
pub const STATE: usize = 1;

/// In their order. What a run is comes first, then what came of it.
pub const COLUMNS: [RunsColumn; 12] = [
    RunsColumn { most: 60, ..column("run", "run", |s| shown(&s.run), 0) },
    // A symbol stands before the word.
    column("state", "state", |s| format!("  {}", s.state.word()), 1),
    RunsColumn { most: 16, ..column("data", "data", |s| shown(&s.dataset), 6) },
    RunsColumn { most: 24, ..column("network", "network", |s| shown(&s.network), 9) },
    column("path · target · schedule", "path,target,schedule", method, 8),
    RunsColumn { largest_first: true, ..number("step", "step", step, 2) },
    number("loss", "loss", |s| loss(s.loss), 3),
    number("held-out", "val_loss", |s| loss(s.val_loss), 4),
    RunsColumn { largest_first: true, ..number("time", "time", time, 7) },
    RunsColumn { most: 24, ..column("tags", "tag", |s| shown(&s.tags.join(" ")), 5) },
    RunsColumn { largest_first: true, ..column("written", "written", written, 10) },
    column("note", "note", |s| shown(&s.note), 11),
];

/// Cells between two columns.
pub const GAP: usize = 2;
/// What a name has at least.
const SHORT_NAME: usize = 14;
/// What it has before other columns are left out.
const USUAL_NAME: usize = 26;

/// A column's place in [`COLUMNS`], and its width.
pub type Fitted = (usize, usize);

/// What a run's cell takes in each column.
pub type CellWidths = [usize; COLUMNS.len()];

/// What the cells of a run take.
pub fn cell_widths(run: &ListedRun) -> CellWidths {
    COLUMNS.each_ref().map(|column| columns(&(column.cell)(&run.summary)).min(column.most))
}

/// The width of each column for these runs, with its title and the arrow of sorting; 0 where none has anything in it.
pub fn widths<'a>(runs: impl Iterator<Item = &'a CellWidths>) -> CellWidths {
    let mut widths = [0; COLUMNS.len()];
    for cells in runs {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(*cell);
        }
    }
    for (i, (width, column)) in widths.iter_mut().zip(&COLUMNS).enumerate() {
        // Tags and notes where somebody has written any.
        if *width > 0 || i <= STATE {
            *width = (*width).max(columns(column.title) + 2);
        }
    }
    widths
}

/// The columns that fit into `room` cells, in their order; the name gets what is left.
pub fn fitted(widths: &CellWidths, room: usize) -> Vec<Fitted> {
    let usual = widths[NAME].min(USUAL_NAME);
    let mut fitted: Vec<Fitted> = widths.iter().copied().enumerate().filter(|(_, width)| *width > 0).collect();
    let total = |fitted: &[Fitted], name: usize| {
        let others: usize = fitted.iter().skip(1).map(|(_, width)| width + GAP).sum();
        name + others
    };
    while fitted.len() > 1 && total(&fitted, usual) > room {
        let last = (1..fitted.len()).max_by_key(|&at| COLUMNS[fitted[at].0].rank).unwrap_or(1);
        fitted.remove(last);
    }
    if let Some(others) = (!fitted.is_empty()).then(|| total(&fitted, 0)) {
        fitted[0].1 = widths[NAME].min(room.saturating_sub(others)).max(SHORT_NAME.min(room));
    }
    fitted
}

fn method(summary: &Summary) -> String {
    let words = [&summary.path, &summary.target, &summary.schedule].map(String::as_str);
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn step(summary: &Summary) -> String {
    // Of a long run "1.0 M" is enough.
    let all = |steps: u64| match usize::try_from(steps) {
        Ok(steps @ 100_000..) => count(steps),
        _ => thousands(steps),
    };
    let known = |steps: Option<u64>, words: &dyn Fn(u64) -> String| steps.map_or("–".into(), words);
    match (summary.step, summary.steps) {
        (None, None) => "–".into(),
        (step, steps) => format!("{} / {}", known(step, &thousands), known(steps, &all)),
    }
}

fn time(summary: &Summary) -> String {
    summary.step.map_or("–".into(), |_| duration(summary.elapsed_s))
}

fn loss(loss: Option<f64>) -> String {
    loss.map_or("–".into(), three_digits)
}

/// Without seconds and zone.
fn written(summary: &Summary) -> String {
    summary.last_written.get(..16).unwrap_or_default().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::catalogue::RunOrder;

    #[test]
    fn every_column_can_be_sorted_by() {
        for column in &COLUMNS {
            assert!(RunOrder::parse(column.sort).is_ok(), "{}", column.title);
        }
    }

    #[test]
    fn what_matters_most_stays_where_it_is_narrow_and_nothing_is_too_wide() {
        let mut wide = [12; COLUMNS.len()];
        wide[NAME] = 40;
        for room in 20..220 {
            let fitted = fitted(&wide, room);
            let total: usize = fitted.iter().map(|(_, width)| width + GAP).sum::<usize>() - GAP;
            assert!(total <= room, "{room}: {total}");
            assert!(fitted.is_sorted() && fitted[0].0 == NAME);
        }
        let titles = |room| fitted(&wide, room).iter().map(|(i, _)| COLUMNS[*i].title).collect::<Vec<_>>();
        assert_eq!(titles(84), ["run", "state", "step", "loss", "held-out"]);
        assert_eq!(titles(220).len(), COLUMNS.len());
        assert_eq!(fitted(&wide, 220)[0].1, 40);
    }
}
