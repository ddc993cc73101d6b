//! What a report reads of a run. Nothing in the run is written.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::evaluation::Evaluation;
use crate::config::Config;
use crate::process::plain_file;
use crate::run::catalogue::{RunState, Summary};
use crate::run::notes::Notes;
use crate::run::{self, Release, StepRecord, TimestepLossRow, with_release};
use crate::thousands::thousands;

/// A run, read.
pub struct ReportedRun {
    /// What the report calls it.
    pub name: String,
    pub dir: PathBuf,
    pub config: Config,
    pub summary: Summary,
    pub notes: Notes,
    pub steps: Vec<StepRecord>,
    pub rows: Vec<TimestepLossRow>,
    pub evaluation: Evaluation,
    /// The model card, in Markdown.
    pub card: String,
    /// Why what should be there isn't, a sentence each.
    pub doubts: Vec<String>,
}

impl ReportedRun {
    /// Reads the run in `dir`, to be called `name`.
    ///
    /// # Errors
    /// When its config or a file of its losses can't be read.
    pub fn read(dir: &Path, name: &str) -> Result<Self> {
        let config = run::config_of(dir)?;
        let (steps, rows) = (run::logged_metrics(dir)?, run::logged_timestep_loss(dir)?);
        let mut doubts: Vec<String> = [steps.unread.words(), rows.unread.words()].into_iter().flatten().collect();
        let (steps, rows) = (steps.records, rows.records);
        if steps.is_empty()
            && let Err(error) = run::newest_metrics(dir, 0)
        {
            doubts = vec![format!("{error:#}")];
        }
        let notes = Notes::of(dir).unwrap_or_else(|error| {
            doubts.push(error.to_string());
            Notes::default()
        });
        let release = Release::of_run(dir, &config, &run::kept_class_names(dir));
        let summary = Summary::of(dir);
        if summary.state == RunState::Training {
            let step = thousands(steps.last().map_or(0, |record| record.step));
            doubts.push(format!("{name} is still training: this is what it had logged at step {step}"));
        }
        let readme = plain_file::read_text(&dir.join("README.md"));
        let readme = readme.unwrap_or_else(|_| format!("# {}\n\nThe run has no README.md.\n", config.name));
        Ok(Self {
            name: name.into(),
            dir: dir.to_path_buf(),
            summary,
            notes,
            rows,
            evaluation: Evaluation::of(dir),
            card: with_release(&readme, &release),
            config,
            steps,
            doubts,
        })
    }
}
