//! The job that this process belongs to.

use std::sync::{Arc, OnceLock};

use super::alone::Alone;
use super::collective::Collective;
use super::launched::{Launched, launched};

/// Set once, by [`join`].
static WORLD: OnceLock<Arc<dyn Collective>> = OnceLock::new();

/// All processes of the job; this one alone until it has joined others.
pub fn world() -> Arc<dyn Collective> {
    WORLD.get().cloned().unwrap_or_else(|| Arc::new(Alone))
}

/// A launcher started several processes, and they can't find each other: each would believe that it is alone, and all
/// would write the same files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} = {}: this process is one of {}, and {}", .0.by, .0.tasks, .0.tasks, why(self.0))]
pub struct NotJoined(pub Launched);

#[cfg(feature = "mpi")]
fn why(launched: Launched) -> String {
    format!(
        "MPI says that it is alone\n  start them with the launcher of the MPI that difflab was built with: mpirun -n {tasks} \
         difflab …, or under Slurm srun --mpi=pmix difflab … (srun --mpi=list says what there is)\n  {}",
        one_process(launched),
        tasks = launched.tasks
    )
}

#[cfg(not(feature = "mpi"))]
fn why(launched: Launched) -> String {
    format!(
        "this difflab was built without MPI, so they can't work together\n  build it with cargo build --release --features mpi \
         (docs/scale-out.md), and start it with mpirun -n N difflab …, or under Slurm srun --mpi=pmix difflab …\n  {}",
        one_process(launched)
    )
}

/// What to do where one process is wanted.
fn one_process(launched: Launched) -> String {
    match launched.is_of_a_job() {
        true => format!(
            "or start one process: env -u {} difflab …, or #SBATCH --ntasks=1 with --cpus-per-task",
            launched.by
        ),
        false => format!("or start one process: {}", launched.alone()),
    }
}

/// Finds the other processes of the job, where a launcher has started this one as one of several.
///
/// # Errors
/// [`NotJoined`].
#[cfg(feature = "mpi")]
pub fn join() -> anyhow::Result<Arc<dyn Collective>> {
    let Some(launched) = launched() else { return Ok(world()) };
    if let Some(world) = WORLD.get() {
        return Ok(world.clone());
    }
    let mpi = super::mpi::Mpi::start()?;
    if mpi.size() == 1 {
        return Err(NotJoined(launched).into());
    }
    Ok(WORLD.get_or_init(|| Arc::new(mpi)).clone())
}

/// As with the feature `mpi`, which this difflab was built without: there are no others.
///
/// # Errors
/// [`NotJoined`].
#[cfg(not(feature = "mpi"))]
pub fn join() -> anyhow::Result<Arc<dyn Collective>> {
    match launched() {
        Some(launched) => Err(NotJoined(launched).into()),
        None => Ok(world()),
    }
}
