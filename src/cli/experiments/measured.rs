//! What `difflab eval` measures of each run, kept in a file, so that nothing is measured twice.

use std::path::Path;

use anyhow::Result;

use crate::cli::UsageError;
use crate::cli::eval::{self, EvalFormat, EvalResult, Metric};
use crate::cli::study::Ledger;
use crate::config::Config;
use crate::process::interrupt::Interrupted;
use crate::run::{Identity, checkpoint};
use crate::speak;

/// What is measured, and where it is kept.
pub struct Measurements {
    metrics: Vec<Metric>,
    num: Option<u64>,
    threads: usize,
    ledger: Ledger,
}

/// Refuses metrics that no run of these configs can be measured by, before anything is trained.
///
/// # Errors
/// [`UsageError`] with the reason.
pub fn refuse_unmeasurable<'c>(
    metrics: &[Metric],
    configs: impl Iterator<Item = &'c Config> + Clone,
) -> Result<(), UsageError> {
    for &metric in metrics {
        let mut whys = configs.clone().map(|config| eval::impossible(metric, config));
        if let Some(Some(why)) = whys.next()
            && whys.all(|why| why.is_some())
        {
            return Err(UsageError::new(format!("--eval {}: {why}", metric.name())));
        }
    }
    Ok(())
}

/// Beside the runs.
const FILE: &str = "measured.jsonl";

impl Measurements {
    /// These `metrics` of `num` samples each, kept in the experiment's folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(dir: &Path, metrics: &[Metric], num: Option<u64>, threads: usize) -> Result<Self> {
        Ok(Self { metrics: metrics.to_vec(), num, threads, ledger: Ledger::open(&dir.join(FILE))? })
    }

    /// Those of the run in `dir`; what can't be measured is said and left out.
    ///
    /// # Errors
    /// That a signal broke it off, or that the file cannot be written.
    pub fn of(&mut self, dir: &Path) -> Result<Vec<EvalResult>> {
        if self.metrics.is_empty() {
            return Ok(Vec::new());
        }
        let Ok((step, ..)) = checkpoint::newest_good(dir) else { return Ok(Vec::new()) };
        let of = Identity::of(dir).map_or_else(|| dir.display().to_string(), |identity| identity.run);
        let names: Vec<&str> = self.metrics.iter().map(|metric| metric.name()).collect();
        let key = format!("{of} step {step} {} num {}", names.join(","), self.num.unwrap_or(0));
        let args = eval::Args {
            precision: None,
            run: dir.display().to_string(),
            checkpoint: Some(step),
            metrics: self.metrics.clone(),
            num: self.num,
            vlb_images: None,
            nll_images: None,
            tolerance: None,
            guidance_scale: None,
            sampler: None,
            steps: None,
            seed: 0,
            accept_data: false,
            set: Vec::new(),
            format: EvalFormat::Table,
            threads: self.threads,
        };
        let measured = self.ledger.get_or(&key, || {
            speak::remark(format_args!("measuring {}", dir.display()));
            let report = eval::measure(&args)?;
            for (metric, why) in &report.skipped {
                speak::warn(format_args!("{}: {metric}: not measurable: {why}", dir.display()));
            }
            Ok(report.results())
        });
        match measured {
            Err(error) if !Interrupted::caused(&error) => {
                speak::warn(format_args!("{}: {error:#}", dir.display()));
                Ok(Vec::new())
            }
            measured => measured,
        }
    }
}
