//! Several processes, started by mpirun or srun: which subcommands they can share, what they have to agree on, and how they end
//! together.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use super::UsageError;
use crate::ranks::{Launched, join, launched, world};
use crate::run::LoadedModel;
use crate::speak;

/// What a subcommand makes of several processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// They do its work together.
    Share,
    /// Each would do the same and write the same files.
    One,
}

/// How long a rank that fails waits: where all do, rank 0 says so, and ends them.
const RANK_0_FIRST: Duration = Duration::from_secs(2);

/// Joins the other processes, if a launcher has started this one as one of several.
///
/// # Errors
/// A usage error where the subcommand, `difflab …`, has no use for them; processes that can't find each other.
pub fn enter(command: &str, processes: Processes) -> Result<()> {
    let Some(launched) = launched() else { return Ok(()) };
    match processes {
        Processes::Share => join().map(drop),
        // In a batch script without srun: one process.
        Processes::One if launched.is_of_a_job() => Ok(()),
        Processes::One => Err(for_one(command, launched).into()),
    }
}

fn for_one(command: &str, launched: Launched) -> UsageError {
    UsageError::new(format!(
        "difflab {command} is for one process, and {} = {} says that it was started as {}: each would do and write the same\n  \
         start it without mpirun or srun\n  several processes share training (difflab CONFIG), sample, eval, study and bench --mpi",
        launched.by, launched.tasks, launched.tasks
    ))
}

/// Says goodbye to the other ranks after success, or after an interruption that all have heard of.
pub fn leave() {
    if let Err(error) = world().leave() {
        speak::remark(format_args!("difflab: {error:#}"));
    }
}

/// Ends all ranks because this one has failed with `code`, as `said`. Returns where there are no others.
pub fn fail(code: u8, said: &str) {
    let ranks = world();
    if ranks.is_alone() {
        return;
    }
    if !ranks.leads() {
        thread::sleep(RANK_0_FIRST);
        speak::of_rank(ranks.rank(), said);
    }
    ranks.abort(code)
}

/// Opens a run's weights as [`LoadedModel::open`] does, the same on all ranks.
///
/// # Errors
/// As there; where a rank has opened others.
pub fn open(run_dir: &Path, checkpoint: Option<u64>) -> Result<LoadedModel> {
    let ranks = world();
    let model = LoadedModel::open(run_dir, checkpoint)?;
    if ranks.is_alone() {
        return Ok(model);
    }
    let opened = format!("step {} ({})", model.step, model.digest()?);
    let all = ranks.all_gather(opened.into_bytes())?;
    if let Some(rank) = all.iter().position(|one| *one != all[0]) {
        let words = |rank: usize| String::from_utf8_lossy(&all[rank]).into_owned();
        bail!(
            "rank {rank} opens {} of {}, and rank 0 {}\n  is it being trained, or are they different folders? name a step with \
             --checkpoint",
            words(rank),
            run_dir.display(),
            words(0)
        );
    }
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_one_process_says_what_is_for_several() {
        let said = for_one("report", Launched { tasks: 4, by: "PMI_SIZE" }).to_string();
        assert!(said.starts_with("difflab report is for one process, and PMI_SIZE = 4"), "{said}");
        assert!(said.contains("without mpirun") && said.contains("bench --mpi"), "{said}");
    }
}
