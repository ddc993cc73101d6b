//! `difflab runs`: the runs in runs/, at a glance.

use anyhow::Result;
use clap::ValueEnum;

use crate::run::{self, Summary};
use crate::speak;

/// List the runs in runs/.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to write the list.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Prints the list.
///
/// # Errors
/// When `runs/` cannot be read, or the list cannot be written.
pub fn run(args: Args) -> Result<()> {
    let summaries: Vec<Summary> = run::all()?.iter().map(|path| Summary::of(path)).collect();
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&summaries)? + "\n",
        Format::Table => table(&summaries),
    };
    Ok(speak::print(&text)?)
}

fn table(summaries: &[Summary]) -> String {
    if summaries.is_empty() {
        return "no runs yet in runs/: `difflab` starts one\n".into();
    }
    let header = ["run", "data", "step", "loss", "held-out", "time", "checkpoints", "last written"];
    let mut rows = vec![header.map(str::to_string)];
    rows.extend(summaries.iter().map(row));
    let mut widths = [0; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    for summary in summaries {
        for problem in summary.problem.iter().chain(&summary.checkpoints_problem) {
            text += &format!("{}: {problem}\n", summary.run);
        }
    }
    text
}

fn row(summary: &Summary) -> [String; 8] {
    let loss = |loss: Option<f64>| loss.map_or("–".to_string(), |loss| format!("{loss:.4}"));
    let checkpoints = match summary.checkpoints.last() {
        Some(last) => format!("{} (newest {last})", summary.checkpoints.len()),
        None if summary.checkpoints_problem.is_some() => "?".into(),
        None => "none".into(),
    };
    [
        summary.run.clone(),
        summary.dataset.clone(),
        format!("{}/{}", summary.step, summary.steps),
        loss(summary.loss),
        loss(summary.val_loss),
        format!("{:.1} min", summary.elapsed_s / 60.0),
        checkpoints,
        // Without seconds and zone: the table is for people.
        summary.last_written.get(..16).unwrap_or_default().replace('T', " "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up_and_names_problems() {
        let summary = |run: &str, problem: Option<&str>| Summary {
            run: run.into(),
            name: "mnist".into(),
            dataset: "mnist".into(),
            step: 20,
            steps: 2000,
            loss: Some(0.25),
            val_loss: None,
            elapsed_s: 90.0,
            checkpoints: vec![10, 20],
            checkpoints_problem: None,
            snapshots: 0,
            last_written: "2026-11-22T05:00:00+00:00".into(),
            problem: problem.map(str::to_string),
        };
        let text = table(&[summary("short", None), summary("a-much-longer-name", Some("config.toml: no"))]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1].find("mnist"), lines[2].find("mnist"));
        assert!(lines[1].contains("20/2000") && lines[1].contains("0.2500") && lines[1].contains("2026-11-22 05:00"));
        assert_eq!(lines[3], "a-much-longer-name: config.toml: no");
        let closed = Summary {
            checkpoints: vec![],
            checkpoints_problem: Some("the folder cannot be read".into()),
            ..summary("closed", None)
        };
        let text = table(&[closed]);
        assert!(text.contains(" ?  ") && !text.contains("none"), "{text}");
        assert!(text.contains("closed: the folder cannot be read"), "{text}");
    }
}
