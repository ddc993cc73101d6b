//! What each run is, and how far it came, in one table.

use super::escape::prose;
use super::figures::{duration, figure};
use super::reported_run::ReportedRun;
use super::run_table::{RunTable, texts};
use crate::thousands::thousands;

pub fn html(runs: &[ReportedRun]) -> String {
    let table = RunTable::of(runs.iter().map(|run| run.name.as_str()));
    let mut table = if runs.len() > 1 { table.with_swatches() } else { table };
    for (name, value) in ROWS {
        table.row(name, texts(runs.iter().map(value)));
    }
    let note = |run: &ReportedRun| Some(prose(&run.notes.note)).filter(|note| !note.is_empty());
    table.words("note", runs.iter().map(note).collect());
    table.html()
}

type Row = (&'static str, fn(&ReportedRun) -> Option<String>);

const ROWS: [Row; 13] = [
    ("data", |run| Some(run.config.data.dataset.clone())),
    ("network", |run| Some(run.summary.network.clone())),
    ("process", |run| {
        let words = format!("{} {}", run.summary.path, run.summary.schedule);
        Some(words.trim().to_string()).filter(|words| !words.is_empty())
    }),
    ("predicts", |run| Some(run.summary.target.clone()).filter(|target| !target.is_empty())),
    ("forked from", |run| run.config.parent.as_ref().map(|parent| format!("{} at step {}", parent.run, parent.step))),
    ("state", |run| {
        let why = run.summary.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        Some(run.summary.state.word().to_string() + &why)
    }),
    ("steps", |run| Some(format!("{} of {}", count(run.steps.last()?.step), count(run.config.train.steps)))),
    ("epochs", |run| Some(figure(run.steps.last()?.epoch))),
    ("training loss, smoothed", |run| Some(figure(run.steps.last()?.loss_smoothed))),
    ("held-out loss", |run| {
        let mut held_out = run.steps.iter().filter_map(|record| Some((record.step, record.val_loss?)));
        let best = held_out.clone().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let last = held_out.next_back()?;
        let best = if best.0 == last.0 {
            String::new()
        } else {
            format!("; best {} at step {}", figure(best.1), count(best.0))
        };
        Some(figure(last.1) + &best)
    }),
    ("images/s, median", |run| {
        let mut all: Vec<f64> = run.steps.iter().map(|record| record.images_per_s).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).map(|value| figure(value.round()))
    }),
    ("time spent training", |run| Some(duration(run.steps.last()?.elapsed_s))),
    ("tags", |run| Some(run.notes.tags.iter().cloned().collect::<Vec<_>>().join(", ")).filter(|tags| !tags.is_empty())),
];

fn count(steps: u64) -> String {
    usize::try_from(steps).map_or_else(|_| steps.to_string(), thousands)
}
