//! `difflab export-logs`: a run's logs for other programs.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::UsageError;
use super::output::OutputFile;
use crate::run::tensorboard::{self, QUARTERS, by_quarter};
use crate::run::{self, StepRecord, TimestepLossRow, logged_metrics, logged_timestep_loss};
use crate::speak;
use crate::thousands::thousands;

/// Write a run's logs for other programs: as event files of TensorBoard, as a table, or both.
///
/// TensorBoard gets losses, learning rate, gradient norm, images/s, the loss by quarters of t, previews and snapshots. The
/// table has a row a line of metrics.jsonl. A run with train.tensorboard = true writes such events while it trains.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").args(["tensorboard", "csv"]).required(true).multiple(true))]
pub struct Args {
    /// The run folder, the beginning of its name in runs/, or `latest`.
    run: String,
    /// Write an event file into this folder, which is made where it is missing.
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Write a table of comma-separated values.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
/// No such run, nothing logged, a folder that has event files, or what can't be written.
pub fn run(args: Args) -> Result<()> {
    let dir = run::find(&args.run)?;
    let csv = args.csv.as_deref().map(|path| OutputFile::new(path, "--csv", &["csv"])).transpose()?;
    if let Some(folder) = args.tensorboard.as_deref().filter(|folder| tensorboard::has_events(folder)) {
        let problem = "there are event files in it already, and steps would stand twice; choose another folder";
        return Err(UsageError::new(format!("--tensorboard {}: {problem}", folder.display())).into());
    }
    if let Some(file) = args.tensorboard.as_deref().filter(|folder| folder.is_file()) {
        let problem = "this is a file; name a folder";
        return Err(UsageError::new(format!("--tensorboard {}: {problem}", file.display())).into());
    }
    let (steps, rows) = (logged_metrics(&dir)?, logged_timestep_loss(&dir)?);
    if steps.records.is_empty() {
        // What is there and cannot be read is told.
        run::newest_metrics(&dir, 0)?;
        return Err(UsageError::new(format!("{}: nothing is logged yet", dir.display())).into());
    }
    [steps.unread.words(), rows.unread.words()].iter().flatten().for_each(speak::warn);
    let (steps, rows) = (steps.records, rows.records);
    if let Some(folder) = &args.tensorboard {
        let (file, pictures) = tensorboard::export(&dir, (&steps, &rows), folder)?;
        speak::remark(format_args!(
            "wrote {}: {} lines of metrics, {} of losses by t, {} pictures; look at them by tensorboard --logdir {}",
            file.display(),
            thousands(steps.len()),
            thousands(rows.len()),
            thousands(pictures),
            folder.display()
        ));
    }
    if let Some(out) = csv {
        out.write(|path, _| write_table(path, &steps, &rows))?;
        speak::remark(format_args!("wrote {}: {} rows", out.path.display(), thousands(steps.len())));
    }
    Ok(())
}

/// A row a line of metrics; what was not measured is empty. The quarters stand with the step of their row.
fn write_table(path: &Path, steps: &[StepRecord], rows: &[TimestepLossRow]) -> Result<()> {
    let mut out = csv::Writer::from_path(path)?;
    let quarters = QUARTERS.map(|tag| tag.replace("loss_by_t/", "loss_t_"));
    let columns = std::iter::once("step").chain(StepRecord::NUMBERS.map(|(key, _)| key));
    out.write_record(columns.map(str::to_string).chain(quarters))?;
    for record in steps {
        let row = rows.binary_search_by_key(&record.step, |row| row.step).ok().map(|at| by_quarter(&rows[at]));
        let values = StepRecord::NUMBERS.map(|(_, number)| number(record));
        let values = values.into_iter().chain(row.unwrap_or_default());
        let cells = values.map(|value| value.map_or(String::new(), |value| value.to_string()));
        out.write_record(std::iter::once(record.step.to_string()).chain(cells))?;
    }
    out.flush()?;
    Ok(())
}
