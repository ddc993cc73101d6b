//! The list of runs for other programs.

use anyhow::{Context, Result};

use super::asked::AskedColumn;
use crate::run::catalogue::Summary;

const HEADER: [&str; 22] = [
    "run",
    "name",
    "dataset",
    "network",
    "path",
    "target",
    "schedule",
    "step",
    "steps",
    "loss",
    "val_loss",
    "elapsed_s",
    "state",
    "why",
    "tags",
    "note",
    "parent",
    "parent_step",
    "checkpoints",
    "snapshots",
    "last_written",
    "problem",
];

/// A header and a line a run; empty is what it has not, lists have spaces in between. What was `asked` for comes last.
pub fn csv(summaries: &[&Summary], asked: &[AskedColumn]) -> Result<String> {
    let asked: Vec<&AskedColumn> = asked.iter().filter(|column| !HEADER.contains(&column.title)).collect();
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(HEADER.into_iter().chain(asked.iter().map(|column| column.title)))?;
    for (row, summary) in summaries.iter().enumerate() {
        let steps = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let checkpoints: Vec<String> = summary.checkpoints.iter().map(u64::to_string).collect();
        let (parent, parent_step) =
            summary.parent.as_ref().map(|p| (p.run.clone(), p.step.to_string())).unwrap_or_default();
        let problems: Vec<&str> =
            [&summary.problem, &summary.checkpoints_problem].into_iter().flatten().map(String::as_str).collect();
        let own = [
            summary.run.clone(),
            summary.name.clone(),
            summary.dataset.clone(),
            summary.network.clone(),
            summary.path.clone(),
            summary.target.clone(),
            summary.schedule.clone(),
            steps(summary.step),
            steps(summary.steps),
            number(summary.loss),
            number(summary.val_loss),
            summary.elapsed_s.to_string(),
            summary.state.word().to_string(),
            summary.why.clone().unwrap_or_default(),
            summary.tags.join(" "),
            summary.note.clone(),
            parent,
            parent_step,
            checkpoints.join(" "),
            summary.snapshots.to_string(),
            summary.last_written.clone(),
            problems.join("; "),
        ];
        out.write_record(own.iter().chain(asked.iter().map(|column| &column.cells[row])))?;
    }
    let bytes = out.into_inner().context("writing the list")?;
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::catalogue::RunField;

    #[test]
    fn what_the_list_calls_its_columns_filters_and_orders_understand() {
        for name in HEADER {
            assert!(matches!(RunField::named(name), Ok(RunField::Column(_))), "{name}");
        }
    }
}
