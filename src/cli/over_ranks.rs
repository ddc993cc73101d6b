//! Several processes, started by mpirun or srun: which subcommands they can share, what they have to agree on, and how they end
//! together.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, bail};

use super::UsageError;
use super::ranks::join_others;
use crate::lab::RanksDiffer;
use crate::ranks::{Launched, launched, world};
use crate::run::LoadedModel;

/// What a subcommand makes of several processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// They do its work together.
    Share,
    /// Each would do the same and write the same files.
    One,
    /// It only answers.
    Any,
}

/// Joins the other processes, if a launcher has started this one as one of several. `words`: its command line, the program's
/// name first.
///
/// # Errors
/// A usage error where the subcommand, `difflab …`, has no use for them; processes that can't find each other, or were started
/// with other command lines.
pub fn enter(command: &str, processes: Processes, words: &[OsString]) -> Result<()> {
    let Some(launched) = launched() else { return Ok(()) };
    match processes {
        Processes::Any => Ok(()),
        Processes::Share => join_others(words),
        // In a batch script without srun: one process.
        Processes::One if launched.is_of_a_job() => Ok(()),
        Processes::One => match join_others(words) {
            Err(error) if error.is::<RanksDiffer>() => Err(error),
            _ => Err(for_one(command, launched).into()),
        },
    }
}

fn for_one(command: &str, launched: Launched) -> UsageError {
    UsageError::new(format!(
        "difflab {command} is for one process, and {} = {} says that it was started as {}: each would do and write the same\n  \
         start it without mpirun or srun\n  several processes share training (difflab CONFIG), sample, eval, study and bench --mpi",
        launched.by, launched.tasks, launched.tasks
    ))
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
