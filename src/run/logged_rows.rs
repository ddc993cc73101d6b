//! The losses per timestep that a run has logged.

use std::path::Path;

use anyhow::Result;

use super::journal::TIMESTEP_LOSS;
use super::line_reading::for_each_line;
use super::records::TimestepLossRow;
use super::row_line::read_row;

/// The rows of the run's timestep_loss.jsonl, in order; lines that can't be read are left out.
///
/// # Errors
/// When the file exists but cannot be read.
pub fn read_timestep_loss(dir: &Path) -> Result<Vec<TimestepLossRow>> {
    let mut rows = Vec::new();
    for_each_line(&dir.join(TIMESTEP_LOSS), |line| rows.extend(read_row(line)))?;
    Ok(rows)
}
